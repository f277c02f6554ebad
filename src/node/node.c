/*
 * cnibox node: joins this node to the others of a cluster file. See README.md. Its commands are
 * short programs over a pass (pass.h), and only they print.
 *
 * What others change after `up` stays changed until the next one, and `show` tells; `run` (run.c)
 * stays, and mends.
 */
#include "tools/tools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "cluster/kubernetes.h"
#include "kube/base64.h"
#include "node/known_nodes.h"
#include "node/load.h"
#include "node/options.h"
#include "node/pass.h"
#include "node/report.h"
#include "node/run.h"
#include "node/saved.h"
#include "node/service.h"
#include "node/sockets.h"
#include "node/wg_key.h"

#define EXIT_DIFFERS 3

static int list_cluster(const struct node_options *o, struct arena *a, struct cluster *c,
			struct err *e)
{
	int r = cluster_list(a, &o->access, c, e);

	if (r == 0)
		node_options_apply(o, c);
	return r;
}

static int load_cluster(const struct node_options *o, const char *text, size_t len, struct arena *a,
			struct cluster *c, struct err *e)
{
	if (!o->source)
		return 0;
	if (!o->file)
		return list_cluster(o, a, c, e);
	return err_ctx(e, cluster_parse(a, text, len, c, e), "%s", o->file);
}

/* The arena serves the whole run; it is sized by the file. */
static int load(const struct node_options *o, struct arena *a, struct cluster *c, struct err *e)
{
	char *text = NULL;
	ssize_t len = o->file ? load_text(o->file, LOAD_FILE_OR_PIPE, &text, e) : 0;
	int r = len < 0 ? (int)len : load_arena(a, (size_t)len, e);

	return r < 0 ? r : load_cluster(o, text, (size_t)len, a, c, e);
}

/* A pass under the lock: what else could change this machine meanwhile waits. */
static int change(const struct node_options *o, struct pass *p, struct err *e)
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
	if (r == 0 && o->command == NODE_DOWN)
		r = saved_remove(e);
	return r == 0 && o->command == NODE_DOWN ? known_nodes_remove(e) : r;
}

static int run_change(const struct node_options *o, struct pass *p, struct err *e)
{
	int alone, lock, r;

	if (o->dry_run)
		return change(o, p, e);
	alone = pass_lock_program(false, e);
	if (alone < 0)
		return alone;
	lock = pass_lock(PASS_LOCK_MS, e);
	r = lock < 0 ? lock : change(o, p, e);
	pass_unlock(lock);
	pass_unlock(alone);
	return r;
}

static int run_show(const struct node_options *o, struct pass *p, struct err *e)
{
	int r = pass_read(p, e);

	if (r < 0)
		return r;
	report_warnings(p);
	report_state(p, o->source != NULL);
	return o->source && p->to_do ? EXIT_DIFFERS : 0;
}

static int run(const struct node_options *o, struct err *e)
{
	static struct arena arena;
	static struct cluster cluster;
	struct pass p = { .wanted = o->source && o->command != NODE_DOWN,
			  .name = o->name,
			  .done = report_done };
	int r = load(o, &arena, &cluster, e);

	if (r == 0)
		r = sockets_open(e);
	if (r < 0)
		return r;
	p.site = (struct site){ .arena = &arena,
				.route = route_socket,
				.nft = nft_socket,
				.generic = generic_socket,
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

static int print_key(int argc)
{
	char text[BASE64_KEY_TEXT];
	struct wg_key key;
	struct err e = { 0 };
	int r;

	if (argc > 2)
		return usage("key takes no argument", NULL);
	r = wg_key_get(&key, &e);
	if (r == 0)
		puts(base64_key_encode(key.public_key, text));
	explicit_bzero(&key, sizeof(key));
	if (r == 0 && fflush(stdout) != 0)
		r = err_set(&e, EIO, "writing to standard output failed");
	if (r < 0)
		log_line(LOG_ERROR, "%s", e.text);
	return r < 0 ? 1 : 0;
}

static int node_main(int argc, char **argv)
{
	struct node_options o = { 0 };
	struct err e = { 0 };
	const char *what = NULL, *why;
	int r;

	if (argc < 2)
		return usage("up, down, show or run is missing", NULL);
	if (strcmp(argv[1], "service") == 0)
		return node_service(argc, argv);
	if (strcmp(argv[1], "manifest") == 0)
		return node_manifest(argc, argv);
	if (strcmp(argv[1], "key") == 0)
		return print_key(argc);
	if (!node_command_parse(argv[1], &o.command))
		return usage("no such command", argv[1]);
	why = node_options_parse(argc, argv, &o, &what);
	if (why)
		return usage(why, what);
	r = o.command == NODE_RUN ? node_run(&o, &e) : run(&o, &e);
	if ((fflush(stdout) != 0 || ferror(stdout)) && r >= 0)
		r = err_set(&e, EIO, "writing to standard output failed");
	if (r < 0)
		log_line(LOG_ERROR, "%s", e.text);
	return r < 0 ? 1 : r;
}

static const char usage_text[] =
	"usage: cnibox node up SOURCE [--name NODE] [--dry-run]\n"
	"   or: cnibox node down [-f FILE]\n"
	"   or: cnibox node show [SOURCE [--name NODE]]\n"
	"   or: cnibox node run SOURCE [--name NODE] [--listen 127.0.0.1:PORT]\n"
	"   or: cnibox node key\n"
	"   or: cnibox node service systemd|openrc|procd|inittab [OPTION of run]...\n"
	"   or: cnibox node manifest [--set KEY=VALUE]...\n\n";

static const char source_text[] =
	"SOURCE says who the nodes of the cluster are:\n"
	"  -f FILE                what `kubectl get nodes -o json` prints, or a cluster "
	"file (-: standard input)\n"
	"  --kubeconfig FILE      the API server of its current context\n"
	"  --kubernetes           the API server of this pod, by its service account\n"
	"  --server URL --ca FILE with --token-file FILE, or --cert FILE --key FILE; each "
	"may also stand beside the\n"
	"                         two above, and counts more\n"
	"  --backend direct|vxlan|wireguard, --tunnel-all, --vni N, --vxlan-port N, "
	"--wireguard-port N, --mtu N: as the keys of a\n"
	"                         file; wireguard needs its public key in the annotation "
	"of each node that flannel has for it\n"
	"The API server is asked once; by run it is watched. What it is asked for: list "
	"(and watch) nodes.\n\n";

static const char commands_text[] =
	"up    joins this machine to the cluster: forwarding, "
	"routes to the other nodes' pods,\n"
	"      masquerade, accepts in FORWARD, the CNI configuration; prints each change, "
	"and "
	"warns of what it cannot mend\n"
	"down  takes all of that back (-f: for a cniConfig outside of " NODE_CONFIG_DIR ")\n"
	"show  prints what is there or, with SOURCE, compares: exit status 3 when it "
	"differs\n"
	"run   does what up does and stays, in the foreground: whatever is changed on this "
	"machine, in FILE or at the\n"
	"      server is mended at once, and told on standard error. SIGHUP: FILE is read "
	"again; SIGTERM ends it and leaves\n"
	"      everything in place. --listen: answers /healthz, /readyz and /metrics on "
	"this "
	"loopback address\n"
	"key   prints this node's public key of WireGuard; the first time it is made\n"
	"service, manifest  print what starts run on each boot, or on each node of a "
	"cluster "
	"(kubectl apply -f -)\n\n"
	"NODE: this machine's name, else the node with an address of it. A cluster "
	"file is an object with these keys:\n";

static void node_help(void)
{
	char buf[8192];
	struct text t;

	printf("%s%s%s", usage_text, source_text, commands_text);
	text_init(&t, buf, sizeof(buf));
	cluster_help(&t);
	printf("%s\nKeys of manifest:\n", buf);
	node_manifest_help();
}

const struct tool node_tool = {
	.name = "node",
	.summary = "join this node to the others of a cluster file",
	.main = node_main,
	.caps = CAPS_NODE,
	.help = node_help,
	.hidden = true,
};
