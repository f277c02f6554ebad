/*
 * host-local's allocator: which address an attachment gets out of a set of ranges; the lease store
 * says which are free.
 *
 * The order is the reference's: round robin behind the last address given from the set
 * (last_reserved_ip.N), through the ranges of the set as they are listed, and around. A range may
 * be an IPv6 /24: it is walked, never enumerated, and what is walked over is at most as long as the
 * list of leases.
 */
#ifndef IPAM_HOST_LOCAL_TAKE_H
#define IPAM_HOST_LOCAL_TAKE_H

#include <stddef.h>

#include "base/addr.h"

struct arena;
struct err;
struct host_local_set;
struct lease_owner;
struct lease_store;

struct host_local_request {
	const char *network;		  /* for errors */
	const struct host_local_set *set; /* completed and checked */
	unsigned int number;		  /* the set's index: last_reserved_ip.N */
	const struct addr *wanted;	  /* the first that lies in the set is the one to take */
	size_t wanted_count;
	const struct lease_owner *owner;
};

struct host_local_address {
	struct prefix address; /* the address with the subnet's length */
	struct addr gateway;
};

/*
 * Take an address from the set. -EEXIST: the owner has one of this set already. -EADDRINUSE: the
 * wanted one is somebody else's. -ENOSPC: the set is full. scratch holds the taken addresses (17
 * bytes each) while a set is searched that is nearly full; it is given back, and when it is too
 * small the search only takes longer.
 */
int host_local_take(struct lease_store *s, const struct host_local_request *q,
		    struct arena *scratch, struct host_local_address *out, struct err *e);

/*
 * Is there an address that host_local_take() could give? 0, or -ENOSPC. Takes nothing; an empty
 * lease file counts as taken. owner is not looked at.
 */
int host_local_has_free(struct lease_store *s, const struct host_local_request *q,
			struct arena *scratch, struct err *e);

#endif
