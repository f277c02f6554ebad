/*
 * Chains of other programs that see forwarded packets: Docker's, kube-proxy's, an administrator's.
 *
 * Every base chain of a hook is asked, and a drop in any of them is final: an accept in a table of
 * our own does not help. So what is to be forwarded must be accepted in the very chains that drop
 * what nobody has accepted: by their policy, or by a last rule, which firewalls write with the
 * policy accept. Where that rule stands in DOCKER-USER, which Docker puts before all others again
 * and again, the accepts stand there too. Only nf_tables is read; the legacy iptables has tables of
 * its own.
 */
#ifndef FW_FOREIGN_CHAIN_H
#define FW_FOREIGN_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/nft.h"
#include "fw/chain_rules.h"

struct err;
struct nl;

/* All texts live in the list's arena, but for mark. */
struct foreign_chain {
	struct nft_table table;
	const char *mark; /* of the rules that whoever reads it calls its own */
	const char *name;
	const char *text;	 /* "ip filter FORWARD" */
	bool base;		 /* hooked at forward, else DOCKER-USER */
	bool drop;		 /* its policy */
	bool owned;		 /* only the program that made its table may change it */
	struct list rules;	 /* struct chain_rule */
	struct chain_end end[2]; /* for IPv4, for IPv6 */
};

/* "ip", "ip6", "inet" of a table's family; NULL: one that does not forward packets. */
const char *foreign_family_text(uint8_t family);

/* Can packets of the family (AF_INET, AF_INET6) be in the chain? */
bool foreign_chain_has(const struct foreign_chain *c, uint8_t family);

/* What becomes of the family's packets: one of c->end. */
const struct chain_end *foreign_chain_end(const struct foreign_chain *c, uint8_t family);

/*
 * Collect all base chains at the forward hook and all DOCKER-USER into out, a list of struct
 * foreign_chain; mark as chain_rules_read() takes it, and not copied. To let packets of a family
 * through, accepts must stand wherever foreign_chain_end() says CHAIN_DROPS: before the rule that
 * chain_rules_at(&c->rules, end->place) names, with comments that begin with the mark.
 * -EOPNOTSUPP: the kernel has no nf_tables. -ENOMEM: the arena is full.
 */
int foreign_chains_read(struct nl *nft, const char *mark, struct list *out, struct err *e);

/*
 * Read the rules of one again: they change under us (-ENOENT from a transaction). That DOCKER-USER
 * is asked in the stead of another is not found anew.
 */
int foreign_chain_reread(struct nl *nft, struct foreign_chain *c, struct err *e);

#endif
