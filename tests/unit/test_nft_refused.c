/*
 * How a refused nf_tables transaction is told: a socket pair plays a kernel that lacks what the
 * running one has.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "net/nft.h"
#include "net/nl.h"

/* The transaction of write_all(), as requests are counted by nft_commit(). */
enum { TABLE, CHAIN, RULE, ELEM, COUNT };

static _Alignas(16) char room[8192];
static struct nl nl;
static struct err e;
static int kernel = -1;
static unsigned int failed;
static uint32_t first_seq; /* of the opening mark */
static const struct nft_table t = { NFPROTO_INET, "t" };
static const struct nft_set s4 = { "s4", { NFT_TYPE_IPV4 } };

static int begin(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return -1;
	memset(&nl, 0, sizeof(nl));
	nl.fd = pair[0];
	kernel = pair[1];
	nl.buf = room;
	nl.cap = sizeof(room);
	err_clear(&e);
	failed = 77;
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(kernel);
	nl_close(&nl);
	return 0;
}

static void write_all(void)
{
	nft_begin(&nl);
	first_seq = nl.seq;
	nft_table_add(&nl, &t);
	nft_chain_add(&nl, &t,
		      &(struct nft_chain){ "post", "nat", NF_INET_POST_ROUTING, 100, false });
	nft_rule_begin(&nl, &t, "post", false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_match_set(&nl, &s4, NFT_OF(NFT_SADDR), false);
	nft_match_daddr_local(&nl, true);
	nft_do_masquerade(&nl, false);
	nft_rule_end(&nl, NULL);
	nft_elem_add(&nl, &t, &s4,
		     &(struct nft_elem){ .key[0].addr = { AF_INET, { 10, 0, 0, 1 } } });
	assert_int_equal(nl.count, COUNT + 1);
}

static struct nlmsghdr *request(unsigned int index)
{
	char *at = nl.buf;

	for (; index + 1 > 0; index--)
		at += NLMSG_ALIGN(((struct nlmsghdr *)(void *)at)->nlmsg_len);
	return (void *)at;
}

/*
 * Where the attribute lies that has these bytes in it, counted from its request's start: back bytes
 * before them.
 */
static uint32_t offset_of(unsigned int index, const char *bytes, size_t back)
{
	const struct nlmsghdr *h = request(index);
	const char *at = memmem(h, h->nlmsg_len, bytes, strlen(bytes));

	assert_non_null(at);
	return (uint32_t)(at - (const char *)h - back);
}

/*
 * An expression's list element begins 4 bytes before its name attribute, which begins 4 bytes
 * before the name.
 */
#define EXPRESSION 8
#define ATTRIBUTE 4

struct answer {
	struct nlmsghdr h;
	int error;
	struct nlmsghdr request;
	char more[256];
};

static void say(const struct answer *a)
{
	assert_int_equal(send(kernel, a, a->h.nlmsg_len, 0), a->h.nlmsg_len);
}

static struct answer answer(uint32_t seq, int error, uint32_t offset)
{
	struct answer a = {
		.h = { .nlmsg_type = NLMSG_ERROR, .nlmsg_flags = NLM_F_CAPPED, .nlmsg_seq = seq },
		.error = error
	};
	struct nlattr attr = { .nla_len = 8, .nla_type = NLMSGERR_ATTR_OFFS };

	a.request.nlmsg_len = 999; /* capped: its rest is not there */
	a.h.nlmsg_len = offsetof(struct answer, more);
	if (offset) {
		a.h.nlmsg_flags |= NLM_F_ACK_TLVS;
		memcpy(a.more, &attr, sizeof(attr));
		memcpy(a.more + sizeof(attr), &offset, sizeof(offset));
		a.h.nlmsg_len += 8;
	}
	return a;
}

/* The kernel refuses request index (-1: the opening mark) so. */
static void refuse(int index, int error, uint32_t offset)
{
	struct answer a = answer(first_seq + (uint32_t)(index + 1), error, offset);

	say(&a);
}

static void expect(int errnum, unsigned int index, const char *text)
{
	assert_int_equal(nft_commit(&nl, &failed, &e), errnum);
	assert_string_equal(e.text, text);
	assert_int_equal(failed, index);
	assert_int_equal(nl.count, 0);
}

static void test_no_nftables(void **state)
{
	(void)state;
	write_all();
	refuse(-1, -EOPNOTSUPP, 0);
	expect(-EOPNOTSUPP, UINT_MAX,
	       "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
}

static void test_not_permitted(void **state)
{
	(void)state;
	write_all();
	refuse(-1, -EPERM, 0);
	expect(-EPERM, UINT_MAX, "nftables transaction: Operation not permitted");
}

static void test_no_masquerade(void **state)
{
	(void)state;
	write_all();
	refuse(RULE, -ENOENT, offset_of(RULE, "masq", EXPRESSION));
	expect(-EOPNOTSUPP, RULE,
	       "add rule in nftables inet t post: the kernel has no masquerade (module nft_masq, "
	       "CONFIG_NFT_MASQ)");
}

static void test_no_fib(void **state)
{
	(void)state;
	write_all();
	refuse(RULE, -ENOENT, offset_of(RULE, "fib", EXPRESSION));
	expect(-EOPNOTSUPP, RULE,
	       "add rule in nftables inet t post: the kernel has no kinds of addresses "
	       "(module nft_fib_inet, CONFIG_NFT_FIB_INET)");
}

static void test_no_nat_chain(void **state)
{
	(void)state;
	write_all();
	refuse(CHAIN, -ENOENT, offset_of(CHAIN, "nat", ATTRIBUTE));
	expect(-EOPNOTSUPP, CHAIN,
	       "create chain in nftables inet t post: the kernel has no nat chains (module "
	       "nft_chain_nat, "
	       "CONFIG_NFT_NAT)");
}

/* Linux 5.10 blames no attribute. */
static void test_no_nat_chain_old(void **state)
{
	(void)state;
	write_all();
	refuse(CHAIN, -ENOENT, 0);
	expect(-EOPNOTSUPP, CHAIN,
	       "create chain in nftables inet t post: the kernel has no nat chains (module "
	       "nft_chain_nat, "
	       "CONFIG_NFT_NAT)");
}

/* The same errno for what is ours to repair. */
static void test_missing_objects(void **state)
{
	(void)state;
	write_all();
	refuse(RULE, -ENOENT, offset_of(RULE, "lookup", EXPRESSION));
	expect(-ENOENT, RULE, "add rule in nftables inet t post: No such file or directory");
	err_clear(&e);
	write_all();
	refuse(RULE, -ENOENT, offset_of(RULE, "post", ATTRIBUTE));
	expect(-ENOENT, RULE, "add rule in nftables inet t post: No such file or directory");
	err_clear(&e);
	write_all();
	refuse(CHAIN, -ENOENT, offset_of(CHAIN, "t", ATTRIBUTE));
	expect(-ENOENT, CHAIN, "create chain in nftables inet t post: No such file or directory");
	err_clear(&e);
	write_all();
	refuse(RULE, -ENOENT, 0);
	expect(-ENOENT, RULE, "add rule in nftables inet t post: No such file or directory");
}

static void test_first_error_counts(void **state)
{
	char text[128];

	(void)state;
	write_all();
	refuse(-2, -EIO, 0); /* of an earlier transaction */
	refuse(COUNT + 1, -EIO, 0);
	refuse(TABLE, 0, 0); /* acknowledged */
	refuse(ELEM, -EBUSY, 0);
	refuse(RULE, -ENOENT, 0);
	snprintf(text, sizeof(text), "add element in nftables inet t s4: %s", strerror(EBUSY));
	expect(-EBUSY, ELEM, text);
}

static void test_success(void **state)
{
	(void)state;
	write_all();
	refuse(-1, 0, 0); /* since 6.10 the marks are acknowledged, if asked for */
	refuse(ELEM, 0, 0);
	assert_int_equal(nft_commit(&nl, &failed, &e), 0);
	assert_int_equal(failed, 77);
	assert_int_equal(e.errnum, 0);
}

static void test_silence(void **state)
{
	(void)state;
	write_all();
	refuse(TABLE, 0, 0); /* not the one that was asked for */
	assert_int_equal(nft_commit(&nl, &failed, &e), -EPROTO);
	assert_string_equal(e.text, "nftables transaction: the kernel's answer is missing");
}

/* A kernel that repeats the request whole, and says why in words. */
static void test_echo(void **state)
{
	static const char words[] = "because";
	const struct nlattr attr = { .nla_len = NLA_HDRLEN + sizeof(words),
				     .nla_type = NLMSGERR_ATTR_MSG };
	struct answer a;

	(void)state;
	write_all();
	a = answer(first_seq + 1 + TABLE, -EINVAL, 0);
	a.h.nlmsg_flags = NLM_F_ACK_TLVS;
	a.request.nlmsg_len = request(TABLE)->nlmsg_len;
	a.h.nlmsg_len += a.request.nlmsg_len - NLMSG_HDRLEN;
	memcpy((char *)&a + a.h.nlmsg_len, &attr, sizeof(attr));
	memcpy((char *)&a + a.h.nlmsg_len + sizeof(attr), words, sizeof(words));
	a.h.nlmsg_len += NLA_ALIGN(attr.nla_len);
	say(&a);
	expect(-EINVAL, TABLE, "create table in nftables inet t: because: Invalid argument");
}

/* Cut or lying answers are no reason to read where nothing is. */
static void test_malformed(void **state)
{
	struct answer a;

	(void)state;
	write_all();
	a = answer(first_seq + 1, -EIO, 0);
	assert_int_equal(send(kernel, &a, sizeof(a.h), 0), sizeof(a.h)); /* says it is longer */
	a.h.nlmsg_len = NLMSG_HDRLEN;
	say(&a);
	a = answer(first_seq + 1 + RULE, -EPROTO,
		   0xfffffff0u); /* blames what is not in the request */
	say(&a);
	expect(-EPROTO, RULE, "add rule in nftables inet t post: Protocol error");
	write_all();
	err_clear(&e);
	a = answer(first_seq + 1 + RULE, -EPROTO, 0);
	a.h.nlmsg_flags = NLM_F_ACK_TLVS; /* the request is not there, whatever its length says */
	say(&a);
	expect(-EPROTO, RULE, "add rule in nftables inet t post: Protocol error");
}

static void test_read_refused(void **state)
{
	struct answer a = answer(1, -EINVAL, 0);

	(void)state;
	say(&a); /* as nfnetlink answers for a subsystem that it does not have */
	assert_int_equal(nft_table_find(&nl, &t, &e), -EOPNOTSUPP);
	assert_string_equal(e.text,
			    "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
	err_clear(&e);
	a = answer(2, -EPERM, 0);
	say(&a);
	assert_int_equal(nft_table_find(&nl, &t, &e), -EPERM);
	assert_non_null(strstr(e.text, "find table"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_no_nftables),
		TEST(test_not_permitted),
		TEST(test_no_masquerade),
		TEST(test_no_fib),
		TEST(test_no_nat_chain),
		TEST(test_no_nat_chain_old),
		TEST(test_missing_objects),
		TEST(test_first_error_counts),
		TEST(test_success),
		TEST(test_silence),
		TEST(test_echo),
		TEST(test_malformed),
		TEST(test_read_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
