/*
 * VLANs of a bridged network: the ports of pods, and the interface that the node has in a VLAN to
 * be the pods' gateway there. That is a veth pair as the reference makes it: one end is BRIDGE.ID,
 * the other a port of the bridge in the VLAN.
 */
#ifndef IFACE_BRIDGE_VLAN_H
#define IFACE_BRIDGE_VLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

#include "net/link.h"
#include "net/port_vlan.h"

struct err;
struct nl;

/* What a port is asked to be in. An id that is in trunk as well has its tag, as the reference. */
struct vlan_want {
	uint16_t id; /* of what has no tag; 0: the bridge's default, or 1 beside a trunk */
	bool has_trunk;
	struct vlan_set trunk; /* and with their tags */
	bool keep_default;     /* the bridge's default VLAN stays beside them */
};

/* Put the port of this name into its VLANs; -ENODEV when it has vanished. */
int vlan_port_join(struct nl *nl, const char *name, const struct vlan_want *want, struct err *e);

/* CHECK: is the port in these VLANs and no others? -EINVAL, -ENOENT name the first. */
int vlan_port_check(struct nl *nl, const struct link *port, const struct link *bridge,
		    const struct vlan_want *want, struct err *e);

/* False: such a name is too long for an interface. */
bool vlan_gateway_name(const char *bridge, uint16_t id, char out[static IF_NAMESIZE]);

/* Make the pair, both ends up and guarded (iface/forward.h); the node's end in this link group. */
int vlan_gateway_make(struct nl *nl, const struct link *bridge, const struct vlan_want *want,
		      uint32_t group, struct link *out, struct err *e);

/* CHECK: is it up, and a way into the VLAN? A link that is no veth may be as it likes. */
int vlan_gateway_check(struct nl *nl, const struct link *gateway, const struct link *bridge,
		       uint16_t id, struct err *e);

#endif
