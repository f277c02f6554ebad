/*
 * Neighbours: what other machines of a link believe about an address. Follows
 * net/core/neighbour.c, net/ipv4/devinet.c, net/ipv6/ndisc.c.
 *
 * Functions without a result only write their request into the batch; nl_commit() sends it.
 */
#ifndef NET_NEIGH_H
#define NET_NEIGH_H

#include <stdint.h>

struct addr;
struct nl;

/* Forget what this namespace believes about a neighbour. There is none: -ENOENT. */
void neigh_del(struct nl *nl, int index, const struct addr *a);

/*
 * Let the kernel tell the link's neighbours where its addresses are now: gratuitous ARP, and
 * unsolicited neighbour advertisements with the override flag. mac is the one that the link has; to
 * set it anew is the event (NETDEV_CHANGEADDR) upon which the kernel speaks, where the sysctls
 * NEIGH_NOTIFY are 1 for the link. A packet socket of ours would cost every call a grace period at
 * its close (packet_release()).
 */
void neigh_announce(struct nl *nl, int index, const uint8_t mac[static 6]);

#define NEIGH_NOTIFY_IPV4 "arp_notify"	 /* net/ipv4/conf/NAME */
#define NEIGH_NOTIFY_IPV6 "ndisc_notify" /* net/ipv6/conf/NAME */

#endif
