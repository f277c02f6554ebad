/*
 * The engine of interface plugins, with a driver of the test's own, against the running kernel: the
 * order of ADD and of its undo, an interface that lives in the pod alone, and what prepares a call.
 * The driver's link is a bridge in the pod: a kind that every kernel of ours has.
 */
#include "net_kernel.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "iface/iface.h"

#define POD "/run/pod"	     /* a bind mount of the pod's namespace */
#define IPAM "/run/bin/ipam" /* an IPAM plugin of the test's own */
#define SEEN "/run/seen"     /* what it saw */

static char memory[1 << 20] __attribute__((aligned(16)));
static struct arena arena;
static struct undo undo;
static struct cni_result result;
static struct iface_conf conf;
static char steps[256];
static const char *failing; /* the step that fails */

static int step(const char *name, struct err *err)
{
	strcat(strcat(steps, *steps ? " " : ""), name);
	return failing && strcmp(failing, name) == 0 ? err_set(err, EIO, "%s fails", name) : 0;
}

static void undo_host(void *ctx)
{
	(void)ctx;
	step("-host", NULL);
}

static int host(struct iface *i, struct undo *u, struct err *err)
{
	int r = step("host", err);

	if (r == 0)
		undo_push(u, undo_host, i);
	return r;
}

static int make_link(struct iface *i, struct err *err)
{
	const struct new_link l = { .name = i->req->at.ifname,
				    .kind = "bridge",
				    .mac = i->mac,
				    .group = attachment_group() };
	int r;

	link_add(&i->pod.nl, &l);
	r = nl_commit(&i->pod.nl, NULL, err);
	return r < 0 ? r : step("link", err);
}

static int complete(struct iface *i, struct err *err)
{
	iface_complete_gateways(i);
	return step("complete", err);
}

static int gateway(struct iface *i, struct err *err)
{
	assert_int_equal(i->ips.ip_count, conf.ipam.kind == IPAM_NONE ? 0 : 1);
	return step("gateway", err);
}

static int route(struct iface *i, struct err *err)
{
	(void)i;
	return step("route", err);
}

static int report(struct iface *i, struct cni_result *out, struct err *err)
{
	const struct cni_iface f = { .name = "parent0" };

	(void)i;
	return step("report", err) < 0 ? -EIO : cni_result_add_iface(out, &f, err);
}

static int finish(struct iface *i, struct err *err)
{
	(void)i;
	return step("finish", err);
}

static struct iface_driver driver = {
	.host = host,
	.link = make_link,
	.complete = complete,
	.gateway = gateway,
	.route = route,
	.report = report,
	.finish = finish,
};
static const struct cni_plugin plugin = { .name = "test", .driver = &driver };
static struct cni_request req = {
	.arena = &arena,
	.plugin = &plugin,
	/* Names that no other attachment of this machine has: DEL looks for it everywhere. */
	.at = { "unit-iface", "c1", "eth0" },
	.netns = POD,
	.args = "",
	.path = "/run/bin",
	.config = { "{}", 2 },
	.version = CNI_1_1_0,
};

static int write_file(const char *path, mode_t mode, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		return -1;
	return chmod(path, mode);
}

/* The IPAM plugin writes down its command and, in the pod, whether the interface is up. */
static int have_host(void **state)
{
	if (have_namespaces(state) < 0)
		return -1;
	if (node_ns < 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/bin", 0755) < 0 ||
	    write_file(POD, 0600, "") < 0)
		return -1;
	if (netns_enter(pod_ns, &e) < 0 ||
	    mount("/proc/thread-self/ns/net", POD, NULL, MS_BIND, NULL) < 0 ||
	    netns_enter(node_ns, &e) < 0)
		return -1;
	return write_file(
		IPAM, 0755,
		"#!/bin/sh\n"
		"cat >/dev/null\n"
		"up=$(nsenter --net=$CNI_NETNS ip -o link show $CNI_IFNAME 2>/dev/null | "
		"grep -c '[<,]UP[,>]')\n"
		"echo $CNI_COMMAND $up >>" SEEN "\n"
		"[ $CNI_COMMAND != ADD ] || echo '{\"cniVersion\":\"1.1.0\",\"interfaces\":"
		"[{\"name\":\"theirs\"}],\"ips\":[{\"interface\":0,\"address\":"
		"\"10.1.0.5/24\"}]}'\n");
}

static int begin(void **state)
{
	arena_init(&arena, memory, sizeof(memory));
	conf = (struct iface_conf){ 0 };
	undo.count = 0;
	steps[0] = '\0';
	result = (struct cni_result){ 0 };
	failing = NULL;
	driver.link_first = driver.by_gateway = false;
	req.command = CNI_ADD;
	unlink(SEEN);
	return open_sockets(state);
}

static int end(void **state)
{
	if (node_ns < 0)
		return 0;
	link_del_name(&pod, "eth0");
	(void)nl_commit(&pod, NULL, &e);
	return close_sockets(state);
}

static void use_ipam(void)
{
	conf.ipam = (struct ipam){ .kind = IPAM_FOREIGN, .file = IPAM };
}

static const char *seen(void)
{
	static char text[256];
	FILE *f = fopen(SEEN, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static bool is_in_pod(const char *name)
{
	struct link l;
	int r = link_find(&pod, name, &l, &e);

	ok(r);
	return r > 0;
}

static void without_an_ipam_plugin_that_needs_it_the_link_comes_late(void **state)
{
	(void)state;
	needs_namespaces();
	ok(iface_add(&req, &conf, &result, &undo, &e));
	assert_string_equal(steps, "complete host link route gateway report");
	iface_answered(&req, &conf, "", -EIO);
	assert_string_equal(steps, "complete host link route gateway report");
	iface_answered(&req, &conf, "", 0);
	assert_string_equal(steps, "complete host link route gateway report finish");
	assert_int_equal(result.iface_count, 2);
	assert_string_equal(result.ifaces[0].name, "parent0");
	assert_string_equal(result.ifaces[1].sandbox, POD);
}

static void one_that_needs_it_finds_the_link_up(void **state)
{
	struct link l;

	(void)state;
	needs_namespaces();
	use_ipam();
	ok(iface_add(&req, &conf, &result, &undo, &e));
	assert_string_equal(steps, "host link complete route gateway report");
	assert_string_equal(seen(), "ADD 1\n");
	assert_int_equal(result.ips[0].interface, 1);
	assert_string_equal(addr_text(&result.ips[0].gateway), "10.1.0.1");
	l = find(&pod, "eth0");
	assert_true(l.up);
	assert_string_equal(l.alias, "cnibox unit-iface c1 eth0");
	assert_int_equal(l.group, 0);
	req.command = CNI_DEL;
	ok(iface_del(&req, &conf, &e));
	assert_string_equal(seen(), "ADD 1\nDEL 1\n");
	assert_false(is_in_pod("eth0"));
}

static void a_driver_can_want_its_link_first(void **state)
{
	(void)state;
	needs_namespaces();
	driver.link_first = true;
	ok(iface_add(&req, &conf, &result, &undo, &e));
	assert_string_equal(steps, "host link complete route gateway report");
}

/* At each step in turn; what had an inverse is taken back, the last first. */
static void a_failure_is_undone(void **state)
{
	static const struct {
		const char *step, *steps, *seen;
	} cases[] = {
		{ "host", "host", "" },
		{ "link", "host link -host", "" },
		{ "complete", "host link complete -host", "ADD 1\nDEL 1\n" },
		{ "route", "host link complete route -host", "ADD 1\nDEL 1\n" },
		{ "gateway", "host link complete route gateway -host", "ADD 1\nDEL 1\n" },
		{ "report", "host link complete route gateway report -host", "ADD 1\nDEL 1\n" },
	};

	(void)state;
	needs_namespaces();
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		err_clear(&e);
		unlink(SEEN);
		steps[0] = '\0';
		use_ipam();
		failing = cases[n].step;
		assert_int_equal(iface_add(&req, &conf, &result, &undo, &e), -EIO);
		undo_run(&undo);
		assert_string_equal(steps, cases[n].steps);
		assert_string_equal(seen(), cases[n].seen);
		assert_false(is_in_pod("eth0"));
	}
}

static void another_s_interface_stays(void **state)
{
	const struct new_link other = { .name = "eth0", .kind = "bridge" };

	(void)state;
	needs_namespaces();
	link_add(&pod, &other);
	ok(nl_commit(&pod, NULL, &e));
	assert_int_equal(iface_add(&req, &conf, &result, &undo, &e), -EEXIST);
	assert_int_equal(e.code, CNI_ERR_EXISTS);
	undo_run(&undo);
	assert_string_equal(steps, "");
	err_clear(&e);
	req.command = CNI_DEL;
	ok(iface_del(&req, &conf, &e));
	assert_true(is_in_pod("eth0"));
}

static void del_needs_no_namespace(void **state)
{
	static const char *const gone[] = { "", "/run/nothing", "/run/nothing/deeper",
					    "/run/bin/ipam", "/run/bin" };

	(void)state;
	needs_namespaces();
	req.command = CNI_DEL;
	for (size_t n = 0; n < sizeof(gone) / sizeof(gone[0]); n++) {
		req.netns = gone[n];
		ok(iface_del(&req, &conf, &e));
	}
	req.netns = POD;
}

/* Killed between creation and alias: the group says whose it is, and that its maker is dead. */
static void del_finds_what_a_killed_add_left(void **state)
{
	struct new_link l = { .name = "eth0", .kind = "bridge" };
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	l.group = attachment_group() - (uint32_t)getpid() + (uint32_t)pid;
	needs_namespaces();
	link_add(&pod, &l);
	ok(nl_commit(&pod, NULL, &e));
	req.command = CNI_DEL;
	ok(iface_del(&req, &conf, &e));
	assert_false(is_in_pod("eth0"));
}

static int count_route(const struct route *r, void *arg)
{
	unsigned int *count = arg;
	char text[PREFIX_TEXT];

	prefix_format(&r->dst, text);
	*count += strcmp(text, "10.1.0.0/24") == 0 && addr_is_set(&r->via);
	*count += strcmp(text, "10.1.0.1/32") == 0 && !addr_is_set(&r->via);
	return 0;
}

static void by_gateway_nothing_else_is_on_link(void **state)
{
	unsigned int count = 0;

	(void)state;
	needs_namespaces();
	use_ipam();
	driver.by_gateway = true;
	ok(iface_add(&req, &conf, &result, &undo, &e));
	ok(route_each(&pod, AF_INET, 0, RT_TABLE_MAIN, count_route, &count, &e));
	assert_int_equal(count, 2);
	req.command = CNI_CHECK;
	ok(iface_check(&req, &conf, &result, &e));
}

static int prepare(enum cni_command command, struct iface_conf c)
{
	err_clear(&e);
	conf = c;
	req.command = command;
	return iface_conf_check(&req, &conf, &e);
}

static void values_are_checked_where_they_matter(void **state)
{
	(void)state;
	assert_int_equal(prepare(CNI_ADD, (struct iface_conf){ .mtu = 68, .mac = "" }), 0);
	assert_null(conf.mac);
	assert_int_equal(prepare(CNI_ADD, (struct iface_conf){ .mtu = 67 }), -EINVAL);
	assert_int_equal(e.code, CNI_ERR_CONFIG);
	assert_int_equal(prepare(CNI_ADD, (struct iface_conf){ .mac = "03:00:00:00:00:01" }),
			 -EINVAL);
	assert_int_equal(prepare(CNI_CHECK, (struct iface_conf){ .masq_backend = "pf" }), -EINVAL);
	assert_int_equal(prepare(CNI_ADD, (struct iface_conf){ .masq_backend = "iptables" }), 0);
	assert_int_equal(prepare(CNI_DEL, (struct iface_conf){ .mtu = 1, .mac = "x" }), 0);
	assert_int_equal(prepare(CNI_GC, (struct iface_conf){ .masq_backend = "pf" }), 0);
	req.wanted_mac = "02:00:00:00:00:01";
	assert_int_equal(prepare(CNI_ADD, (struct iface_conf){ .mac = "x" }), 0);
	assert_string_equal(conf.mac, req.wanted_mac);
	req.wanted_mac = NULL;
}

static void the_pod_s_interface_of_a_chain(void **state)
{
	struct cni_result prev = { .iface_count = 3 };

	(void)state;
	err_clear(&e);
	prev.ifaces[0] = (struct cni_iface){ .name = "eth0" }; /* the host's own */
	prev.ifaces[1] = (struct cni_iface){ .name = "eth1", .sandbox = POD };
	prev.ifaces[2] = (struct cni_iface){ .name = "eth0", .sandbox = POD };
	assert_int_equal(iface_of_prev(&req, &prev, &e), 2);
	prev.iface_count = 2;
	assert_int_equal(iface_of_prev(&req, &prev, &e), -EINVAL);
	assert_int_equal(e.code, CNI_ERR_CONFIG);
}

#define with_pod(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_pod(without_an_ipam_plugin_that_needs_it_the_link_comes_late),
		with_pod(one_that_needs_it_finds_the_link_up),
		with_pod(a_driver_can_want_its_link_first),
		with_pod(a_failure_is_undone),
		with_pod(another_s_interface_stays),
		with_pod(del_needs_no_namespace),
		with_pod(del_finds_what_a_killed_add_left),
		with_pod(by_gateway_nothing_else_is_on_link),
		cmocka_unit_test(values_are_checked_where_they_matter),
		cmocka_unit_test(the_pod_s_interface_of_a_chain),
	};

	return cmocka_run_group_tests_name("interface plugins", tests, have_host, NULL);
}
