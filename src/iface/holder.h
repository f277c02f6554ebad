/*
 * What only one can have: who has it is looked for when it is refused, so that the error names it;
 * and where nobody living has it, the dead are waited for.
 */
#ifndef IFACE_HOLDER_H
#define IFACE_HOLDER_H

#include <stdbool.h>

struct err;
struct iface;
struct link;

struct holder_want {
	const char *kind;	   /* of the links that can have it: "vlan", "macvlan", "ipvlan" */
	const struct link *master; /* which they are on */
	int master_ns;		   /* i->pod.home or i->pod.ns */
	const char *key;	   /* "vlanId: 5 of master w0", for the error; of an
				    * address what it is on */
	/* Who has it; NULL: who has one of the addresses i->ips. */
	bool (*has)(const struct iface *i, const struct link *l);
	int (*take)(struct iface *i, struct err *e); /* 0 or -errno; has changed nothing then */
	int refusal; /* what take() returns, as a positive errno, when another has it */
};

/*
 * want->take(). When that is refused and a link in any namespace with a name or a process has it:
 * an error that names that one; CNI_ERR_EXISTS. When there is none: the kernel may be taking the
 * namespace of a dead pod apart, so try again at its events, for at most five seconds; then the
 * error of the refusal.
 */
int holder_outlive(struct iface *i, const struct holder_want *want, struct err *e);

#endif
