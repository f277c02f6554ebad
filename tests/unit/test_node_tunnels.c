/* What the tunnel kinds want, and which way each pair of nodes takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "node/tunnels.h"
#include "unit_kinds.h"

/* Two on one link, one behind a router. */
#define NODES(more, b)                                                                             \
	"{" more "\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],\"subnets\":["          \
	"\"10.0.0.0/24\",\"fd00::/64\"]},"                                                         \
	"{\"name\":\"b\",\"addresses\":[\"192.0.2.2\"],\"subnets\":[\"10.0.1.0/24\"]" b "},"       \
	"{\"name\":\"c\",\"addresses\":[\"2001:db8::3\",\"203.0.113.3\"],"                         \
	"\"vtepMAC\":\"02:00:00:00:00:03\",\"subnets\":[\"10.0.2.0/24\",\"fd00:2::/64\"]},"        \
	"{\"name\":\"d\",\"addresses\":[\"203.0.113.4\"]}]}"
#define VXLAN "\"backend\":\"vxlan\","

static void here(uint32_t mtu)
{
	struct site_link l = { .index = 2, .mtu = mtu, .name = "eth0" };

	address(2, "192.0.2.1/24");
	list_add(&site.links, &l);
}

static const char *describe_mac(const char *name)
{
	static char text[MAC_TEXT];
	struct node n = { .name = name };
	uint8_t mac[6];

	node_mac(&n, mac);
	assert_int_equal(mac[0] & 3, 2);
	return mac_format(mac, text);
}

static void test_only_where_it_is_needed(void **state)
{
	char text[256];

	(void)state;
	here(1500);
	builds(NODES(VXLAN, ""), "a");
	assert_string_equal(wanted(&vxlan_kind),
			    "VXLAN cnibox-vxlan: VNI 1, port 8472, from 192.0.2.1, MTU 1450");
	assert_string_equal(wanted(&tunnel_address_kind), "address 10.0.0.0/32 of cnibox-vxlan\n"
							  "address fd00::/128 of cnibox-vxlan");
	assert_string_equal(wanted(&route_kind), "route 10.0.1.0/24 via 192.0.2.2 dev 2 metric 0\n"
						 "route 10.0.2.0/24 over VXLAN dev 0 metric 0\n"
						 "route fd00:2::/64 over VXLAN dev 0 metric 1024");
	assert_string_equal(wanted(&neighbour_kind) + strlen("VXLAN: neighbour 10.0.1.0 is ") + 17,
			    "\nVXLAN: neighbour 10.0.2.0 is 02:00:00:00:00:03\n"
			    "VXLAN: neighbour fd00:2:: is 02:00:00:00:00:03");
	snprintf(text, sizeof(text), "VXLAN: %s is behind 192.0.2.2", describe_mac("b"));
	assert_non_null(strstr(wanted(&fdb_kind), text));
	assert_non_null(strstr(wanted(&fdb_kind), "02:00:00:00:00:03 is behind 203.0.113.3"));
	assert_null(strstr(wanted(&fdb_kind), "203.0.113.4")); /* it has no pods */
	assert_non_null(strstr(config(), "\"mtu\": 1450"));
}

static void test_for_all(void **state)
{
	(void)state;
	here(9000);
	builds(NODES(VXLAN "\"tunnelAll\":true,\"vni\":5,\"vxlanPort\":4789,\"mtu\":1400,", ""),
	       "a");
	assert_string_equal(wanted(&vxlan_kind),
			    "VXLAN cnibox-vxlan: VNI 5, port 4789, from 192.0.2.1, MTU 8950");
	assert_non_null(strstr(wanted(&route_kind), "route 10.0.1.0/24 over VXLAN"));
	assert_non_null(strstr(config(), "\"mtu\": 1400"));
	/* of two the lower serves */
	setup(NULL);
	here(1500);
	builds(NODES(VXLAN "\"tunnelAll\":true,", ",\"backend\":\"direct\""), "a");
	assert_non_null(strstr(wanted(&route_kind), "route 10.0.1.0/24 via 192.0.2.2"));
}

static void test_none(void **state)
{
	static const char text[] =
		"{\"backend\":\"vxlan\",%s\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],"
		"\"subnets\":[\"10.0.0.0/24\"]},{\"name\":\"b\",\"addresses\":[\"192.0.2.2\"],"
		"\"subnets\":[\"10.0.1.0/24\"]}]}";
	char buf[512];

	(void)state;
	here(1500);
	snprintf(buf, sizeof(buf), text, "");
	builds(buf, "a"); /* all are on link */
	assert_string_equal(wanted(&vxlan_kind), "");
	assert_string_equal(wanted(&fdb_kind), "");
	assert_null(strstr(config(), "mtu"));
	setup(NULL);
	here(1500);
	snprintf(buf, sizeof(buf), text, "\"vni\":1,");
	builds(buf, "a"); /* ready before it is needed */
	assert_non_null(strstr(wanted(&vxlan_kind), "VNI 1"));
	assert_non_null(strstr(wanted(&route_kind), "route 10.0.1.0/24 via 192.0.2.2"));
}

/* What the kernel has: of the right make it is kept, else made anew, and all on it with it. */
static void test_made_anew(void **state)
{
	struct site_tunnel *t = &site.tunnels[BACKEND_VXLAN];
	struct node n = { .name = "a" };

	(void)state;
	here(1500);
	t->link.index = 7;
	strcpy(t->link.kind, "vxlan");
	node_mac(&n, t->link.mac);
	t->link.vxlan = (struct link_vxlan){ .vni = 1, .port = 8472 };
	assert_true(addr_parse("192.0.2.1", &t->link.vxlan.local));
	builds(NODES(VXLAN, ""), "a");
	assert_int_equal(t->index, 7);
	assert_non_null(strstr(wanted(&route_kind), "over VXLAN dev 7"));
	t->link.vxlan.vni = 2;
	tunnels_plan(&site);
	assert_int_equal(t->index, 0);
	assert_non_null(strstr(wanted(&route_kind), "over VXLAN dev 0"));
}

static void test_one_mac(void **state)
{
	(void)state;
	here(1500);
	builds(NODES(VXLAN, ",\"vtepMAC\":\"02:00:00:00:00:03\""), "a");
	assert_string_equal(wanted(&fdb_kind), "VXLAN: 02:00:00:00:00:03 is behind 192.0.2.2");
	assert_true(warned("VXLAN: 192.0.2.2 and 203.0.113.3 have one MAC, 02:00:00:00:00:03"));
}

#define KEY_B "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_C "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define WG(b, c)                                                                                   \
	"{\"backend\":\"wireguard\",\"nodes\":[{\"name\":\"a\",\"addresses\":[\"192.0.2.1\"],"     \
	"\"subnets\":[\"10.0.0.0/24\"]},{\"name\":\"b\",\"addresses\":[\"203.0.113.2\"],"          \
	"\"subnets\":[\"fd00:1::/64\",\"10.0.1.0/24\"]" b "},"                                     \
	"{\"name\":\"c\",\"addresses\":[\"203.0.113.3\"],\"subnets\":[\"10.0.2.0/24\"]" c "}]}"
#define HAS_KEY(key) ",\"publicKey\":\"" key "\""

static void test_wireguard(void **state)
{
	(void)state;
	here(1500);
	builds(WG(HAS_KEY(KEY_B), ""), "a");
	assert_non_null(strstr(wanted(&wireguard_kind), "MTU 1440"));
	assert_string_equal(wanted(&wireguard_peer_kind),
			    "WireGuard: peer " KEY_B
			    " at 203.0.113.2, port 51820, for 10.0.1.0/24, fd00:1::/64");
	/* whose key is not known gets nothing, least of all in clear */
	assert_string_equal(wanted(&route_kind),
			    "route 10.0.1.0/24 over WireGuard dev 0 metric 0\n"
			    "blackhole 10.0.1.0/24 behind WireGuard dev 0 metric 4294967295\n"
			    "blackhole 10.0.2.0/24 behind WireGuard dev 0 metric 4294967295\n"
			    "route fd00:1::/64 over WireGuard dev 0 metric 1024\n"
			    "blackhole fd00:1::/64 behind WireGuard dev 0 metric 4294967295");
	assert_true(warned("WireGuard: no public key of node c is known: left out"));
	assert_string_equal(wanted(&vxlan_kind), "");
	assert_non_null(strstr(config(), "\"mtu\": 1440"));
	/* with one that has VXLAN that is spoken, and both are there */
	setup(NULL);
	here(1500);
	builds(WG(HAS_KEY(KEY_B), HAS_KEY(KEY_C) ",\"backend\":\"vxlan\""), "a");
	assert_non_null(strstr(wanted(&route_kind), "route 10.0.1.0/24 over WireGuard"));
	assert_non_null(strstr(wanted(&route_kind), "route 10.0.2.0/24 over VXLAN"));
	assert_null(strstr(wanted(&route_kind), "blackhole 10.0.2.0/24"));
	assert_non_null(strstr(wanted(&wireguard_peer_kind), "peer " KEY_C));
	assert_non_null(strstr(wanted(&fdb_kind), "203.0.113.2"));
}

/* Where a peer that is heard has gone, the kernel knows better. */
static void test_peer_moved(void **state)
{
	struct wireguard_peer_item have;
	struct change c[2];
	struct list list;

	(void)state;
	here(1500);
	builds(WG(HAS_KEY(KEY_B), ""), "a");
	assert_int_equal(want(&wireguard_peer_kind), 0);
	have = *(const struct wireguard_peer_item *)work.want.at;
	have.peer.port = 7;
	list_init(&list, &arena, sizeof(have));
	list_add(&list, &have);
	assert_int_equal(items_diff(&wireguard_peer_kind, &work.want, &list, c), 1);
	assert_int_equal(c[0].verdict, ITEM_DIFFERS);
	((struct wireguard_peer_item *)list.at)->heard = true;
	assert_int_equal(items_diff(&wireguard_peer_kind, &work.want, &list, c), 1);
	assert_int_equal(c[0].verdict, ITEM_OK);
	((struct wireguard_peer_item *)list.at)->peer.count = 1;
	assert_int_equal(items_diff(&wireguard_peer_kind, &work.want, &list, c), 1);
	assert_int_equal(c[0].verdict, ITEM_DIFFERS);
}

static void test_wireguard_refused(void **state)
{
	(void)state;
	here(1500);
	refuses(WG(HAS_KEY(KEY_B), HAS_KEY(KEY_B)), "a",
		"publicKey: " KEY_B ": two nodes have it, 203.0.113.2 and 203.0.113.3");
	setup(NULL);
	refuses(WG(HAS_KEY("AQ=="), ""), "a",
		"nodes[1].publicKey: \"AQ==\": expected 32 bytes in base64");
}

static void test_refused(void **state)
{
	(void)state;
	refuses(NODES("\"backend\":\"vpn\",", ""), "a",
		"backend: \"vpn\": expected \"direct\", \"vxlan\" or \"wireguard\"");
	setup(NULL);
	refuses(NODES("", ",\"backend\":\"x\""), "a",
		"nodes[1].backend: \"x\": expected \"direct\", \"vxlan\" or \"wireguard\"");
	setup(NULL);
	refuses(NODES("", ",\"vtepMAC\":\"03:00:00:00:00:01\""), "a",
		"nodes[1].vtepMAC: \"03:00:00:00:00:01\": expected a unicast MAC address");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_only_where_it_is_needed, setup),
		cmocka_unit_test_setup(test_for_all, setup),
		cmocka_unit_test_setup(test_none, setup),
		cmocka_unit_test_setup(test_made_anew, setup),
		cmocka_unit_test_setup(test_one_mac, setup),
		cmocka_unit_test_setup(test_wireguard, setup),
		cmocka_unit_test_setup(test_peer_moved, setup),
		cmocka_unit_test_setup(test_wireguard_refused, setup),
		cmocka_unit_test_setup(test_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
