/*
 * The host's side of a bridged network: the bridge, its gateway addresses, forwarding.
 *
 * The bridge is made by the first ADD and stays, as with the reference; so does the interface that
 * the node has in a VLAN. While the ADD that made it
 * has not succeeded it is in a link group of its own, from its creation on: its maker's failure, or
 * a DEL after its maker was killed, takes it away again. Makers and takers hold a lock; every other
 * ADD sees a finished bridge and takes none.
 *
 * A bridge that somebody made before is used, too: it keeps the MAC that it has, for life, gets the
 * same guards against what pods say, and is never taken away.
 */
#ifndef IFACE_BRIDGE_HOST_H
#define IFACE_BRIDGE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "cni/result.h"
#include "net/link.h"

struct err;
struct nl;
struct vlan_want;

#define BRIDGE_UNFINISHED 0x636e6275u /* "cnbu": no other software's group */

#define BRIDGE_ALIAS "cnibox" /* of a bridge that we have made */

struct bridge_want {
	const char *name;
	uint32_t mtu; /* of a new bridge; 0: kernel default */
	bool promisc;
	bool gateway;		      /* the gateways of ips become its addresses */
	bool force_address;	      /* replace other addresses */
	const struct vlan_want *vlan; /* of the pod's port: the bridge filters; NULL: as it is */
};

struct bridge_host {
	struct nl *nl;
	struct link link;		/* filled by bridge_host_open() */
	struct link gateway;		/* and so the node's interface in the VLAN; index 0: none */
	int lock;			/* held while one of them is unfinished; -1 */
	const char *name;		/* set with lock */
	char gateway_name[IF_NAMESIZE]; /* "" without a VLAN */
};

/*
 * Before anything changes: CNI_ERR_CONFIG when VLANs are asked of a bridge that does not filter
 * them and that is not the pods' alone.
 */
int bridge_host_inspect(struct nl *nl, const struct bridge_want *want, struct err *e);

/*
 * Find or make the bridge, guarded (iface/forward.h) and up; what exists and is no bridge is
 * -EEXIST, named. With a VLAN and gateway the same for the node's interface in the VLAN
 * (bridge_vlan.h). On failure both are as before.
 */
int bridge_host_open(struct bridge_host *b, const struct bridge_want *want, struct err *e);

/*
 * The gateway addresses, forwarding, promiscuity and the filter of VLANs as wanted. They stay, and
 * a bridge that was there before has them for others as well, so this comes when nothing else can
 * be refused.
 */
int bridge_host_address(struct bridge_host *b, const struct bridge_want *want,
			const struct cni_result *ips, struct err *e);

/*
 * The pod's port is one: the bridge has a carrier, its gateway addresses can be reached, and what
 * the node knew about the pod's addresses is forgotten.
 */
int bridge_host_ready(struct bridge_host *b, const struct bridge_want *want,
		      const struct cni_result *ips, struct err *e);

/*
 * CHECK: is it up and promiscuous as wanted, with the gateways of prev's interface as its
 * addresses, and forwarding on?
 */
int bridge_host_check(struct nl *nl, const struct link *bridge, const struct bridge_want *want,
		      const struct cni_result *prev, int iface, struct err *e);

/* The ADD has succeeded: a new bridge is finished, the lock released. */
int bridge_host_keep(struct bridge_host *b, struct err *e);

/* The ADD has failed: an unfinished bridge without ports goes, and what is in its VLAN. */
void bridge_host_drop(struct bridge_host *b);

/* DEL: take away what is unfinished and whose maker is gone. */
void bridge_host_sweep(struct nl *nl, const struct bridge_want *want);

#endif
