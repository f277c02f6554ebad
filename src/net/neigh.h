/*
 * Neighbours: what other machines of a link believe about an address, and what this one does; and
 * where a VXLAN sends what is for a MAC. Follows net/core/neighbour.c, net/ipv4/devinet.c,
 * net/ipv6/ndisc.c, net/core/rtnetlink.c (rtnl_fdb_*()), drivers/net/vxlan/vxlan_core.c.
 *
 * Functions without a result only write their request into the batch; nl_commit() sends it.
 */
#ifndef NET_NEIGH_H
#define NET_NEIGH_H

#include <stdint.h>

#include "base/addr.h"

struct err;
struct nl;

/* Forget what this namespace believes about a neighbour. There is none: -ENOENT. */
void neigh_del(struct nl *nl, int index, const struct addr *a);

/*
 * Let the kernel tell the link's neighbours where its addresses are now: gratuitous ARP, and
 * unsolicited neighbour advertisements with the override flag. mac is the one that the link has; to
 * set it anew is the event (NETDEV_CHANGEADDR) upon which the kernel speaks, where it was told to:
 * neigh_notify(), and NEIGH_NOTIFY_IPV6 is 1 for the link. A packet socket of ours would cost every
 * call a grace period at its close (packet_release()).
 */
void neigh_announce(struct nl *nl, int index, const uint8_t mac[static 6]);

/*
 * Sets net/ipv4/conf/LINK/arp_notify to 1 (IFLA_INET_CONF). Not by that file: /proc/sys keeps an
 * entry of each namespace's in one chain, and with a thousand pods every file there takes a
 * millisecond to open. IPv6 has no such attribute.
 */
void neigh_notify(struct nl *nl, int index);

/* A permanent entry: of a link's neighbour, or of a VXLAN's forwarding database. */
struct neigh {
	int index;
	struct addr addr; /* the neighbour's; of a database, the machine behind which mac is */
	uint8_t mac[6];
};

/* It has this MAC, and is not asked (NUD_PERMANENT). What was believed before is forgotten. */
void neigh_set(struct nl *nl, int index, const struct addr *a, const uint8_t mac[static 6]);
/* The same for the database, by its MAC. Deletion takes this address alone; none such: -ENOENT. */
void fdb_replace(struct nl *nl, const struct neigh *n);
void fdb_del(struct nl *nl, const struct neigh *n);

/*
 * fn for each permanent neighbour of the link (index 0: of all) and family (0: both), or for each
 * entry of a link's database. Interruption as link_each().
 */
typedef int neigh_fn(const struct neigh *n, void *arg);
int neigh_each(struct nl *nl, uint8_t family, int index, neigh_fn *fn, void *arg, struct err *e);
int fdb_each(struct nl *nl, int index, neigh_fn *fn, void *arg, struct err *e);

#define NEIGH_NOTIFY_IPV6 "ndisc_notify" /* net/ipv6/conf/NAME */

#endif
