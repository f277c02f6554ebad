/*
 * Chains of other programs that see forwarded packets: Docker's, kube-proxy's, an administrator's.
 *
 * Every base chain of a hook is asked, and a drop in any of them is final: an accept in a table of
 * our own does not help. So what is to be forwarded must be accepted in the very chains that may
 * drop it: those whose policy is drop, and iptables-nft's FORWARD, whose rules may. Where Docker
 * offers DOCKER-USER, which it calls first and never touches, that one stands for the base chain.
 * Only nf_tables is read; the legacy iptables has tables of its own.
 */
#ifndef NODE_FOREIGN_CHAIN_H
#define NODE_FOREIGN_CHAIN_H

#include <stdbool.h>

#include "net/nft.h"

struct err;
struct list;
struct nl;

/* All texts live in the list's arena. */
struct foreign_chain {
	struct nft_table table;
	const char *name;
	const char *text; /* "ip filter FORWARD" */
	bool base;	  /* hooked at forward, else DOCKER-USER */
	bool needed;	  /* it may drop; accepts should stand here */
};

/*
 * Collect all base chains at the forward hook and all DOCKER-USER into out, a list of struct
 * foreign_chain. -EOPNOTSUPP: the kernel has no nf_tables.
 */
int foreign_chains_read(struct nl *nft, struct list *out, struct err *e);

#endif
