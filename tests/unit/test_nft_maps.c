/*
 * Sets and maps of concatenations: the encoder against what nft(8) sends for the same command
 * (nft_golden_maps.h).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/err.h"
#include "net/nft.h"
#include "net/nl.h"
#include "nft_golden_maps.h"

static _Alignas(16) char room[65536];
static struct nl nl;
static const struct nft_table t = { NFPROTO_INET, "t" }, b = { NFPROTO_BRIDGE, "b" };
static const struct nft_set k4 = { "k4", { NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT } };
static const struct nft_set r4 = { "r4",
				   { NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT },
				   .interval = true };
static const struct nft_set ports = { "ports", { NFT_TYPE_PORT }, .interval = true };
static const struct nft_set protos = { "protos", { NFT_TYPE_PROTO } };
static const struct nft_set marks = { "marks", { NFT_TYPE_MARK } };
static const struct nft_set macs = { "macs", { NFT_TYPE_IFNAME, NFT_TYPE_MAC } };
static const struct nft_set mac = { "mac", { NFT_TYPE_MAC } };
static const struct nft_set hp4 = { "hp4",
				    { NFT_TYPE_PROTO, NFT_TYPE_PORT },
				    { NFT_TYPE_IPV4, NFT_TYPE_PORT } };
static const struct nft_set hp6 = { "hp6",
				    { NFT_TYPE_IPV6, NFT_TYPE_PROTO, NFT_TYPE_PORT },
				    { NFT_TYPE_IPV6, NFT_TYPE_PORT } };
static const struct nft_set vm = { "vm", { NFT_TYPE_IFNAME }, { NFT_TYPE_VERDICT } };
static const struct nft_set mm = { "mm", { NFT_TYPE_IPV4 }, { NFT_TYPE_MARK }, .interval = true };
static const struct nft_set pm = { "pm", { NFT_TYPE_IPV4, NFT_TYPE_MARK }, { NFT_TYPE_VERDICT } };

static void fresh(void)
{
	memset(&nl, 0, sizeof(nl));
	nl.fd = -1;
	nl.buf = room;
	nl.cap = sizeof(room);
}

static struct addr A(const char *s) {
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static void
add(const struct nft_set *s, struct nft_elem el)
{
	nft_elem_add(&nl, &t, s, &el);
}

#define SET(s)                                                                                     \
	static void set_##s(void)                                                                  \
	{                                                                                          \
		nft_set_add(&nl, &t, &s);                                                          \
	}
SET(k4)
SET(r4)
SET(ports)
SET(protos)
SET(marks)
SET(hp4)
SET(hp6)
SET(vm)
SET(mm)
SET(pm)

static void set_macs(void)
{
	nft_set_add(&nl, &b, &macs);
}

static void set_mac(void)
{
	nft_set_add(&nl, &b, &mac);
}

static void elem_k4(void)
{
	add(&k4, (struct nft_elem){
			 .key = { { A("10.1.2.3") }, { .proto = IPPROTO_TCP }, { .port = 80 } },
			 .comment = "pod a" });
}

static void elem_r4(void)
{
	add(&r4,
	    (struct nft_elem){
		    .key = { { A("10.1.0.0") }, { .proto = IPPROTO_UDP }, { .port = 1000 } },
		    .last = { { A("10.1.255.255") }, { .proto = IPPROTO_UDP }, { .port = 2000 } },
		    .range = true,
		    .comment = "pod b" });
}

static void elem_port_8000(void)
{
	add(&ports, (struct nft_elem){ .key[0].port = 8000, .last[0].port = 8999, .range = true });
}

static void elem_port_last(void)
{
	add(&ports, (struct nft_elem){ .key[0].port = 65535 });
}

static void elem_port_first(void)
{
	add(&ports, (struct nft_elem){ .last[0].port = 79, .range = true });
}

static void elem_mark(void)
{
	add(&marks, (struct nft_elem){ .key[0].mark = 0x2000 });
}

static void elem_macs(void)
{
	const struct nft_elem el = { .key = { { .ifname = "veth1" }, { .mac = { 2, [5] = 1 } } },
				     .comment = "spoof" };

	nft_elem_add(&nl, &b, &macs, &el);
}

static void elem_hp4(void)
{
	add(&hp4, (struct nft_elem){ .key = { { .proto = IPPROTO_TCP }, { .port = 8080 } },
				     .data = { { A("10.1.2.3") }, { .port = 80 } },
				     .comment = "pod a" });
}

static void elem_hp6(void)
{
	add(&hp6, (struct nft_elem){
			  .key = { { A("fd00::1") }, { .proto = IPPROTO_UDP }, { .port = 53 } },
			  .data = { { A("fd00::2") }, { .port = 5353 } } });
}

static void elem_accept(void)
{
	add(&vm, (struct nft_elem){ .key[0].ifname = "eth0", .data[0].verdict = { NF_ACCEPT } });
}

static void elem_jump(void)
{
	add(&vm,
	    (struct nft_elem){ .key[0].ifname = "eth1", .data[0].verdict = { NFT_JUMP, "c" } });
}

static void elem_mm_first(void)
{
	add(&mm, (struct nft_elem){ .key[0].addr = A("0.0.0.0"),
				    .last[0].addr = A("0.255.255.255"),
				    .range = true,
				    .data[0].mark = 0x10 });
}

static void elem_mm(void)
{
	add(&mm, (struct nft_elem){ .key[0].addr = A("10.1.0.0"),
				    .last[0].addr = A("10.1.255.255"),
				    .range = true,
				    .data[0].mark = 0x20,
				    .comment = "mm" });
}

static void rule_k4(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_set(&nl, &k4, NFT_OF(NFT_SADDR, NFT_L4PROTO, NFT_DPORT), false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_hp4(void)
{
	nft_rule_begin(&nl, &t, "pre", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_do_dnat_map(&nl, &hp4, NFT_OF(NFT_L4PROTO, NFT_DPORT));
	nft_rule_end(&nl, NULL);
}

static void rule_hp6(void)
{
	nft_rule_begin(&nl, &t, "pre", false);
	nft_match_family(&nl, NFPROTO_IPV6);
	nft_do_dnat_map(&nl, &hp6, NFT_OF(NFT_DADDR, NFT_L4PROTO, NFT_DPORT));
	nft_rule_end(&nl, NULL);
}

static void rule_vm(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_do_vmap(&nl, &vm, NFT_OF(NFT_IIFNAME));
	nft_rule_end(&nl, NULL);
}

static void rule_mm(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_do_mark_map(&nl, &mm, NFT_OF(NFT_SADDR));
	nft_rule_end(&nl, NULL);
}

static void rule_pm(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_do_vmap(&nl, &pm, NFT_OF(NFT_SADDR, NFT_MARK));
	nft_rule_end(&nl, NULL);
}

static void rule_macs(void)
{
	nft_rule_begin(&nl, &b, "c", false);
	nft_match_set(&nl, &macs, NFT_OF(NFT_IIFNAME, NFT_ETHER_SADDR), true);
	nft_do_drop(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_mark(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_do_mark(&nl, 0x2000);
	nft_rule_end(&nl, NULL);
}

static void elem_hp4_del(void)
{
	const struct nft_elem el = { .key = { { .proto = IPPROTO_TCP }, { .port = 8080 } },
				     .data = { { A("10.9.9.9") }, { .port = 9 } }, /* not sent */
				     .comment = "is not sent" };

	nft_elem_del(&nl, &t, &hp4, &el);
}

static void (*const builders[])(void) = {
	set_k4,	   set_r4,    set_ports,       set_protos,     set_marks,      set_macs,
	set_mac,   set_hp4,   set_hp6,	       set_vm,	       set_mm,	       set_pm,
	elem_k4,   elem_r4,   elem_port_first, elem_port_8000, elem_port_last, elem_mark,
	elem_macs, elem_hp4,  elem_hp6,	       elem_accept,    elem_jump,      elem_mm_first,
	elem_mm,   rule_k4,   rule_hp4,	       rule_hp6,       rule_vm,	       rule_mm,
	rule_pm,   rule_macs, rule_mark,       elem_hp4_del,
};

static void test_golden(void **state)
{
	const size_t count = sizeof(goldens) / sizeof(goldens[0]);

	(void)state;
	assert_int_equal(count, sizeof(builders) / sizeof(builders[0]));
	for (size_t i = 0; i < count; i++) {
		fresh();
		builders[i]();
		expect_golden(&goldens[i], &nl);
	}
}

/* A name that fills its field is cut, and the start of a name is another's. */
static void test_name_length(void **state)
{
	struct nft_elem el = { .data[0].verdict = { NF_ACCEPT } };
	struct err e = { 0 };

	(void)state;
	fresh();
	memset(el.key[0].ifname, 'x', sizeof(el.key[0].ifname));
	nft_begin(&nl);
	nft_elem_add(&nl, &t, &vm, &el);
	assert_int_equal(nft_commit(&nl, NULL, &e), -EMSGSIZE);
	assert_string_equal(e.text, "nftables transaction: an interface name is too long");
	assert_false(nl.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_name_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
