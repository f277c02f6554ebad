/* The next hops to other nodes: on link, onlink, of each family, or left out with a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "unit_kinds.h"

static void test_next_hops(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "192.0.2.65/26"); /* the longer prefix wins */
	address(4, "198.51.100.1/24");
	address(5, "198.51.100.2/24"); /* of two alike, the link with our node address */
	address(6, "198.51.100.3/24");
	builds("{\"nodes\":[{\"name\":\"a\",\"addresses\":[\"198.51.100.2\"],\"subnets\":[\"10.0.0."
	       "0/24\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"203.0.113.1\",\"192.0.2.70\",\"192.0.2.7\"],"
	       "\"subnets\":[\"10.0.1.0/24\"]},"
	       "{\"name\":\"c\",\"addresses\":[\"198.51.100.9\"],\"subnets\":[\"10.0.2.0/24\"]}]}",
	       "a");
	assert_string_equal(wanted(&route_kind),
			    "route 10.0.1.0/24 via 192.0.2.70 dev 3 metric 0\n"
			    "route 10.0.2.0/24 via 198.51.100.9 dev 5 metric 0");
}

static void test_next_hops_refused(void **state)
{
	(void)state;
	address(2, "192.168.122.14/24");
	refuses("{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.0.0.0/"
		"24\"]},{\"name\":\"b\",\"addresses\":[\"192.168.122.15\"],"
		"\"subnets\":[\"fd00::/64\"]}]}",
		"a",
		"not on link: b (fd00::/64): the nodes must be on one link, or \"onlink\" be true, "
		"or \"backend\" be one for tunnels");
	setup(NULL);
	address(2, "192.168.122.14/24");
	refuses(THREE(NET), "n1",
		"nodes[0].addresses: 192.168.122.14 of node m is an address of this machine, which "
		"is to be node n1");
	setup(NULL);
	address(2, "192.168.122.14/31");
	refuses(THREE(NET), "m",
		"not on link: n2 (192.168.122.16): the nodes must be on one link, or \"onlink\" be "
		"true, or \"backend\" be one for tunnels");
	setup(NULL);
	refuses(THREE(NET "\"onlink\":true,"), "m",
		"onlink: no address of node m is on a link of this machine, so there is no link to "
		"n1 (192.168.122.15), n2 (192.168.122.16)");
}

/* Joined in the family that both have; the other one is told of. */
static void test_one_family_of_two(void **state)
{
	(void)state;
	address(2, "192.0.2.1/24");
	address(3, "2001:db8::1/64");
	builds("{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.0.0.0/24\",\"fd00::/64\"]},"
	       "{\"name\":\"b\",\"addresses\":[\"192.0.2.2\"],\"subnets\":[\"10.0.1.0/24\","
	       "\"fd00:1::/64\"]},"
	       "{\"name\":\"c\",\"addresses\":[\"2001:db8::3\",\"203.0.113.3\"],"
	       "\"subnets\":[\"10.0.2.0/24\",\"fd00:2::/64\"]}]}",
	       "a");
	assert_string_equal(wanted(&route_kind),
			    "route 10.0.1.0/24 via 192.0.2.2 dev 2 metric 0\n"
			    "route fd00:2::/64 via 2001:db8::3 dev 3 metric 1024");
	assert_true(warned("no next hop on link, left out: c (203.0.113.3), b (fd00:1::/64)"));
}

/* A NodeList is what a cluster is: one node out of reach does not keep the others from each other.
 */
static void test_kubernetes_off_link(void **state)
{
#define KUBE(name, address, subnet)                                                                \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"podCIDR\":\"" subnet                    \
	"\"},\"status\":{\"addresses\":[" address "]}}"
#define A KUBE("a", INTERNAL("192.0.2.1"), "10.0.0.0/24")
#define B KUBE("b", INTERNAL("203.0.113.2"), "10.0.1.0/24")
#define C KUBE("c", "", "10.0.2.0/24")
#define D KUBE("d", INTERNAL("192.0.2.4"), "10.0.3.0/24")
#define INTERNAL(address) "{\"type\":\"InternalIP\",\"address\":\"" address "\"}"
	(void)state;
	address(2, "192.0.2.1/24");
	builds("{\"kind\":\"List\",\"items\":[" A "," B "," C "," D "]}", "a");
	assert_string_equal(wanted(&route_kind), "route 10.0.3.0/24 via 192.0.2.4 dev 2 metric 0");
	assert_true(warned("no next hop on link, left out: b (203.0.113.2), c (10.0.2.0/24)"));
	refuses("{\"kind\":\"List\",\"items\":[" KUBE(
			"a", INTERNAL("192.0.2.1"),
			"10.0.0.0/24") "," KUBE("b", INTERNAL("203.0.113.2"), "10.0.1.0/24") "]}",
		"a",
		"not on link: b (203.0.113.2): the nodes must be on one link, or \"onlink\" be "
		"true, or \"backend\" be one for tunnels");
}

static void test_many_off_link(void **state)
{
	char text[4096];
	struct text t;

	(void)state;
	text_init(&t, text, sizeof(text));
	text_str(&t, "{\"nodes\":[{\"name\":\"a\",\"subnets\":[\"10.0.0.0/24\"]}");
	for (unsigned int i = 1; i < 9; i++)
		text_printf(&t,
			    ",{\"name\":\"n%u\",\"addresses\":[\"192.0.2.%u\"],\"subnets\":[\"10.0."
			    "%u.0/24\"]}",
			    i, i, i);
	text_str(&t, "]}");
	refuses(text, "a",
		"not on link: n1 (192.0.2.1), n2 (192.0.2.2), n3 (192.0.2.3), n4 (192.0.2.4), n5 "
		"(192.0.2.5) and others: "
		"the nodes must be on one link, or \"onlink\" be true, or \"backend\" be one for "
		"tunnels");
}

static void test_onlink(void **state)
{
	(void)state;
	address(2, "192.0.2.7/24");
	address(3, "192.168.122.14/32");
	builds(THREE(NET "\"onlink\":true,"), "m");
	assert_string_equal(wanted(&route_kind),
			    "route 192.168.1.0/24 via 192.168.122.15 onlink dev 3 metric 0\n"
			    "route 192.168.2.0/24 via 192.168.122.16 onlink dev 3 metric 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_next_hops, setup),
		cmocka_unit_test_setup(test_next_hops_refused, setup),
		cmocka_unit_test_setup(test_one_family_of_two, setup),
		cmocka_unit_test_setup(test_kubernetes_off_link, setup),
		cmocka_unit_test_setup(test_many_off_link, setup),
		cmocka_unit_test_setup(test_onlink, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
