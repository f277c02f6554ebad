/* The cluster file: both forms, and every contradiction refused with key, value and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "node/cluster.h"

static _Alignas(16) char memory[1 << 20];
static struct arena arena;
static struct cluster c;
static struct err e;

static int parse(const char *text)
{
	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	return cluster_read(&arena, text, strlen(text), &c, &e);
}

static void assert_parses(const char *text)
{
	int r = parse(text);

	if (r)
		print_error("%s\n", e.text);
	assert_int_equal(r, 0);
}

/* The whole text, so that key, value and reason stand there in this order. */
static void refuses(const char *text, const char *why)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(e.text, why);
}

static struct prefix prefix(const char *s)
{
	struct prefix p = { 0 };

	assert_true(prefix_parse(s, &p));
	return p;
}

static struct addr addr(const char *s)
{
	struct addr a = { 0 };

	assert_true(addr_parse(s, &a));
	return a;
}

static void assert_prefix(const struct prefix *p, const char *s)
{
	char text[PREFIX_TEXT];

	assert_string_equal(prefix_format(p, text), s);
}

#define MASTER                                                                                     \
	"{\"name\":\"master\",\"addresses\":[\"192.168.122.14\"],\"subnets\":[\"192.168.0.0/"      \
	"24\"]}"
#define NODES(more) "{\"nodes\":[" MASTER "," more "]}"

static void test_own_form(void **state)
{
	(void)state;
	assert_parses(" {\"networks\":[\"192.168.0.0/16\",\"fd00::/48\"],\"nodes\":[" MASTER ",\n"
		      "{\"NAME\":\"node1\",\"x\":{\"nodes\":1},\"addresses\":[\"192.168.122.15\","
		      "\"2001:db8::15\"],"
		      "\"subnets\":[\"fd00::/64\",\"192.168.1.0/"
		      "24\"]}],\"masquerade\":\"subnet\",\"bridge\":\"br7\",\"mtu\":1400,"
		      "\"network\":\"pods\",\"cniConfig\":\"/etc/x/"
		      "1.conflist\",\"onlink\":true,\"unknown\":[[]]} ");
	assert_false(c.kubernetes);
	assert_int_equal(c.node_count, 2);
	assert_string_equal(c.nodes[1].name, "node1");
	assert_int_equal(c.nodes[1].address_count, 2);
	assert_int_equal(c.network_count, 2);
	assert_prefix(&c.networks[1], "fd00::/48");
	assert_int_equal(c.masquerade, MASQUERADE_SUBNET);
	assert_string_equal(c.bridge, "br7");
	assert_int_equal(c.mtu, 1400);
	assert_string_equal(c.network, "pods");
	assert_string_equal(c.config, "/etc/x/1.conflist");
	assert_true(c.onlink);
	/* Sorted, with their nodes. */
	assert_int_equal(c.subnet_count, 3);
	assert_prefix(&c.subnets[0].prefix, "192.168.0.0/24");
	assert_prefix(&c.subnets[1].prefix, "192.168.1.0/24");
	assert_prefix(&c.subnets[2].prefix, "fd00::/64");
	assert_ptr_equal(c.subnets[2].node, &c.nodes[1]);
	assert_int_equal(c.address_count, 3);
}

static void test_defaults(void **state)
{
	(void)state;
	assert_parses("{\"nodes\":[" MASTER "],\"networks\":null}");
	assert_int_equal(c.network_count, 0);
	assert_int_equal(c.masquerade, MASQUERADE_CLUSTER);
	assert_string_equal(c.bridge, "cni0");
	assert_int_equal(c.mtu, 0);
	assert_string_equal(c.network, "cnibox");
	assert_string_equal(c.config, "/etc/cni/net.d/10-cnibox.conflist");
	assert_false(c.onlink);
}

static void test_find(void **state)
{
	struct addr there = addr("192.168.122.14"), not_there = addr("192.168.122.13"),
		    six = addr("::1");

	(void)state;
	assert_parses(NODES("{\"name\":\"b\",\"addresses\":[\"10.0.0.1\",\"10.0.0.3\"]}"));
	assert_ptr_equal(cluster_find_name(&c, "b"), &c.nodes[1]);
	assert_null(cluster_find_name(&c, "B"));
	assert_ptr_equal(cluster_find_address(&c, &there), &c.nodes[0]);
	assert_null(cluster_find_address(&c, &not_there));
	assert_null(cluster_find_address(&c, &six));
}

#define KUBE(kind, items)                                                                          \
	"{\"apiVersion\":\"v1\",\"kind\":\"" kind "\",\"items\":[" items                           \
	"],\"metadata\":{\"resourceVersion\":\"\"}}"
#define KUBE_MASTER                                                                                \
	"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"labels\":{\"name\":\"x\"},"      \
	"\"name\":\"master\"},"                                                                    \
	"\"spec\":{\"podCIDR\":\"10.244.0.0/24\",\"podCIDRs\":[\"10.244.0.0/24\",\"fd00:0:0:1::/"  \
	"64\"],\"taints\":[{}]},"                                                                  \
	"\"status\":{\"images\":[{\"names\":[\"a]}\\\"\"]}],\"addresses\":[{\"address\":"          \
	"\"master\",\"type\":\"Hostname\"},"                                                       \
	"{\"address\":\"192.168.122.14\",\"type\":\"InternalIP\"},{\"address\":\"8.8.4.4\","       \
	"\"type\":\"ExternalIP\"},"                                                                \
	"{\"address\":\"fd01::14\",\"type\":\"InternalIP\"}]}}"

static void test_node_list(void **state)
{
	struct addr external = addr("8.8.4.4"), internal = addr("fd01::14");

	(void)state;
	assert_parses(KUBE(
		"List", KUBE_MASTER
		",{\"kind\":\"Pod\",\"metadata\":{\"name\":\"master\"}},"
		"{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"podCIDR\":\"10.244.1.0/24\"}},"
		"{\"kind\":\"Node\",\"metadata\":{\"name\":\"n2\"},\"spec\":null,\"status\":{}}"));
	assert_true(c.kubernetes);
	assert_int_equal(c.node_count, 3); /* a pod of the same name is no node */
	assert_string_equal(c.nodes[0].name, "master");
	assert_int_equal(c.nodes[0].subnet_count, 2);
	assert_int_equal(c.nodes[0].address_count, 2);
	assert_ptr_equal(cluster_find_address(&c, &internal), &c.nodes[0]);
	assert_null(cluster_find_address(&c, &external));
	assert_int_equal(c.nodes[1].subnet_count, 1); /* podCIDR alone */
	assert_prefix(&c.nodes[1].subnets[0], "10.244.1.0/24");
	assert_int_equal(c.nodes[2].subnet_count, 0);
	assert_int_equal(c.nodes[2].index, 3); /* as it stands in the file, for errors */
	assert_parses(KUBE("NodeList", KUBE_MASTER));
	assert_int_equal(c.node_count, 1);
}

static void test_node_list_refused(void **state)
{
	(void)state;
	refuses(KUBE("List", "{\"metadata\":{}}"),
		"items[0].metadata.name: required: expected a string, got nothing");
	refuses(KUBE("List", "{\"kind\":\"Node\"}"),
		"items[0].metadata.name: required: expected a string, got nothing");
	refuses(KUBE("List", KUBE_MASTER
		     ",{\"metadata\":{\"name\":\"b\"},\"spec\":{\"podCIDRs\":[\"10.0.0.0\"]}}"),
		"items[1].spec.podCIDRs[0]: expected an IP prefix (address/length), got string "
		"\"10.0.0.0\"");
	refuses(KUBE("List", "{\"metadata\":{\"name\":\"b\"},\"status\":{\"addresses\":[{\"type\":"
			     "\"InternalIP\",\"address\":\"x\"}]}}"),
		"items[0].status.addresses[0].address: expected an IP address, got \"x\"");
	refuses(KUBE("List", "{\"metadata\":{\"name\":\"b\"},\"status\":[]}"),
		"items[0].status: expected an object");
	refuses(KUBE("List", "7"), "items[0]: expected an object");
	refuses("{\"kind\":\"List\",\"nodes\":[]}", "items: missing: expected a list of nodes");
	refuses(KUBE("List", KUBE_MASTER
		     ",{\"metadata\":{\"name\":\"b\"},\"spec\":{\"podCIDR\":\"10.244.0.0/25\"}}"),
		"items[1].spec.podCIDRs: 10.244.0.0/25 of node b: overlaps 10.244.0.0/24 of node "
		"master");
}

static void test_types(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"nodes\":[}"), -EINVAL);
	assert_non_null(strstr(e.text, "line 1, column 11"));
	assert_int_equal(parse(""), -EINVAL);
	refuses("[]", "expected an object with \"nodes\", or a NodeList with \"items\"");
	refuses("{}", "nodes: missing: expected a list of nodes");
	refuses("{\"nodes\":{\"a\":1}}", "nodes: expected a list, got {\"a\":1}");
	refuses("{\"nodes\":null}", "nodes: expected a list, got null");
	refuses("{\"nodes\":[{}]}", "nodes[0].name: required: expected a string, got nothing");
	refuses("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"10.0.0.256\"]}]}",
		"nodes[0].addresses[0]: expected an IP address, got string \"10.0.0.256\"");
	refuses("{\"nodes\":[{\"name\":\"a\",\"subnets\":\"10.0.0.0/24\"}]}",
		"nodes[0].subnets: expected a list, got string \"10.0.0.0/24\"");
	refuses("{\"nodes\":[],\"networks\":[\"10.0.0.0/33\"]}",
		"networks[0]: expected an IP prefix (address/length), got string \"10.0.0.0/33\"");
	assert_int_equal(parse("{\"nodes\":[],\"mtu\":67}"), -EINVAL);
	assert_non_null(strstr(e.text, "mtu: "));
}

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

static void test_no_room(void **state)
{
	char text[8192];
	struct text t;

	(void)state;
	text_init(&t, text, sizeof(text));
	text_str(&t, "{\"nodes\":[");
	for (unsigned int i = 0; i < 100; i++)
		text_printf(&t, "%s{\"name\":\"n%u\",\"subnets\":[\"10.0.%u.0/24\"]}", i ? "," : "",
			    i, i);
	text_str(&t, "]}");
	assert_false(t.bad);
	/* Wherever memory ends, it is said so. */
	for (size_t size = 0; size < 40000; size += 16) {
		arena_init(&arena, memory, size);
		err_clear(&e);
		if (cluster_read(&arena, text, t.len, &c, &e) == 0) {
			assert_int_equal(c.node_count, 100);
			return;
		}
		assert_int_equal(e.errnum, ENOMEM);
	}
	fail_msg("40,000 bytes should do");
}

/* Prefixes as parsed by the test's own helper and by the file agree: host bits included. */
static void test_values(void **state)
{
	struct prefix p = prefix("fd00:1::/64");

	(void)state;
	assert_parses("{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"fd00:0001:0::0/64\"]}]}");
	assert_true(prefix_equal(&c.nodes[0].subnets[0], &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_form),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_node_list),
		cmocka_unit_test(test_node_list_refused),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_subnets),
		cmocka_unit_test(test_overlap_far_apart),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
