/* The cluster file: our own form, its types and defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit_cluster.h"

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

static void test_types(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"nodes\":[}"), -EINVAL);
	assert_non_null(strstr(e.text, "line 1, column 11"));
	assert_int_equal(parse(""), -EINVAL);
	refuses("[]", "expected an object, got a list");
	refuses("{}", "nodes: missing: expected a list of nodes");
	refuses("{\"nodes\":{\"a\":1}}", "nodes: expected a list, got an object");
	refuses("{\"nodes\":null}", "nodes: missing: expected a list of nodes");
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
	for (size_t size = 0; size < 60000; size += 16) {
		arena_init(&arena, memory, size);
		err_clear(&e);
		if (cluster_parse(&arena, text, t.len, &c, &e) == 0) {
			assert_int_equal(c.node_count, 100);
			return;
		}
		assert_int_equal(e.errnum, ENOMEM);
	}
	fail_msg("60,000 bytes should do");
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
		cmocka_unit_test(test_own_form), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_find),	 cmocka_unit_test(test_types),
		cmocka_unit_test(test_no_room),	 cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
