/*
 * host-local's allocator: which address an attachment gets, out of sets of ranges; the lease store
 * says which are free.
 *
 * The order is the reference's: round robin behind the last address given from the set
 * (last_reserved_ip.N), through the ranges of the set as they are listed, and around. A range may
 * be an IPv6 /24: it is walked, never enumerated, and what is walked over is at most as long as the
 * list of leases.
 */
#ifndef IPAM_HOSTLOCAL_H
#define IPAM_HOSTLOCAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct arena;
struct err;
struct lease_owner;
struct lease_store;

/* start, end and gateway without a family are filled in by hostlocal_range_complete(). */
struct hostlocal_range {
	struct prefix subnet;
	struct addr start, end; /* both inclusive */
	struct addr gateway;	/* never given away; may lie outside the subnet */
};

/* An attachment gets one address from each set. */
struct hostlocal_set {
	const struct hostlocal_range *ranges;
	size_t count;
};

/*
 * Check one range and fill in its defaults: start the first address behind the network's, end the
 * last (in IPv4 the one before the broadcast address), gateway the first. name is put in front of
 * the keys in errors: "ipam.ranges[0][1]" gives "ipam.ranges[0][1].rangeStart ...". -EINVAL: no
 * subnet, host bits set, too small (less than a /30 or a /126), start or end outside the subnet,
 * start behind end, families mixed.
 */
int hostlocal_range_complete(struct hostlocal_range *r, const char *name, struct err *e);

/*
 * Completed ranges: no set without ranges, no two families in a set, no address in two ranges. name
 * as above: "ipam.ranges".
 */
int hostlocal_sets_check(const struct hostlocal_set *sets, size_t count, const char *name,
			 struct err *e);

/*
 * The addresses asked for (CNI_ARGS IP, runtimeConfig.ips, args.cni.ips): each in a set, no two in
 * the same set (the same address twice is one), none a gateway. Known before anything is taken.
 */
int hostlocal_wanted_check(const struct hostlocal_set *sets, size_t set_count,
			   const struct addr *wanted, size_t count, struct err *e);

struct hostlocal_request {
	const char *network;		 /* for errors */
	const struct hostlocal_set *set; /* completed and checked */
	unsigned int number;		 /* the set's index: last_reserved_ip.N */
	const struct addr *wanted;	 /* the first that lies in the set is the one to take */
	size_t wanted_count;
	const struct lease_owner *owner;
};

struct hostlocal_address {
	struct prefix address; /* the address with the subnet's length */
	struct addr gateway;
};

/*
 * Take an address from the set. -EEXIST: the owner has one of this set already. -EADDRINUSE: the
 * wanted one is somebody else's. -ENOSPC: the set is full. scratch holds the taken addresses (17
 * bytes each) while a set is searched that is nearly full; it is given back, and when it is too
 * small the search only takes longer.
 */
int hostlocal_take(struct lease_store *s, const struct hostlocal_request *q, struct arena *scratch,
		   struct hostlocal_address *out, struct err *e);

/*
 * Is there an address that hostlocal_take() could give? 0, or -ENOSPC. Takes nothing; an empty
 * lease file counts as taken. owner is not looked at.
 */
int hostlocal_has_free(struct lease_store *s, const struct hostlocal_request *q,
		       struct arena *scratch, struct err *e);

/* The range of the set that holds a, or NULL. */
const struct hostlocal_range *hostlocal_range_of(const struct hostlocal_set *set,
						 const struct addr *a);

/* The gateway of a range is nobody's address, in no range of its set. */
bool hostlocal_is_gateway(const struct hostlocal_set *set, const struct addr *a);

/* "10.0.0.1-10.0.0.6, 10.0.1.1-10.0.1.2", shortened with "..." when it does not fit; returns buf.
 */
const char *hostlocal_set_format(const struct hostlocal_set *set, char *buf, size_t cap);

#endif
