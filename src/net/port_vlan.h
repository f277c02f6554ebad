/*
 * VLANs of a bridge that filters them, and of its ports. Follows net/bridge/br_netlink.c and
 * net/bridge/br_vlan.c; a kernel without CONFIG_BRIDGE_VLAN_FILTERING is named in errors.
 */
#ifndef NET_PORT_VLAN_H
#define NET_PORT_VLAN_H

#include <stdbool.h>
#include <stdint.h>

#define VLAN_ID_MAX 4094

struct err;
struct nl;

struct vlan_set {
	uint8_t bits[(VLAN_ID_MAX + 2) / 8];
};
void vlan_set_add(struct vlan_set *s, unsigned int first, unsigned int last);
bool vlan_set_has(const struct vlan_set *s, unsigned int id);

/* The VLANs that a port is in. */
struct port_vlans {
	uint16_t native;	  /* of what comes without a tag; 0: that is dropped */
	struct vlan_set members;  /* ids */
	struct vlan_set untagged; /* of these, what goes out without its tag */
};

/* Write requests into the batch. Where a VLAN is already, it becomes as asked. */
void bridge_filter_vlans(struct nl *nl, int bridge);
void port_vlan_native(struct nl *nl, int port, uint16_t id); /* in and out without a tag */
void port_vlans_tagged(struct nl *nl, int port, const struct vlan_set *ids); /* not empty */
void port_vlans_clear(struct nl *nl, int port);

/* 1; 0: the link is no port of a bridge; -errno. */
int port_vlans_read(struct nl *nl, int port, struct port_vlans *out, struct err *e);

#endif
