/* Links against the running kernel. */
#include "net_kernel.h"

static void bridge_is_ours_and_keeps_its_mac(void **state)
{
	struct bridge b = { .name = "br0", .group = 77, .mtu = 1450 };
	struct veth v;
	struct link l;

	(void)state;
	needs_namespaces();
	memcpy(b.mac, bridge_mac, sizeof(b.mac));
	link_add_bridge(&nl, &b);
	ok(nl_commit(&nl, NULL, &e));
	l = find(&nl, "br0");
	assert_string_equal(l.kind, "bridge");
	assert_int_equal(l.group, 77);
	assert_memory_equal(l.mac, bridge_mac, 6);
	assert_int_equal(l.mtu, 1450);
	assert_true(l.up && l.has_mac && !l.loopback && !l.promisc);
	v = veth("veth0", "eth0",
		 l.index); /* its MAC is lower: a bridge left alone would take it */
	add_veth(&v);
	ok(nl_commit(&nl, NULL, &e));
	assert_memory_equal(find(&nl, "br0").mac, bridge_mac, 6);
}

static int see_filtering(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[IFLA_LINKINFO + 1], *info[IFLA_INFO_DATA + 1],
		*data[IFLA_BR_VLAN_FILTERING + 1];
	bool *filtering = arg;

	assert_true(nl_attrs(h, sizeof(struct ifinfomsg), a, IFLA_LINKINFO));
	assert_true(nl_attrs_nested(a[IFLA_LINKINFO], info, IFLA_INFO_DATA));
	assert_true(nl_attrs_nested(info[IFLA_INFO_DATA], data, IFLA_BR_VLAN_FILTERING));
	*filtering = nl_u8(data[IFLA_BR_VLAN_FILTERING]) == 1;
	return 0;
}

/* Debian's kernels can; one that cannot is told from one without bridges. */
static void vlan_filtering_or_its_option(void **state)
{
	static const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };
	struct bridge b = { .name = "br0", .mac = { 2 }, .vlan_filtering = true };
	bool filtering = false;

	(void)state;
	needs_namespaces();
	link_add_bridge(&nl, &b);
	if (nl_commit(&nl, NULL, &e) < 0) {
		assert_string_equal(e.text, "create bridge: the bridge driver cannot filter VLANs "
					    "(CONFIG_BRIDGE_VLAN_FILTERING)");
		print_message("this kernel has no VLAN filtering\n");
		return;
	}
	nl_request(&nl, "find link", RTM_GETLINK, 0, &any, sizeof(any));
	nl_put_str(&nl, IFLA_IFNAME, "br0");
	ok(nl_dump(&nl, see_filtering, NULL, &filtering, &e));
	assert_true(filtering);
}

static void veth_is_whole_after_one_batch(void **state)
{
	const struct port port = { .hairpin = true };
	struct link host, inside;
	struct veth v;
	int bridge;

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	bridge = find(&nl, "br0").index;
	v = veth("veth0", "eth0", bridge);
	add_veth(&v);
	link_set_port(&nl, "veth0", &port);
	ok(nl_commit(&nl, NULL, &e));

	host = find(&nl, "veth0");
	assert_string_equal(host.kind, "veth");
	assert_string_equal(host.alias, "net id eth0");
	assert_memory_equal(host.mac, host_mac, 6);
	assert_int_equal(host.mtu, 1400);
	assert_int_equal(host.master, bridge);
	assert_true(host.up && host.hairpin && host.peer_elsewhere);

	inside = find(&pod, "eth0");
	assert_string_equal(inside.alias, "");
	assert_memory_equal(inside.mac, pod_mac, 6);
	assert_int_equal(inside.mtu, 1400);
	assert_int_equal(inside.peer, host.index);
	assert_int_equal(host.peer, inside.index);
	assert_true(!inside.up && inside.peer_elsewhere && inside.master == 0 && !inside.hairpin);
}

static int any_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	(void)index;
	(void)scope;
	(void)arg;
	fail_msg("the host end has the address %s", prefix_text(p));
	return 0;
}

/*
 * What stands before link_join_veth() can be told by its group alone; afterwards there is no IPv6
 * on it to be paid for.
 */
static void veth_is_marked_until_it_joins(void **state)
{
	struct link l;
	struct veth v;

	(void)state;
	needs_namespaces();
	v = veth("veth0", "eth0", 0);
	v.group = 4711;
	link_add_veth(&nl, &v);
	ok(nl_commit(&nl, NULL, &e));
	l = find(&nl, "veth0");
	assert_true(!l.up && l.group == 4711 && !l.alias[0]);
	link_join_veth(&nl, &v, true);
	link_up(&pod, find(&pod, "eth0").index);
	ok(nl_commit(&nl, NULL, &e));
	ok(nl_commit(&pod, NULL, &e));
	l = find(&nl, "veth0");
	assert_true(l.up && l.group == 0);
	assert_string_equal(l.alias, "net id eth0");
	ok(ifaddr_each(&nl, AF_INET6, l.index, any_address, NULL, &e));
}

/*
 * An MTU below IPv6's 1280: the host end has no IPv6 to turn off, but all the rest is done, and
 * done again without it.
 */
static void veth_without_ipv6(void **state)
{
	struct link l;
	struct veth v;

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	v = veth("veth0", "eth0", find(&nl, "br0").index);
	v.mtu = 1000;
	add_veth(&v);
	assert_int_equal(nl_commit(&nl, NULL, &e), -EAFNOSUPPORT);
	err_clear(&e);
	link_join_veth(&nl, &v, false);
	ok(nl_commit(&nl, NULL, &e));
	l = find(&nl, "veth0");
	assert_true(l.up && l.mtu == 1000 && l.group == 0 && l.master == v.master);
	assert_string_equal(l.alias, "net id eth0");
}

static void veth_without_bridge_or_alias(void **state)
{
	struct veth v;

	(void)state;
	needs_namespaces();
	v = veth("veth0", "eth0", 0);
	v.alias = NULL;
	v.mtu = 0;
	add_veth(&v);
	ok(nl_commit(&nl, NULL, &e));
	assert_int_equal(find(&nl, "veth0").master, 0);
	assert_int_equal(find(&pod, "eth0").mtu, 1500);
}

/* The one that was there keeps its alias and port flags, although the batch names it again. */
static void existing_link_is_not_touched(void **state)
{
	const struct port port = { .hairpin = true };
	unsigned int failed = 9;
	struct veth v;
	struct link l;

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	v = veth("veth0", "eth0", find(&nl, "br0").index);
	v.alias = "another's";
	add_veth(&v);
	ok(nl_commit(&nl, NULL, &e));

	v = veth("veth0", "eth1", 0);
	add_veth(&v);
	link_set_port(&nl, "veth0", &port);
	assert_int_equal(nl_commit(&nl, &failed, &e), -EEXIST);
	assert_int_equal(failed, 0);
	assert_string_equal(
		e.text,
		"create veth: a link with the name of the host's or the pod's end exists already");
	l = find(&nl, "veth0");
	assert_string_equal(l.alias, "another's");
	assert_false(l.hairpin);

	/* The same when the pod has an eth0: nothing of the new pair stays. */
	err_clear(&e);
	v = veth("veth1", "eth0", 0);
	add_veth(&v);
	assert_int_equal(nl_commit(&nl, &failed, &e), -EEXIST);
	assert_int_equal(link_find(&nl, "veth1", &l, &e), 0);
}

static void veth_errors_say_why(void **state)
{
	static const struct {
		const char *host;
		bool to_bridge, to_veth;
		int error;
		const char *text;
	} cases[] = {
		{ "veth1", false, false, -EINVAL,
		  "set link alias and bridge: no link has the index given as its bridge" },
		{ "veth1", false, true, -EOPNOTSUPP,
		  "set link alias and bridge: the link given as its bridge is no bridge" },
		{ "no/slash", true, false, -EINVAL, "create veth: Invalid argument" },
	};
	struct veth v;
	struct link l;
	int bridge, other;

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	bridge = find(&nl, "br0").index;
	v = veth("veth0", "eth0", 0);
	add_veth(&v);
	ok(nl_commit(&nl, NULL, &e));
	other = find(&nl, "veth0").index;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err_clear(&e);
		v = veth(cases[i].host, "eth1",
			 cases[i].to_bridge ? bridge
			 : cases[i].to_veth ? other
					    : 99999);
		add_veth(&v);
		assert_int_equal(nl_commit(&nl, NULL, &e), cases[i].error);
		assert_string_equal(e.text, cases[i].text);
		link_del_name(&nl, "veth1");
		err_clear(&e);
		(void)nl_commit(&nl, NULL, &e);
		err_clear(&e);
		assert_int_equal(link_find(&pod, "eth1", &l, &e), 0);
	}
}

/*
 * No test machine lacks both drivers, so ask for a kind that none has, and for the real hint by the
 * same rule.
 */
static void unknown_kind_is_named(void **state)
{
	static const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };

	(void)state;
	needs_namespaces();
	for (int hinted = 0; hinted < 2; hinted++) {
		err_clear(&e);
		nl_request(&nl, "create link", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any,
			   sizeof(any));
		if (hinted)
			nl_hint(&nl, EOPNOTSUPP, "Unknown device type",
				"the kernel has no such driver");
		nl_put_str(&nl, IFLA_IFNAME, "other");
		nl_nest (&nl, IFLA_LINKINFO)
			nl_put_str(&nl, IFLA_INFO_KIND, "nosuchkind");
		assert_int_equal(nl_commit(&nl, NULL, &e), -EOPNOTSUPP);
		if (hinted)
			assert_string_equal(e.text, "create link: the kernel has no such driver");
		else
			assert_non_null(strstr(e.text, "(kernel: Unknown device type)"));
	}
}

static void links_are_changed(void **state)
{
	static const uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	const struct port off = { 0 }, isolated = { .isolated = true, .hairpin = true };
	struct link l, by_index;
	struct veth v;
	int bridge;

	(void)state;
	needs_namespaces();
	ok(add_bridge("br0"));
	bridge = find(&nl, "br0").index;
	v = veth("veth0", "eth0", 0);
	add_veth(&v);
	ok(nl_commit(&nl, NULL, &e));
	l = find(&nl, "veth0");
	link_down(&nl, l.index);
	link_set_mtu(&nl, l.index, 1300);
	link_set_mac(&nl, l.index, mac);
	link_set_alias(&nl, l.index, "new", 5);
	link_set_master(&nl, l.index, bridge);
	link_set_promisc(&nl, l.index, true);
	link_set_port(&nl, "veth0", &isolated);
	ok(nl_commit(&nl, NULL, &e));
	l = find(&nl, "veth0");
	assert_true(!l.up && l.promisc && l.hairpin && l.mtu == 1300 && l.master == bridge);
	assert_memory_equal(l.mac, mac, 6);
	assert_string_equal(l.alias, "new");
	assert_int_equal(l.group, 5);

	link_up(&nl, l.index);
	link_set_port(&nl, "veth0", &off);
	link_set_promisc(&nl, l.index, false);
	link_set_alias(&nl, l.index, "", 0);
	ok(nl_commit(&nl, NULL, &e));
	ok(link_find_index(&nl, l.index, &by_index, &e));
	assert_true(by_index.up && !by_index.hairpin && !by_index.promisc);
	assert_string_equal(by_index.alias, "");
	link_set_master(&nl, l.index, 0);
	ok(nl_commit(&nl, NULL, &e));
	assert_int_equal(find(&nl, "veth0").master, 0);
	link_set_port(&nl, "veth0", &isolated);
	assert_int_equal(nl_commit(&nl, NULL, &e), -EOPNOTSUPP);
	assert_string_equal(e.text, "set bridge port: the link is in no bridge");
	err_clear(&e);
	link_del(&nl, l.index);
	ok(nl_commit(&nl, NULL, &e));
	assert_int_equal(link_find_index(&nl, l.index, &by_index, &e), 0);
	assert_int_equal(link_find(&pod, "eth0", &by_index, &e), 0);
	assert_int_equal(e.errnum, 0); /* not to be there is no error */
	link_del(&nl, l.index);
	assert_int_equal(nl_commit(&nl, NULL, &e), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_sockets(bridge_is_ours_and_keeps_its_mac),
		with_sockets(vlan_filtering_or_its_option),
		with_sockets(veth_is_whole_after_one_batch),
		with_sockets(veth_is_marked_until_it_joins),
		with_sockets(veth_without_ipv6),
		with_sockets(veth_without_bridge_or_alias),
		with_sockets(existing_link_is_not_touched),
		with_sockets(veth_errors_say_why),
		with_sockets(unknown_kind_is_named),
		with_sockets(links_are_changed),
	};

	return cmocka_run_group_tests_name("links against the kernel", tests, have_namespaces,
					   NULL);
}
