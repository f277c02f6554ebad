/*
 * Connection tracking: forgetting entries. UDP has no end of a connection, so an entry that was
 * made before an address was translated, or while it was translated to a pod that is gone, keeps a
 * sender's packets on the old way as long as he sends. Follows
 * include/uapi/linux/netfilter/nfnetlink_conntrack.h and net/netfilter/nf_conntrack_netlink.c.
 */
#ifndef NET_CONNTRACK_H
#define NET_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct err;
struct nl;

/* An entry of a protocol with ports (host byte order). As a pattern: 0, and no family, is any. */
struct conntrack {
	uint8_t proto;
	struct addr src, dst; /* as the first packet had them */
	uint16_t sport, dport;
	struct addr reply_src; /* who answers: another than dst when that is translated */
	uint16_t reply_sport;
};

typedef bool conntrack_fn(const struct conntrack *c, void *arg);

/*
 * Delete the entries of the family for which fn says so, by a walk through all of the machine,
 * which takes 8 ms where there is room for 262,144, be there as few as may; it may be asked about
 * one twice. nl is a NETLINK_NETFILTER socket, and fn must not use it. How many were deleted, or
 * -errno; -EOPNOTSUPP: the kernel cannot be asked.
 */
int conntrack_forget(struct nl *nl, uint8_t family, conntrack_fn *fn, void *arg, struct err *e);

/*
 * Delete the entries of the family that are like this pattern, which is no empty one: 0.1 ms for
 * the same room. 0, or -errno; -EOPNOTSUPP: the kernel has no such filter (Linux 6.12 has, for
 * IPv4: ctnetlink_flush_conntrack()), and nothing was deleted. Of IPv6 addresses the kernel takes
 * those for alike that are not (Linux 6.18, ctnetlink_filter_match_tuple()): it is not asked.
 */
int conntrack_flush(struct nl *nl, uint8_t family, const struct conntrack *like, struct err *e);

/* Up to so many patterns are less work than one walk. */
#define CONNTRACK_FLUSHES 32

#endif
