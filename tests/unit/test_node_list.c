/* A NodeList of Kubernetes: what counts of it, and where its errors point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit_cluster.h"

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
		"{\"kind\":\"Else\",\"spec\":{\"podCIDR\":7}},"
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
	assert_int_equal(c.nodes[2].index, 4); /* as it stands in the file, for errors */
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
		"items[0].status: expected an object, got a list");
	refuses(KUBE("List", "7"), "items[0]: expected an object, got number 7");
	refuses("{\"kind\":\"List\",\"nodes\":[]}", "items: missing: expected a list of nodes");
	refuses(KUBE("List", KUBE_MASTER
		     ",{\"metadata\":{\"name\":\"b\"},\"spec\":{\"podCIDR\":\"10.244.0.0/25\"}}"),
		"items[1].spec.podCIDRs: 10.244.0.0/25 of node b: overlaps 10.244.0.0/24 of node "
		"master");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_list),
		cmocka_unit_test(test_node_list_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
