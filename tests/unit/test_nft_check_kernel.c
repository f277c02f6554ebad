/*
 * Are rules, sets and chains in the running kernel those that were written? With every expression
 * that net/nft can write, and changes of each that nft(8) makes.
 */
#include "nft_kernel.h"

#include <netinet/in.h>
#include <linux/if_ether.h>

static const struct nft_set pods4 = { "pods4", { NFT_TYPE_IPV4 } };
static const struct nft_set pods6 = { "pods6", { NFT_TYPE_IPV6 } };
static const struct nft_set home4 = { "home4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true };
static const struct nft_set home6 = { "home6", { NFT_TYPE_IPV6, NFT_TYPE_IPV6 }, .interval = true };
static const struct nft_set ports4 = { "ports4",
				       { NFT_TYPE_PROTO, NFT_TYPE_PORT },
				       { NFT_TYPE_IPV4, NFT_TYPE_PORT } };
static const struct nft_set ports6 = { "ports6",
				       { NFT_TYPE_PROTO, NFT_TYPE_PORT },
				       { NFT_TYPE_IPV6, NFT_TYPE_PORT } };
static const struct nft_set to4 = { "to4", { NFT_TYPE_IPV4 }, { NFT_TYPE_IPV4 } };
static const struct nft_set marks = { "marks", { NFT_TYPE_IFNAME }, { NFT_TYPE_MARK } };
static const struct nft_set verdicts = { "verdicts", { NFT_TYPE_MARK }, { NFT_TYPE_VERDICT } };
static const struct nft_set *const sets[] = { &pods4,  &pods6, &home4, &home6,	 &ports4,
					      &ports6, &to4,   &marks, &verdicts };
#define SETS (sizeof(sets) / sizeof(sets[0]))

static const struct nft_chain chains[] = {
	{ .name = "side" },
	{ "pre", "nat", NF_INET_PRE_ROUTING, -100 },
	{ "post", "nat", NF_INET_POST_ROUTING, 99 },
	{ "forward", "filter", NF_INET_FORWARD, 0, .drop = true },
};
#define CHAINS (sizeof(chains) / sizeof(chains[0]))

static void rule(const char *chain, uint8_t family)
{
	nft_rule_begin(&nl, &t, chain, false);
	if (family)
		nft_match_family(&nl, family);
}

static void end(void)
{
	nft_rule_end(&nl, "a rule");
}

static void put_nat(void)
{
	rule("pre", AF_INET);
	nft_match_daddr_local(&nl, false);
	nft_do_dnat_map(&nl, &ports4, NFT_OF(NFT_L4PROTO, NFT_DPORT));
	end();
	rule("pre", AF_INET6);
	nft_do_dnat_map(&nl, &ports6, NFT_OF(NFT_L4PROTO, NFT_DPORT));
	end();
	rule("pre", AF_INET);
	nft_do_dnat_map(&nl, &to4, NFT_OF(NFT_DADDR));
	end();
	for (int v6 = 0; v6 < 2; v6++) {
		struct prefix p = P(v6 ? "ff00::/8" : "224.0.0.0/4");

		rule("post", v6 ? AF_INET6 : AF_INET);
		nft_match_set(&nl, v6 ? &pods6 : &pods4, NFT_OF(NFT_SADDR), false);
		nft_match_set(&nl, v6 ? &home6 : &home4, NFT_OF(NFT_SADDR, NFT_DADDR), true);
		nft_match_daddr(&nl, &p, true);
		nft_do_masquerade(&nl, !v6);
		end();
	}
}

static void put_filter(void)
{
	struct prefix p = P("10.1.2.0/24"), host = P("10.1.2.3/32");

	rule("forward", 0);
	nft_match_ct_state(&nl, 2);
	nft_do_counter(&nl);
	nft_do_accept(&nl);
	end();
	rule("forward", AF_INET);
	nft_match_saddr(&nl, &p, false);
	nft_match_daddr(&nl, &host, false);
	nft_match_proto(&nl, IPPROTO_TCP);
	nft_match_iif(&nl, "cni0", true);
	nft_match_oif(&nl, "cni0", false);
	nft_do_jump(&nl, "side");
	end();
	rule("forward", 0);
	nft_match_mark(&nl, 0x2000, 0x2000, false);
	nft_do_drop(&nl);
	end();
	rule("side", 0);
	nft_do_mark_map(&nl, &marks, NFT_OF(NFT_IIFNAME));
	end();
	rule("side", 0);
	nft_do_vmap(&nl, &verdicts, NFT_OF(NFT_MARK));
	end();
	rule("side", 0);
	nft_do_mark(&nl, 0x4000);
	nft_do_return(&nl);
	end();
}

static void put(struct nl *n)
{
	assert_ptr_equal(n, &nl);
	put_nat();
	put_filter();
}

static void make(void)
{
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	for (size_t i = 0; i < SETS; i++)
		nft_set_add(&nl, &t, sets[i]);
	for (size_t i = 0; i < CHAINS; i++)
		nft_chain_add(&nl, &t, &chains[i]);
	put(&nl);
	commit();
}

static void nft(const char *command)
{
	char line[512], out[256];

	snprintf(line, sizeof(line), "nft -f - <<'EOF'\n%s\nEOF", command);
	run(line, out, sizeof(out));
}

static const char *checked(void)
{
	static struct nft_rules_differ d;
	int r = nft_rules_check(&nl, &t, put, &d, &e);

	if (r < 0)
		fail_msg("%s", e.text);
	return r ? "alike" : d.lacks ? "lacks" : d.chain;
}

static void test_alike(void **state)
{
	(void)state;
	assert_string_equal(checked(), "lacks"); /* there is no table */
	make();
	assert_string_equal(checked(), "alike");
	nft("add chain inet t other\nadd rule inet t other accept");
	assert_string_equal(checked(), "alike");
}

static void replace(const char *chain, const char *match, const char *with)
{
	char line[512], out[64];

	snprintf(line, sizeof(line),
		 "nft replace rule inet t %s handle $(nft -a list table inet t | sed -n "
		 "'/%s.*comment/s/.*handle //p') '%s'",
		 chain, match, with);
	run(line, out, sizeof(out));
}

/* Counts and comments are no change, nor is a rule that nft(8) has read and written. */
static void test_same(void **state)
{
	(void)state;
	make();
	replace("forward", "ct state", "ct state established counter packets 3 bytes 200 accept");
	replace("post", "224",
		"ip saddr @pods4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 masquerade "
		"fully-random");
	assert_string_equal(checked(), "alike");
}

/* nft(8) prints them and writes them in its own way. */
static void test_saved(void **state)
{
	char out[64];

	(void)state;
	make();
	run("f=$(mktemp) && nft list ruleset >$f && nft flush ruleset && nft -f $f && rm $f", out,
	    sizeof(out));
	assert_string_equal(checked(), "alike");
}

/* One rule after the other is replaced by one that differs in a single thing. */
static void test_changed(void **state)
{
	static const struct {
		const char *match, *with, *chain;
	} changes[] = {
		{ "224",
		  "ip saddr @pods4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 "
		  "masquerade",
		  "post" },
		{ "224",
		  "ip saddr @pods4 ip saddr . ip daddr @home4 ip daddr != 224.0.0.0/4 "
		  "masquerade fully-random",
		  "post" },
		{ "224",
		  "ip saddr @pods4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/5 "
		  "masquerade fully-random",
		  "post" },
		{ "224", "ip saddr @pods4 ip saddr . ip daddr != @home4 masquerade fully-random",
		  "post" },
		{ "224",
		  "ip saddr @pods4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 "
		  "accept",
		  "post" },
		{ "224",
		  "ip daddr @pods4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 "
		  "masquerade fully-random",
		  "post" },
		{ "0x00002000", "meta mark & 0x2000 == 0x2000 accept", "forward" },
		{ "0x00002000", "meta mark & 0x3000 == 0x2000 drop", "forward" },
		{ "cni0", "ip saddr 10.1.2.0/24 drop", "forward" },
		{ "ct state", "ct state new counter accept", "forward" },
		{ "ff00::",
		  "ip6 saddr @pods6 ip6 saddr . ip6 daddr != @home6 ip6 daddr != ff00::/9 "
		  "masquerade",
		  "post" },
		{ "ff00::",
		  "ip6 saddr @pods6 ip6 saddr . ip6 daddr != @home6 ip6 daddr ff00::/8 masquerade",
		  "post" },
		{ "ff00::",
		  "ip6 saddr @pods6 ip6 saddr . ip6 daddr != @home6 ip6 saddr != ff00::/8 "
		  "masquerade",
		  "post" },
		{ "ports6", "meta nfproto ipv6 accept", "pre" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		make();
		replace(changes[i].chain, changes[i].match, changes[i].with);
		assert_string_equal(checked(), changes[i].chain);
		run("nft flush ruleset", out, sizeof(out));
	}
}

static void test_fewer_and_more(void **state)
{
	(void)state;
	make();
	nft("add rule inet t side accept");
	assert_string_equal(checked(), "side");
	nft("flush chain inet t side");
	assert_string_equal(checked(), "lacks");
	nft("flush table inet t");
	assert_string_equal(checked(), "lacks");
	nft("delete table inet t");
	make();
	nft("insert rule inet t pre accept");
	assert_string_equal(checked(), "pre");
}

static struct nft_query ask_set(const struct nft_set *s)
{
	struct nft_query q = { .set = s };

	if (nft_query(&nl, &t, &q, 1, &e) < 0)
		fail_msg("%s", e.text);
	return q;
}

static void test_sets(void **state)
{
	static const char *const others[] = {
		"set pods4 { type ipv4_addr; flags timeout; }",
		"set pods4 { type ipv4_addr; size 1; }",
		"set pods4 { type ipv6_addr; }",
		"set pods4 { type mark; }", /* as many bytes */
		"set pods4 { type ipv4_addr; flags interval; }",
		"set pods4 { type ipv4_addr; flags constant; elements = { 10.1.0.1 } }",
		"map pods4 { type ipv4_addr : ipv4_addr; }",
	};
	char line[256];

	(void)state;
	assert_false(ask_set(&pods4).found);
	make();
	for (size_t i = 0; i < SETS; i++)
		assert_true(ask_set(sets[i]).alike);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(line, sizeof(line), "delete table inet t\ntable inet t { %s; }",
			 others[i]);
		nft(line);
		assert_true(ask_set(&pods4).found);
		assert_false(ask_set(&pods4).alike);
	}
	nft("delete table inet t\ntable inet t { map to4 { type ipv4_addr : mark; }; }");
	assert_false(ask_set(&to4).alike);
}

static void test_generation(void **state)
{
	struct nft_query q[2] = { { .generation = true }, { .set = NULL } };
	uint32_t before;

	(void)state;
	assert_int_equal(nft_query(&nl, &t, q, 2, &e), 0);
	assert_true(q[0].found);
	assert_false(q[1].found);
	assert_int_equal(nft_generation(&nl, &before, &e), 0);
	assert_int_equal(q[0].use, before);
	make();
	assert_int_equal(nft_query(&nl, &t, q, 2, &e), 0);
	assert_int_equal(q[0].use, before + 1);
	assert_true(q[1].found);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, each_begin, each_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_alike),      TEST(test_same),		  TEST(test_saved),
		TEST(test_changed),    TEST(test_fewer_and_more), TEST(test_sets),
		TEST(test_generation),
	};

	return enter_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
