/*
 * Are a table's rules those that a function of ours writes? See nft.h.
 *
 * The function writes its rules into the batch, which is not sent, and they are compared with what
 * the kernel dumps, attribute by attribute. The kernel gives back what it was given, and more: what
 * was left out, with its default, which is 0, or as it follows from the rest. So what is written
 * must be there alike, and what is not written must be 0 or follow.
 *
 * Bytes of a packet that are compared under a mask may be loaded in several ways: nft(8) loads no
 * more of an address than a prefix of whole bytes has. A table that was saved and loaded by it has
 * the same rules, so such a match is read as what it asks for.
 */
#include "net/nft.h"

#include <errno.h>
#include <string.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nft_wire.h"
#include "net/nl.h"

#define RULES_MAX 64
#define RULES_SIZE 24576
#define ATTRS_MAX 31 /* no expression that we write has types beyond */

struct rules {
	struct nft_walk w;
	_Alignas(struct nlmsghdr) char buf[RULES_SIZE];
	const struct nlmsghdr *want[RULES_MAX]; /* as written */
	bool seen[RULES_MAX];
	size_t count;
	char other[NFT_NAME_SIZE]; /* a chain with a rule that is not wanted; "": none so far */
};

/* Attributes that the kernel gives though nobody wrote them. */
static const struct {
	const char *expr;
	uint16_t type;
} implied[] = {
	{ "counter", NFTA_COUNTER_BYTES }, { "counter", NFTA_COUNTER_PACKETS },
	{ "nat", NFTA_NAT_REG_ADDR_MAX },  { "nat", NFTA_NAT_REG_PROTO_MAX },
	{ "nat", NFTA_NAT_FLAGS },
};

static bool is_implied(const char *expr, uint16_t type)
{
	for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++) {
		if (implied[i].type == type && strcmp(implied[i].expr, expr) == 0)
			return true;
	}
	return false;
}

static bool is_zero(const struct nlattr *a)
{
	const uint8_t *at = nl_data(a);

	for (size_t i = 0; i < nl_size(a); i++) {
		if (at[i])
			return false;
	}
	return true;
}

static bool bytes_alike(const struct nlattr *want, const struct nlattr *have)
{
	size_t size = nl_size(want);

	return nl_size(have) == size &&
	       (size == 0 || memcmp(nl_data(want), nl_data(have), size) == 0);
}

/* Ours are marked where they are nested; the kernel marks few of its own. */
static bool is_nested(const struct nlattr *a)
{
	return a->nla_type & NLA_F_NESTED;
}

/* expr: they are the expression's own; "" for what is nested in them. */
static bool attrs_alike(const char *expr, const struct nlattr *want, const struct nlattr *have)
{
	const struct nlattr *w[ATTRS_MAX + 1], *h[ATTRS_MAX + 1];

	nl_attrs_nested(want, w, ATTRS_MAX);
	if (!nl_attrs_nested(have, h, ATTRS_MAX))
		return false;
	for (uint16_t i = 0; i <= ATTRS_MAX; i++) {
		bool alike = !w[i]	       ? !h[i] || is_zero(h[i]) || is_implied(expr, i)
			     : !h[i]	       ? false
			     : is_nested(w[i]) ? attrs_alike("", w[i], h[i])
					       : bytes_alike(w[i], h[i]);

		if (!alike)
			return false;
	}
	return true;
}

static bool expression_alike(const struct nlattr *want, const struct nlattr *have)
{
	const struct nlattr *w[NFTA_EXPR_DATA + 1], *h[NFTA_EXPR_DATA + 1];
	char name[32], other[32];

	nl_attrs_nested(want, w, NFTA_EXPR_DATA);
	nl_attrs_nested(have, h, NFTA_EXPR_DATA);
	return nl_str(w[NFTA_EXPR_NAME], name, sizeof(name)) &&
	       nl_str(h[NFTA_EXPR_NAME], other, sizeof(other)) && strcmp(name, other) == 0 &&
	       attrs_alike(name, w[NFTA_EXPR_DATA], h[NFTA_EXPR_DATA]);
}

/* The data of an expression if it has this name. */
static bool data_of(const struct nlattr *expr, const char *name, const struct nlattr **out,
		    uint16_t max)
{
	const struct nlattr *a[NFTA_EXPR_DATA + 1];
	char is[32];

	nl_attrs_nested(expr, a, NFTA_EXPR_DATA);
	return nl_str(a[NFTA_EXPR_NAME], is, sizeof(is)) && strcmp(is, name) == 0 &&
	       nl_attrs_nested(a[NFTA_EXPR_DATA], out, max);
}

#define BYTES_MAX 16 /* of a packet, in one match */

/* What a match asks of bytes of a packet: those from offset on, under a mask. */
struct match {
	uint32_t base, offset, len, op;
	uint8_t mask[BYTES_MAX], value[BYTES_MAX];
};

/* A value of this size. */
static bool value_read(const struct nlattr *data, uint8_t out[static BYTES_MAX], uint32_t size)
{
	const struct nlattr *a[NFTA_DATA_VALUE + 1];

	nl_attrs_nested(data, a, NFTA_DATA_VALUE);
	if (size == 0 || nl_size(a[NFTA_DATA_VALUE]) != size)
		return false;
	memcpy(out, nl_data(a[NFTA_DATA_VALUE]), size);
	return true;
}

/* Of the register into which the bytes were loaded, and back into it. */
static bool mask_read(const struct nlattr **a, uint32_t reg, struct match *m)
{
	static const uint8_t zero[BYTES_MAX];
	uint8_t toggled[BYTES_MAX];

	return nl_be32(a[NFTA_BITWISE_SREG]) == reg && nl_be32(a[NFTA_BITWISE_DREG]) == reg &&
	       nl_be32(a[NFTA_BITWISE_OP]) == NFT_BITWISE_BOOL &&
	       value_read(a[NFTA_BITWISE_MASK], m->mask, m->len) &&
	       value_read(a[NFTA_BITWISE_XOR], toggled, m->len) &&
	       memcmp(toggled, zero, m->len) == 0;
}

/* Bytes at either end for which nothing is asked are none of it. */
static void match_trim(struct match *m)
{
	uint32_t skip = 0;

	while (m->len > 0 && !m->mask[m->len - 1])
		m->len--;
	while (skip < m->len && !m->mask[skip])
		skip++;
	m->offset += skip;
	m->len -= skip;
	memmove(m->mask, m->mask + skip, m->len);
	memmove(m->value, m->value + skip, m->len);
	for (uint32_t i = 0; i < m->len; i++)
		m->value[i] &= m->mask[i];
}

/* A load of bytes, perhaps a mask, a comparison; *at is the last of these then. */
static bool match_read(const struct nlattr *list, const struct nlattr **at, struct match *m)
{
	const struct nlattr *a[ATTRS_MAX + 1], *next = *at;
	uint32_t reg;

	if (!data_of(next, "payload", a, ATTRS_MAX) || a[NFTA_PAYLOAD_SREG])
		return false;
	reg = nl_be32(a[NFTA_PAYLOAD_DREG]);
	*m = (struct match){ .base = nl_be32(a[NFTA_PAYLOAD_BASE]),
			     .offset = nl_be32(a[NFTA_PAYLOAD_OFFSET]),
			     .len = nl_be32(a[NFTA_PAYLOAD_LEN]) };
	if (m->len > BYTES_MAX || !nl_attr_next(list, &next))
		return false;
	memset(m->mask, 0xff, m->len);
	if (data_of(next, "bitwise", a, ATTRS_MAX) &&
	    (!mask_read(a, reg, m) || !nl_attr_next(list, &next)))
		return false;
	if (!data_of(next, "cmp", a, ATTRS_MAX) || nl_be32(a[NFTA_CMP_SREG]) != reg ||
	    !value_read(a[NFTA_CMP_DATA], m->value, m->len))
		return false;
	m->op = nl_be32(a[NFTA_CMP_OP]);
	match_trim(m);
	*at = next;
	return true;
}

static bool match_alike(const struct match *x, const struct match *y)
{
	return x->base == y->base && x->offset == y->offset && x->len == y->len && x->op == y->op &&
	       memcmp(x->mask, y->mask, x->len) == 0 && memcmp(x->value, y->value, x->len) == 0;
}

/* An expression each, or the several of a match. */
static bool next_alike(const struct nlattr *want, const struct nlattr **w,
		       const struct nlattr *have, const struct nlattr **h)
{
	const struct nlattr *w_end = *w, *h_end = *h;
	struct match x, y;

	if (!match_read(want, &w_end, &x) || !match_read(have, &h_end, &y))
		return expression_alike(*w, *h);
	*w = w_end;
	*h = h_end;
	return match_alike(&x, &y);
}

static bool expressions_alike(const struct nlattr *want, const struct nlattr *have)
{
	const struct nlattr *w = NULL, *h = NULL;

	for (;;) {
		bool more = nl_attr_next(want, &w), has = nl_attr_next(have, &h);

		if (more != has || (more && !next_alike(want, &w, have, &h)))
			return false;
		if (!more)
			return true;
	}
}

static void rule_read(const struct nlmsghdr *h, const struct nlattr **list,
		      char chain[static NFT_NAME_SIZE])
{
	const struct nlattr *a[NFTA_RULE_EXPRESSIONS + 1];

	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_RULE_EXPRESSIONS);
	nl_str(a[NFTA_RULE_CHAIN], chain, NFT_NAME_SIZE);
	*list = a[NFTA_RULE_EXPRESSIONS];
}

/* In each chain one after the other. Rules of chains for which nothing is wanted do not count. */
static int check_rule(const struct nlmsghdr *h, void *arg)
{
	struct rules *x = arg;
	const struct nlattr *have, *want;
	char chain[NFT_NAME_SIZE], name[NFT_NAME_SIZE];
	bool known = false;

	if (!nft_is(h, NFT_MSG_NEWRULE))
		return 0;
	rule_read(h, &have, chain);
	for (size_t i = 0; i < x->count; i++) {
		rule_read(x->want[i], &want, name);
		if (strcmp(name, chain) != 0)
			continue;
		known = true;
		if (x->seen[i])
			continue;
		x->seen[i] = true;
		if (expressions_alike(want, have))
			return 0;
		break;
	}
	if (known && !x->other[0])
		str_copy(x->other, sizeof(x->other), chain);
	return 0;
}

static void restart(void *arg)
{
	struct rules *x = arg;

	memset(x->seen, 0, sizeof(x->seen));
	x->other[0] = '\0';
}

/* What put() writes, as messages side by side. */
static int write_rules(struct nl *nl, void (*put)(struct nl *nl), struct rules *x, struct err *e)
{
	size_t at = 0, size;

	nl_discard(nl);
	put(nl);
	size = nl_copy(nl, x->buf, sizeof(x->buf));
	nl_discard(nl);
	for (; at < size && x->count < RULES_MAX; x->count++) {
		x->want[x->count] = (const void *)(x->buf + at);
		at += NLMSG_ALIGN(x->want[x->count]->nlmsg_len);
	}
	return size && at == size ? 0 : err_set(e, E2BIG, "too many nftables rules to compare");
}

int nft_rules_check(struct nl *nl, const struct nft_table *t, void (*put)(struct nl *nl),
		    struct nft_rules_differ *out, struct err *e)
{
	struct rules x = { .w.table = t->name };
	int r = write_rules(nl, put, &x, e);

	*out = (struct nft_rules_differ){ .lacks = false };
	if (r < 0)
		return r;
	nft_request(nl, "list rules", NFT_MSG_GETRULE, NLM_F_DUMP, t);
	r = nft_ask(nl, check_rule, restart, &x.w, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < x.count && !out->lacks; i++) {
		const struct nlattr *list;

		out->lacks = !x.seen[i];
		if (out->lacks)
			rule_read(x.want[i], &list, out->chain);
	}
	if (!out->lacks)
		str_copy(out->chain, sizeof(out->chain), x.other);
	return !out->chain[0];
}
