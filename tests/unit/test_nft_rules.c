/*
 * nf_tables rules against the running kernel: beside iptables-nft's, seen in dumps, felt by
 * packets; and what is left of a transaction that failed. Skips with a reason where there is no
 * right to make a namespace.
 */
#include "nft_kernel.h"

#include <limits.h>

#include "base/text.h"

static const struct nft_table filter = { NFPROTO_IPV4, "filter" };
static const struct nft_set s4 = { "s4", { NFT_TYPE_IPV4 } };
static const struct nft_set i4 = { "i4", { NFT_TYPE_IPV4 }, .interval = true };
static const struct nft_set p4 = { "p4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true };
static const struct nft_set q4 = { "q4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 } };
static const struct nft_set ifs = { "ifs", { NFT_TYPE_IFNAME } };

static void sh(const char *command)
{
	char out[4096];

	run(command, out, sizeof(out));
}

/* ---- the chain of somebody else ---- */

static void forward_accept(const char *comment)
{
	struct prefix p = P("10.1.7.0/24"), host = P("10.1.7.9/32");

	nft_rule_begin(&nl, &filter, "FORWARD", true);
	nft_match_saddr(&nl, &p, false);
	nft_do_counter(&nl);
	nft_do_accept(&nl);
	nft_rule_end(&nl, comment);
	nft_rule_begin(&nl, &filter, "FORWARD", true);
	nft_match_oif(&nl, "cni0", false);
	nft_match_iif(&nl, "cni1", true);
	nft_match_daddr(&nl, &host, true);
	nft_match_mark(&nl, 0x2000, 0x2000, false);
	nft_do_counter(&nl);
	nft_do_accept(&nl);
	nft_rule_end(&nl, comment);
}

static int gather(const struct nft_rule_info *r, void *arg)
{
	text_printf(arg, "%s%s;", r->first ? "first " : "", r->comment);
	return r->handle ? 0 : -EINVAL;
}

static void test_iptables(void **state)
{
	struct text out;
	char buf[512];

	(void)state;
	sh("iptables-nft -P FORWARD DROP && iptables-nft -A FORWARD -s 192.0.2.0/24 -m comment "
	   "--comment theirs -j "
	   "ACCEPT");
	nft_begin(&nl);
	forward_accept("cnibox: pods");
	commit();
	shows("iptables-nft -S FORWARD",
	      "-P FORWARD DROP\n"
	      "-A FORWARD ! -d 10.1.7.9/32 ! -i cni1 -o cni0 -m mark --mark 0x2000/0x2000 "
	      "-m comment --comment \"cnibox: pods\" "
	      "-j ACCEPT\n"
	      "-A FORWARD -s 10.1.7.0/24 -m comment --comment \"cnibox: pods\" -j ACCEPT\n"
	      "-A FORWARD -s 192.0.2.0/24 -m comment --comment theirs -j ACCEPT\n");
	shows_part("iptables-nft -L FORWARD -nv", "    0     0 ACCEPT     0    --  *      *       "
						  "10.1.7.0/24          0.0.0.0/0            /* "
						  "cnibox: pods */");
	text_init(&out, buf, sizeof(buf));
	assert_int_equal(nft_rule_each(&nl, &filter, "FORWARD", gather, &out, &e), 1);
	/* theirs has its comment in an xt match */
	assert_string_equal(buf, "first cnibox: pods;cnibox: pods;theirs;");

	/* Their tool goes on working on the chain, by its own idea of our rule. */
	sh("iptables-nft -D FORWARD -s 10.1.7.0/24 -m comment --comment 'cnibox: pods' -j ACCEPT");
	text_init(&out, buf, sizeof(buf));
	assert_int_equal(nft_rule_each(&nl, &filter, "FORWARD", gather, &out, &e), 1);
	assert_string_equal(buf, "first cnibox: pods;theirs;");
}

struct chains {
	unsigned int count;
	struct nft_chain_info c[8];
};

static int keep_chain(const struct nft_chain_info *c, void *arg)
{
	struct chains *k = arg;

	if (k->count < 8)
		k->c[k->count++] = *c;
	return 0;
}

static void test_chains(void **state)
{
	static struct chains k;

	(void)state;
	memset(&k, 0, sizeof(k));
	assert_int_equal(nft_chain_each(&nl, NFPROTO_UNSPEC, keep_chain, &k, &e), 0);
	sh("nft 'table ip6 a { chain six { type filter hook input priority -5; policy drop; }; }; "
	   "table ip b { chain "
	   "plain { }; };"
	   "table bridge c { chain br { type filter hook forward priority 3; }; }'");
	assert_int_equal(nft_chain_each(&nl, NFPROTO_UNSPEC, keep_chain, &k, &e), 1);
	assert_int_equal(k.count, 3);
	for (unsigned int i = 0; i < k.count; i++) {
		const struct nft_chain_info *c = &k.c[i];

		if (c->family == NFPROTO_IPV6) {
			assert_string_equal(c->table, "a");
			assert_string_equal(c->name, "six");
			assert_true(c->base && c->drop);
			assert_int_equal(c->hook, NF_INET_LOCAL_IN);
			assert_int_equal(c->priority, -5);
		} else if (c->family == NFPROTO_IPV4) {
			assert_string_equal(c->name, "plain");
			assert_false(c->base || c->drop);
		} else {
			assert_int_equal(c->family, NFPROTO_BRIDGE);
			assert_true(c->base);
			assert_false(c->drop);
		}
	}
	k.count = 0;
	assert_int_equal(nft_chain_each(&nl, NFPROTO_IPV6, keep_chain, &k, &e), 1);
	assert_int_equal(k.count, 1);
}

/* A rule that only has a comment. */
static void note(const char *chain, bool head, const char *comment)
{
	nft_rule_begin(&nl, &t, chain, head);
	nft_do_counter(&nl);
	nft_rule_end(&nl, comment);
}

static int delete_middle(const struct nft_rule_info *r, void *arg)
{
	if (strcmp(r->comment, "middle") == 0)
		*(uint64_t *)arg = r->handle;
	return 0;
}

static void test_rules(void **state)
{
	uint64_t handle = 0;
	struct text out;
	char buf[512];

	(void)state;
	text_init(&out, buf, sizeof(buf));
	assert_int_equal(nft_rule_each(&nl, &t, "c", gather, &out, &e), 0); /* no table yet */
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "c" });
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "other" });
	note("c", false, "middle");
	note("c", false, NULL);
	note("c", true, "head");
	note("other", false, "elsewhere");
	commit();
	assert_int_equal(nft_rule_each(&nl, &t, "c", gather, &out, &e), 1);
	assert_string_equal(buf, "first head;middle;;");
	assert_int_equal(nft_rule_each(&nl, &t, "c", delete_middle, &handle, &e), 1);
	assert_true(handle > 0);
	nft_begin(&nl);
	nft_rule_del(&nl, &t, "c", handle);
	commit();
	text_init(&out, buf, sizeof(buf));
	assert_int_equal(nft_rule_each(&nl, &t, "c", gather, &out, &e), 1);
	assert_string_equal(buf, "first head;;");
	nft_begin(&nl);
	nft_chain_flush(&nl, &t, "c");
	commit();
	text_init(&out, buf, sizeof(buf));
	assert_int_equal(nft_rule_each(&nl, &t, "c", gather, &out, &e), 0);
	assert_string_equal(buf, "");
}

/* ---- packets: a rule of the output chain drops, and sendto() says EPERM ---- */

static bool passes(const char *source, const char *to, int mark)
{
	struct sockaddr_in from = { .sin_family = AF_INET },
			   dst = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool passed;

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, source, &from.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, to, &dst.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	passed = sendto(fd, "x", 1, 0, (struct sockaddr *)&dst, sizeof(dst)) == 1;
	if (!passed)
		assert_int_equal(errno, EPERM);
	close(fd);
	return passed;
}

/* The output chain as the only thing of the ruleset, with one drop rule begun. */
static void drop_begin(void)
{
	sh("nft flush ruleset; ip link set lo up");
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_chain_add(&nl, &t, &(struct nft_chain){ "out", "filter", NF_INET_LOCAL_OUT, 0, false });
}

static void drop_rule(void)
{
	nft_rule_begin(&nl, &t, "out", false);
	nft_match_family(&nl, NFPROTO_IPV4);
}

static void drop_end(void)
{
	nft_do_drop(&nl);
	nft_rule_end(&nl, NULL);
	commit();
}

static void test_packets_prefix(void **state)
{
	struct prefix p = P("127.16.0.0/12"), all = P("0.0.0.0/0"), host = P("127.0.0.2/32");

	(void)state;
	drop_begin();
	drop_rule();
	nft_match_daddr(&nl, &p, false);
	drop_end();
	assert_false(passes("127.0.0.1", "127.31.255.255", 0));
	assert_true(passes("127.0.0.1", "127.32.0.0", 0));
	drop_begin();
	drop_rule();
	nft_match_saddr(&nl, &host, true);
	nft_match_daddr(&nl, &all, false);
	drop_end();
	assert_false(passes("127.0.0.1", "127.0.0.1", 0));
	assert_true(passes("127.0.0.2", "127.0.0.1", 0));
}

static void test_packets_mark(void **state)
{
	(void)state;
	drop_begin();
	drop_rule();
	nft_match_mark(&nl, 0x2000, 0x2000, false);
	nft_match_oif(&nl, "lo", false);
	nft_match_daddr_local(&nl, false);
	drop_end();
	assert_false(passes("127.0.0.1", "127.0.0.1", 0x2001));
	assert_true(passes("127.0.0.1", "127.0.0.1", 0x4001));
	drop_begin();
	drop_rule();
	nft_match_oif(&nl, "lo", true);
	drop_end();
	assert_true(passes("127.0.0.1", "127.0.0.1", 0));
	drop_begin();
	drop_rule();
	nft_match_daddr_local(&nl, true);
	drop_end();
	assert_true(passes("127.0.0.1", "127.0.0.1", 0));
	drop_begin();
	nft_rule_begin(&nl, &t, "out", false);
	nft_match_ct_state(&nl, 8); /* new */
	drop_end();
	assert_false(passes("127.0.0.1", "127.0.0.1", 0));
}

static void test_packets_sets(void **state)
{
	struct nft_elem el = { .key[0].addr = A("127.1.0.0"),
			       .last[0].addr = A("127.1.0.9"),
			       .range = true };

	(void)state;
	drop_begin();
	nft_set_add(&nl, &t, &i4);
	nft_set_add(&nl, &t, &ifs);
	nft_elem_add(&nl, &t, &i4, &el);
	nft_elem_add(&nl, &t, &ifs, &(struct nft_elem){ .key[0].ifname = "lo" });
	drop_rule();
	nft_match_set(&nl, &i4, NFT_OF(NFT_DADDR), false);
	nft_match_set(&nl, &i4, NFT_OF(NFT_SADDR), true);
	nft_match_set(&nl, &ifs, NFT_OF(NFT_OIFNAME), false);
	drop_end();
	assert_false(passes("127.0.0.1", "127.1.0.0", 0));
	assert_false(passes("127.0.0.1", "127.1.0.9", 0));
	assert_true(passes("127.0.0.1", "127.1.0.10", 0));
	assert_true(passes("127.0.0.1", "127.0.255.255", 0));
	assert_true(passes("127.1.0.5", "127.1.0.9", 0));
}

static void test_packets_pairs(void **state)
{
	struct nft_elem el = { .key = { { A("127.1.0.0") }, { A("127.2.0.0") } },
			       .last = { { A("127.1.255.255") }, { A("127.2.0.9") } },
			       .range = true };
	struct nft_elem one = { .key[0].addr = A("127.3.0.1"), .key[1].addr = A("127.3.0.2") };

	(void)state;
	drop_begin();
	nft_set_add(&nl, &t, &p4);
	nft_set_add(&nl, &t, &q4);
	nft_elem_add(&nl, &t, &p4, &el);
	nft_elem_add(&nl, &t, &q4, &one);
	drop_rule();
	nft_match_set(&nl, &q4, NFT_OF(NFT_SADDR, NFT_DADDR), false);
	nft_do_drop(&nl);
	nft_rule_end(&nl, NULL);
	drop_rule();
	nft_match_set(&nl, &p4, NFT_OF(NFT_SADDR, NFT_DADDR), false);
	drop_end();
	assert_false(passes("127.1.7.7", "127.2.0.9", 0));
	assert_true(passes("127.1.7.7", "127.2.0.10", 0));
	assert_true(passes("127.2.0.9", "127.1.7.7", 0));
	assert_false(passes("127.3.0.1", "127.3.0.2", 0));
	assert_true(passes("127.3.0.2", "127.3.0.1", 0));
}

/* ---- failures ---- */

static void test_nothing_kept(void **state)
{
	struct nft_elem el = { .key[0].addr = A("10.0.0.1") };
	unsigned int failed = 77;

	(void)state;
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_set_add(&nl, &t, &s4);
	nft_elem_del(&nl, &t, &s4, &el);
	nft_elem_del(&nl, &t, &s4, &el);
	assert_int_equal(nft_commit(&nl, &failed, &e), -ENOENT);
	assert_int_equal(failed, 2);
	assert_string_equal(e.text,
			    "delete element in nftables inet t s4: No such file or directory");
	shows("nft list ruleset", "");

	err_clear(&e);
	nft_begin(&nl);
	nft_elem_add(&nl, &t, &s4, &el);
	assert_int_equal(nft_commit(&nl, &failed, &e),
			 -ENOENT); /* no table; the socket is good for the next one */
	assert_int_equal(failed, 0);
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	commit();
	shows("nft list ruleset", "table inet t {\n}\n");
}

static void test_wrong_chains(void **state)
{
	struct nft_chain nonsense = { "c", "nonsense", NF_INET_FORWARD, 0, false };
	unsigned int failed;
	char text[128];

	(void)state;
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_chain_add(&nl, &t, &nonsense);
	assert_int_equal(nft_commit(&nl, &failed, &e), -EOPNOTSUPP);
	assert_int_equal(failed, 1);
	assert_string_equal(
		e.text, "create chain in nftables inet t c: the kernel has no chains of this type");

	err_clear(&e);
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_chain_add(&nl, &t, &(struct nft_chain){ "f", "filter", NF_INET_FORWARD, 0, false });
	nft_rule_begin(&nl, &t, "f", false);
	nft_do_masquerade(&nl, false); /* the kernel has it, but not in such a chain */
	nft_rule_end(&nl, NULL);
	assert_int_equal(nft_commit(&nl, &failed, &e), -EOPNOTSUPP);
	assert_int_equal(failed, 2);
	snprintf(text, sizeof(text), "add rule in nftables inet t f: %s", strerror(EOPNOTSUPP));
	assert_string_equal(e.text, text);

	err_clear(&e);
	nft_begin(&nl);
	note("missing", false, NULL);
	assert_int_equal(nft_commit(&nl, &failed, &e), -ENOENT);
	assert_string_equal(e.text,
			    "add rule in nftables inet t missing: No such file or directory");
}

static void test_many_errors(void **state)
{
	struct nft_elem el = { .key[0].addr = A("10.0.0.1") };
	unsigned int failed;

	(void)state;
	/* The errors are too many for the socket: the first one must still be found. */
	setsockopt(nl.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int));
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	for (unsigned int i = 0; i < NL_REQUESTS_MAX - 3; i++)
		nft_elem_add(&nl, &t, &s4, &el);
	assert_int_equal(nft_commit(&nl, &failed, &e), -ENOENT);
	assert_int_equal(failed, 1);

	err_clear(&e);
	nft_begin(&nl);
	for (unsigned int i = 0; i < NL_REQUESTS_MAX - 1; i++)
		nft_table_add(&nl, &t);
	assert_int_equal(nft_commit(&nl, &failed, &e), -EMSGSIZE);
	shows("nft list ruleset", "");
}

/* More than a socket's send buffer of 208 KiB takes. */
static void test_large(void **state)
{
	struct prefix p = P("10.0.0.0/9");

	(void)state;
	nft_begin(&nl);
	nft_table_add(&nl, &t);
	nft_chain_add(&nl, &t, &(struct nft_chain){ .name = "c" });
	for (unsigned int i = 0; i < 900; i++) {
		nft_rule_begin(&nl, &t, "c", false);
		nft_match_saddr(&nl, &p, false);
		nft_match_daddr(&nl, &p, true);
		nft_do_accept(&nl);
		nft_rule_end(&nl, NULL);
	}
	assert_true(nl.len > 212992);
	commit();
	shows("nft list ruleset | grep -c accept", "900\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, each_begin, each_end)
	const struct CMUnitTest tests[] = {
		TEST(test_iptables),	   TEST(test_chains),	    TEST(test_rules),
		TEST(test_packets_prefix), TEST(test_packets_mark), TEST(test_packets_sets),
		TEST(test_packets_pairs),  TEST(test_nothing_kept), TEST(test_wrong_chains),
		TEST(test_many_errors),	   TEST(test_large),
	};

	return enter_namespace() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}
