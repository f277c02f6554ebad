/*
 * host-local's ranges and sets of ranges: defaults, checks, text. Nothing here touches a lease.
 */
#ifndef IPAM_HOST_LOCAL_RANGE_H
#define IPAM_HOST_LOCAL_RANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct err;

/* start, end and gateway without a family are filled in by host_local_range_complete(). */
struct host_local_range {
	struct prefix subnet;
	struct addr start, end; /* both inclusive */
	struct addr gateway;	/* never given away; may lie outside the subnet */
};

/* An attachment gets one address from each set. */
struct host_local_set {
	const struct host_local_range *ranges;
	size_t count;
};

/*
 * Check one range and fill in its defaults: start the first address behind the network's, end the
 * last (in IPv4 the one before the broadcast address), gateway the first. name is put in front of
 * the keys in errors: "ipam.ranges[0][1]" gives "ipam.ranges[0][1].rangeStart ...". -EINVAL: no
 * subnet, host bits set, too small (less than a /30 or a /126), start or end outside the subnet,
 * start behind end, families mixed.
 */
int host_local_range_complete(struct host_local_range *r, const char *name, struct err *e);

/*
 * Completed ranges: no set without ranges, no two families in a set, no address in two ranges. name
 * as above: "ipam.ranges".
 */
int host_local_sets_check(const struct host_local_set *sets, size_t count, const char *name,
			  struct err *e);

/*
 * The addresses asked for (CNI_ARGS IP, runtimeConfig.ips, args.cni.ips): each in a set, no two in
 * the same set (the same address twice is one), none a gateway. Known before anything is taken.
 */
int host_local_wanted_check(const struct host_local_set *sets, size_t set_count,
			    const struct addr *wanted, size_t count, struct err *e);

/* The range of the set that holds a, or NULL. */
const struct host_local_range *host_local_range_of(const struct host_local_set *set,
						   const struct addr *a);

/* The gateway of a range is nobody's address, in no range of its set. */
bool host_local_is_gateway(const struct host_local_set *set, const struct addr *a);

/* "10.0.0.1-10.0.0.6, 10.0.1.1-10.0.1.2", shortened with "..." when it does not fit; returns buf.
 */
const char *host_local_set_format(const struct host_local_set *set, char *buf, size_t cap);

#endif
