/*
 * What the other nodes need to know of this node's end of the tunnels, as annotations of its own
 * node: those that flannel writes (cluster/annotations.h), so that its nodes understand them, too.
 * Only where the backend of this node is given: else it is as its annotations say, whoever wrote
 * them.
 */
#ifndef NODE_PUBLISHED_H
#define NODE_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/cluster.h"

struct err;
struct patch;
struct site;
struct stored_node;

struct published {
	const char *node; /* NULL: nothing is to be told */
	enum cluster_backend backend;
	uint32_t vni;
	uint8_t mac[6]; /* of the VXLAN */
	bool has_key;
	uint8_t key[32]; /* WireGuard's, public */
	const struct addr *addresses;
	size_t address_count;
};

/*
 * Borrows what the site has. The key is made where the backend is WireGuard; a key that there is
 * already is told with other backends, too, so that the others are ready for a change.
 */
int published_read(const struct site *s, struct published *out, struct err *e);

/* Ask for it to be written where the node says something else; n NULL: there is no such node. */
void published_offer(struct patch *p, const struct stored_node *n, const struct published *what);

/* As the annotation has it: "host-gw", "vxlan", "wireguard". */
const char *published_backend(enum cluster_backend b);

#endif
