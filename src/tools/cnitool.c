/*
 * cnitool: the runtime's side of CNI, for people and tests. It speaks as the reference cnitool
 * does: the same arguments, environment, container ids and result cache, so that each can delete
 * what the other added. It is no runtime: it makes no namespaces and remembers nothing but the
 * cached results.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cni/cni.h"
#include "json/reformat.h"
#include "runtime/cache.h"
#include "runtime/chain.h"
#include "runtime/netconf.h"
#include "base/sha512.h"
#include "tools/tools.h"

#define DEFAULT_NETCONFPATH "/etc/cni/net.d"
#define DEFAULT_CNI_PATH "/opt/cni/bin"
#define NETNS_DIR "/var/run/netns"
#define ID_BYTES 10 /* of the hash, as the reference */

static char arena_memory[16u << 20] __attribute__((aligned(16)));
static char output[2u << 20];

struct call {
	enum cni_command command;
	const char *network, *netns, *ifname;
	struct chain chain;
	struct net_list list;
	char path[PATH_MAX]; /* of the namespace */
	char id[sizeof("cnitool-") + 2 * ID_BYTES];
};

static const char usage[] = "usage: cnitool add|check|del NET NETNS [--ifname NAME]\n"
			    "   or: cnitool gc|status|version NET\n";

static void cnitool_help(void)
{
	fputs(usage, stdout);
	fputs("\n"
	      "  add      attach the namespace NETNS to the network NET; prints the result\n"
	      "  check    is the attachment as add made it?\n"
	      "  del      undo add, also a failed one; the namespace may be gone\n"
	      "  gc       delete EVERY attachment of NET in the result cache, and what else is "
	      "left of it\n"
	      "  status   can the plugins serve add?\n"
	      "  version  the plugins' protocol versions\n"
	      "\n"
	      "NETNS is a path, or a name in " NETNS_DIR ". Environment:\n"
	      "  NETCONFPATH  folder of *.conflist, *.conf and *.json (" DEFAULT_NETCONFPATH ")\n"
	      "  CNI_PATH     folders of plugins (" DEFAULT_CNI_PATH ")\n"
	      "  CNI_IFNAME   interface in the namespace (eth0)\n"
	      "  CNI_ARGS     KEY=VALUE;KEY=VALUE\n"
	      "  CAP_ARGS     JSON object of capability arguments\n",
	      stdout);
}

static const char *env_or(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

/*
 * Take "." and ".." and doubled slashes out of an absolute path by its text alone, as Go does: the
 * namespace may be gone.
 */
static void clean_path(char *path)
{
	char *out = path, *at = path;

	while (*at) {
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 2 && at[0] == '.' && at[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (len > 0 && !(len == 1 && at[0] == '.')) {
			*out++ = '/';
			memmove(out, at, len);
			out += len;
		}
		at += len;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

static int resolve_netns(struct call *c, struct err *e)
{
	char dir[PATH_MAX] = "";
	int n;

	if (!strchr(c->netns, '/'))
		n = snprintf(c->path, sizeof(c->path), NETNS_DIR "/%s", c->netns);
	else if (c->netns[0] != '/' && !getcwd(dir, sizeof(dir)))
		return err_sys(e, errno, "working directory");
	else
		n = snprintf(c->path, sizeof(c->path), "%s%s%s", dir, *dir ? "/" : "", c->netns);
	if (n < 0 || (size_t)n >= sizeof(c->path))
		return err_set(e, ENAMETOOLONG, "NETNS \"%.64s...\": path too long", c->netns);
	clean_path(c->path);
	return 0;
}

static void make_id(struct call *c)
{
	uint8_t hash[SHA512_SIZE];
	struct text t;

	sha512(c->path, strlen(c->path), hash);
	text_init(&t, c->id, sizeof(c->id));
	text_str(&t, "cnitool-");
	for (unsigned int i = 0; i < ID_BYTES; i++)
		text_printf(&t, "%02x", hash[i]);
}

static int check_args(const char *args, struct err *e)
{
	const char *at = args;

	while (*args && at) {
		size_t len = strcspn(at, ";"), key = strcspn(at, "=");

		if (key == 0 || key + 1 >= len || memchr(at + key + 1, '=', len - key - 1))
			return err_set(e, EINVAL,
				       "CNI_ARGS: invalid pair \"%.*s\": expected KEY=VALUE",
				       len > 64 ? 64 : (int)len, at);
		at = at[len] ? at + len + 1 : NULL;
	}
	return 0;
}

static int read_capability_args(struct chain *chain, struct err *e)
{
	const char *text = env_or("CAP_ARGS", "null");
	struct json_raw raw = json_trim((struct json_raw){ .text = text, .len = strlen(text) });
	int r = err_ctx(e, json_check(text, strlen(text), e), "CAP_ARGS");

	if (r < 0)
		return r;
	if (*raw.text == '{')
		chain->capability_args = raw;
	else if (*raw.text != 'n')
		return err_set(e, EINVAL, "CAP_ARGS: expected a JSON object, got %.48s", raw.text);
	return 0;
}

static int fill_attachment(struct call *c, struct err *e)
{
	const char *ifname = c->ifname ? c->ifname : env_or("CNI_IFNAME", "eth0");
	int r;

	if (!cni_ifname_valid(ifname))
		return err_set(e, EINVAL,
			       "interface name \"%.32s\": expected 1 to 15 characters without '/', "
			       "':' and blanks",
			       ifname);
	c->chain.args = env_or("CNI_ARGS", "");
	r = check_args(c->chain.args, e);
	if (r == 0)
		r = read_capability_args(&c->chain, e);
	if (r == 0)
		r = resolve_netns(c, e);
	if (r < 0)
		return r;
	make_id(c);
	c->chain.at.container_id = c->id;
	c->chain.at.ifname = ifname;
	c->chain.netns = c->path;
	return 0;
}

static int add(const struct chain *c, struct text *t, struct err *e)
{
	struct json_writer w;
	struct json_raw result;
	int r = chain_add(c, &result, e);

	if (r < 0)
		return r;
	json_begin(&w, t, 4);
	json_put_reformatted(&w, result);
	text_char(t, '\n');
	return 0;
}

static int run(const struct call *c, struct text *t, struct err *e)
{
	switch (c->command) {
	case CNI_ADD:
		return add(&c->chain, t, e);
	case CNI_DEL:
		return chain_del(&c->chain, e);
	case CNI_CHECK:
		return chain_check(&c->chain, e);
	case CNI_GC:
		return chain_gc(&c->chain, e);
	case CNI_STATUS:
		return chain_status(&c->chain, e);
	case CNI_VERSION:
		break;
	}
	return chain_version(&c->chain, t, e);
}

static int prepare(struct call *c, struct arena *a, struct err *e)
{
	int r = net_list_load(a, env_or("NETCONFPATH", DEFAULT_NETCONFPATH), c->network, &c->list,
			      e);

	c->chain = (struct chain){
		.arena = a,
		.list = &c->list,
		.path = env_or("CNI_PATH", DEFAULT_CNI_PATH),
		.cache = CACHE_DIR,
		.at = { .network = c->network, .container_id = "", .ifname = "" },
		.netns = "",
		.args = "",
	};
	return r == 0 && c->netns ? fill_attachment(c, e) : r;
}

static bool take_option(struct call *c, char **argv, int *i)
{
	const char *arg = argv[*i];

	if (strncmp(arg, "--ifname=", 9) == 0)
		c->ifname = arg + 9;
	else if (strcmp(arg, "--ifname") == 0 || strcmp(arg, "-i") == 0)
		c->ifname = argv[*i + 1] ? argv[++*i] : "";
	else
		return false;
	return *c->ifname != '\0';
}

/* gc, status and version take a namespace too, as the reference wants one, and ignore it. */
static bool parse_arguments(struct call *c, char **argv)
{
	static const char *const commands[] = {
		[CNI_ADD] = "add", [CNI_DEL] = "del",	    [CNI_CHECK] = "check",
		[CNI_GC] = "gc",   [CNI_STATUS] = "status", [CNI_VERSION] = "version",
	};
	const char *words[3] = { "", NULL, NULL };
	unsigned int count = 0;
	int command;

	for (int i = 1; argv[i]; i++) {
		if (argv[i][0] == '-') {
			if (!take_option(c, argv, &i))
				return false;
		} else if (count == 3 || !argv[i][0]) {
			return false;
		} else {
			words[count++] = argv[i];
		}
	}
	command = str_index(commands, sizeof(commands) / sizeof(commands[0]), words[0]);
	if (command < 0)
		return false;
	c->command = (enum cni_command)command;
	c->network = words[1];
	if (c->command > CNI_CHECK)
		return c->network;
	c->netns = words[2];
	return c->netns;
}

static int cnitool_main(int argc, char **argv)
{
	struct call c = { 0 };
	struct err e = { 0 };
	struct arena arena;
	struct text t;
	int r;

	(void)argc;
	if (!parse_arguments(&c, argv)) {
		fputs(usage, stderr);
		return 1;
	}
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	text_init(&t, output, sizeof(output));
	r = prepare(&c, &arena, &e);
	if (r == 0)
		r = run(&c, &t, &e);
	if (t.bad)
		r = err_set(&e, E2BIG, "the result is larger than %zu bytes", sizeof(output));
	if (t.len > 0 && fd_write(STDOUT_FILENO, "standard output", t.at, t.len, &e) < 0)
		r = -EIO;
	if (r < 0)
		fprintf(stderr, "cnitool: %s\n", e.text);
	return r < 0 ? 1 : 0;
}

const struct tool cnitool_tool = {
	.name = "cnitool",
	.summary = "add, check and delete attachments as a container runtime does",
	.main = cnitool_main,
	.caps = CAPS_RUNTIME,
	.help = cnitool_help,
};
