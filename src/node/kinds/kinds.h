/*
 * The kinds, and their items. An item is its kind's own business: this header is read by the table
 * (kind.c) and by tests. Texts live in the pass's arena.
 */
#ifndef NODE_KINDS_KINDS_H
#define NODE_KINDS_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "cluster/cluster.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/neigh.h"
#include "net/wireguard.h"

struct foreign_chain;
struct fw_schema;
struct site_link;

extern const struct kind sysctl_kind, route_kind, masquerade_kind, forward_kind, config_kind,
	bridge_address_kind, attachments_kind, vxlan_kind, tunnel_address_kind, fdb_kind,
	neighbour_kind, former_tunnel_kind, wireguard_kind, wireguard_peer_kind;

struct sysctl_item {
	unsigned int rank; /* order of setting; taken back in the opposite order */
	const char *path, *value;
	const char *saved; /* as it is: the value before ours; NULL: never ours */
};

struct route_item {
	struct route route; /* destination, next hop, link (0: to be made), metric, onlink,
			       protocol, type */
	enum cluster_backend backend;
};

struct vxlan_item {
	bool foreign; /* as it is: no VXLAN, but named as ours */
	struct link_vxlan vxlan;
	uint8_t mac[6];
	uint32_t mtu;
	bool up;
	bool offload; /* of the transmit checksum, which is never wanted */
};

struct tunnel_address_item {
	enum cluster_backend backend;
	struct prefix prefix;
	int index; /* of the link; 0: to be made */
};

/* Of fdb_kind and neighbour_kind; index 0: its link is to be made. */
struct neigh_item {
	struct neigh neigh;
};

struct wireguard_item {
	bool foreign; /* as it is: no WireGuard, but named as ours */
	bool has_key; /* false, wanted: it is to be made */
	uint8_t key[32];
	uint16_t port;
	uint32_t mtu;
	bool up;
};

/* first: the first of its prefixes, ascending. */
struct wireguard_peer_item {
	struct wg_peer peer;
	const struct prefix *prefixes;
	bool heard; /* as it is: within the last minutes */
};

struct former_tunnel_item {
	enum cluster_backend backend;
	int index;
};

/* Our table; the set for IPv6 stands behind the one for IPv4. */
enum masquerade_part {
	MASQ_TABLE,
	MASQ_PODS4,
	MASQ_PODS6,
	MASQ_CLUSTER4,
	MASQ_CLUSTER6,
	MASQ_NODES4,
	MASQ_NODES6,
	MASQ_PARTS
};

struct masquerade_item {
	enum masquerade_part part;
	const char *rules;	 /* TABLE: what they say */
	struct addr first, last; /* else: a range of the set, both inclusive */
};

struct forward_item {
	struct foreign_chain *chain;
	uint8_t family;	   /* of the packets */
	const char *rules; /* what they say */
};

struct attachments_item {
	const struct fw_schema *schema;
	const char *missing; /* of its table, or of its elements; "": nothing */
};

struct config_item {
	const char *path, *text;
	bool foreign; /* as it is: not written by us */
};

struct bridge_address_item {
	const struct site_link *bridge;
	struct prefix prefix; /* host bits are the address */
};

#endif
