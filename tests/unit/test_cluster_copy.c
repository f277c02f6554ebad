/* A copied cluster needs nothing of what it was copied from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit_cluster.h"

static _Alignas(16) char kept_memory[1 << 20];
static struct arena kept;
static struct cluster copy;

static void assert_copy(size_t cap, int expected)
{
	arena_init(&kept, kept_memory, cap);
	err_clear(&e);
	assert_int_equal(cluster_copy(&kept, &c, &copy, &e), expected);
}

static void everything_is_there_when_the_text_is_gone(void **state)
{
	char text[] = "{\"networks\":[\"10.0.0.0/8\"],\"bridge\":\"br7\",\"mtu\":1400,\"nodes\":["
		      "{\"name\":\"a\",\"addresses\":[\"192.0.2.1\",\"2001:db8::1\"],\"subnets\":["
		      "\"10.1.0.0/24\"]},{\"name\":\"b\",\"addresses\":[\"192.0.2.2\"],\"backend\":"
		      "\"vxlan\",\"vtepMAC\":\"02:00:00:00:00:07\"}]}";
	const struct cluster_place *at;
	struct addr inside;

	(void)state;
	assert_parses(text);
	assert_copy(sizeof(kept_memory), 0);
	memset(memory, 0x5a, sizeof(memory));
	memset(text, 0x5a, sizeof(text));
	assert_int_equal(copy.node_count, 2);
	assert_ptr_equal(cluster_find_name(&copy, "b"), &copy.nodes[1]);
	assert_int_equal(copy.nodes[0].address_count, 2);
	assert_string_equal(addr_text(&copy.nodes[0].addresses[1]), "2001:db8::1");
	assert_true(addr_parse("10.1.0.9", &inside));
	at = cluster_place_find(copy.subnets, copy.subnet_count, &inside);
	assert_ptr_equal(at->node, &copy.nodes[0]);
	assert_true(addr_parse("192.0.2.2", &inside));
	assert_ptr_equal(cluster_find_address(&copy, &inside), &copy.nodes[1]);
	assert_null(copy.nodes[0].tunnel); /* it says nothing, and costs nothing */
	assert_int_equal(node_tunnel(&copy.nodes[1])->backend, BACKEND_VXLAN);
	assert_int_equal(node_tunnel(&copy.nodes[1])->mac[5], 7);
	assert_string_equal(copy.bridge, "br7");
	assert_string_equal(prefix_text(&copy.networks[0]), "10.0.0.0/8");
	assert_int_equal(copy.mtu, 1400);
}

static void what_was_left_out_is_copied_too(void **state)
{
	const struct cluster_fault *f;

	(void)state;
	assert_parses("{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":"
		      "\"a\"},\"spec\":{\"podCIDR\":\"x\"}}]}");
	assert_copy(sizeof(kept_memory), 0);
	memset(memory, 0x5a, sizeof(memory));
	assert_int_equal(copy.faults.count, 1);
	f = copy.faults.at;
	assert_string_equal(f->name, "a");
	assert_non_null(strstr(f->why, "podCIDR"));
}

static void too_little_memory_is_an_error(void **state)
{
	(void)state;
	assert_parses("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"]}]}");
	for (size_t cap = 0; cap < 96; cap += 16) /* 32 bits need little more */
		assert_copy(cap, -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_there_when_the_text_is_gone),
		cmocka_unit_test(what_was_left_out_is_copied_too),
		cmocka_unit_test(too_little_memory_is_an_error),
	};

	return cmocka_run_group_tests_name("cluster copy", tests, NULL, NULL);
}
