/* Links with a parent against the running kernel. */
#include "net_kernel.h"

#include <linux/if_link.h>

static int add_parent(void)
{
	struct veth v = veth("veth0", "eth9", 0);

	add_veth(&v);
	ok(nl_commit(&nl, NULL, &e));
	return find(&nl, "veth0").index;
}

/* No kernel of the tests has everything: one that lacks a driver names it. */
static void made(const char *kind)
{
	int r = nl_commit(&nl, NULL, &e);

	if (r == -EOPNOTSUPP) {
		assert_non_null(strstr(e.text, "the kernel has no"));
		print_message("this kernel has no %s links\n", kind);
		skip();
	}
	ok(r);
}

/* Made in the pod: the node never has it, and the node's link of that name does not matter. */
static void macvlan_is_made_in_the_pod(void **state)
{
	const struct macvlan m = { .mode = MACVLAN_MODE_PRIVATE, .broadcast_queue = 500 };
	struct child_link c = { .name = "tmp0", .ns = pod_ns, .mac = pod_mac, .mtu = 1300 };
	struct link l;
	int id;

	(void)state;
	needs_namespaces();
	c.parent = add_parent();
	c.group = 78;
	link_add_macvlan(&nl, &c, &m);
	made("macvlan");
	assert_int_equal(link_find(&nl, "tmp0", &l, &e), 0);
	l = find(&pod, "tmp0");
	link_set_name(&pod, l.index, "veth0");
	ok(nl_commit(&pod, NULL, &e));
	l = find(&pod, "veth0");
	assert_string_equal(l.kind, "macvlan");
	assert_true(!l.up && l.mode == MACVLAN_MODE_PRIVATE && l.group == 78 && l.mtu == 1300);
	assert_memory_equal(l.mac, pod_mac, 6);
	assert_int_equal(l.peer, c.parent);
	ok(netns_id(&pod, node_ns, &id, &e));
	assert_true(l.peer_elsewhere && l.peer_ns == id);
	link_set_name(&pod, l.index, "lo");
	assert_int_equal(nl_commit(&pod, NULL, &e), -EEXIST);
}

static void macvlan_errors_say_why(void **state)
{
	const struct macvlan passthru = { .mode = MACVLAN_MODE_PASSTHRU };
	const struct macvlan bridge = { .mode = MACVLAN_MODE_BRIDGE };
	struct child_link c = { .name = "tmp0", .ns = pod_ns };

	(void)state;
	needs_namespaces();
	c.parent = add_parent();
	link_add_macvlan(&nl, &c, &passthru);
	made("macvlan");
	c.name = "tmp1";
	link_add_macvlan(&nl, &c, &bridge);
	assert_int_equal(nl_commit(&nl, NULL, &e), -EINVAL);
	assert_non_null(strstr(e.text, "passthru"));
	err_clear(&e);
	c.parent = 4242;
	link_add_macvlan(&nl, &c, &bridge);
	assert_int_equal(nl_commit(&nl, NULL, &e), -ENODEV);
}

static void ipvlan_is_made_in_the_pod(void **state)
{
	struct child_link c = { .name = "tmp0", .ns = pod_ns };
	struct link l;

	(void)state;
	needs_namespaces();
	c.parent = add_parent();
	link_add_ipvlan(&nl, &c, IPVLAN_MODE_L3);
	made("ipvlan");
	l = find(&pod, "tmp0");
	assert_string_equal(l.kind, "ipvlan");
	assert_int_equal(l.mode, IPVLAN_MODE_L3);
}

static void vlan_is_made_in_the_pod(void **state)
{
	struct child_link c = { .name = "tmp0", .ns = pod_ns };
	struct link l;

	(void)state;
	needs_namespaces();
	c.parent = add_parent();
	link_add_vlan(&nl, &c, 4094);
	made("VLAN");
	l = find(&pod, "tmp0");
	assert_string_equal(l.kind, "vlan");
	assert_int_equal(l.vlan_id, 4094);
	c.name = "tmp1";
	link_add_vlan(&nl, &c, 4094);
	assert_int_equal(nl_commit(&nl, NULL, &e), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_sockets(macvlan_is_made_in_the_pod),
		with_sockets(macvlan_errors_say_why),
		with_sockets(ipvlan_is_made_in_the_pod),
		with_sockets(vlan_is_made_in_the_pod),
	};

	return cmocka_run_group_tests_name("links with a parent against the kernel", tests,
					   have_namespaces, NULL);
}
