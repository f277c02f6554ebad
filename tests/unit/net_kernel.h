/*
 * What the tests of net against the running kernel share: two network namespaces of our own,
 * "node", where the test stays, and "pod", with a socket in each. Without the right to make them
 * every test is skipped, and says so.
 */
#ifndef TESTS_NET_KERNEL_H
#define TESTS_NET_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/addr.h"
#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/nl.h"
#include "net/sysctl.h"
#include "../netns_new.h"

static int node_ns = -1, pod_ns = -1;
static struct nl nl, pod;
static char buffer[300000], pod_buffer[4096];
static struct err e;

static const uint8_t host_mac[6] = { 2, 0, 0, 0, 1, 1 }, pod_mac[6] = { 2, 0, 0, 0, 1, 2 },
		     bridge_mac[6] = { 2, 0xff, 0, 0, 0, 9 };

/* Show the error text of a call that should have worked. */
static inline void ok(int r)
{
	if (r < 0)
		fail_msg("%s (%s)", e.text, strerror(-r));
}

static inline int have_namespaces(void **state)
{
	(void)state;
	if (netns_new() < 0) {
		print_message("skipped: no right to make network namespaces: %s\n",
			      strerror(errno));
		return 0;
	}
	pod_ns = netns_open_self(&e);
	if (pod_ns < 0 || netns_new() < 0)
		return -1;
	node_ns = netns_open_self(&e);
	return node_ns < 0 ? -1 : 0;
}

static inline int open_sockets(void **state)
{
	(void)state;
	err_clear(&e);
	if (node_ns < 0)
		return 0;
	if (nl_open(&nl, NETLINK_ROUTE, buffer, sizeof(buffer), &e) < 0)
		return -1;
	return nl_open_in(&pod, pod_ns, node_ns, NETLINK_ROUTE, pod_buffer, sizeof(pod_buffer), &e);
}

/* Each test begins with empty namespaces: deleting the node's links takes their peers away. */
static inline int close_sockets(void **state)
{
	static const char *const names[] = { "br0", "veth0", "veth1", "dummy0", "other" };

	(void)state;
	if (node_ns < 0)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		link_del_name(&nl, names[i]);
		(void)nl_commit(&nl, NULL, &e);
	}
	nl_close(&nl);
	nl_close(&pod);
	return 0;
}

static inline void needs_namespaces(void)
{
	if (node_ns < 0) {
		print_message("no namespaces can be made here: it takes root\n");
		skip();
	}
}

static inline int add_bridge(const char *name)
{
	struct bridge b = { .name = name, .group = 77 };

	memcpy(b.mac, bridge_mac, sizeof(b.mac));
	link_add_bridge(&nl, &b);
	return nl_commit(&nl, NULL, &e);
}

static inline struct veth veth(const char *host, const char *pod_name, int master)
{
	struct veth v = { .host = host,
			  .pod = pod_name,
			  .pod_ns = pod_ns,
			  .master = master,
			  .mtu = 1400,
			  .alias = "net id eth0" };

	memcpy(v.host_mac, host_mac, 6);
	memcpy(v.pod_mac, pod_mac, 6);
	return v;
}

/* Both batches in one, as an ADD sends them. */
static inline void add_veth(const struct veth *v)
{
	link_add_veth(&nl, v);
	link_join_veth(&nl, v, true);
}

static inline struct link find(struct nl *where, const char *name)
{
	struct link l;
	int r = link_find(where, name, &l, &e);

	ok(r);
	assert_int_equal(r, 1);
	assert_string_equal(l.name, name);
	return l;
}

static inline struct prefix prefix(const char *s)
{
	struct prefix p;

	assert_true(prefix_parse(s, &p));
	return p;
}

static inline struct addr addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static inline int pod_link(void)
{
	struct veth v = veth("veth0", "eth0", 0);
	int index;

	link_add_veth(&nl, &v);
	ok(nl_commit(&nl, NULL, &e));
	index = find(&pod, "eth0").index;
	link_up(&pod, find(&pod, "lo").index);
	link_up(&pod, index);
	ok(nl_commit(&pod, NULL, &e));
	return index;
}

#define with_sockets(f) cmocka_unit_test_setup_teardown(f, open_sockets, close_sockets)

#endif
