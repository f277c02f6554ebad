/* Legacy tables of iptables as the kernel hands them out, written by hand, in both families. */
#ifndef TESTS_UNIT_XTABLES_H
#define TESTS_UNIT_XTABLES_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "net/xtables.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static struct arena arena;
static struct err e;

/* ---- tables ---- */

#define ACCEPT (-NF_ACCEPT - 1)
#define DROP (-NF_DROP - 1)
#define RETURN XT_RETURN
#define ON 0x7fffffff /* no target: to the next entry */
#define FALSE_OFFSET 0x40000000
#define TO(chain) (FALSE_OFFSET + (chain)) /* a jump, mended when all chains are there */

struct built {
	_Alignas(16) uint8_t block[16384];
	struct xtables_layout l;
	uint8_t family;
	uint32_t chains[8]; /* offsets of their first rules */
	uint32_t chain_count;
};

static inline size_t entry_size(uint8_t family)
{
	return family == AF_INET6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
}

static inline uint16_t *target_at(struct built *b, uint32_t entry)
{
	return (void *)(b->block + entry +
			(b->family == AF_INET6 ? offsetof(struct ip6t_entry, target_offset)
					       : offsetof(struct ipt_entry, target_offset)));
}

/* next_offset stands behind target_offset in both. Sizes are the kernel's, whose alignment on
 * 32-bit ARM is 8, too. */
static inline uint32_t put_entry(struct built *b, size_t matches, const void *target, size_t size)
{
	uint32_t at = b->l.size;

	target_at(b, at)[0] = (uint16_t)(entry_size(b->family) + matches);
	target_at(b, at)[1] = (uint16_t)(entry_size(b->family) + matches + XT_ALIGN(size));
	memcpy(b->block + at + target_at(b, at)[0], target, size);
	b->l.size += target_at(b, at)[1];
	b->l.count++;
	return at;
}

static inline uint32_t put_error(struct built *b, const char *name)
{
	struct xt_error_target t = { .target.u.user = { XT_ALIGN(sizeof(t)), XT_ERROR_TARGET, 0 } };

	strcpy(t.errorname, name);
	return put_entry(b, 0, &t, sizeof(t));
}

static inline uint32_t rule(struct built *b, int verdict)
{
	struct xt_standard_target t = { .target.u.user.target_size = XT_ALIGN(sizeof(t)),
					.verdict = verdict };
	uint32_t at = put_entry(b, 0, &t, sizeof(t));

	if (verdict == ON) {
		t.verdict = (int)b->l.size;
		memcpy(b->block + at + target_at(b, at)[0], &t, sizeof(t));
	}
	return at;
}

static inline uint32_t commented(struct built *b, int verdict, const char *comment)
{
	struct {
		uint16_t size;
		char name[XT_EXTENSION_MAXNAMELEN];
		uint8_t revision;
		char text[256];
	} c = { sizeof(c), "comment", 0, "" };
	struct xt_standard_target t = { .target.u.user.target_size = XT_ALIGN(sizeof(t)),
					.verdict = verdict };
	uint32_t at = b->l.size;

	strcpy(c.text, comment);
	put_entry(b, sizeof(c), &t, sizeof(t));
	memcpy(b->block + at + entry_size(b->family), &c, sizeof(c));
	return at;
}

static inline uint32_t extension(struct built *b, const char *name)
{
	struct {
		uint16_t size;
		char name[XT_EXTENSION_MAXNAMELEN];
		uint8_t revision;
		uint64_t data;
	} t = { .size = XT_ALIGN(sizeof(t)) };

	strcpy(t.name, name);
	return put_entry(b, 0, &t, sizeof(t));
}

static inline void begin(struct built *b, uint8_t family)
{
	memset(b, 0, sizeof(*b));
	b->family = family;
}

static inline void hook(struct built *b, unsigned int h)
{
	b->l.hooks |= 1u << h;
	b->l.hook_entry[h] = b->l.size;
}

static inline void policy(struct built *b, unsigned int h, int verdict)
{
	b->l.underflow[h] = rule(b, verdict);
}

static inline void chain(struct built *b, const char *name)
{
	put_error(b, name);
	b->chains[b->chain_count++] = b->l.size;
}

/* The tail, and what TO() stands for. */
static inline void end(struct built *b)
{
	put_error(b, XT_ERROR_TARGET);
	for (uint32_t at = 0; at < b->l.size; at += target_at(b, at)[1]) {
		struct xt_standard_target *t = (void *)(b->block + at + target_at(b, at)[0]);

		if (!t->target.u.user.name[0] && t->verdict >= FALSE_OFFSET && t->verdict != ON)
			t->verdict = (int)b->chains[t->verdict - FALSE_OFFSET];
	}
}

/* filter: INPUT jumps to the second chain, FORWARD to both, the first chain to the second. */
static inline void filter(struct built *b, uint8_t family, int forward)
{
	begin(b, family);
	hook(b, NF_INET_LOCAL_IN);
	rule(b, TO(1));
	policy(b, NF_INET_LOCAL_IN, ACCEPT);
	hook(b, NF_INET_FORWARD);
	rule(b, TO(0));
	commented(b, TO(1), "second");
	rule(b, ON);
	policy(b, NF_INET_FORWARD, forward);
	hook(b, NF_INET_LOCAL_OUT);
	policy(b, NF_INET_LOCAL_OUT, ACCEPT);
	chain(b, "one");
	rule(b, TO(1));
	rule(b, RETURN);
	chain(b, "two");
	rule(b, RETURN);
	end(b);
}

/* The block of exactly its size, so that reading past it is seen. */
static inline int parse(struct xtables *t, uint8_t family, const struct xtables_layout *l,
			const uint8_t *block)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(l->size + 1);
	memcpy(copy, block, l->size);
	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	return xtables_parse(t, family, l, copy, &arena, &e);
}

static inline void take(struct xtables *t, struct built *b)
{
	assert_int_equal(parse(t, b->family, &b->l, b->block), 0);
	strcpy(t->name, "filter");
}

/* Each rule in short: "FORWARD one>two accept drop" and so on. */
static const char *told(const struct xtables *t)
{
	static const char *const ends[] = { "-", "accept", "drop", "return" };
	static char buf[4096];
	struct xtables_rule r;
	struct text out;

	text_init(&out, buf, sizeof(buf));
	for (size_t i = 0; i < t->layout.count; i++) {
		xtables_rule(t, i, &r);
		if (t->entries[i].kind == XTABLES_TAIL)
			break;
		if (t->entries[i].chain == i)
			text_printf(&out, "%s%s:", i ? "; " : "", xtables_chain_name(t, i));
		if (t->entries[i].kind == XTABLES_HEAD)
			continue;
		text_printf(&out, " %s", r.matches ? "?" : r.by_proto ? "p" : "");
		if (*r.comment)
			text_printf(&out, "'%s'", r.comment);
		if (r.end < XTABLES_JUMP)
			text_str(&out, ends[r.end]);
		else
			text_printf(&out, "%c%s", r.end == XTABLES_JUMP ? '>' : '=',
				    xtables_chain_name(t, r.to));
	}
	return out.at;
}

/* The table after its changes, read again. */
static inline void rebuild(struct xtables *t, uint8_t family)
{
	static uint8_t block[32768];
	struct xtables_image image;

	assert_int_equal(xtables_build(t, &image, &e), 0);
	memcpy(block, image.block, image.layout.size);
	assert_int_equal(parse(t, family, &image.layout, block), 0);
	strcpy(t->name, "filter");
}

static const uint8_t families[] = { AF_INET, AF_INET6 };

#endif
