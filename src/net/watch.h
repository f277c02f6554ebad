/*
 * What others change of the network: links, addresses, routes, rules, forwarding, and the packet
 * filter. It says that something is different, not what: who wants to know reads anew, with another
 * socket. What one's own requests cause is left out, by the port that the kernel notes in each
 * event.
 */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "net/nl.h"

struct err;

#define NET_WATCH_WHO 48

struct net_watch {
	struct nl nl;
	const struct nl *own;	 /* whose changes are left out; borrowed */
	bool changed, lost;	 /* since the caller cleared them */
	char who[NET_WATCH_WHO]; /* has changed it last, "nft (123)"; "": not known */
};

/* rtnetlink: links, addresses, routes and rules of both families, settings of links. */
int net_watch_open_route(struct net_watch *w, const struct nl *own, struct err *e);

/*
 * nf_tables, whose events name the process. -EPROTONOSUPPORT: the kernel has no such thing, and
 * the watch is closed.
 */
int net_watch_open_nft(struct net_watch *w, const struct nl *own, struct err *e);

/*
 * Permanent neighbours and forwarding entries of one link, which net_watch_follow() names; those of
 * all others, which come and go with every packet, wake nobody. At first there is none.
 */
int net_watch_open_neigh(struct net_watch *w, const struct nl *own, struct err *e);
int net_watch_follow(struct net_watch *w, int index, struct err *e); /* 0: none */

/* Read what has come, without waiting. */
int net_watch_read(struct net_watch *w, struct err *e);

#endif
