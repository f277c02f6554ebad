/*
 * The nf_tables encoder against what nft(8) sends for the same command (nft_golden.h).
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
#include <linux/netfilter.h>

#include "base/err.h"
#include "net/nft.h"
#include "net/nl.h"
#include "nft_describe.h"
#include "nft_golden.h"

#define CT_ESTABLISHED_RELATED                                                                     \
	6u /* NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED) */

static _Alignas(16) char room[65536];
static struct nl nl;
static const struct nft_table t = { NFPROTO_INET, "t" };
static const struct nft_set s4 = { "s4", { NFT_TYPE_IPV4 } };
static const struct nft_set s6 = { "s6", { NFT_TYPE_IPV6 } };
static const struct nft_set i4 = { "i4", { NFT_TYPE_IPV4 }, .interval = true };
static const struct nft_set p4 = { "p4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true };
static const struct nft_set q6 = { "q6", { NFT_TYPE_IPV6, NFT_TYPE_IPV6 } };
static const struct nft_set ifs = { "ifs", { NFT_TYPE_IFNAME } };

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

static struct prefix
P(const char *s) {
	struct prefix p;

	assert_true(prefix_parse(s, &p));
	return p;
}

static struct nft_elem
range(const char *s, const char *comment)
{
	struct prefix p = P(s);

	return (struct nft_elem){ .key[0].addr = prefix_first(&p),
				  .last[0].addr = prefix_last(&p),
				  .range = true,
				  .comment = comment };
}

/* ---- one builder per golden command, in the same order ---- */

static void table_add(void)
{
	nft_table_add(&nl, &t);
}
static void chain_add(void)
{
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "c" });
}

static void chain_nat(void)
{
	nft_chain_add(&nl, &t,
		      &(struct nft_chain){ "post", "nat", NF_INET_POST_ROUTING, 100, false });
}

static void chain_drop(void)
{
	nft_chain_add(&nl, &t,
		      &(struct nft_chain){ "early", "filter", NF_INET_FORWARD, -10, true });
}

static void set_s4(void)
{
	nft_set_add(&nl, &t, &s4);
}
static void set_s6(void)
{
	nft_set_add(&nl, &t, &s6);
}
static void set_i4(void)
{
	nft_set_add(&nl, &t, &i4);
}
static void set_p4(void)
{
	nft_set_add(&nl, &t, &p4);
}
static void set_q6(void)
{
	nft_set_add(&nl, &t, &q6);
}
static void set_ifs(void)
{
	nft_set_add(&nl, &t, &ifs);
}

static void elem_s4(void)
{
	nft_elem_add(&nl, &t, &s4,
		     &(struct nft_elem){ .key[0].addr = A("10.1.2.3"), .comment = "pod a" });
}

static void elem_first(void)
{
	struct nft_elem el = range("0.0.0.0/8", "net");

	nft_elem_add(&nl, &t, &i4, &el);
}

static void elem_i4(void)
{
	struct nft_elem el = range("10.1.0.0/16", NULL);

	nft_elem_add(&nl, &t, &i4, &el);
}

static void elem_last(void)
{
	struct nft_elem el = range("255.255.255.0/24", NULL);

	nft_elem_add(&nl, &t, &i4, &el);
}

static struct nft_elem pair(void)
{
	struct nft_elem el = range("10.1.0.0/16", "pair");

	el.key[1].addr = el.last[1].addr = A("10.2.3.4");
	return el;
}

static void elem_p4(void)
{
	struct nft_elem el = pair();

	nft_elem_add(&nl, &t, &p4, &el);
}

static void elem_q6(void)
{
	nft_elem_add(
		&nl, &t, &q6,
		&(struct nft_elem){ .key[0].addr = A("fd00::1"), .key[1].addr = A("fd00::2") });
}

static void elem_ifs(void)
{
	nft_elem_add(&nl, &t, &ifs, &(struct nft_elem){ .key[0].ifname = "eth0" });
}

static void rule_saddr(void)
{
	struct prefix p = P("10.16.0.0/12");

	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_saddr(&nl, &p, false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_daddr_not(void)
{
	struct prefix p = P("10.1.2.3/32");

	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_daddr(&nl, &p, true);
	nft_do_drop(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_six(void)
{
	struct prefix p = P("fd00::77/12"); /* host bits are masked off */

	nft_rule_begin(&nl, &t, "c", true);
	nft_match_family(&nl, NFPROTO_IPV6);
	nft_match_daddr(&nl, &p, false);
	nft_do_return(&nl);
	nft_rule_end(&nl, "six");
}

static void rule_set(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_set(&nl, &s4, NFT_OF(NFT_SADDR), false);
	nft_do_counter(&nl);
	nft_do_jump(&nl, "d");
	nft_rule_end(&nl, NULL);
}

static void rule_names(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_iif(&nl, "cni0", false);
	nft_match_oif(&nl, "cni0", true);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_mark(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_mark(&nl, 0x2000, 0x2000, false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_mark_not(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_mark(&nl, UINT32_MAX, 7, true);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_ct(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_ct_state(&nl, CT_ESTABLISHED_RELATED);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_local(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_daddr_local(&nl, false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_pair(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_set(&nl, &p4, NFT_OF(NFT_SADDR, NFT_DADDR), false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_pair_not(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_family(&nl, NFPROTO_IPV6);
	nft_match_set(&nl, &q6, NFT_OF(NFT_SADDR, NFT_DADDR), true);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_name_sets(void)
{
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_set(&nl, &ifs, NFT_OF(NFT_IIFNAME), false);
	nft_match_set(&nl, &ifs, NFT_OF(NFT_OIFNAME), true);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
}

static void rule_masquerade(void)
{
	nft_rule_begin(&nl, &t, "post", false);
	nft_match_family(&nl, NFPROTO_IPV6);
	nft_match_set(&nl, &s6, NFT_OF(NFT_DADDR), true);
	nft_do_masquerade(&nl, false);
	nft_rule_end(&nl, NULL);
}

static void rule_masquerade_random(void)
{
	nft_rule_begin(&nl, &t, "post", false);
	nft_do_masquerade(&nl, true);
	nft_rule_end(&nl, "");
}

static void elem_s4_del(void)
{
	nft_elem_del(&nl, &t, &s4,
		     &(struct nft_elem){ .key[0].addr = A("10.1.2.3"), .comment = "is not sent" });
}

static void elem_i4_del(void)
{
	struct nft_elem el = range("10.1.0.0/16", NULL);

	nft_elem_del(&nl, &t, &i4, &el);
}

static void elem_p4_del(void)
{
	struct nft_elem el = pair();

	nft_elem_del(&nl, &t, &p4, &el);
}

static void chain_flush(void)
{
	nft_chain_flush(&nl, &t, "c");
}
static void rule_del(void)
{
	nft_rule_del(&nl, &t, "c", 7);
}
static void chain_del(void)
{
	nft_chain_del(&nl, &t, "c");
}
static void table_del(void)
{
	nft_table_del(&nl, &t);
}

static void (*const builders[])(void) = {
	table_add,
	chain_add,
	chain_nat,
	chain_drop,
	set_s4,
	set_s6,
	set_i4,
	set_p4,
	set_q6,
	set_ifs,
	elem_s4,
	elem_first,
	elem_i4,
	elem_last,
	elem_p4,
	elem_q6,
	elem_ifs,
	rule_saddr,
	rule_daddr_not,
	rule_six,
	rule_set,
	rule_names,
	rule_mark,
	rule_mark_not,
	rule_ct,
	rule_local,
	rule_pair,
	rule_pair_not,
	rule_name_sets,
	rule_masquerade,
	rule_masquerade_random,
	elem_s4_del,
	elem_i4_del,
	elem_p4_del,
	chain_flush,
	rule_del,
	chain_del,
	table_del,
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

/* ---- what cannot be written makes the batch bad ---- */

static int commit_error(struct err *e)
{
	int r = nft_commit(&nl, NULL, e);

	assert_int_equal(nl.count, 0);
	assert_int_equal(nl.len, 0);
	assert_false(nl.bad);
	return r;
}

static void test_comment_length(void **state)
{
	struct nft_elem el = { .key[0].addr = A("10.0.0.1") };
	char comment[122];
	struct err e = { 0 };

	(void)state;
	memset(comment, 'x', sizeof(comment));
	comment[120] = '\0';
	el.comment = comment;
	fresh();
	nft_begin(&nl);
	nft_elem_add(&nl, &t, &s4, &el);
	assert_false(nl.bad);
	nl_discard(&nl);

	comment[120] = 'x';
	comment[121] = '\0';
	nft_begin(&nl);
	nft_elem_add(&nl, &t, &s4, &el);
	assert_int_equal(commit_error(&e), -EMSGSIZE);
	assert_non_null(strstr(e.text, "too long"));
}

static void test_name_length(void **state)
{
	struct err e = { 0 };

	(void)state;
	fresh();
	nft_begin(&nl);
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_iif(&nl, "fifteen-letters", false);
	assert_false(nl.bad);
	nft_match_iif(&nl, "sixteen-letters!", false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
	assert_int_equal(commit_error(&e), -EMSGSIZE);
}

static void test_small_buffer(void **state)
{
	struct err e = { 0 };

	(void)state;
	fresh();
	nl.cap = 64;
	nft_begin(&nl);
	table_add();
	rule_pair();
	assert_int_equal(commit_error(&e), -EMSGSIZE);
	assert_non_null(strstr(e.text, "does not fit"));
}

static void test_empty(void **state)
{
	struct err e = { 0 };

	(void)state;
	fresh(); /* without a socket: a system call would fail */
	nft_begin(&nl);
	assert_int_equal(commit_error(&e), 0);
	assert_int_equal(e.errnum, 0);
}

/* nft_fib_store_result() sets the register's first byte alone; as four it would be another number
 * on a big-endian machine. */
static void test_way_is_the_first_byte(void **state)
{
	static char text[4096];

	(void)state;
	fresh();
	nft_rule_begin(&nl, &t, "c", false);
	nft_match_saddr_way(&nl, false);
	nft_rule_end(&nl, NULL);
	describe((const uint8_t *)nl.buf, nl.len, text, sizeof(text));
	assert_non_null(strstr(text, ".4.1.2.3.1=01000000\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	    cmocka_unit_test(test_comment_length),
		cmocka_unit_test(test_name_length), cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_empty),	    cmocka_unit_test(test_way_is_the_first_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
