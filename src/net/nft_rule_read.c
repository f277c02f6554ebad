/*
 * Reading rules: what a rule does to the walk through its chain, and whether it asks for anything
 * before. See nft.h.
 *
 * A rule is a row of instructions. One that loads a value matches nothing by itself; the next one
 * compares. So the last load is remembered, and what compares decides by it: protocol family and
 * layer 4 protocol are told apart, since "reject" for each of these is how a catch-all is often
 * written. Whatever is not known here counts as a match.
 */
#include "net/nft.h"

#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "net/nft_wire.h"
#include "net/nl.h"

#define IPV4_PROTOCOL 9 /* offset in the header, RFC 791 */

enum loaded {
	LOADED_OTHER,
	LOADED_FAMILY,
	LOADED_ETHERTYPE,
	LOADED_PROTO,
	LOADED_SADDR,
	LOADED_DADDR
};

/* Offsets in the headers of IPv4 (RFC 791) and IPv6 (RFC 8200), with the addresses' sizes. */
static const struct field {
	uint32_t offset, len;
	enum loaded loaded;
} network_fields[] = {
	{ IPV4_PROTOCOL, 1, LOADED_PROTO },
	{ 12, 4, LOADED_SADDR },
	{ 16, 4, LOADED_DADDR },
	{ 8, 16, LOADED_SADDR },
	{ 24, 16, LOADED_DADDR },
};

struct rule_walk {
	struct nft_walk w;
	nft_rule_fn *fn;
	void *arg;
};

/* One rule, instruction by instruction. */
struct reader {
	struct nft_rule_info *rule;
	enum loaded loaded;
};

static void read_meta(struct reader *x, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_META_SREG + 1];

	nl_attrs_nested(data, a, NFTA_META_SREG);
	x->loaded = LOADED_OTHER;
	if (a[NFTA_META_SREG] || !a[NFTA_META_KEY])
		return;
	switch (nl_be32(a[NFTA_META_KEY])) {
	case NFT_META_NFPROTO:
		x->loaded = LOADED_FAMILY;
		break;
	case NFT_META_PROTOCOL:
		x->loaded = LOADED_ETHERTYPE;
		break;
	case NFT_META_L4PROTO:
		x->loaded = LOADED_PROTO;
		break;
	default:
		break;
	}
}

static void read_payload(struct reader *x, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_PAYLOAD_LEN + 1];

	nl_attrs_nested(data, a, NFTA_PAYLOAD_LEN);
	x->loaded = LOADED_OTHER;
	if (nl_be32(a[NFTA_PAYLOAD_BASE]) != NFT_PAYLOAD_NETWORK_HEADER)
		return;
	for (size_t i = 0; i < sizeof(network_fields) / sizeof(network_fields[0]); i++) {
		const struct field *f = &network_fields[i];

		if (nl_be32(a[NFTA_PAYLOAD_OFFSET]) == f->offset &&
		    nl_be32(a[NFTA_PAYLOAD_LEN]) == f->len)
			x->loaded = f->loaded;
	}
}

/* What a comparison asks for, when it asks for a family. */
static uint8_t family_of(const struct reader *x, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_CMP_DATA + 1], *value[NFTA_DATA_VALUE + 1];
	uint16_t type;

	nl_attrs_nested(data, a, NFTA_CMP_DATA);
	nl_attrs_nested(a[NFTA_CMP_DATA], value, NFTA_DATA_VALUE);
	if (nl_be32(a[NFTA_CMP_OP]) != NFT_CMP_EQ || !value[NFTA_DATA_VALUE])
		return 0;
	if (x->loaded == LOADED_FAMILY)
		return nl_u8(value[NFTA_DATA_VALUE]);
	type = be16toh(nl_u16(value[NFTA_DATA_VALUE]));
	return type == ETH_P_IP ? AF_INET : type == ETH_P_IPV6 ? AF_INET6 : 0;
}

static void read_address(struct reader *x, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_CMP_DATA + 1], *value[NFTA_DATA_VALUE + 1];
	struct addr *out = x->loaded == LOADED_SADDR ? &x->rule->saddr : &x->rule->daddr;
	size_t size;

	nl_attrs_nested(data, a, NFTA_CMP_DATA);
	nl_attrs_nested(a[NFTA_CMP_DATA], value, NFTA_DATA_VALUE);
	size = nl_size(value[NFTA_DATA_VALUE]);
	if (nl_be32(a[NFTA_CMP_OP]) != NFT_CMP_EQ || (size != 4 && size != 16))
		return;
	out->family = size == 4 ? AF_INET : AF_INET6;
	memcpy(out->bytes, nl_data(value[NFTA_DATA_VALUE]), size);
}

static void read_compare(struct reader *x, const struct nlattr *data)
{
	struct nft_rule_info *r = x->rule;
	uint8_t family = 0;

	if (x->loaded == LOADED_SADDR || x->loaded == LOADED_DADDR)
		read_address(x, data);

	if (x->loaded == LOADED_PROTO) {
		r->by_proto = true;
		return;
	}
	if (x->loaded == LOADED_FAMILY || x->loaded == LOADED_ETHERTYPE)
		family = family_of(x, data);
	if (family)
		r->family = family;
	else
		r->matches = true;
}

static enum nft_end end_of(int code)
{
	switch (code) {
	case NF_ACCEPT:
	case NF_QUEUE:
		return NFT_END_ACCEPT;
	case NF_DROP:
		return NFT_END_DROP;
	case NFT_RETURN:
		return NFT_END_RETURN;
	case NFT_JUMP:
		return NFT_END_JUMP;
	case NFT_GOTO:
		return NFT_END_GOTO;
	default:
		return NFT_END_NONE;
	}
}

/* A value for a register is no verdict; one for register 0 is. */
static void read_immediate(struct reader *x, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_IMMEDIATE_DATA + 1], *value[NFTA_DATA_VERDICT + 1],
		*verdict[NFTA_VERDICT_CHAIN + 1];

	nl_attrs_nested(data, a, NFTA_IMMEDIATE_DATA);
	nl_attrs_nested(a[NFTA_IMMEDIATE_DATA], value, NFTA_DATA_VERDICT);
	if (!value[NFTA_DATA_VERDICT])
		return;
	nl_attrs_nested(value[NFTA_DATA_VERDICT], verdict, NFTA_VERDICT_CHAIN);
	if (!verdict[NFTA_VERDICT_CODE])
		return;
	x->rule->end = end_of((int)nl_be32(verdict[NFTA_VERDICT_CODE]));
	(void)nl_str(verdict[NFTA_VERDICT_CHAIN], x->rule->target, sizeof(x->rule->target));
}

/*
 * iptables-nft keeps most matches and targets in the old form, both with their name first; comments
 * that it wrote itself are a match (struct xt_comment_info: the text and nothing else).
 */
static void read_match(struct reader *x, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_MATCH_INFO + 1];
	char *out = x->rule->comment, name[32] = "";
	size_t size = sizeof(x->rule->comment), len;

	nl_attrs_nested(data, a, NFTA_MATCH_INFO);
	(void)nl_str(a[NFTA_MATCH_NAME], name, sizeof(name));
	if (strcmp(name, "comment") != 0) {
		x->rule->matches = true;
		return;
	}
	len = nl_size(a[NFTA_MATCH_INFO]);
	if (len == 0 || *out)
		return;
	len = strnlen(nl_data(a[NFTA_MATCH_INFO]), len < size ? len : size - 1);
	memcpy(out, nl_data(a[NFTA_MATCH_INFO]), len);
	out[len] = '\0';
}

static void read_target(struct reader *x, const struct nlattr *data)
{
	const struct nlattr *a[NFTA_TARGET_NAME + 1];
	char name[32] = "";

	nl_attrs_nested(data, a, NFTA_TARGET_NAME);
	(void)nl_str(a[NFTA_TARGET_NAME], name, sizeof(name));
	if (strcmp(name, "REJECT") == 0)
		x->rule->end = NFT_END_DROP;
	else if (strcmp(name, "NFQUEUE") == 0)
		x->rule->end = NFT_END_ACCEPT;
}

/* Statements, which let every packet pass on to the next instruction. */
static bool is_statement(const char *name)
{
	static const char *const names[] = { "counter", "log", "notrack", "last", "dup" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static void read_expression(struct reader *x, const char *name, const struct nlattr *data)
{
	if (strcmp(name, "meta") == 0)
		read_meta(x, data);
	else if (strcmp(name, "payload") == 0)
		read_payload(x, data);
	else if (strcmp(name, "cmp") == 0 || strcmp(name, "lookup") == 0 ||
		 strcmp(name, "range") == 0)
		read_compare(x, data);
	else if (strcmp(name, "immediate") == 0)
		read_immediate(x, data);
	else if (strcmp(name, "match") == 0)
		read_match(x, data);
	else if (strcmp(name, "target") == 0)
		read_target(x, data);
	else if (strcmp(name, "reject") == 0)
		x->rule->end = NFT_END_DROP;
	else if (strcmp(name, "queue") == 0)
		x->rule->end = NFT_END_ACCEPT;
	else if (!is_statement(name)) {
		x->rule->matches = true;
		x->loaded = LOADED_OTHER;
	}
}

static void read_expressions(struct nft_rule_info *r, const struct nlattr *list)
{
	struct reader x = { .rule = r };
	const struct nlattr *at = NULL, *a[NFTA_EXPR_DATA + 1];
	char name[32];

	while (nl_attr_next(list, &at)) {
		nl_attrs_nested(at, a, NFTA_EXPR_DATA);
		if (!nl_str(a[NFTA_EXPR_NAME], name, sizeof(name)))
			r->matches = true;
		else
			read_expression(&x, name, a[NFTA_EXPR_DATA]);
	}
}

static void rule_restart(void *arg)
{
	struct rule_walk *w = arg;

	w->w.found = false; /* the next one is the chain's first again */
}

static int rule_answer(const struct nlmsghdr *h, void *arg)
{
	struct rule_walk *w = arg;
	const struct nlattr *a[NFTA_RULE_USERDATA + 1];
	struct nft_rule_info r = { .first = !w->w.found };

	if (!nft_is(h, NFT_MSG_NEWRULE) ||
	    !nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_RULE_USERDATA))
		return 0;
	if (nl_size(a[NFTA_RULE_HANDLE]) != sizeof(r.handle))
		return 0;
	memcpy(&r.handle, nl_data(a[NFTA_RULE_HANDLE]), sizeof(r.handle));
	r.handle = be64toh(r.handle);
	nft_comment(a[NFTA_RULE_USERDATA], r.comment, sizeof(r.comment));
	read_expressions(&r, a[NFTA_RULE_EXPRESSIONS]);
	w->w.found = true;
	w->w.stop = w->fn(&r, w->arg);
	return w->w.stop < 0 ? w->w.stop : 0;
}

int nft_rule_each(struct nl *nl, const struct nft_table *t, const char *chain, nft_rule_fn *fn,
		  void *arg, struct err *e)
{
	struct rule_walk w = { .w = { .table = t->name, .name = chain }, .fn = fn, .arg = arg };

	nft_request(nl, "list rules", NFT_MSG_GETRULE, NLM_F_DUMP, t);
	nl_put_str(nl, NFTA_RULE_CHAIN, chain);
	return nft_ask(nl, rule_answer, rule_restart, &w.w, e);
}
