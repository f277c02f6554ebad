/*
 * An nf_tables message as text, so that two of them can be compared: lines of "path=bytes", sorted,
 * because nf_tables does not care for the order of attributes, only for that of lists. Left out is
 * what nft(8) sends beyond what the kernel needs from us; each has its reason in drop().
 */
#ifndef TESTS_NFT_DESCRIBE_H
#define TESTS_NFT_DESCRIBE_H

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "base/text.h"
#include "net/nl.h"

#define TYPE(a) ((a)->nla_type & NLA_TYPE_MASK)

struct span {
	const uint8_t *at;
	size_t len;
};

static inline struct span payload(const struct nlattr *a)
{
	return (struct span){ (const uint8_t *)a + NLA_HDRLEN, a->nla_len - (size_t)NLA_HDRLEN };
}

static inline bool next(struct span *s, const struct nlattr **a)
{
	size_t step;

	if (s->len < NLA_HDRLEN)
		return false;
	*a = (const void *)s->at;
	assert_in_range((*a)->nla_len, NLA_HDRLEN, s->len);
	step = NLA_ALIGN((*a)->nla_len);
	step = step > s->len ? s->len : step;
	s->at += step;
	s->len -= step;
	return true;
}

/*
 * What nft(8) sends and we do not. path: attribute types from the message down; msg and expr tell
 * what they are.
 */
static inline bool drop(uint16_t msg, const char *path, const char *expr, const struct nlattr *a)
{
	static const uint8_t interval_open[] = { 1, 4, 1, 0, 0, 0 };
	struct span data = payload(a);

	if (msg == NFT_MSG_NEWSET && strcmp(path, ".10") == 0)
		return true; /* the set's id is a free number */
	if (msg == NFT_MSG_NEWSET && strcmp(path, ".13") == 0 && data.len > 6)
		return true; /* "typeof" of a concatenation; nft(8) prints its type without */
	if (msg == NFT_MSG_NEWSETELEM && strcmp(path, ".4") == 0)
		return true; /* the set's id again */
	if (msg == NFT_MSG_NEWSETELEM && data.len == sizeof(interval_open) &&
	    memcmp(data.at, interval_open, data.len) == 0)
		return true; /* a note of nft(8) to itself on a range without end */
	if (strcmp(expr, "lookup") == 0 && strcmp(path, ".4.1.2.4") == 0)
		return true; /* the set's id again */
	return strcmp(expr, "bitwise") == 0 &&
	       strcmp(path, ".4.1.2.6") == 0; /* the operation's default, in words */
}

/* Do the types under this path number a list? nft(8) counts its elements, the kernel does not look.
 */
static inline bool is_list(uint16_t msg, const char *path)
{
	return (msg == NFT_MSG_NEWSETELEM || msg == NFT_MSG_DELSETELEM) && strcmp(path, ".3") == 0;
}

static void flatten(uint16_t msg, const char *parent, const char *expr, struct span s,
		    struct text *out);

static inline void flatten_one(uint16_t msg, const char *path, const char *expr,
			       const struct nlattr *a, struct text *out)
{
	struct span data = payload(a);

	if (drop(msg, path, expr, a))
		return;
	if (a->nla_type & NLA_F_NESTED) {
		text_printf(out, "%s{\n", path);
		flatten(msg, path, expr, data, out);
		return;
	}
	text_printf(out, "%s=", path);
	for (size_t i = 0; i < data.len; i++)
		text_printf(out, "%02x", data.at[i]);
	text_char(out, '\n');
}

/* The attributes of one level by ascending type, equal types in their order. */
static inline void flatten(uint16_t msg, const char *parent, const char *expr, struct span s,
			   struct text *out)
{
	const struct nlattr *a;
	char path[64], name[16];
	struct span walk = s;

	str_copy(name, sizeof(name), expr);
	if (strcmp(parent, ".4.1") == 0 && next(&walk, &a) && TYPE(a) == NFTA_EXPR_NAME)
		str_copy(name, sizeof(name), (const char *)payload(a).at);
	for (int type = 0; type < 32; type++) {
		for (walk = s; next(&walk, &a);) {
			if ((is_list(msg, parent) ? 1 : TYPE(a)) != type)
				continue;
			snprintf(path, sizeof(path), "%.50s.%d", parent, type);
			flatten_one(msg, path, name, a, out);
		}
	}
}

static inline void describe(const uint8_t *bytes, size_t len, char *out, size_t size)
{
	struct text text;
	struct nlmsghdr h;

	assert_true(len >= sizeof(h) + sizeof(struct nfgenmsg));
	memcpy(&h, bytes, sizeof(h));
	assert_int_equal(h.nlmsg_len, len);
	text_init(&text, out, size);
	text_printf(&text, "type %x flags %x family %u version %u\n", h.nlmsg_type, h.nlmsg_flags,
		    bytes[16], bytes[17]);
	flatten(h.nlmsg_type & 0xff, "", "", (struct span){ bytes + 20, len - 20 }, &text);
	assert_false(text.bad);
}

static inline size_t unhex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = strlen(hex) / 2;

	assert_true(n <= size);
	for (size_t i = 0; i < n; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

/*
 * The goldens were caught on a little-endian machine. On a big-endian one a host's numbers are
 * turned: lengths and types everywhere, and what the kernel compares with a number of its own.
 */
static inline void turn(uint8_t *at, size_t size)
{
	const uint16_t one = 1;

	if (*(const uint8_t *)&one == 1)
		return;
	for (size_t i = 0; i < size / 2; i++) {
		uint8_t byte = at[i];

		at[i] = at[size - 1 - i];
		at[size - 1 - i] = byte;
	}
}

/*
 * The goldens' numbers of the host: marks, states of connections, a kind of address. In a longer
 * key 2 and 6 are a MAC and a protocol.
 */
static inline void turn_numbers(uint8_t *at, size_t len)
{
	static const uint32_t numbers[] = { 2, 6, 7, 0x10, 0x20, 0x2000, 0xffffdfff };

	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint32_t number = at[i] | (uint32_t)at[i + 1] << 8 | (uint32_t)at[i + 2] << 16 |
				  (uint32_t)at[i + 3] << 24;

		for (size_t k = len == 4 ? 0 : 2; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
			if (number == numbers[k]) {
				turn(at + i, 4);
				break;
			}
		}
	}
}

/* userdata: the attribute that holds nft(8)'s note on a set, whose one part is the order of keys;
 * or 0. */
static inline void turn_attributes(uint8_t *at, size_t len, int userdata)
{
	while (len >= NLA_HDRLEN) {
		struct nlattr *a = (void *)at;
		size_t step;

		turn(at, 2);
		turn(at + 2, 2);
		assert_in_range(a->nla_len, NLA_HDRLEN, len);
		if (a->nla_type & NLA_F_NESTED)
			turn_attributes(at + NLA_HDRLEN, a->nla_len - (size_t)NLA_HDRLEN, 0);
		else if ((a->nla_len & 3) == 0)
			turn_numbers(at + NLA_HDRLEN, a->nla_len - (size_t)NLA_HDRLEN);
		if (a->nla_type == userdata && a->nla_len == NLA_HDRLEN + 6)
			turn(at + NLA_HDRLEN + 2, 4);
		step = NLA_ALIGN(a->nla_len);
		step = step > len ? len : step;
		at += step;
		len -= step;
	}
}

static inline bool is_set(const uint8_t *message)
{
	struct nlmsghdr h;

	memcpy(&h, message, sizeof(h));
	return (h.nlmsg_type & 0xff) == NFT_MSG_NEWSET;
}

static inline void turn_message(uint8_t *at, size_t len)
{
	turn(at, 4);
	turn(at + 4, 2);
	turn(at + 6, 2);
	turn(at + 8, 4);
	turn(at + 12, 4);
	turn_attributes(at + 20, len - 20, is_set(at) ? NFTA_SET_USERDATA : 0);
}

struct golden {
	const char *command;
	const char *hex;
};

/* The batch is the one request that nft(8) sent. */
static inline void expect_golden(const struct golden *g, const struct nl *nl)
{
	static _Alignas(16) uint8_t bytes[4096];
	static char want[32768], have[32768];
	size_t len = unhex(g->hex, bytes, sizeof(bytes));

	turn_message(bytes, len);
	describe(bytes, len, want, sizeof(want));
	assert_false(nl->bad);
	assert_int_equal(nl->depth, 0);
	assert_int_equal(nl->count, 1);
	describe((const uint8_t *)nl->buf, nl->len, have, sizeof(have));
	if (strcmp(want, have) != 0)
		fail_msg("%s\nnft(8) sends:\n%s\nwe send:\n%s", g->command, want, have);
}

#endif
