/*
 * Policy routing rules of a namespace: which table is asked first. Follows net/core/fib_rules.c and
 * include/uapi/linux/fib_rules.h.
 */
#ifndef NET_RULE_H
#define NET_RULE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct err;
struct nl;

struct rule {
	uint8_t family;
	uint32_t priority;
	uint8_t action; /* FR_ACT_* */
	uint32_t table; /* of FR_ACT_TO_TBL; 0: an l3mdev's own */
	int suppress;	/* routes with a prefix this long or shorter do not count; -1: all do */
	struct prefix src, dst; /* len 0: any */
	char iif[IF_NAMESIZE];	/* "": any; "lo": what this namespace sends itself */
	uint32_t mark, mask;	/* the packet's mark in these bits; mask 0: any */
	uint8_t protocol;	/* who made it (RTPROT_*); 0: it does not say (before 4.17 never) */
	bool special; /* it asks for something else, too: a mark, an outgoing link, a port ... */
	bool invert;
	bool detached; /* there is no link of the name iif */
};

/*
 * Into the batch. What fits all that is given asks this table; special, invert and detached
 * are not written.
 * -EEXIST: there is the same.
 */
void rule_add(struct nl *nl, const struct rule *r);
/* The first rule with all that is given; -ENOENT. */
void rule_del(struct nl *nl, const struct rule *r);

/* fn for each rule of the family, in the order in which the kernel asks them. -EOPNOTSUPP: the
 * kernel has none. An interrupted walk begins anew, as link_each(). */
typedef int rule_fn(const struct rule *r, void *arg);
int rule_each(struct nl *nl, uint8_t family, rule_fn *fn, void *arg, struct err *e);

#endif
