/*
 * Rules of ours in a chain, known by comments that begin with a mark; what stands behind the mark
 * says what the rule does. Rules of others in the same chain are told from them.
 */
#ifndef NODE_MARKED_RULES_H
#define NODE_MARKED_RULES_H

#include <stdbool.h>

#include "base/list.h"

struct arena;
struct err;
struct nft_table;
struct nl;

#define MARKED_RULES_TEXT 16384 /* two rules for each of CLUSTER_NETWORKS_MAX networks */

struct marked_rules {
	const char *text;    /* what the comments say behind the mark, with ", " between them */
	struct list handles; /* uint64_t */
	bool foreign;	     /* there are rules of others */
	bool behind;	     /* one of ours stands behind one of those */
};

/* Everything lives in the arena. The text is cut where it is longer than MARKED_RULES_TEXT. */
int marked_rules_read(struct nl *nft, const struct nft_table *t, const char *chain, struct arena *a,
		      struct marked_rules *out, struct err *e);

#endif
