/*
 * Sets and maps of concatenations against the running kernel: what nft(8) prints of them, as text
 * and as JSON, what we read back, and where packets go by them.
 */
#include "nft_kernel.h"

#include <poll.h>
#include <net/ethernet.h>
#include <netinet/in.h>

static const struct nft_table b = { NFPROTO_BRIDGE, "b" };
static const struct nft_set hp4 = { "hp4",
				    { NFT_TYPE_PROTO, NFT_TYPE_PORT },
				    { NFT_TYPE_IPV4, NFT_TYPE_PORT } };
static const struct nft_set hp6 = { "hp6",
				    { NFT_TYPE_IPV6, NFT_TYPE_PROTO, NFT_TYPE_PORT },
				    { NFT_TYPE_IPV6, NFT_TYPE_PORT } };
static const struct nft_set r4 = { "r4",
				   { NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT },
				   .interval = true };
static const struct nft_set marks = { "marks", { NFT_TYPE_IFNAME, NFT_TYPE_MARK } };
static const struct nft_set ports = { "ports", { NFT_TYPE_PORT }, .interval = true };
static const struct nft_set protos = { "protos", { NFT_TYPE_PROTO }, { NFT_TYPE_MARK } };
static const struct nft_set vm = { "vm", { NFT_TYPE_IFNAME }, { NFT_TYPE_VERDICT } };
static const struct nft_set mm = { "mm", { NFT_TYPE_IPV4 }, { NFT_TYPE_MARK }, .interval = true };
static const struct nft_set im = {
	"im", { NFT_TYPE_IPV4 }, { NFT_TYPE_VERDICT }, .interval = true
};
static const struct nft_set macs = { "macs", { NFT_TYPE_IFNAME, NFT_TYPE_MAC, NFT_TYPE_IPV4 } };

static void add(const struct nft_set *s, struct nft_elem el)
{
	nft_elem_add(&nl, &t, s, &el);
}

static struct nft_elem host_port(uint16_t from, const char *to, uint16_t port, const char *comment)
{
	return (struct nft_elem){ .key = { { .proto = IPPROTO_TCP }, { .port = from } },
				  .data = { { A(to) }, { .port = port } },
				  .comment = comment };
}

static void begin_with(const struct nft_set *s)
{
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_set_add(&nl, &t, s);
}

static const char whole[] =
	"table inet t {\n"
	"	map hp4 {\n		type inet_proto . inet_service : ipv4_addr . inet_service\n"
	"		elements = { tcp . 8080 comment \"pod a\" : 10.1.2.3 . 80 }\n	}\n\n"
	"	map hp6 {\n"
	"		type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service\n"
	"		elements = { fd00::1 . udp . 53 : fd00::2 . 5353 }\n	}\n\n"
	"	set r4 {\n		type ipv4_addr . inet_proto . inet_service\n"
	"		flags interval\n"
	"		elements = { 10.1.0.0/16 . tcp . 1000-2000 comment \"r\" }\n	}\n\n"
	"	set marks {\n		type ifname . mark\n"
	"		elements = { \"eth0\" . 0x00002000 }\n	}\n\n"
	"	set ports {\n		type inet_service\n		flags interval\n"
	"		elements = { 8000-8999 comment \"p\", 65535 }\n	}\n\n"
	"	map protos {\n		type inet_proto : mark\n"
	"		elements = { udp : 0x00000010 }\n	}\n\n"
	"	map vm {\n		type ifname : verdict\n"
	"		elements = { \"eth0\" : accept,\n			     \"eth1\" "
	"comment "
	"\"x\" : jump work }\n	}\n\n"
	"	map mm {\n		type ipv4_addr : mark\n		flags interval\n"
	"		elements = { 10.1.0.0/16 comment \"m\" : 0x00000020 }\n	}\n\n"
	"	chain work {\n"
	"		ip saddr . meta l4proto . th dport @r4 accept\n"
	"		iifname vmap @vm\n"
	"		meta mark set ip saddr map @mm\n"
	"		meta mark set meta l4proto map @protos\n"
	"		iifname . meta mark @marks drop\n"
	"		tcp dport @ports meta mark set meta mark | 0x00000001\n"
	"	}\n\n"
	"	chain pre {\n		type nat hook prerouting priority dstnat; policy accept;\n"
	"		meta nfproto ipv4 dnat ip to meta l4proto . th dport map @hp4\n"
	"		dnat ip6 to ip6 daddr . meta l4proto . th dport map @hp6\n	}\n"
	"}\n"
	"table bridge b {\n"
	"	set macs {\n		type ifname . ether_addr . ipv4_addr\n"
	"		elements = { \"veth1\" . 02:00:00:00:00:01 . 10.1.2.3 comment \"spoof\" }\n"
	"	}\n\n"
	"	chain c {\n"
	"		type filter hook prerouting priority filter; policy accept;\n"
	"		iifname . ether saddr . ip saddr != @macs drop\n	}\n"
	"}\n";

static void write_sets(void)
{
	static const struct nft_set *const all[] = { &hp4,   &hp6,    &r4, &marks,
						     &ports, &protos, &vm, &mm };

	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_table_add(&nl, &b);
	nft_set_add(&nl, &b, &macs);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		nft_set_add(&nl, &t, all[i]);
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "work" });
	nft_chain_add(&nl, &t,
		      &(struct nft_chain){ "pre", "nat", NF_INET_PRE_ROUTING, -100, false });
	nft_chain_add(&nl, &b,
		      &(struct nft_chain){ "c", "filter", NF_INET_PRE_ROUTING, -200, false });
}

static void write_elements(void)
{
	const struct nft_elem spoof = {
		.key = { { .ifname = "veth1" }, { .mac = { 2, [5] = 1 } }, { A("10.1.2.3") } },
		.comment = "spoof"
	};

	add(&hp4, host_port(8080, "10.1.2.3", 80, "pod a"));
	add(&hp6, (struct nft_elem){
			  .key = { { A("fd00::1") }, { .proto = IPPROTO_UDP }, { .port = 53 } },
			  .data = { { A("fd00::2") }, { .port = 5353 } } });
	add(&r4,
	    (struct nft_elem){
		    .key = { { A("10.1.0.0") }, { .proto = IPPROTO_TCP }, { .port = 1000 } },
		    .last = { { A("10.1.255.255") }, { .proto = IPPROTO_TCP }, { .port = 2000 } },
		    .range = true,
		    .comment = "r" });
	add(&marks, (struct nft_elem){ .key = { { .ifname = "eth0" }, { .mark = 0x2000 } } });
	add(&ports, (struct nft_elem){ .key[0].port = 65535 });
	add(&ports,
	    (struct nft_elem){
		    .key[0].port = 8000, .last[0].port = 8999, .range = true, .comment = "p" });
	add(&protos, (struct nft_elem){ .key[0].proto = IPPROTO_UDP, .data[0].mark = 0x10 });
	add(&vm, (struct nft_elem){ .key[0].ifname = "eth0", .data[0].verdict = { NF_ACCEPT } });
	add(&vm, (struct nft_elem){ .key[0].ifname = "eth1",
				    .data[0].verdict = { NFT_JUMP, "work" },
				    .comment = "x" });
	add(&mm, (struct nft_elem){ .key[0].addr = A("10.1.0.0"),
				    .last[0].addr = A("10.1.255.255"),
				    .range = true,
				    .data[0].mark = 0x20,
				    .comment = "m" });
	nft_elem_add(&nl, &b, &macs, &spoof);
}

static void work(void)
{
	nft_rule_begin(&nl, &t, "work", false);
}

static void write_rules(void)
{
	work();
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_set(&nl, &r4, NFT_OF(NFT_SADDR, NFT_L4PROTO, NFT_DPORT), false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
	work();
	nft_do_vmap(&nl, &vm, NFT_OF(NFT_IIFNAME));
	nft_rule_end(&nl, NULL);
	work();
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_do_mark_map(&nl, &mm, NFT_OF(NFT_SADDR));
	nft_rule_end(&nl, NULL);
	work();
	nft_do_mark_map(&nl, &protos, NFT_OF(NFT_L4PROTO));
	nft_rule_end(&nl, NULL);
	work();
	nft_match_set(&nl, &marks, NFT_OF(NFT_IIFNAME, NFT_MARK), false);
	nft_do_drop(&nl);
	nft_rule_end(&nl, NULL);
	work();
	nft_match_proto(&nl, IPPROTO_TCP);
	nft_match_set(&nl, &ports, NFT_OF(NFT_DPORT), false);
	nft_do_mark(&nl, 1);
	nft_rule_end(&nl, NULL);
	nft_rule_begin(&nl, &t, "pre", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_do_dnat_map(&nl, &hp4, NFT_OF(NFT_L4PROTO, NFT_DPORT));
	nft_rule_end(&nl, NULL);
	nft_rule_begin(&nl, &t, "pre", false);
	nft_match_family(&nl, NFPROTO_IPV6);
	nft_do_dnat_map(&nl, &hp6, NFT_OF(NFT_DADDR, NFT_L4PROTO, NFT_DPORT));
	nft_rule_end(&nl, NULL);
	nft_rule_begin(&nl, &b, "c", false);
	nft_match_ethertype(&nl, ETH_P_IP);
	nft_match_set(&nl, &macs, NFT_OF(NFT_IIFNAME, NFT_ETHER_SADDR, NFT_SADDR), true);
	nft_do_drop(&nl);
	nft_rule_end(&nl, NULL);
}

static void test_whole(void **state)
{
	(void)state;
	write_sets();
	write_elements();
	write_rules();
	commit();
	shows("nft list ruleset", whole);

	/* Once more: objects and elements are there alike. */
	write_sets();
	write_elements();
	commit();
	shows("nft list ruleset", whole);

	/* What nft(8) prints it must be able to read. */
	shows("f=$(mktemp); nft list ruleset >$f; nft -c -f $f; r=$?; rm $f; exit $r", "");
}

/* The types in words of another: nft(8) as JSON. */
static void test_json(void **state)
{
	(void)state;
	write_sets();
	write_elements();
	commit();
	shows("nft -j list map inet t hp4 | jq -c '.nftables[1].map | [.type, .map, .elem]'",
	      "[[\"inet_proto\",\"inet_service\"],\"ipv4_addr . inet_service\","
	      "[[{\"elem\":{\"val\":{\"concat\":[\"tcp\",8080]},\"comment\":\"pod a\"}},"
	      "{\"concat\":[\"10.1.2.3\",80]}]]]\n");
	shows("nft -j list set inet t r4 | jq -c '.nftables[1].set | [.type, .flags, .elem]'",
	      "[[\"ipv4_addr\",\"inet_proto\",\"inet_service\"],[\"interval\"],"
	      "[{\"elem\":{\"val\":{\"concat\":[{\"prefix\":{\"addr\":\"10.1.0.0\",\"len\":16}},"
	      "\"tcp\",{\"range\":[1000,2000]}]},\"comment\":\"r\"}}]]\n");
	shows("nft -j list map inet t vm | jq -c '.nftables[1].map | [.type, .map]'",
	      "[\"ifname\",\"verdict\"]\n");
}

static void test_read(void **state)
{
	static const char *const maps[] = { "proto 6.port 8080: 10.1.2.3.port 80 \"pod a\"" };
	static const char *const ranges[] = {
		"10.1.0.0-10.1.255.255.proto 6-proto 6.port 1000-port 2000 \"r\""
	};
	static const char *const bounds[] = { "port 8000-port 8999 \"p\"",
					      "port 65535-port 65535 \"\"" };
	static const char *const verdicts[] = { "eth0: verdict 1 - \"\"",
						"eth1: verdict -3 work \"x\"" };
	static const char *const marked[] = { "10.1.0.0-10.1.255.255: mark 20 \"m\"" };
	static const char *const names[] = { "eth0.mark 2000 \"\"" };

	(void)state;
	write_sets();
	write_elements();
	commit();
	holds(&hp4, 1, maps);
	holds(&r4, 1, ranges);
	holds(&ports, 2, bounds);
	holds(&vm, 2, verdicts);
	holds(&mm, 1, marked);
	holds(&marks, 1, names);
}

static void test_find(void **state)
{
	struct nft_elem el = host_port(8080, "10.9.9.9", 9, NULL);
	struct nft_found found;

	(void)state;
	write_sets();
	write_elements();
	commit();
	/* By its key, whatever the data; what is found says whose it is and where it leads. */
	assert_int_equal(nft_elem_find(&nl, &t, &hp4, &el, &found, &e), 1);
	assert_string_equal(found.el.comment, "pod a");
	assert_string_equal(addr_text(&found.el.data[0].addr), "10.1.2.3");
	assert_int_equal(found.el.data[1].port, 80);
	el.key[1].port = 8081;
	assert_int_equal(nft_elem_find(&nl, &t, &hp4, &el, &found, &e), 0);
	el = (struct nft_elem){ .key[0].ifname = "eth1" };
	assert_int_equal(nft_elem_find(&nl, &t, &vm, &el, &found, &e), 1);
	assert_int_equal(found.el.data[0].verdict.code, NFT_JUMP);
	assert_string_equal(found.el.data[0].verdict.chain, "work");
}

static void test_change(void **state)
{
	static const char *const want[] = { "proto 6.port 8080: 10.1.2.4.port 81 \"pod b\"" };
	const struct nft_elem old = host_port(8080, "10.1.2.3", 80, "pod a"),
			      other = host_port(8080, "10.1.2.4", 81, "pod b");

	(void)state;
	begin_with(&hp4);
	add(&hp4, old);
	commit();
	nft_begin(&nl);
	add(&hp4, other);
	assert_int_equal(nft_commit(&nl, NULL, &e), -EEXIST);
	err_clear(&e);
	nft_begin(&nl);
	nft_elem_del(&nl, &t, &hp4, &other); /* by key */
	add(&hp4, other);
	commit();
	holds(&hp4, 1, want);
	nft_begin(&nl);
	nft_elem_del(&nl, &t, &hp4, &old);
	commit();
	holds(&hp4, 0, NULL);
}

/* Bounds of a map carry their data and comments through whatever order they come in. */
static void test_map_of_ranges(void **state)
{
	static const char *const want[] = {
		"10.0.0.0-10.0.0.255: verdict -3 work \"a\"",
		"10.0.1.0-10.0.1.255: verdict 0 - \"b\"",
		"255.0.0.0-255.255.255.255: verdict -3 work \"last\"",
	};
	struct nft_elem a = range("10.0.0.0/24", "a"), next = range("10.0.1.0/24", "b"),
			last = range("255.0.0.0/8", "last");

	(void)state;
	a.data[0].verdict.code = last.data[0].verdict.code = NFT_JUMP;
	a.data[0].verdict.chain = last.data[0].verdict.chain = "work";
	begin_with(&im);
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "work" });
	add(&im, next);
	add(&im, last);
	add(&im, a);
	commit();
	holds(&im, 3, want);
}

/* ---- packets ---- */

static int bound_socket(const char *ip, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, ip, &to.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* A datagram to 127.0.0.1:port comes out at this socket. */
static void arrives(uint16_t port, int at)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd p = { .fd = at, .events = POLLIN };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char c = 'x';

	assert_int_equal(sendto(fd, &c, 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(recv(at, &c, 1, 0), 1);
	close(fd);
}

static void test_packets_dnat(void **state)
{
	struct nft_elem el = host_port(1000, "127.0.0.9", 2000, NULL);
	int inside, outside;

	(void)state;
	el.key[0].proto = IPPROTO_UDP;
	assert_int_equal(system("ip link set lo up"), 0);
	outside = bound_socket("127.0.0.1", 1001);
	inside = bound_socket("127.0.0.9", 2000);
	begin_with(&hp4);
	nft_chain_add(&nl, &t, &(struct nft_chain){ "out", "nat", NF_INET_LOCAL_OUT, -100, false });
	add(&hp4, el);
	nft_rule_begin(&nl, &t, "out", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_do_dnat_map(&nl, &hp4, NFT_OF(NFT_L4PROTO, NFT_DPORT));
	nft_rule_end(&nl, NULL);
	commit();
	arrives(1000, inside);
	arrives(1001, outside);
	close(inside);
	close(outside);
}

/* Several questions in one go: more than one reading of the socket takes. */
static void test_query(void **state)
{
	const struct nft_chain chain = { "c", "filter", NF_INET_LOCAL_IN, 5 };
	const struct nft_chain other = { "c", "filter", NF_INET_LOCAL_IN, 6 };
	const struct nft_chain missing = { "d" };
	const struct nft_elem el = host_port(80, "10.1.2.3", 80, "pod a");
	const struct nft_elem data = host_port(80, "10.1.2.4", 80, NULL);
	struct nft_query q[20] = {
		{ .chain = NULL }, { .chain = &chain }, { .chain = &other }, { .chain = &missing }
	};

	(void)state;
	for (size_t i = 4; i < 20; i++) {
		q[i].set = &hp4;
		q[i].el = i % 2 ? &el : &data;
	}
	assert_int_equal(nft_query(&nl, &t, q, 20, &e), 0);
	for (size_t i = 0; i < 20; i++)
		assert_false(q[i].found || q[i].alike);
	begin_with(&hp4);
	add(&hp4, el);
	nft_chain_add(&nl, &t, &chain);
	nft_rule_begin(&nl, &t, "c", false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, "r");
	commit();
	assert_int_equal(nft_query(&nl, &t, q, 20, &e), 0);
	assert_true(q[0].found && q[0].alike && q[1].found && q[1].alike);
	assert_int_equal(q[0].use, 2);
	assert_int_equal(q[1].use, 1);
	assert_true(q[2].found && !q[2].alike && !q[3].found);
	for (size_t i = 4; i < 20; i++) {
		assert_true(q[i].found && q[i].alike == i % 2);
		assert_string_equal(q[i].comment, "pod a");
	}
	nft_begin(&nl);
	nft_elem_create(&nl, &t, &hp4, &el);
	assert_int_equal(nft_commit(&nl, NULL, &e), -EEXIST);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, each_begin, each_end)
	const struct CMUnitTest tests[] = {
		TEST(test_whole),	 TEST(test_json),   TEST(test_read),
		TEST(test_find),	 TEST(test_change), TEST(test_map_of_ranges),
		TEST(test_packets_dnat), TEST(test_query),
	};

	return enter_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
