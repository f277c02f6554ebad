/* What each kind wants, from a cluster file and a machine that exists only here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit_kinds.h"

static void test_three_nodes(void **state)
{
	(void)state;
	address(2, "192.168.122.14/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	chain(NFPROTO_INET, "inet fw forward", CHAIN_DROPS);
	chain(NFPROTO_IPV6, "ip6 filter FORWARD", CHAIN_DROPS); /* no pods of its family */
	chain(NFPROTO_IPV4, "ip open forward", CHAIN_ACCEPTS);
	builds(THREE(NET), "m");
	assert_string_equal(wanted(&sysctl_kind), "sysctl net/ipv4/ip_forward = 1");
	assert_string_equal(wanted(&route_kind),
			    "route 192.168.1.0/24 via 192.168.122.15 dev 2 metric 0\n"
			    "route 192.168.2.0/24 via 192.168.122.16 dev 2 metric 0");
	assert_string_equal(rules(),
			    "nftables inet cnibox_node: masquerade ip leaving the cluster");
	assert_string_equal(elements(),
			    "masquerade: pods here 192.168.0.0-192.168.0.255\nmasquerade: cluster "
			    "192.168.0.0-192.168.255.255\n"
			    "masquerade: node 192.168.122.14\nmasquerade: node "
			    "192.168.122.15\nmasquerade: node 192.168.122.16");
	assert_string_equal(wanted(&forward_kind),
			    "nftables inet fw forward: accept from cni0 192.168.0.0/24, to cni0 "
			    "192.168.0.0/24\n"
			    "nftables ip filter FORWARD: accept from cni0 192.168.0.0/24, to cni0 "
			    "192.168.0.0/24");
	assert_string_equal(config(), "{\n  \"cniVersion\": \"1.0.0\",\n  \"name\": \"cnibox\",\n  "
				      "\"cnibox.node\": \"m\",\n"
				      "  \"plugins\": [\n    {\n      \"type\": \"bash-cni\",\n"
				      "      \"network\": \"192.168.0.0/16\",\n      \"subnet\": "
				      "\"192.168.0.0/24\",\n      \"hairpinMode\": true\n"
				      "    }\n  ]\n}\n");
}

/*
 * Neighbouring subnets are one range; the chains of others get our own subnets only; the network is
 * the widest full prefix.
 */
static void test_no_networks(void **state)
{
	(void)state;
	address(2, "192.168.122.15/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	builds(THREE("\"mtu\":1400,\"bridge\":\"br1\","), "n1");
	assert_string_equal(wanted(&forward_kind), "nftables ip filter FORWARD: accept from br1 "
						   "192.168.1.0/24, to br1 192.168.1.0/24");
	assert_non_null(strstr(elements(), "cluster 192.168.0.0-192.168.2.255\n"));
	assert_non_null(
		strstr(config(),
		       "\"network\": \"192.168.0.0/23\",\n      \"subnet\": \"192.168.1.0/24\",\n"
		       "      \"bridge\": \"br1\",\n      \"hairpinMode\": true,\n"
		       "      \"mtu\": 1400\n"));
}

static void test_widest_network(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	builds("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],\"subnets\":[\"10.0.3.0/"
	       "24\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"192.0.2.2\"],\"subnets\":[\"10.0.1.0/"
	       "24\",\"10.0.2.0/24\",\"10.0.5.0/24\","
	       "\"9.0.0.0/24\"]},{\"name\":\"c\",\"addresses\":[\"2001:db8::3\"]}]}",
	       NULL);
	assert_non_null(strstr(config(), "\"network\": \"10.0.2.0/23\""));
}

static void test_own_by_address(void **state)
{
	(void)state;
	address(1, "10.9.9.9/8");
	address(2, "192.168.122.16/24");
	builds(THREE(NET), NULL); /* no node has the name of the machine that runs this */
	assert_ptr_equal(site.self, &cluster.nodes[2]);
}

static void test_own_missing(void **state)
{
	(void)state;
	address(2, "192.168.122.17/24");
	refuses(THREE(NET), "n3", "nodes: none is named \"n3\"");
	err_clear(&e);
	assert_true(build(THREE(NET), NULL) < 0);
	assert_non_null(strstr(
		e.text, " as this machine is, and none has an address of it (--name says which)"));
}

/* It learns the ways to the pods of others, and is told apart from who knows the way back. */
static void test_without_pods(void **state)
{
	static const char text[] = "{\"networks\":[\"192.168.0.0/16\",\"10.9.9.9/32\"],\"nodes\":["
				   "{\"name\":\"m\",\"addresses\":[\"192.168.122.14\"],\"subnets\":"
				   "[\"192.168.0.0/24\"]},"
				   "{\"name\":\"c\",\"addresses\":[\"192.168.122.20\",\"192.168."
				   "255.255\",\"10.9.9.9\","
				   "\"203.0.113.1\",\"2001:db8::1\"]}]}";

	(void)state;
	address(2, "192.168.122.14/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	builds(text, "m");
	assert_string_equal(elements(), "masquerade: pods here 192.168.0.0-192.168.0.255\n"
					"masquerade: cluster 192.168.0.0-192.168.122.19\n"
					"masquerade: cluster 192.168.122.21-192.168.255.254\n"
					"masquerade: node 192.168.122.14");
	setup(NULL);
	address(2, "192.168.122.20/24");
	chain(NFPROTO_IPV4, "ip filter FORWARD", CHAIN_DROPS);
	builds(text, "c");
	assert_string_equal(wanted(&route_kind),
			    "route 192.168.0.0/24 via 192.168.122.14 dev 2 metric 0");
	for (size_t i = 0; i < kind_count; i++) {
		if (kinds[i] != &route_kind)
			assert_string_equal(wanted(kinds[i]), "");
	}
	assert_true(warned("node c has no subnet for pods"));
}

static void test_masquerade_forms(void **state)
{
	(void)state;
	address(2, "192.168.122.14/24");
	builds(THREE(NET "\"masquerade\":\"subnet\",\"bridge\":\"br1\","), "m");
	assert_string_equal(rules(), "nftables inet cnibox_node: masquerade ip not leaving by br1");
	assert_string_equal(elements(), "masquerade: pods here 192.168.0.0-192.168.0.255");
	setup(NULL);
	address(2, "192.168.122.14/24");
	builds(THREE(NET "\"masquerade\":\"none\","), "m");
	assert_string_equal(rules(), "");
	assert_string_equal(elements(), "");
}

#define DUAL                                                                                       \
	"{\"networks\":[\"10.0.0.0/8\",\"fd00::/"                                                  \
	"48\"],\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\",\"2001:db8::1\"],"          \
	"\"subnets\":[\"10.0.0.0/24\",\"fd00:0:0:1::/"                                             \
	"64\"]},{\"name\":\"b\",\"addresses\":[\"192.0.2.2\",\"2001:db8::2\"],"                    \
	"\"subnets\":[\"10.0.1.0/24\",\"fd00:0:0:2::/64\"]}]}"

static void test_dual_stack(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	link_here("eth0", true, true, "1");
	link_here("eth1", true, false, "1");
	link_here("eth2", true, true, "0"); /* another program listens to advertisements there */
	link_here("cni0", true, true, "1");
	link_here("br7", false, true, "1");
	chain(NFPROTO_IPV6, "ip6 filter FORWARD", CHAIN_DROPS);
	chain(NFPROTO_INET, "inet fw f", CHAIN_DROPS);
	builds(DUAL, "a");
	assert_string_equal(
		wanted(&sysctl_kind),
		"sysctl net/ipv6/conf/cni0/accept_ra = 0\n"
		"sysctl net/ipv6/conf/eth0/accept_ra = 2\nsysctl net/ipv4/ip_forward = 1\n"
		"sysctl net/ipv6/conf/all/forwarding = 1");
	assert_true(warned("br7 has a default route from a router advertisement and loses it"));
	assert_true(warned("cni0 has a default route from a router advertisement and loses it"));
	assert_string_equal(wanted(&route_kind),
			    "route 10.0.1.0/24 via 192.0.2.2 dev 2 metric 0\n"
			    "route fd00:0:0:2::/64 via 2001:db8::2 dev 3 metric 1024");
	assert_string_equal(rules(), "nftables inet cnibox_node: masquerade ip leaving "
				     "the cluster, ip6 leaving the cluster");
	assert_non_null(strstr(elements(), "cluster fd00::-fd00::ffff:ffff:ffff:ffff:ffff"));
	assert_string_equal(
		wanted(&forward_kind),
		"nftables inet fw f: accept from cni0 10.0.0.0/24, to cni0 10.0.0.0/24\n"
		"nftables inet fw f: accept from cni0 fd00:0:0:1::/64, to cni0 "
		"fd00:0:0:1::/64\n"
		"nftables ip6 filter FORWARD: accept from cni0 fd00:0:0:1::/64, to cni0 "
		"fd00:0:0:1::/64");
	assert_non_null(strstr(config(), "\"type\": \"bridge\",\n      \"bridge\": \"cni0\",\n     "
					 " \"isDefaultGateway\": true,\n"
					 "      \"hairpinMode\": true,\n      \"ipam\": {\n        "
					 "\"type\": \"host-local\",\n"
					 "        \"ranges\": [\n          [\n            {\n"
					 "              \"subnet\": \"10.0.0.0/24\"\n            "
					 "}\n          ],\n          [\n"));
	assert_int_equal(json_check(config(), strlen(config()), &e), 0);
}

/*
 * Once changed by us, accept_ra is 2 and stays wanted; where the host forwarded before us, it
 * ignored advertisements before us.
 */
static void test_accept_ra(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	strcpy(site.forwarding6, "1");
	link_here("eth0", true, false, "2");
	link_here("eth1", true, true, "2");
	changed_before("net/ipv6/conf/all/forwarding", "0", "1");
	changed_before("net/ipv6/conf/eth0/accept_ra", "1", "2");
	builds(DUAL, "a");
	assert_string_equal(
		wanted(&sysctl_kind),
		"sysctl net/ipv6/conf/eth0/accept_ra = 2\nsysctl net/ipv4/ip_forward = 1\n"
		"sysctl net/ipv6/conf/all/forwarding = 1");
	setup(NULL);
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	strcpy(site.forwarding6, "1");
	link_here("eth0", true, true, "1");
	builds(DUAL, "a");
	assert_string_equal(
		wanted(&sysctl_kind),
		"sysctl net/ipv4/ip_forward = 1\nsysctl net/ipv6/conf/all/forwarding = 1");
}

/* A family that our pods do not have needs no sets, though other nodes have it. */
static void test_other_family(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	builds("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],\"subnets\":[\"10.0.0.0/"
	       "24\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"2001:db8::2\"],\"subnets\":[\"fd00::/64\"]}]}",
	       "a");
	assert_string_equal(wanted(&route_kind),
			    "route fd00::/64 via 2001:db8::2 dev 3 metric 1024");
	assert_string_equal(elements(),
			    "masquerade: pods here 10.0.0.0-10.0.0.255\n"
			    "masquerade: cluster 10.0.0.0-10.0.0.255\nmasquerade: node 192.0.2.1");
	assert_string_equal(wanted(&sysctl_kind), "sysctl net/ipv4/ip_forward = 1");
}

/* Nested and neighbouring networks are one range; the last address of a family has none behind it.
 */
static void test_ranges(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	builds("{\"networks\":[\"10.1.0.0/16\",\"128.0.0.0/1\",\"10.0.0.0/8\",\"11.0.0.0/"
	       "8\",\"192.0.0.0/2\",\"13.0.0.0/8\"],"
	       "\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],\"subnets\":[\"10.0.0.0/"
	       "24\",\"10.0.1.0/24\"]}]}",
	       "a");
	assert_string_equal(
		elements(),
		"masquerade: pods here 10.0.0.0-10.0.1.255\nmasquerade: cluster "
		"10.0.0.0-11.255.255.255\n"
		"masquerade: cluster 13.0.0.0-13.255.255.255\n"
		"masquerade: cluster 128.0.0.0-255.255.255.255\nmasquerade: node 192.0.2.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_three_nodes, setup),
		cmocka_unit_test_setup(test_no_networks, setup),
		cmocka_unit_test_setup(test_widest_network, setup),
		cmocka_unit_test_setup(test_own_by_address, setup),
		cmocka_unit_test_setup(test_own_missing, setup),
		cmocka_unit_test_setup(test_without_pods, setup),
		cmocka_unit_test_setup(test_masquerade_forms, setup),
		cmocka_unit_test_setup(test_dual_stack, setup),
		cmocka_unit_test_setup(test_accept_ra, setup),
		cmocka_unit_test_setup(test_other_family, setup),
		cmocka_unit_test_setup(test_ranges, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
