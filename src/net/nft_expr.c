/*
 * nf_tables rules: a list of expressions, each a small instruction of the kernel's register
 * machine. See nft.h.
 *
 * Every match loads what it looks at into register 1 and compares it there, as nft(8) and
 * iptables-nft write it: both tools print a rule by recognising these sequences, and iptables
 * refuses a whole table in which it does not. That is also why a prefix is always a load of the
 * whole address with a mask, although for /8, /16 and /24 a shorter load would do: iptables-nft
 * before 1.8.7 (RHEL 8) cannot read the short form.
 *
 * Addresses are in network order in registers; marks, states and address types in the host's.
 */
#include "net/nft.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "net/nft_wire.h"
#include "net/nl.h"

void nft_expr_open(struct nl *nl, const char *name)
{
	nl_nest_open(nl, NFTA_LIST_ELEM);
	nl_put_str(nl, NFTA_EXPR_NAME, name);
	nl_nest_open(nl, NFTA_EXPR_DATA);
}

void nft_expr_close(struct nl *nl)
{
	nl_nest_close(nl);
	nl_nest_close(nl);
}

void nft_rule_begin(struct nl *nl, const struct nft_table *t, const char *chain, bool head)
{
	nft_request(nl, "add rule", NFT_MSG_NEWRULE, NLM_F_CREATE | (head ? 0 : NLM_F_APPEND), t);
	nl_put_str(nl, NFTA_RULE_CHAIN, chain);
	nl_nest_open(nl, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_begin_before(struct nl *nl, const struct nft_table *t, const char *chain,
			   uint64_t handle)
{
	uint64_t wire = htobe64(handle);

	nft_request(nl, "add rule", NFT_MSG_NEWRULE, NLM_F_CREATE | (handle ? 0 : NLM_F_APPEND), t);
	nl_put_str(nl, NFTA_RULE_CHAIN, chain);
	if (handle)
		nl_put(nl, NFTA_RULE_POSITION, &wire, sizeof(wire));
	nl_nest_open(nl, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nl *nl, const char *comment)
{
	nl_nest_close(nl);
	nft_put_comment(nl, NFTA_RULE_USERDATA, comment);
}

void nft_rule_del(struct nl *nl, const struct nft_table *t, const char *chain, uint64_t handle)
{
	uint64_t wire = htobe64(handle);

	nft_request(nl, "delete rule", NFT_MSG_DELRULE, 0, t);
	nl_put_str(nl, NFTA_RULE_CHAIN, chain);
	nl_put(nl, NFTA_RULE_HANDLE, &wire, sizeof(wire));
}

static void put_field(struct nl *nl, enum nft_field field, uint8_t family)
{
	nft_put_field(nl, field, family == AF_INET6 ? NFT_TYPE_IPV6 : NFT_TYPE_IPV4, NFT_REG_1);
}

static void put_cmp(struct nl *nl, bool negate, const void *data, size_t size)
{
	nft_expr_open(nl, "cmp");
	nl_put_be32(nl, NFTA_CMP_SREG, NFT_REG_1);
	nl_put_be32(nl, NFTA_CMP_OP, negate ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nft_put_value(nl, NFTA_CMP_DATA, data, size);
	nft_expr_close(nl);
}

static void put_mask(struct nl *nl, const void *mask, size_t size)
{
	static const uint8_t zero[16];

	assert(size <= sizeof(zero));
	nft_expr_open(nl, "bitwise");
	nl_put_be32(nl, NFTA_BITWISE_SREG, NFT_REG_1);
	nl_put_be32(nl, NFTA_BITWISE_DREG, NFT_REG_1);
	nl_put_be32(nl, NFTA_BITWISE_LEN, (uint32_t)size);
	nft_put_value(nl, NFTA_BITWISE_MASK, mask, size);
	nft_put_value(nl, NFTA_BITWISE_XOR, zero, size);
	nft_expr_close(nl);
}

static void prefix_mask(const struct prefix *p, uint8_t mask[static 16])
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int bits = p->len > i * 8 ? p->len - i * 8u : 0;

		mask[i] = (uint8_t)(bits >= 8 ? 0xff : 0xff00u >> bits);
	}
}

static void match_prefix(struct nl *nl, enum nft_field side, const struct prefix *p, bool negate)
{
	struct addr net = prefix_first(p);
	size_t size = addr_size(&net);
	uint8_t mask[16];

	put_field(nl, side, net.family);
	if (p->len < addr_bits(&net)) {
		prefix_mask(p, mask);
		put_mask(nl, mask, size);
	}
	put_cmp(nl, negate, net.bytes, size);
}

void nft_match_family(struct nl *nl, uint8_t family)
{
	nft_put_meta(nl, NFT_META_NFPROTO, NFT_REG_1);
	put_cmp(nl, false, &family, sizeof(family));
}

void nft_match_ethertype(struct nl *nl, uint16_t type)
{
	uint16_t wire = htobe16(type);

	nft_put_meta(nl, NFT_META_PROTOCOL, NFT_REG_1);
	put_cmp(nl, false, &wire, sizeof(wire));
}

void nft_match_proto(struct nl *nl, uint8_t proto)
{
	nft_put_meta(nl, NFT_META_L4PROTO, NFT_REG_1);
	put_cmp(nl, false, &proto, sizeof(proto));
}

void nft_match_saddr(struct nl *nl, const struct prefix *p, bool negate)
{
	match_prefix(nl, NFT_SADDR, p, negate);
}

void nft_match_daddr(struct nl *nl, const struct prefix *p, bool negate)
{
	match_prefix(nl, NFT_DADDR, p, negate);
}

static void match_name(struct nl *nl, enum nft_field field, const char *name, bool negate)
{
	char padded[IF_NAMESIZE] = "";
	size_t len = strlen(name);

	if (len >= sizeof(padded)) {
		nl_refuse(nl, "an interface name is too long"); /* its start is another's name */
		return;
	}
	memcpy(padded, name, len);
	nft_put_field(nl, field, NFT_TYPE_IFNAME, NFT_REG_1);
	put_cmp(nl, negate, padded, sizeof(padded));
}

void nft_match_iif(struct nl *nl, const char *name, bool negate)
{
	match_name(nl, NFT_IIFNAME, name, negate);
}

void nft_match_oif(struct nl *nl, const char *name, bool negate)
{
	match_name(nl, NFT_OIFNAME, name, negate);
}

void nft_match_mark(struct nl *nl, uint32_t mask, uint32_t value, bool negate)
{
	nft_put_field(nl, NFT_MARK, NFT_TYPE_MARK, NFT_REG_1);
	if (mask != UINT32_MAX)
		put_mask(nl, &mask, sizeof(mask));
	put_cmp(nl, negate, &value, sizeof(value));
}

void nft_put_ct(struct nl *nl, enum nft_ct_keys key)
{
	nft_expr_open(nl, "ct");
	nl_put_be32(nl, NFTA_CT_KEY, key);
	nl_put_be32(nl, NFTA_CT_DREG, NFT_REG_1);
	nft_expr_close(nl);
}

void nft_match_ct_mark(struct nl *nl, uint32_t mask, uint32_t value, bool negate)
{
	nft_put_ct(nl, NFT_CT_MARK);
	if (mask != UINT32_MAX)
		put_mask(nl, &mask, sizeof(mask));
	put_cmp(nl, negate, &value, sizeof(value));
}

void nft_match_ct_original(struct nl *nl)
{
	static const uint8_t original = IP_CT_DIR_ORIGINAL;

	nft_put_ct(nl, NFT_CT_DIRECTION);
	put_cmp(nl, false, &original, sizeof(original));
}

/* Is any bit of mask set in this word of the connection? */
static void match_ct_bits(struct nl *nl, enum nft_ct_keys key, uint32_t mask)
{
	static const uint32_t none;

	nft_put_ct(nl, key);
	put_mask(nl, &mask, sizeof(mask));
	put_cmp(nl, true, &none, sizeof(none));
}

void nft_match_ct_state(struct nl *nl, uint32_t mask)
{
	match_ct_bits(nl, NFT_CT_STATE, mask);
}

void nft_match_ct_status(struct nl *nl, uint32_t mask)
{
	match_ct_bits(nl, NFT_CT_STATUS, mask);
}

static void match_local(struct nl *nl, uint32_t of, bool negate)
{
	static const uint32_t local = RTN_LOCAL;

	nft_expr_open(nl, "fib");
	nl_put_be32(nl, NFTA_FIB_FLAGS, of);
	nl_put_be32(nl, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nl_put_be32(nl, NFTA_FIB_DREG, NFT_REG_1);
	nft_expr_close(nl);
	put_cmp(nl, negate, &local, sizeof(local));
}

void nft_match_daddr_local(struct nl *nl, bool negate)
{
	match_local(nl, NFTA_FIB_F_DADDR, negate);
}

void nft_match_saddr_of_oif(struct nl *nl, bool negate)
{
	match_local(nl, NFTA_FIB_F_SADDR | NFTA_FIB_F_OIF, negate);
}

void nft_match_nd_redirect(struct nl *nl)
{
	static const uint8_t type = ND_REDIRECT;

	nft_match_proto(nl, IPPROTO_ICMPV6);
	nft_expr_open(nl, "payload");
	nl_put_be32(nl, NFTA_PAYLOAD_DREG, NFT_REG_1);
	nl_put_be32(nl, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	nl_put_be32(nl, NFTA_PAYLOAD_OFFSET, 0);
	nl_put_be32(nl, NFTA_PAYLOAD_LEN, sizeof(type));
	nft_expr_close(nl);
	put_cmp(nl, false, &type, sizeof(type));
}

void nft_match_saddr_way(struct nl *nl, bool negate)
{
	/* nft_fib_store_result() sets the register's first byte alone. */
	const uint8_t present[4] = { !negate };

	nft_expr_open(nl, "fib");
	nl_put_be32(nl, NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
	nl_put_be32(nl, NFTA_FIB_RESULT, NFT_FIB_RESULT_OIF);
	nl_put_be32(nl, NFTA_FIB_DREG, NFT_REG_1);
	nft_expr_close(nl);
	put_cmp(nl, false, present, sizeof(present));
}

/* nft_fib_validate() says no without a word: the version is asked, not the kernel's answer. */
bool nft_has_way_at_forward(void)
{
	struct utsname host;
	unsigned long major, minor;
	char *rest;

	if (uname(&host) < 0)
		return true;
	major = strtoul(host.release, &rest, 10);
	minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	return major > 5 || (major == 5 && minor >= 19);
}

void nft_do_counter(struct nl *nl)
{
	nft_expr_open(nl, "counter");
	nft_expr_close(nl);
}

void nft_do_masquerade(struct nl *nl, bool random_fully)
{
	nft_expr_open(nl, "masq");
	if (random_fully)
		nl_put_be32(nl, NFTA_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
	nft_expr_close(nl);
}

/* A verdict is a value for register 0. */
static void put_verdict(struct nl *nl, int code, const char *chain)
{
	nft_expr_open(nl, "immediate");
	nl_put_be32(nl, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	nft_put_verdict(nl, NFTA_IMMEDIATE_DATA, code, chain);
	nft_expr_close(nl);
}

void nft_do_accept(struct nl *nl)
{
	put_verdict(nl, NF_ACCEPT, NULL);
}

void nft_do_drop(struct nl *nl)
{
	put_verdict(nl, NF_DROP, NULL);
}

void nft_do_return(struct nl *nl)
{
	put_verdict(nl, NFT_RETURN, NULL);
}

void nft_do_jump(struct nl *nl, const char *chain)
{
	put_verdict(nl, NFT_JUMP, chain);
}

void nft_do_goto(struct nl *nl, const char *chain)
{
	put_verdict(nl, NFT_GOTO, chain);
}
