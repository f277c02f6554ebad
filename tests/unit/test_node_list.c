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

/* As flannel writes them; what cannot be read is left. */
static void test_annotations(void **state)
{
#define ANNOTATED(name, type, data)                                                                \
	"{\"metadata\":{\"name\":\"" name "\",\"annotations\":{\"a\":\"b\","                       \
	"\"flannel.alpha.coreos.com/backend-type\":\"" type "\","                                  \
	"\"flannel.alpha.coreos.com/backend-data\":\"" data "\"}}}"
#define AND_ANNOTATED(name, type, data) "," ANNOTATED(name, type, data)
#define VXLAN_DATA "{\\\"VNI\\\":1,\\\"VtepMAC\\\":\\\"66:01:02:03:04:05\\\"}"
#define WIREGUARD_DATA "{\\\"PublicKey\\\":\\\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\\\"}"
#define BAD_DATA "{\\\"VtepMAC\\\":\\\"x\\\",\\\"PublicKey\\\":\\\"AQ==\\\"}"
	static const uint8_t mac[] = { 0x66, 1, 2, 3, 4, 5 };

	(void)state;
	assert_parses(KUBE("List", ANNOTATED("a", "vxlan", VXLAN_DATA)
					   AND_ANNOTATED("b", "wireguard", WIREGUARD_DATA)
						   AND_ANNOTATED("c", "host-gw", "null")
							   AND_ANNOTATED("d", "udp", BAD_DATA)));
	assert_int_equal(node_tunnel(&c.nodes[0])->backend, BACKEND_VXLAN);
	assert_true(node_tunnel(&c.nodes[0])->has_mac);
	assert_memory_equal(node_tunnel(&c.nodes[0])->mac, mac, sizeof(mac));
	assert_int_equal(node_tunnel(&c.nodes[1])->backend, BACKEND_WIREGUARD);
	assert_true(node_tunnel(&c.nodes[1])->has_key && node_tunnel(&c.nodes[1])->key[0] == 1);
	assert_int_equal(node_tunnel(&c.nodes[2])->backend, BACKEND_DIRECT);
	assert_int_equal(node_tunnel(&c.nodes[3])->backend, BACKEND_UNSET);
	assert_false(node_tunnel(&c.nodes[3])->has_mac || node_tunnel(&c.nodes[3])->has_key);
}

/* Of each family one; what is none of it is left. */
static void test_annotated_addresses(void **state)
{
#define SAYS(name, v4, v6)                                                                         \
	"{\"metadata\":{\"name\":\"" name "\",\"annotations\":{"                                   \
	"\"flannel.alpha.coreos.com/public-ip\":\"" v4 "\","                                       \
	"\"flannel.alpha.coreos.com/public-ipv6\":\"" v6 "\"}}}"
	(void)state;
	assert_parses(KUBE("List", SAYS("a", "203.0.113.1", "2001:db8::1") "," SAYS(
					   "b", "2001:db8::1", "203.0.113.1")));
	assert_string_equal(addr_text(&node_tunnel(&c.nodes[0])->outer4), "203.0.113.1");
	assert_string_equal(addr_text(&node_tunnel(&c.nodes[0])->outer6), "2001:db8::1");
	assert_false(addr_is_set(&node_tunnel(&c.nodes[1])->outer4) ||
		     addr_is_set(&node_tunnel(&c.nodes[1])->outer6));
}

/* One entry is left out, and this is why; "good" many stay. */
static void leaves_out(const char *text, const char *why, size_t good)
{
	const struct cluster_fault *f;

	assert_parses(text);
	assert_int_equal(c.faults.count, 1);
	f = c.faults.at;
	assert_string_equal(f->why, why);
	assert_int_equal(c.node_count, good);
}

#define NODE(name, cidr, address)                                                                  \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"podCIDR\":\"" cidr                      \
	"\"},\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"" address "\"}]}}"
#define TWO NODE("a", "10.0.1.0/24", "192.0.2.1") "," NODE("b", "10.0.2.0/24", "192.0.2.2")

static void test_what_is_no_node(void **state)
{
	(void)state;
	leaves_out(KUBE("List", "{\"metadata\":{}}," TWO),
		   "items[0].metadata.name: required: expected a string, got nothing", 2);
	leaves_out(KUBE("List", TWO ",{\"kind\":\"Node\"}"),
		   "items[2].metadata.name: required: expected a string, got nothing", 2);
	leaves_out(KUBE("List", KUBE_MASTER
			",{\"metadata\":{\"name\":\"b\"},\"spec\":{\"podCIDRs\":[\"10.0.0.0\"]}}"),
		   "items[1].spec.podCIDRs[0]: expected an IP prefix (address/length), got string "
		   "\"10.0.0.0\"",
		   1);
	leaves_out(KUBE("List", NODE("a", "10.0.1.0/24", "x") "," TWO),
		   "items[0].status.addresses[0].address: expected an IP address, got \"x\"", 2);
	leaves_out(KUBE("List", TWO ",{\"metadata\":{\"name\":\"c\"},\"status\":[]}"),
		   "items[2].status: expected an object, got a list", 2);
	leaves_out(KUBE("List", TWO ",7"), "items[2]: expected an object, got number 7", 2);
	refuses("{\"kind\":\"List\",\"nodes\":[]}", "items: missing: expected a list of nodes");
}

/* Of two that contradict each other, the one that comes later. */
static void test_contradictions(void **state)
{
	(void)state;
	leaves_out(KUBE("List", TWO "," NODE("b", "10.0.3.0/24", "192.0.2.3")),
		   "items[2].metadata.name: \"b\": two nodes have this name", 2);
	leaves_out(KUBE("List", TWO "," NODE("c", "10.0.0.0/16", "192.0.2.3")),
		   "items[2].spec.podCIDRs: 10.0.0.0/16 of node c: overlaps 10.0.1.0/24 of node a",
		   2);
	leaves_out(KUBE("List", NODE("c", "10.0.0.0/20", "192.0.2.3") "," NODE(
					"a", "10.0.1.0/24",
					"192.0.2.1") "," NODE("b", "10.1.2.0/24", "192.0.2.2")),
		   "items[1].spec.podCIDRs: 10.0.1.0/24 of node a: overlaps 10.0.0.0/20 of node c",
		   2);
	leaves_out(KUBE("List", TWO "," NODE("c", "10.0.3.0/24", "192.0.2.2")),
		   "items[2].status.addresses: 192.0.2.2 of node c: node b has it already", 2);
	leaves_out(KUBE("List", TWO "," NODE("c", "10.0.3.1/24", "192.0.2.3")),
		   "items[2].spec.podCIDRs: 10.0.3.1/24 of node c: bits behind the prefix are set: "
		   "is 10.0.3.0/24 meant?",
		   2);
	leaves_out(KUBE("List", TWO "," NODE("c", "10.0.3.0/24", "127.0.0.1")),
		   "items[2].status.addresses: 127.0.0.1 of node c: a loopback address", 2);
}

/* Nobody may claim the addresses of other nodes for pods, not even whoever comes first. */
static void test_subnet_over_addresses(void **state)
{
	(void)state;
	leaves_out(KUBE("List", NODE("0", "192.0.2.0/24", "203.0.113.1") "," TWO),
		   "items[0].spec.podCIDRs: 192.0.2.0/24 of node 0: 192.0.2.1, an address of node "
		   "a, is inside",
		   2);
	leaves_out(KUBE("List", TWO "," NODE("c", "10.0.3.0/24", "10.0.3.7")),
		   "items[2].status.addresses: 10.0.3.7 of node c: inside of 10.0.3.0/24, the "
		   "pods' subnet of node c",
		   2);
}

/* Where nearly all is wrong, the first thing that is too much is said. */
static void test_too_many(void **state)
{
	static char text[16384];
	struct text t;

	(void)state;
	text_init(&t, text, sizeof(text));
	text_str(&t, "{\"kind\":\"List\",\"items\":[" TWO);
	for (unsigned int i = 0; i <= CLUSTER_FAULTS_MAX; i++)
		text_str(&t, ",{}");
	text_str(&t, "]}");
	refuses(text, "items[102].metadata.name: required: expected a string, got nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node_list),      cmocka_unit_test(test_what_is_no_node),
		cmocka_unit_test(test_annotations),    cmocka_unit_test(test_annotated_addresses),
		cmocka_unit_test(test_contradictions), cmocka_unit_test(test_subnet_over_addresses),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
