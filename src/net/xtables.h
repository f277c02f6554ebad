/*
 * The legacy tables of iptables and ip6tables, read and replaced whole by socket options, as there
 * is no other way. Three steps: xtables_read() takes the table and checks all of it; rules are
 * marked to go, and put; xtables_write() replaces it. Where nothing was asked for, every rule, jump
 * and count is as before.
 *
 * Follows linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h and
 * linux/netfilter/x_tables.h. A table is one block of entries; a jump's verdict is an offset in it.
 * Chains of a hook come first, each ending in its policy; then those that somebody has made, each
 * behind an entry with its name and ending in a return; then one more entry with a name.
 *
 * Whoever writes holds iptables' own lock, /run/xtables.lock, from before it reads: the kernel has
 * none, and the last one to write wins.
 */
#ifndef NET_XTABLES_H
#define NET_XTABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"

struct arena;
struct err;
struct xtables_family;

#define XTABLES_HOOKS 5	     /* NF_INET_NUMHOOKS */
#define XTABLES_NAME_SIZE 32 /* XT_TABLE_MAXNAMELEN, and more than a chain's name */
#define XTABLES_NOWHERE SIZE_MAX

/* What the kernel says of a table beside its block: struct ipt_getinfo. */
struct xtables_layout {
	uint32_t hooks; /* one bit for each NF_INET_* that it has a chain for */
	uint32_t hook_entry[XTABLES_HOOKS], underflow[XTABLES_HOOKS]; /* first rule, policy */
	uint32_t count, size;					      /* entries, bytes */
};

enum xtables_kind { XTABLES_HEAD, XTABLES_RULE, XTABLES_LAST, XTABLES_TAIL };

/* LAST ends its chain: a policy, or a return. */
struct xtables_entry {
	uint32_t at;	/* offset */
	uint32_t chain; /* the index of its first entry: HEAD, or the hook's first rule */
	uint8_t kind;
	bool gone; /* is left out of what is written */
};

/* A table as it was read. Rules are named by their index in entries. */
struct xtables {
	const struct xtables_family *family;
	char name[XTABLES_NAME_SIZE];
	struct xtables_layout layout;
	const uint8_t *block;
	struct xtables_entry *entries; /* layout.count */
	struct arena *arena;
	struct list puts;
};

enum xtables_end {
	XTABLES_NONE,	/* the next rule is asked */
	XTABLES_ACCEPT, /* also a queue */
	XTABLES_DROP,	/* also REJECT */
	XTABLES_RETURN,
	XTABLES_JUMP,
	XTABLES_GOTO,
};

struct xtables_rule {
	const char *comment;	  /* "" when it has none */
	bool by_proto;		  /* it asks for a layer 4 protocol */
	bool matches;		  /* it asks for anything else */
	struct addr saddr, daddr; /* that it asks for, whole; family 0: it does not */
	enum xtables_end end;	  /* of what it asks for */
	size_t to;		  /* of JUMP and GOTO: the entry that it leads to */
};

/*
 * Has the kernel this table (NULL: any) of the family (AF_INET, AF_INET6) in use: 1, 0, -errno.
 * Asking makes none.
 */
int xtables_in_use(uint8_t family, const char *name, struct err *e);

/*
 * Into the arena, in which it lives. -EAGAIN: it has changed meanwhile, read it again. -E2BIG,
 * -ENOMEM: it is larger than the arena.
 */
int xtables_read(struct xtables *t, uint8_t family, const char *name, struct arena *a,
		 struct err *e);

/*
 * The same from a block of layout.size bytes, aligned as a struct, which is not copied. Nothing of
 * it is trusted: -EPROTO, it is no table, and nothing outside of it was read.
 */
int xtables_parse(struct xtables *t, uint8_t family, const struct xtables_layout *layout,
		  const uint8_t *block, struct arena *a, struct err *e);

/* The first entry behind a hook's (NF_INET_*) or a chain's head; XTABLES_NOWHERE: there is none. */
size_t xtables_hook(const struct xtables *t, unsigned int hook);
size_t xtables_chain(const struct xtables *t, const char *name);

/* The name of the chain that a rule is in, "FORWARD" for a hook's. */
const char *xtables_chain_name(const struct xtables *t, size_t rule);

/* What a rule says; of a HEAD or the TAIL nothing. Texts are the block's. */
void xtables_rule(const struct xtables *t, size_t rule, struct xtables_rule *out);

/* ---- changes ---- */

struct xtables_new_rule {
	uint32_t mark;	     /* that it asks for, all of these bits; 0: for none */
	const char *comment; /* at most 255 bytes */
	size_t to;	     /* the entry that it jumps to; XTABLES_NOWHERE: it accepts */
};

/* Before a RULE or LAST of the same table, behind what was put there before. */
void xtables_put(struct xtables *t, size_t before, const struct xtables_new_rule *r);

/* A chain that somebody has made, by its first entry, with its rules. No jump may lead to it. */
void xtables_delete_chain(struct xtables *t, size_t first);

/* The same entries as the kernel will have them: for a block of its own, in the table's arena. */
struct xtables_image {
	struct xtables_layout layout;
	uint8_t *request; /* struct ipt_replace, all of it zero, and then the block */
	uint8_t *block;	  /* in it */
	uint32_t *old;	  /* of each entry: its index before; UINT32_MAX: it is new */
};
int xtables_build(const struct xtables *t, struct xtables_image *out, struct err *e);

/* Under the lock. -EAGAIN: somebody has changed it without the lock; read it again. */
int xtables_write(const struct xtables *t, struct err *e);

#endif
