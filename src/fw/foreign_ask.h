/*
 * Whom firewall's accepts in chains of others ask first. firewalld keeps in chains of its own what
 * an administrator has told it about packets between zones (policies), and jumps to them in each
 * zone, which is behind the accepts: jumps to those chains, for the accepts' packets only, stand
 * before them. What such a chain accepts or drops is so; what it says nothing about is accepted.
 */
#ifndef FW_FOREIGN_ASK_H
#define FW_FOREIGN_ASK_H

#include "fw/foreign_chain.h"

#define FIREWALL_COMMENT FW_MARK "firewall: " /* of all rules of the plugin in chains of others */
#define FOREIGN_ASKS_MAX 2

struct foreign_asks {
	const char *name[FOREIGN_ASKS_MAX]; /* chains of its table, in order */
	size_t count;
};

/* 1: the table has this chain; 0; -errno. */
int foreign_has_chain(struct nl *nl, const struct nft_table *t, const char *name, struct err *e);

/* Whom the accepts in c ask; nobody outside firewalld's table. */
int foreign_asks_find(struct nl *nl, const struct foreign_chain *c, struct foreign_asks *out,
		      struct err *e);

/* Is it such a jump, of whatever chain? */
bool foreign_is_ask(const struct chain_rule *r);

/* Are these there and no other, in order, in this place and before accepts of ours? */
bool foreign_asks_hold(const struct foreign_chain *c, size_t place, const struct foreign_asks *a);

/* Into the batch, behind what we have in the place; how many. */
size_t foreign_asks_put(struct nl *nl, const struct foreign_chain *c, size_t place,
			const struct foreign_asks *a);

#endif
