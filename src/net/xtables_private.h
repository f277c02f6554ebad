/* What reading and writing of legacy tables share; nobody else includes this. */
#ifndef NET_XTABLES_PRIVATE_H
#define NET_XTABLES_PRIVATE_H

#include <string.h>
#include <linux/netfilter/x_tables.h>

#include "net/xtables.h"

/* Both families have the same requests; their entries differ in what stands in front. */
struct xtables_family {
	uint8_t af;
	int level;
	const char *names; /* of the tables in use: a file */
	size_t entry;	   /* its size */
	size_t match;	   /* of addresses and interfaces, at its beginning: all zero matches all */
	size_t target_at, next_at, counters_at;
	size_t saddr, daddr, saddr_mask, daddr_mask, addr_size;
	size_t proto, flags, invflags;
	uint8_t goto_flag, proto_flag;
};

/* A rule that is put, as an entry, before one of those that were there. */
struct xtables_put {
	size_t before, to; /* to: XTABLES_NOWHERE, or where its verdict leads */
	const uint8_t *entry;
	uint16_t size;
};

/* XT_ALIGN() of linux/netfilter/x_tables.h, which is no C11 in some releases of the header. */
static inline size_t xtables_aligned(size_t n)
{
	const size_t to = _Alignof(struct _xt_align);

	return (n + to - 1) & ~(to - 1);
}

static inline uint16_t xtables_word(const uint8_t *entry, size_t at)
{
	uint16_t v;

	memcpy(&v, entry + at, sizeof(v));
	return v;
}

static inline const uint8_t *xtables_at(const struct xtables *t, size_t i)
{
	return t->block + t->entries[i].at;
}

static inline uint16_t xtables_entry_size(const struct xtables *t, size_t i)
{
	return xtables_word(xtables_at(t, i), t->family->next_at);
}

static inline size_t xtables_target_at(const struct xtables *t, size_t i)
{
	return xtables_word(xtables_at(t, i), t->family->target_at);
}

/* The verdict of a standard target; what is no such target has none. */
bool xtables_verdict(const struct xtables *t, size_t i, int *out);

/* A rule without a target: its verdict leads to the entry behind it. */
static inline bool xtables_falls(const struct xtables *t, size_t i, int verdict)
{
	return verdict == (int)(t->entries[i].at + xtables_entry_size(t, i));
}

/* The entry at this offset; XTABLES_NOWHERE. */
size_t xtables_find(const struct xtables *t, uint32_t at);

/* A socket for the requests, any of the family's: a raw one needs more. */
int xtables_socket(const struct xtables_family *f, struct err *e);

#endif
