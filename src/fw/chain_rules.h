/*
 * The rules of a chain, and where in it accepts of ours belong: as late as they still work, so that
 * whatever others have written down to drop is still dropped. That is before the rule that drops
 * whatever comes to it, or, where only the policy drops, behind all others.
 *
 * Ours are known by their comments, FW_MARK and what each part of the program adds to it. A part
 * changes the rules with its own mark only; those of the program's other parts are none of others'
 * either, so that all find the same place and stand in it side by side.
 */
#ifndef FW_CHAIN_RULES_H
#define FW_CHAIN_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "net/nft.h"

struct err;
struct nl;

#define FW_MARK "cnibox "

struct chain_rule {
	uint64_t handle;
	const char *ours;   /* what its comment says behind the mark that was asked for, or NULL */
	const char *target; /* of JUMP and GOTO */
	enum nft_end end;
	uint8_t family; /* AF_*; 0: any that its table has */
	bool foreign;	/* its comment does not begin with FW_MARK: a rule of others */
	bool by_proto;	/* it asks for a layer 4 protocol */
	bool matches;	/* it asks for anything else */
};

enum chain_verdict { CHAIN_PASSES, CHAIN_ACCEPTS, CHAIN_DROPS };

/* What becomes of a packet of one family that no rule with a match has decided about. */
struct chain_end {
	enum chain_verdict verdict;
	size_t place;	/* where accepts belong if it drops: rules of others before it */
	const char *by; /* the chain that a jump leads to and that drops; NULL: this one does */
};

/*
 * All rules, in order; out is a list of struct chain_rule, and texts live in its arena. mark begins
 * with FW_MARK: "cnibox node: ". No such chain: an empty list. Errors as nft_rule_each(); -ENOMEM:
 * the arena is full.
 */
int chain_rules_read(struct nl *nft, const struct nft_table *t, const char *chain, const char *mark,
		     struct list *out, struct err *e);

/* A chain as a packet of one family meets it. */
struct chain_path {
	const struct nft_table *table;
	const struct list *rules; /* that have been read */
	uint8_t family;
	enum chain_verdict policy; /* of those that come to the end; CHAIN_PASSES without a hook */
};

/*
 * Jumps are followed, NFT_JUMP_STACK_SIZE deep; the rules that they lead to are read now, into the
 * arena of path's. Errors as chain_rules_read().
 */
int chain_end_find(struct nl *nft, const struct chain_path *path, struct chain_end *out,
		   struct err *e);

/*
 * The handle of the rule of others that has `place` of them before it, for
 * nft_rule_begin_before(); 0, none has: append.
 */
uint64_t chain_rules_at(const struct list *rules, size_t place);

/* Has it the mark that was asked for, and is it for packets of the family (AF_*)? */
bool chain_rule_is_ours(const struct chain_rule *r, uint8_t family);

/* Do all of these stand in this place, with no rule of others between them? */
bool chain_rules_in_place(const struct list *rules, uint8_t family, size_t place);

#endif
