/*
 * An interface of a pod moves into a VRF, or out of it, with what it has: the kernel takes it down
 * and up for that, which takes its routes, and its IPv6 addresses (cycle_netdev() in
 * drivers/net/vrf.c).
 */
#ifndef IFACE_VRF_MOVE_H
#define IFACE_VRF_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "cni/result.h"
#include "iface/pod.h"
#include "net/ip.h"

#define VRF_TABLES_MAX 253 /* the kernel's own come behind */

struct vrf_address {
	struct prefix prefix;
	bool alone; /* no route to the rest of its subnet came with it */
};

/* What an interface has, and which tables of the pod are in use. Large: make it static. */
struct vrf_move {
	struct pod *pod;		       /* open */
	int index;			       /* of the interface */
	struct vrf_address addrs[CNI_IPS_MAX]; /* of IPv6 */
	size_t addr_count;
	struct route routes[CNI_ROUTES_MAX]; /* but the kernel's own */
	size_t route_count;
	struct prefix subnets[CNI_IPS_MAX]; /* that the kernel has routes to by itself */
	size_t subnet_count;
	bool used[VRF_TABLES_MAX];
	struct err *e;
};

/* Learn it. -E2BIG: the interface has more than a result can. */
int vrf_move_read(struct vrf_move *m, struct pod *pod, int index, struct err *e);

/*
 * Into the VRF of this index and table; 0: out of any. What was in the main table is in the VRF's
 * then; other tables have their routes again. The packets pass.
 */
int vrf_move_apply(struct vrf_move *m, int vrf, uint32_t table, struct err *e);

#endif
