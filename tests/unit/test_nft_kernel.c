/*
 * nf_tables objects and elements against the running kernel, in a network namespace of the test's
 * own: what nft(8) prints of what we wrote, and what we read back. Skips with a reason where there
 * is no right to make a namespace.
 */
#include "nft_kernel.h"

#include <sys/personality.h>

#define ESTABLISHED_RELATED                                                                        \
	6u /* NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED) */

static const struct nft_set s4 = { "s4", { NFT_TYPE_IPV4 } };
static const struct nft_set s6 = { "s6", { NFT_TYPE_IPV6 } };
static const struct nft_set i4 = { "i4", { NFT_TYPE_IPV4 }, .interval = true };
static const struct nft_set i6 = { "i6", { NFT_TYPE_IPV6 }, .interval = true };
static const struct nft_set p4 = { "p4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true };
static const struct nft_set p6 = { "p6", { NFT_TYPE_IPV6, NFT_TYPE_IPV6 }, .interval = true };
static const struct nft_set q4 = { "q4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 } };
static const struct nft_set ifs = { "ifs", { NFT_TYPE_IFNAME } };

/* A table with a set; the transaction stays open. */
static void begin_with(const struct nft_set *s)
{
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_set_add(&nl, &t, s);
}

static void add(const struct nft_set *s, struct nft_elem el)
{
	nft_elem_add(&nl, &t, s, &el);
}

static void masquerade(uint8_t family, const struct nft_set *from)
{
	nft_rule_begin(&nl, &t, "nat", false);
	nft_match_family(&nl, family);
	nft_match_set(&nl, from, NFT_OF(NFT_SADDR), false);
	nft_do_masquerade(&nl, family == NFPROTO_IPV6);
	nft_rule_end(&nl, family == NFPROTO_IPV6 ? "leaves the cluster" : NULL);
}

static void write_rules(void)
{
	struct prefix p = P("10.1.7.0/24"), six = P("fd00:1::/44");

	nft_rule_begin(&nl, &t, "work", false);
	nft_match_ct_state(&nl, ESTABLISHED_RELATED);
	nft_do_return(&nl);
	nft_rule_end(&nl, NULL);
	nft_rule_begin(&nl, &t, "work", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_saddr(&nl, &p, false);
	nft_match_set(&nl, &i4, NFT_OF(NFT_DADDR), true);
	nft_match_mark(&nl, 0x2000, 0x2000, true);
	nft_do_counter(&nl);
	nft_do_drop(&nl);
	nft_rule_end(&nl, "the comment");
	nft_rule_begin(&nl, &t, "work", true);
	nft_match_family(&nl, NFPROTO_IPV6);
	nft_match_daddr(&nl, &six, true);
	nft_match_iif(&nl, "cni0", true);
	nft_match_daddr_local(&nl, false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, "at the head");
	nft_rule_begin(&nl, &t, "forward", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_set(&nl, &p4, NFT_OF(NFT_SADDR, NFT_DADDR), false);
	nft_match_set(&nl, &ifs, NFT_OF(NFT_IIFNAME), false);
	nft_do_jump(&nl, "work");
	nft_rule_end(&nl, NULL);
}

static const char whole[] =
	"table inet t {\n"
	"	set s4 {\n		type ipv4_addr\n		elements = { 10.1.2.3 "
	"comment \"pod a\" "
	"}\n	}\n\n"
	"	set s6 {\n		type ipv6_addr\n		elements = { fd00::1 "
	"comment \"pod b\" "
	"}\n	}\n\n"
	"	set i4 {\n		type ipv4_addr\n		flags interval\n"
	"		elements = { 10.1.0.0/16 comment \"the net\" }\n	}\n\n"
	"	set p4 {\n		type ipv4_addr . ipv4_addr\n		flags interval\n"
	"		elements = { 10.1.0.0/16 . 10.2.0.0/24 comment \"pair\" }\n	}\n\n"
	"	set ifs {\n		type ifname\n		elements = { \"cni0\" }\n	"
	"}\n\n"
	"	chain work {\n"
	"		ip6 daddr != fd00:1::/44 iifname != \"cni0\" fib daddr type local accept "
	"comment \"at the "
	"head\"\n"
	"		ct state established,related return\n"
	"		ip saddr 10.1.7.0/24 ip daddr != @i4 meta mark & 0x00002000 != 0x00002000 "
	"counter packets 0 "
	"bytes 0 drop "
	"comment \"the comment\"\n"
	"	}\n\n"
	"	chain forward {\n		type filter hook forward priority filter - 10; "
	"policy drop;\n"
	"		ip saddr . ip daddr @p4 iifname @ifs jump work\n	}\n\n"
	"	chain nat {\n		type nat hook postrouting priority srcnat; policy accept;\n"
	"		ip saddr @s4 masquerade\n"
	"		ip6 saddr @s6 masquerade fully-random comment \"leaves the cluster\"\n	}\n"
	"}\n";

static void write_whole(void)
{
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_set_add(&nl, &t, &s4);
	nft_set_add(&nl, &t, &s6);
	nft_set_add(&nl, &t, &i4);
	nft_set_add(&nl, &t, &p4);
	nft_set_add(&nl, &t, &ifs);
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "work" });
	nft_chain_add(&nl, &t,
		      &(struct nft_chain){ "forward", "filter", NF_INET_FORWARD, -10, true });
	nft_chain_add(&nl, &t,
		      &(struct nft_chain){ "nat", "nat", NF_INET_POST_ROUTING, 100, false });
	add(&s4, single("10.1.2.3", "pod a"));
	add(&s6, single("fd00::1", "pod b"));
	add(&i4, range("10.1.0.0/16", "the net"));
	add(&p4, pair("10.1.0.0/16", "10.2.0.0/24", "pair"));
	add(&ifs, (struct nft_elem){ .key[0].ifname = "cni0" });
}

static void test_whole(void **state)
{
	(void)state;
	write_whole();
	masquerade(NFPROTO_IPV4, &s4);
	masquerade(NFPROTO_IPV6, &s6);
	write_rules();
	commit();
	shows("nft list ruleset", whole);

	/*
	 * Once more, as a node program does after a restart: objects are there alike, rules are
	 * replaced.
	 */
	write_whole();
	nft_chain_flush(&nl, &t, "work");
	nft_chain_flush(&nl, &t, "forward");
	nft_chain_flush(&nl, &t, "nat");
	masquerade(NFPROTO_IPV4, &s4);
	masquerade(NFPROTO_IPV6, &s6);
	write_rules();
	commit();
	shows("nft list ruleset", whole);

	/* What nft(8) prints it must be able to read. */
	shows("nft list ruleset > /dev/shm/cnibox-nft.$$; nft -c -f /dev/shm/cnibox-nft.$$; r=$?; "
	      "rm "
	      "/dev/shm/cnibox-nft.$$; exit $r",
	      "");
}

/* A chain at this hook that asks for the way back: does the kernel take it? */
static int ask_way(uint32_t hook)
{
	struct err unread = { 0 };

	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "work" });
	nft_chain_add(&nl, &t, &(struct nft_chain){ "way", "filter", hook, 0, false });
	nft_rule_begin(&nl, &t, "way", false);
	nft_match_saddr_way(&nl, true);
	nft_do_goto(&nl, "work");
	nft_rule_end(&nl, NULL);
	nft_rule_begin(&nl, &t, "way", false);
	nft_match_saddr_way(&nl, false);
	nft_do_accept(&nl);
	nft_rule_end(&nl, NULL);
	return nft_commit(&nl, NULL, &unread);
}

static void test_way(void **state)
{
	int was;

	(void)state;
	assert_int_equal(ask_way(NF_INET_PRE_ROUTING), 0);
	shows("nft list chain inet t way",
	      "table inet t {\n	chain way {\n"
	      "		type filter hook prerouting priority filter; policy accept;\n"
	      "		fib saddr . iif oif missing goto work\n"
	      "		fib saddr . iif oif exists accept\n	}\n}\n");
	nft_begin(&nl);
	nft_table_del(&nl, &t);
	commit();
	assert_int_equal(ask_way(NF_INET_FORWARD), nft_has_way_at_forward() ? 0 : -EOPNOTSUPP);
	was = personality(UNAME26);
	assert_false(nft_has_way_at_forward());
	personality((unsigned long)was);
}

static void test_delete(void **state)
{
	struct nft_elem el = single("10.1.2.3", NULL), wide = range("10.1.0.0/16", NULL);

	(void)state;
	write_whole();
	commit();
	nft_begin(&nl);
	nft_elem_del(&nl, &t, &i4, &wide);
	nft_elem_del(&nl, &t, &s4, &el);
	nft_chain_del(&nl, &t, "work");
	commit();
	shows_part("nft list set inet t i4", "flags interval\n	}");
	shows_part("nft list set inet t s4", "type ipv4_addr\n	}");
	shows("nft list chains | grep -c work || true", "0\n");
	assert_int_equal(nft_table_find(&nl, &t, &e), 1);
	nft_begin(&nl);
	nft_table_del(&nl, &t);
	commit();
	assert_int_equal(nft_table_find(&nl, &t, &e), 0);
	assert_int_equal(e.errnum, 0);
	shows("nft list ruleset", "");
}

/* ---- elements ---- */

static void test_plain(void **state)
{
	static const char *const want[] = { "10.0.0.1 \"one\"", "10.0.0.2 \"\"" };
	struct nft_elem el = single("10.0.0.2", NULL), none = single("10.0.0.3", NULL);

	(void)state;
	begin_with(&s4);
	add(&s4, single("10.0.0.1", "one"));
	add(&s4, el);
	commit();
	holds(&s4, 2, want);
	assert_int_equal(nft_elem_find(&nl, &t, &s4, &el, NULL, &e), 1);
	assert_int_equal(nft_elem_find(&nl, &t, &s4, &none, NULL, &e), 0);
	nft_begin(&nl);
	add(&s4, single("10.0.0.1",
			"another comment")); /* there already: no error, the old comment stays */
	nft_elem_del(&nl, &t, &s4, &el);
	commit();
	holds(&s4, 1, want);
	assert_int_equal(nft_elem_find(&nl, &t, &s4, &el, NULL, &e), 0);
	nft_begin(&nl);
	el = single("10.0.0.1", NULL);
	nft_elem_del(&nl, &t, &s4, &el);
	commit();
	holds(&s4, 0, NULL);
}

static void test_names(void **state)
{
	static const char *const want[] = { "cni0 \"\"", "fifteen-letters \"x\"" };
	struct nft_elem el = { .key[0].ifname = "cni0" }, none = { .key[0].ifname = "cni" };

	(void)state;
	begin_with(&ifs);
	add(&ifs, el);
	add(&ifs, (struct nft_elem){ .key[0].ifname = "fifteen-letters", .comment = "x" });
	commit();
	holds(&ifs, 2, want);
	assert_int_equal(nft_elem_find(&nl, &t, &ifs, &el, NULL, &e), 1);
	assert_int_equal(nft_elem_find(&nl, &t, &ifs, &none, NULL, &e), 0);
}

static void test_intervals(void **state)
{
	static const char *const want[] = {
		"0.0.0.0-0.255.255.255 \"first\"", "10.1.0.0-10.1.0.255 \"a\"",
		"10.1.1.0-10.1.1.255 \"b\"",	   "10.1.2.0-10.1.2.0 \"single\"",
		"10.9.0.7-10.9.0.7 \"\"",	   "255.255.255.0-255.255.255.255 \"last\"",
	};
	struct nft_elem inside = single("10.1.0.5", NULL), a = range("10.1.0.0/24", NULL),
			b = range("10.1.1.0/24", NULL);

	(void)state;
	begin_with(&i4);
	add(&i4, range("0.0.0.0/8", "first"));
	add(&i4, range("10.1.1.0/24", "b"));
	add(&i4, range("10.1.0.0/24", "a"));	/* ends where b starts */
	add(&i4, single("10.1.2.0", "single")); /* starts where b ends */
	add(&i4, single("10.9.0.7", NULL));
	add(&i4, range("255.255.255.0/24", "last"));
	commit();
	holds(&i4, 6, want);
	shows_part("nft list set inet t i4",
		   "elements = { 0.0.0.0/8 comment \"first\", 10.1.0.0/24 comment \"a\",\n"
		   "			     10.1.1.0/24 comment \"b\", 10.1.2.0 comment "
		   "\"single\",\n"
		   "			     10.9.0.7, 255.255.255.0/24 comment \"last\" }");
	assert_int_equal(nft_elem_find(&nl, &t, &i4, &a, NULL, &e), 1);
	assert_int_equal(nft_elem_find(&nl, &t, &i4, &b, NULL, &e), 1);
	assert_int_equal(nft_elem_find(&nl, &t, &i4, &inside, NULL, &e), 0);
	nft_begin(&nl);
	add(&i4, a); /* the same again */
	nft_elem_del(&nl, &t, &i4, &b);
	commit();
	assert_int_equal(nft_elem_find(&nl, &t, &i4, &b, NULL, &e), 0);
	assert_int_equal(nft_elem_find(&nl, &t, &i4, &a, NULL, &e), 1);
	shows("nft get element inet t i4 '{ 10.1.1.7 }' 2>&1 | grep -c 'No such' || true", "1\n");
	nft_begin(&nl);
	add(&i4, range("10.1.0.0/16", NULL));
	assert_int_equal(nft_commit(&nl, NULL, &e), -EEXIST);
}

static void test_intervals6(void **state)
{
	static const char *const want[] = {
		"fd00:1::-fd00:1:ffff:ffff:ffff:ffff:ffff:ffff \"net\"",
		"ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \"last\"",
	};

	(void)state;
	begin_with(&i6);
	add(&i6, range("fd00:1::/32", "net"));
	add(&i6, range("ffff::/16", "last"));
	commit();
	holds(&i6, 2, want);
	shows_part("nft list set inet t i6", "elements = { fd00:1::/32 comment \"net\",\n	"
					     "		     ffff::/16 comment \"last\" }");
	nft_begin(&nl);
	add(&i6, range("fd00:1::/32", "net"));
	nft_elem_del(
		&nl, &t, &i6,
		&(struct nft_elem){ .key[0].addr = A("ffff::"),
				    .last[0].addr = A("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
				    .range = true });
	commit();
	holds(&i6, 1, want);
}

static void test_pairs(void **state)
{
	static const char *const want[] = {
		"10.0.0.0-10.255.255.255.10.0.0.0-10.255.255.255 \"all\"",
		"11.0.0.1-11.0.0.1.0.0.0.0-255.255.255.255 \"any\"",
	};
	struct nft_elem all = pair("10.0.0.0/8", "10.0.0.0/8", "all"),
			half = pair("10.0.0.0/8", "10.0.0.0/9", NULL);
	struct nft_elem any = pair("11.0.0.1/32", "0.0.0.0/0", "any");

	(void)state;
	begin_with(&p4);
	add(&p4, all);
	add(&p4, any);
	commit();
	holds(&p4, 2, want);
	shows_part("nft list set inet t p4",
		   "elements = { 10.0.0.0/8 . 10.0.0.0/8 comment \"all\"");
	assert_int_equal(nft_elem_find(&nl, &t, &p4, &all, NULL, &e), 1);
	assert_int_equal(nft_elem_find(&nl, &t, &p4, &half, NULL, &e), 0);
	nft_begin(&nl);
	add(&p4, all);
	nft_elem_del(&nl, &t, &p4, &any);
	commit();
	holds(&p4, 1, want);
	nft_begin(&nl);
	add(&p4, half);
	assert_int_equal(nft_commit(&nl, NULL, &e), -EEXIST);
}

static void test_pairs_plain(void **state)
{
	static const char *const want[] = { "10.0.0.1.10.0.0.2 \"x\"" };
	struct nft_elem el = { .key[0].addr = A("10.0.0.1"),
			       .key[1].addr = A("10.0.0.2"),
			       .comment = "x" };

	(void)state;
	begin_with(&q4);
	nft_set_add(&nl, &t, &p6);
	add(&q4, el);
	add(&p6, pair("fd00::/16", "fd01::/64", NULL));
	commit();
	holds(&q4, 1, want);
	assert_int_equal(nft_elem_find(&nl, &t, &q4, &el, NULL, &e), 1);
	shows_part("nft list set inet t q4", "type ipv4_addr . ipv4_addr\n		elements = "
					     "{ 10.0.0.1 . 10.0.0.2 comment \"x\" }");
	shows_part("nft list set inet t p6", "elements = { fd00::/16 . fd01::/64 }");
}

static int stop(const struct nft_elem *el, void *arg)
{
	(void)el;
	++*(unsigned int *)arg;
	return -ECANCELED;
}

static void test_walk_stops(void **state)
{
	unsigned int calls = 0;

	(void)state;
	begin_with(&s4);
	add(&s4, single("10.0.0.1", NULL));
	add(&s4, single("10.0.0.2", NULL));
	commit();
	assert_int_equal(nft_elem_each(&nl, &t, &s4, stop, &calls, &e), -ECANCELED);
	assert_int_equal(calls, 1);
}

static void test_missing_set(void **state)
{
	struct nft_elem el = single("10.0.0.1", NULL);

	(void)state;
	assert_int_equal(nft_elem_find(&nl, &t, &s4, &el, NULL, &e), 0); /* not even a table */
	holds(&s4, 0, NULL);
	assert_int_equal(e.errnum, 0);
}

/* As after a read that failed: the answer is larger than any that a query has. */
static void leave_a_dump_unread(void)
{
	const struct {
		struct nlmsghdr h;
		struct nfgenmsg g;
		struct nlattr table;
		char t[4];
		struct nlattr set;
		char s4[4];
	} ask = {
		.h = { sizeof(ask), NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM,
		       NLM_F_REQUEST | NLM_F_DUMP, nl.seq - 1, 0 },
		.g = { .nfgen_family = NFPROTO_INET },
		.table = { sizeof(struct nlattr) + 2, NFTA_SET_ELEM_LIST_TABLE },
		.t = "t",
		.set = { sizeof(struct nlattr) + 3, NFTA_SET_ELEM_LIST_SET },
		.s4 = "s4",
	};

	assert_int_equal(send(nl.fd, &ask, sizeof(ask), 0), sizeof(ask));
	assert_true(recv(nl.fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) > 4096);
}

static void test_unread_dump(void **state)
{
	struct nft_elem el = single("10.0.0.7", NULL);
	struct nft_query q = { .set = &s4, .el = &el };

	(void)state;
	begin_with(&s4);
	for (uint8_t i = 0; i < 250; i++) {
		char address[16];

		snprintf(address, sizeof(address), "10.0.0.%u", i);
		add(&s4, single(address, "one of many"));
	}
	commit();
	leave_a_dump_unread();
	assert_int_equal(nft_query(&nl, &t, &q, 1, &e), 0);
	assert_true(q.found);
	assert_string_equal(q.comment, "one of many");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, each_begin, each_end)
	const struct CMUnitTest tests[] = {
		TEST(test_whole),	TEST(test_delete),	TEST(test_plain),
		TEST(test_names),	TEST(test_intervals),	TEST(test_intervals6),
		TEST(test_pairs),	TEST(test_pairs_plain), TEST(test_walk_stops),
		TEST(test_missing_set), TEST(test_unread_dump), TEST(test_way),
	};

	return enter_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
