/* Every contradiction in a cluster is refused with key, value and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit_cluster.h"

static void test_options(void **state)
{
	(void)state;
	refuses("{\"nodes\":[],\"masquerade\":\"all\"}",
		"masquerade: \"all\": expected \"cluster\", \"subnet\" or \"none\"");
	refuses("{\"nodes\":[],\"bridge\":\"0123456789abcdef\"}",
		"bridge: \"0123456789abcdef\" is no interface name (1 to 15 bytes, no '/', ':' or "
		"blanks)");
	refuses("{\"nodes\":[],\"network\":\"../x\"}",
		"network: \"../x\": no name of a CNI network (letters, digits, '_', '.', '-')");
	refuses("{\"nodes\":[],\"cniConfig\":\"x.conflist\"}",
		"cniConfig: \"x.conflist\": expected an absolute path");
	refuses("{\"nodes\":[],\"cniConfig\":\"/x.conflist\"}",
		"cniConfig: \"/x.conflist\": expected a file in a directory");
	refuses("{\"nodes\":[],\"cniConfig\":\"/etc/..\"}",
		"cniConfig: \"/etc/..\": expected a file in a directory");
	refuses("{\"nodes\":[],\"cniConfig\":\"/etc/a.conf\"}",
		"cniConfig: \"/etc/a.conf\": runtimes read a list of plugins only from *.conflist");
}

static void test_networks(void **state)
{
	char text[4096];
	struct text t;

	(void)state;
	refuses("{\"nodes\":[],\"networks\":[\"10.1.0.0/8\"]}",
		"networks: 10.1.0.0/8: bits behind the prefix are set: is 10.0.0.0/8 meant?");
	refuses("{\"nodes\":[],\"networks\":[\"0.0.0.0/0\"]}",
		"networks: 0.0.0.0/0: the whole internet");
	text_init(&t, text, sizeof(text));
	text_str(&t, "{\"nodes\":[],\"networks\":[");
	for (unsigned int i = 0; i <= CLUSTER_NETWORKS_MAX; i++)
		text_printf(&t, "%s\"10.%u.0.0/16\"", i ? "," : "", i);
	text_str(&t, "]}");
	refuses(text, "networks: 65 of them: at most 64 are possible");
}

static void test_names(void **state)
{
	(void)state;
	refuses(NODES("{\"name\":\"\"}"), "nodes[1].name: \"\": no name of a node");
	refuses(NODES("{\"name\":\"a/b\"}"), "nodes[1].name: \"a/b\": no name of a node");
	refuses(NODES("{\"name\":\"b\"},{\"name\":\"master\"}"),
		"nodes[2].name: \"master\": two nodes have this name");
}

static void test_addresses(void **state)
{
	static const char *const bad[][2] = {
		{ "0.0.0.0", "the unspecified address" },
		{ "::", "the unspecified address" },
		{ "127.0.0.1", "a loopback address" },
		{ "::1", "a loopback address" },
		{ "224.0.0.1", "a multicast or reserved address" },
		{ "255.255.255.255", "a multicast or reserved address" },
		{ "ff02::1", "a multicast address" },
		{ "fe80::1", "a link-local address: it names no link" },
	};
	char text[256], why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"10.0.0.1\",\"%s\"]}]}",
			 bad[i][0]);
		snprintf(why, sizeof(why), "nodes[0].addresses: %s of node a: %s", bad[i][0],
			 bad[i][1]);
		refuses(text, why);
	}
	refuses(NODES("{\"name\":\"b\",\"addresses\":[\"192.168.122.14\"]}"),
		"nodes[1].addresses: 192.168.122.14 of node b: node master has it already");
	refuses(NODES("{\"name\":\"b\",\"addresses\":[\"192.168.0.0\"]}"),
		"nodes[1].addresses: 192.168.0.0 of node b: inside of 192.168.0.0/24, the pods' "
		"subnet of node master");
	refuses(NODES("{\"name\":\"b\",\"addresses\":[\"192.168.0.255\"]}"),
		"nodes[1].addresses: 192.168.0.255 of node b: inside of 192.168.0.0/24, the pods' "
		"subnet of node master");
	assert_parses(NODES("{\"name\":\"b\",\"addresses\":[\"192.168.1.0\",\"192.167.255.255\","
			    "\"9.9.9.9\",\"2001:db8::1\"]}"));
}

static void test_subnets(void **state)
{
	(void)state;
	refuses(NODES("{\"name\":\"b\",\"subnets\":[\"192.168.0.0/24\"]}"),
		"nodes[1].subnets: 192.168.0.0/24 of node b: the same as 192.168.0.0/24 of node "
		"master");
	refuses(NODES("{\"name\":\"b\",\"subnets\":[\"192.168.0.128/25\"]}"),
		"nodes[1].subnets: 192.168.0.128/25 of node b: overlaps 192.168.0.0/24 of node "
		"master");
	refuses("{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.0.0.0/8\",\"10.200.0.0/16\"]}]}",
		"nodes[0].subnets: 10.200.0.0/16 of node a: overlaps 10.0.0.0/8 of node a");
	refuses(NODES("{\"name\":\"b\",\"subnets\":[\"192.168.1.1/24\"]}"),
		"nodes[1].subnets: 192.168.1.1/24 of node b: bits behind the prefix are set: is "
		"192.168.1.0/24 meant?");
	refuses(NODES("{\"name\":\"b\",\"subnets\":[\"192.168.1.0/31\"]}"),
		"nodes[1].subnets: 192.168.1.0/31 of node b: too small, there is no room for a "
		"pod");
	refuses(NODES("{\"name\":\"b\",\"subnets\":[\"fd00::/127\"]}"),
		"nodes[1].subnets: fd00::/127 of node b: too small, there is no room for a pod");
	refuses("{\"networks\":[\"10.0.0.0/8\"],\"nodes\":[" MASTER "]}",
		"nodes[0].subnets: 192.168.0.0/24 of node master: in none of the networks");
	refuses("{\"networks\":[\"192.168.0.0/25\",\"192.168.0.128/25\"],\"nodes\":[" MASTER "]}",
		"nodes[0].subnets: 192.168.0.0/24 of node master: in none of the networks");
	refuses("{\"mtu\":1279,\"nodes\":[{\"name\":\"a\",\"subnets\":[\"fd00::/64\"]}]}",
		"mtu: 1279: too small for the IPv6 subnet fd00::/64");
	assert_parses("{\"mtu\":1279,\"nodes\":[" MASTER
		      ",{\"name\":\"b\",\"subnets\":[\"192.168.1.0/30\"]}]}");
}

/*
 * The first of two overlapping neighbours need not stand before the second in the file; nor need
 * they be neighbours there.
 */
static void test_overlap_far_apart(void **state)
{
	(void)state;
	refuses("{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.1.2.0/"
		"24\"]},{\"name\":\"b\",\"subnets\":[\"10.3.0.0/16\"]},"
		"{\"name\":\"c\",\"subnets\":[\"10.1.0.0/16\"]}]}",
		"nodes[0].subnets: 10.1.2.0/24 of node a: overlaps 10.1.0.0/16 of node c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options), cmocka_unit_test(test_networks),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_subnets), cmocka_unit_test(test_overlap_far_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
