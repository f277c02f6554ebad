/*
 * cnibox node: joins this node to the others of a cluster file. See README.md.
 *
 * Theory of operation. Declarative, without a memory of its own: what should be is computed from
 * the file, what is is read from the kernel by our marks, and the difference is applied. So a
 * second `up` finds nothing to do, a changed file takes away what it no longer asks for, and after
 * a kill at any point repeating `up`, or `down`, which wants nothing, ends where it would have
 * ended. The one thing that the kernel cannot tell, what sysctls were before, is written down
 * before they are changed (sysctls.c).
 *
 * It is no daemon: what others change afterwards stays changed until the next `up`; `show` tells.
 */
#include "tools/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "node/site.h"

#define FILE_MAX (64u << 20)
#define ARENA_MIN (64ull << 20) /* untouched pages cost nothing */
#define ARENA_PER_BYTE                                                                             \
	16 /* of the file; some 10 are needed for the shortest entries that are possible */
#define LOCK_TIMEOUT_MS 10000
#define NL_BUF_SIZE (256u << 10)
#define LINE_SIZE 17000 /* a chain with all the rules that are possible */
#define EXIT_DIFFERS 3

enum command { NODE_UP, NODE_DOWN, NODE_SHOW };

struct options {
	enum command command;
	const char *file, *name; /* NULL: not given */
	bool dry_run;
};

/* Both are large for the batches of thousands of nodes. */
static struct nl route_nl, nft_nl;
static char route_buf[NL_BUF_SIZE], nft_buf[NL_BUF_SIZE];

static void *reserve(size_t size, struct err *e)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at != MAP_FAILED)
		return at;
	err_errno(e, "%zu MB of memory", size >> 20);
	return NULL;
}

/* A file that is mapped would kill us when another truncates it: it is read. */
static ssize_t read_file(const char *name, char **text, struct err *e)
{
	int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	ssize_t len = -ENOMEM;

	if (fd < 0)
		return err_errno(e, "%s", name);
	*text = reserve(FILE_MAX + 1, e);
	if (*text)
		len = fd_read(fd, name, *text, FILE_MAX + 1, e);
	if (fd != STDIN_FILENO)
		close(fd);
	return len;
}

/* The arena serves the whole run; it is sized by the file. */
static int load(const struct options *o, struct arena *a, struct cluster *c, struct err *e)
{
	char *text = NULL;
	ssize_t len = o->file ? read_file(o->file, &text, e) : 0;
	size_t size;
	void *mem;

	if (len < 0)
		return (int)len;
	size = (size_t)ARENA_MIN + (size_t)len * ARENA_PER_BYTE;
	mem = reserve(size, e);
	if (!mem)
		return -ENOMEM;
	arena_init(a, mem, size);
	return o->file ? err_ctx(e, cluster_parse(a, text, (size_t)len, c, e), "%s", o->file) : 0;
}

/* A kernel without nftables can still route: the lack is told when a rule is wanted. */
static int open_sockets(struct err *e)
{
	struct err mine = { 0 };
	int r = nl_open(&route_nl, NETLINK_ROUTE, route_buf, sizeof(route_buf), e);

	nft_nl.fd = -1;
	if (r < 0)
		return r;
	r = nl_open(&nft_nl, NETLINK_NETFILTER, nft_buf, sizeof(nft_buf), &mine);
	return r < 0 && r != -EPROTONOSUPPORT ? err_take(e, &mine) : 0;
}

struct state {
	struct site site;
	struct list want, have;
	struct change *changes;
	size_t count;
	size_t to_do; /* those that are not ITEM_OK */
};

static bool is_change(const struct change *c)
{
	return c->verdict != ITEM_OK;
}

static int compare(struct state *st, struct err *e)
{
	st->changes = arena_array(st->site.arena, st->want.count + st->have.count + 1,
				  sizeof(*st->changes));
	if (!st->changes)
		return err_set(e, ENOMEM, "%zu things to manage are too many",
			       st->want.count + st->have.count);
	st->count = items_diff(&st->want, &st->have, st->changes);
	for (size_t i = 0; i < st->count; i++)
		st->to_do += is_change(&st->changes[i]);
	return 0;
}

/* Read and judge everything; nothing is changed here. */
static int gather(const struct options *o, struct state *st, struct err *e)
{
	bool wanted = o->file && o->command != NODE_DOWN;
	int r;

	list_init(&st->want, st->site.arena, sizeof(struct item));
	list_init(&st->have, st->site.arena, sizeof(struct item));
	r = site_read(&st->site, e);
	if (r == 0 && wanted)
		r = err_ctx(e, site_find_self(&st->site, o->name, e), "%s", o->file);
	if (r == 0 && wanted)
		r = err_ctx(e, want_build(&st->site, &st->want, e), "%s", o->file);
	if (r == 0)
		r = have_read(&st->site, &st->want, &st->have, e);
	return r < 0 ? r : compare(st, e);
}

static const char *line(const struct item *it)
{
	static char buf[LINE_SIZE];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	item_describe(&t, it);
	return buf;
}

/* What was done, or would be. Where a sysctl is restored, its former value is what counts. */
static void print_change(const struct change *c, bool dry_run)
{
	static const char *const words[] = {
		[ITEM_MISSING] = "added", [ITEM_STALE] = "removed", [ITEM_DIFFERS] = "changed"
	};
	struct item it = *c->item;
	const char *word = words[c->verdict];

	if (it.kind == ITEM_SYSCTL && c->verdict == ITEM_STALE) {
		it.value = it.saved;
		word = "restored";
	}
	printf("%s: %s%s\n", line(&it), dry_run ? "would be " : "", word);
}

void change_done(const struct change *c)
{
	print_change(c, false);
}

/* A file of another with the wanted name is in the way. */
static int refuse_foreign_config(const struct state *st, struct err *e)
{
	for (size_t i = 0; i < st->count; i++) {
		const struct item *have = st->changes[i].have;

		if (have && have->foreign)
			return err_set(e, EEXIST,
				       "cniConfig: %s exists and was not written by cnibox node: "
				       "remove it, or name another file",
				       have->name);
	}
	return 0;
}

int apply_each(const struct apply *a, change_fn *fn, struct err *e)
{
	for (size_t i = 0; i < a->count; i++) {
		int r;

		if (!is_change(&a->changes[i]))
			continue;
		r = fn(a->site, &a->changes[i], e);
		if (r < 0)
			return r;
		change_done(&a->changes[i]);
	}
	return 0;
}

struct step {
	enum item_kind first, last;
	int (*fn)(const struct apply *a, struct err *e);
};

/* Changes are sorted by kind. */
static int apply_step(const struct step *step, struct state *st, struct err *e)
{
	struct apply a = { .site = &st->site, .changes = st->changes };
	const struct change *end = st->changes + st->count;

	while (a.changes < end && a.changes->item->kind < step->first)
		a.changes++;
	while (a.changes + a.count < end && a.changes[a.count].item->kind <= step->last)
		a.count++;
	return step->fn(&a, e);
}

/*
 * up stops at the first error; down goes on, the runtime's configuration first, and reports the
 * first.
 */
static int apply(const struct options *o, struct state *st, struct err *e)
{
	static const struct step steps[] = {
		{ ITEM_SYSCTL, ITEM_SYSCTL, apply_sysctls },
		{ ITEM_ROUTE, ITEM_ROUTE, apply_routes },
		{ ITEM_TABLE, ITEM_ELEMENT, apply_masquerade },
		{ ITEM_FORWARD, ITEM_FORWARD, apply_forward },
		{ ITEM_CONFIG, ITEM_CONFIG, apply_config },
	};
	const size_t count = sizeof(steps) / sizeof(steps[0]);
	bool down = o->command == NODE_DOWN;
	int first = 0;

	for (size_t i = 0; i < count && (first == 0 || down); i++) {
		int r = apply_step(&steps[down ? count - 1 - i : i], st, e);

		if (first == 0)
			first = r;
	}
	return first;
}

static int take_lock(struct err *e)
{
	int dir = dir_open(NODE_LOCK_DIR, true, e), fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, NODE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		fd = err_errno(e, "%s/%s", NODE_LOCK_DIR, NODE_LOCK);
	close(dir);
	return fd < 0 ? fd : lock_take(fd, NODE_LOCK_DIR "/" NODE_LOCK, LOCK_TIMEOUT_MS, e);
}

/* With what a kill in the middle of file_replace() has left. */
static int remove_state(struct err *e)
{
	static const struct {
		const char *path;
		int flags;
	} parts[] = { { NODE_STATE_DIR "/sysctl", 0 },
		      { NODE_STATE_DIR "/.sysctl.new", 0 },
		      { NODE_STATE_DIR, AT_REMOVEDIR } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (unlinkat(AT_FDCWD, parts[i].path, parts[i].flags) < 0 && errno != ENOENT)
			return err_errno(e, "remove %s", parts[i].path);
	}
	return 0;
}

/* What an up would do. */
static void rehearse(const struct state *st)
{
	for (size_t i = 0; i < st->count; i++) {
		if (is_change(&st->changes[i]))
			print_change(&st->changes[i], true);
	}
}

static int run_change(const struct options *o, struct state *st, struct err *e)
{
	int r = o->dry_run ? 0 : take_lock(e);

	if (r == 0)
		r = gather(o, st, e);
	if (r == 0)
		r = refuse_foreign_config(st, e);
	if (r < 0)
		return r;
	if (o->command == NODE_UP)
		site_warn();
	if (st->to_do == 0)
		printf("nothing to change\n");
	else if (o->dry_run)
		rehearse(st);
	else
		r = apply(o, st, e);
	return r == 0 && o->command == NODE_DOWN ? remove_state(e) : r;
}

static int run_show(const struct options *o, struct state *st, struct err *e)
{
	static const char *const verdicts[] = { "ok", "missing", "stale", "differs" };
	int r = gather(o, st, e);

	if (r < 0)
		return r;
	site_warn();
	for (size_t i = 0; i < st->count; i++) {
		const struct change *c = &st->changes[i];

		if (!o->file)
			printf("%s\n", line(c->item));
		else
			printf("%s: %s%s\n", line(c->item), verdicts[c->verdict],
			       c->have && c->have->foreign ? " (not ours)" : "");
	}
	return o->file && st->to_do ? EXIT_DIFFERS : 0;
}

static int run(const struct options *o, struct err *e)
{
	static struct arena arena;
	static struct cluster cluster;
	static struct state st;
	int r = load(o, &arena, &cluster, e);

	if (r == 0)
		r = open_sockets(e);
	if (r < 0)
		return r;
	st.site = (struct site){ .arena = &arena,
				 .route = &route_nl,
				 .nft = &nft_nl,
				 .cluster = o->file ? &cluster : NULL };
	return o->command == NODE_SHOW ? run_show(o, &st, e) : run_change(o, &st, e);
}

static int usage(const char *why, const char *what)
{
	fprintf(stderr, "node: %s%s%s (cnibox node --help says more)\n", why, what ? ": " : "",
		what ? what : "");
	return 2;
}

/* NULL, or what is wrong with the options; *what is the one it is about. */
static const char *parse_options(int argc, char **argv, struct options *o, const char **what)
{
	for (int i = 2; i < argc; i++) {
		bool file = strcmp(argv[i], "-f") == 0 || strcmp(argv[i], "--file") == 0;

		*what = argv[i];
		if (strcmp(argv[i], "--dry-run") == 0 && o->command == NODE_UP) {
			o->dry_run = true;
			continue;
		}
		if (!file && (strcmp(argv[i], "--name") != 0 || o->command == NODE_DOWN))
			return "unexpected argument";
		if (++i == argc)
			return "an argument is missing behind";
		*(file ? &o->file : &o->name) = argv[i];
	}
	*what = NULL;
	return o->command == NODE_UP && !o->file ? "up needs -f FILE" : NULL;
}

int node_main(int argc, char **argv)
{
	static const char *const commands[] = {
		[NODE_UP] = "up", [NODE_DOWN] = "down", [NODE_SHOW] = "show"
	};
	int r = argc < 2 ? -1
			 : str_index(commands, sizeof(commands) / sizeof(commands[0]), argv[1]);
	struct options o = { .command = (enum command)r };
	struct err e = { 0 };
	const char *what = NULL, *why;

	if (argc < 2)
		return usage("up, down or show is missing", NULL);
	if (r < 0)
		return usage("no such command", argv[1]);
	why = parse_options(argc, argv, &o, &what);
	if (why)
		return usage(why, what);
	r = run(&o, &e);
	if ((fflush(stdout) != 0 || ferror(stdout)) && r >= 0)
		r = err_set(&e, EIO, "writing to standard output failed");
	if (r < 0)
		log_line(LOG_ERROR, "%s", e.text);
	return r < 0 ? 1 : r;
}

void node_help(void)
{
	static char buf[8192];
	struct text t;

	printf("usage: cnibox node up -f FILE [--name NODE] [--dry-run]\n"
	       "   or: cnibox node down [-f FILE]\n"
	       "   or: cnibox node show [-f FILE [--name NODE]]\n\n"
	       "up    joins this machine to the cluster of FILE (-: standard input): forwarding, "
	       "routes to the other nodes' pods,\n"
	       "      masquerade, accepts in FORWARD, the CNI configuration; prints each change\n"
	       "down  takes all of that back (-f: for a cniConfig outside of " NODE_CONFIG_DIR ")\n"
	       "show  prints what is there or, with FILE, compares: exit status 3 when it "
	       "differs\n\n"
	       "NODE: this machine's name, else the node with an address of it. FILE: what "
	       "`kubectl get nodes -o json` prints,\n"
	       "or an object with these keys:\n");
	text_init(&t, buf, sizeof(buf));
	cluster_help(&t);
	printf("%s", buf);
}
