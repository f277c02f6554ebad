/*
 * cnibox node: joins this node to the others of a cluster file. See README.md. Its commands are
 * short programs over a pass (pass.h), and only they print.
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
#include "cluster/kubernetes.h"
#include "net/nl.h"
#include "node/pass.h"
#include "node/report.h"
#include "node/saved.h"

#define FILE_MAX (64u << 20)
#define ARENA_MIN (64ull << 20) /* untouched pages cost nothing */
#define ARENA_PER_BYTE                                                                             \
	16 /* of the file; some 10 are needed for the shortest entries that are possible */
#define NL_BUF_SIZE (256u << 10)
#define EXIT_DIFFERS 3

enum command { NODE_UP, NODE_DOWN, NODE_SHOW };

struct options {
	enum command command;
	const char *file, *name; /* NULL: not given */
	bool dry_run, in_pod;
	const char *kubeconfig, *server, *ca, *token_file, *cert, *key;
	const char *source; /* what of them says where the cluster comes from; NULL: none does */
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

static int load_cluster(const struct options *o, const char *text, size_t len, struct arena *a,
			struct cluster *c, struct err *e)
{
	const struct access_options access = {
		.in_pod = o->in_pod,
		.kubeconfig = o->kubeconfig,
		.server = o->server,
		.ca = o->ca,
		.token_file = o->token_file,
		.cert = o->cert,
		.key = o->key,
	};

	if (!o->source)
		return 0;
	if (!o->file)
		return cluster_list(a, &access, c, e);
	return err_ctx(e, cluster_parse(a, text, len, c, e), "%s", o->file);
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
	return load_cluster(o, text, (size_t)len, a, c, e);
}

/* A kernel without nftables can still route: the lack is told when a rule is wanted. */
static int open_sockets(struct err *e)
{
	struct err mine = { 0 };
	int r = nl_open(&route_nl, NETLINK_ROUTE, route_buf, sizeof(route_buf), e);

	if (r < 0)
		return r;
	r = nl_open(&nft_nl, NETLINK_NETFILTER, nft_buf, sizeof(nft_buf), &mine);
	return r < 0 && r != -EPROTONOSUPPORT ? err_take(e, &mine) : 0;
}

/* A pass under the lock: what else could change this machine meanwhile waits. */
static int change(const struct options *o, struct pass *p, struct err *e)
{
	int r = pass_read(p, e);

	if (r == 0)
		r = pass_check_owners(p, e);
	if (r < 0)
		return r;
	if (o->command == NODE_UP)
		report_warnings(p);
	if (p->to_do == 0) {
		printf("nothing to change\n");
	} else if (o->dry_run) {
		report_plan(p);
	} else {
		r = pass_apply(p, o->command == NODE_DOWN ? PASS_DOWN : PASS_UP, e);
	}
	return r == 0 && o->command == NODE_DOWN ? saved_remove(e) : r;
}

static int run_change(const struct options *o, struct pass *p, struct err *e)
{
	int lock = o->dry_run ? -1 : pass_lock(e), r;

	if (lock < 0 && !o->dry_run)
		return lock;
	r = change(o, p, e);
	pass_unlock(lock);
	return r;
}

static int run_show(const struct options *o, struct pass *p, struct err *e)
{
	int r = pass_read(p, e);

	if (r < 0)
		return r;
	report_warnings(p);
	report_state(p, o->source != NULL);
	return o->source && p->to_do ? EXIT_DIFFERS : 0;
}

static int run(const struct options *o, struct err *e)
{
	static struct arena arena;
	static struct cluster cluster;
	struct pass p = { .wanted = o->source && o->command != NODE_DOWN,
			  .name = o->name,
			  .done = report_done };
	int r = load(o, &arena, &cluster, e);

	if (r == 0)
		r = open_sockets(e);
	if (r < 0)
		return r;
	p.site = (struct site){ .arena = &arena,
				.route = &route_nl,
				.nft = &nft_nl,
				.cluster = o->source ? &cluster : NULL,
				.source = o->source };
	return o->command == NODE_SHOW ? run_show(o, &p, e) : run_change(o, &p, e);
}

static int usage(const char *why, const char *what)
{
	fprintf(stderr, "node: %s%s%s (cnibox node --help says more)\n", why, what ? ": " : "",
		what ? what : "");
	return 2;
}

#define UP (1u << NODE_UP)
#define DOWN (1u << NODE_DOWN)
#define SHOW (1u << NODE_SHOW)
#define AT(member) offsetof(struct options, member)

/* What each command takes. */
static const struct option_desc {
	const char *name;
	size_t offset; /* of a const char *, or of a bool when it is a flag */
	unsigned int commands;
	bool flag;
} option_descs[] = {
	{ "-f", AT(file), UP | DOWN | SHOW },
	{ "--file", AT(file), UP | DOWN | SHOW },
	{ "--kubernetes", AT(in_pod), UP | SHOW, .flag = true },
	{ "--kubeconfig", AT(kubeconfig), UP | SHOW },
	{ "--server", AT(server), UP | SHOW },
	{ "--ca", AT(ca), UP | SHOW },
	{ "--token-file", AT(token_file), UP | SHOW },
	{ "--cert", AT(cert), UP | SHOW },
	{ "--key", AT(key), UP | SHOW },
	{ "--name", AT(name), UP | SHOW },
	{ "--dry-run", AT(dry_run), UP, .flag = true },
};

static const struct option_desc *find_option(const char *name, enum command command)
{
	for (size_t i = 0; i < sizeof(option_descs) / sizeof(option_descs[0]); i++) {
		if (strcmp(option_descs[i].name, name) == 0 &&
		    option_descs[i].commands & 1u << command)
			return &option_descs[i];
	}
	return NULL;
}

/* The sources exclude each other; a server's options stand alone, or add to a source of its kind.
 */
static const char *check_sources(struct options *o)
{
	bool of_server = o->server || o->ca || o->token_file || o->cert || o->key;
	int sources = (o->file != NULL) + o->in_pod + (o->kubeconfig != NULL);

	if (sources > 1 || (o->file && of_server))
		return "the cluster comes from one source: a file, or a Kubernetes server";
	if (of_server && !sources && !o->server)
		return "--server is missing";
	if (o->file)
		o->source = o->file;
	else if (sources || o->server)
		o->source = o->server ? o->server : o->in_pod ? "Kubernetes" : o->kubeconfig;
	return o->command == NODE_UP && !o->source ? "up needs -f FILE, or a Kubernetes server"
						   : NULL;
}

/* NULL, or what is wrong with the options; *what is the one it is about. */
static const char *parse_options(int argc, char **argv, struct options *o, const char **what)
{
	for (int i = 2; i < argc; i++) {
		const struct option_desc *d = find_option(argv[i], o->command);

		*what = argv[i];
		if (!d)
			return "unexpected argument";
		if (d->flag) {
			*(bool *)((char *)o + d->offset) = true;
			continue;
		}
		if (++i == argc)
			return "an argument is missing behind";
		*(const char **)(void *)((char *)o + d->offset) = argv[i];
	}
	*what = NULL;
	return check_sources(o);
}

static int node_main(int argc, char **argv)
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

static void node_help(void)
{
	char buf[8192];
	struct text t;

	printf("usage: cnibox node up SOURCE [--name NODE] [--dry-run]\n"
	       "   or: cnibox node down [-f FILE]\n"
	       "   or: cnibox node show [SOURCE [--name NODE]]\n\n"
	       "SOURCE says who the nodes of the cluster are:\n"
	       "  -f FILE                what `kubectl get nodes -o json` prints, or a cluster "
	       "file (-: standard input)\n"
	       "  --kubeconfig FILE      the API server of its current context\n"
	       "  --kubernetes           the API server of this pod, by its service account\n"
	       "  --server URL --ca FILE with --token-file FILE, or --cert FILE --key FILE; each "
	       "may also stand beside the\n"
	       "                         two above, and counts more\n"
	       "The API server is asked once. What it is asked for: list nodes.\n\n"
	       "up    joins this machine to the cluster: forwarding, "
	       "routes to the other nodes' pods,\n"
	       "      masquerade, accepts in FORWARD, the CNI configuration; prints each change, "
	       "and "
	       "warns of what it cannot mend\n"
	       "down  takes all of that back (-f: for a cniConfig outside of " NODE_CONFIG_DIR ")\n"
	       "show  prints what is there or, with SOURCE, compares: exit status 3 when it "
	       "differs\n\n"
	       "NODE: this machine's name, else the node with an address of it. A cluster "
	       "file is an object with these keys:\n");
	text_init(&t, buf, sizeof(buf));
	cluster_help(&t);
	printf("%s", buf);
}

const struct tool node_tool = {
	.name = "node",
	.summary = "join this node to the others of a cluster file",
	.main = node_main,
	.caps = CAPS_NODE,
	.help = node_help,
	.hidden = true,
};
