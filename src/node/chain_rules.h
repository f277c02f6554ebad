/*
 * The rules of a chain, and where in it accepts of ours belong: as late as they still work, so that
 * whatever others have written down to drop is still dropped. That is before the rule that drops
 * whatever comes to it, or, where only the policy drops, behind all others.
 */
#ifndef NODE_CHAIN_RULES_H
#define NODE_CHAIN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "net/nft.h"

struct err;
struct nl;

struct chain_rule {
	uint64_t handle;
	const char *ours;   /* what our comment says behind the mark; NULL: a rule of others */
	const char *target; /* of JUMP and GOTO */
	enum nft_end end;
	uint8_t family; /* 0: any that its table has */
	bool by_proto, matches;
};

enum chain_verdict { CHAIN_PASSES, CHAIN_ACCEPTS, CHAIN_DROPS };

/* What becomes of a packet of one family that no rule with a match has decided about. */
struct chain_end {
	enum chain_verdict verdict;
	size_t place;	/* where accepts belong if it drops: rules of others before it */
	const char *by; /* the chain that a jump leads to and that drops; NULL: this one does */
};

/* out is a list of struct chain_rule; texts live in its arena. No chain: an empty list. */
int chain_rules_read(struct nl *nft, const struct nft_table *t, const char *chain, struct list *out,
		     struct err *e);

/* A chain as a packet of one family meets it. */
struct chain_path {
	const struct nft_table *table;
	const struct list *rules; /* that have been read */
	uint8_t family;
	enum chain_verdict policy; /* of those that come to the end; CHAIN_PASSES without a hook */
};

/* Jumps are followed; the rules that they lead to are read now. */
int chain_end_find(struct nl *nft, const struct chain_path *path, struct chain_end *out,
		   struct err *e);

/* The handle of the rule of others that has `place` of them before it; 0: none has. */
uint64_t chain_rules_at(const struct list *rules, size_t place);

/* Is it one of ours for packets of the family? */
bool chain_rule_is_ours(const struct chain_rule *r, uint8_t family);

/* Do all of ours for the family stand side by side in this place? */
bool chain_rules_in_place(const struct list *rules, uint8_t family, size_t place);

#endif
