/*
 * The tunnels of this node, and the way to each of the others: by the common link, else by the
 * backend that both have. Pure: computed from the cluster and the site.
 *
 * A tunnel has one link for all nodes and both families of pods. Its outer addresses are of one
 * family, that of the first of this node's addresses that this machine has.
 */
#ifndef NODE_TUNNELS_H
#define NODE_TUNNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "cluster/cluster.h"
#include "net/link.h"

struct err;
struct site;

/* The name of its link, which is our mark on it, too. NULL: the backend has none. */
const char *tunnel_name(enum cluster_backend b);

/* For people: "VXLAN". */
const char *tunnel_title(enum cluster_backend b);

/* Is this link, which has the tunnel's name, of its kind? Then it is ours. */
bool tunnel_owns(enum cluster_backend b, const struct link *l);

/* Is this the link of a tunnel of ours, or one that has its name? */
bool tunnel_has_link(const struct site *s, int index);

/* Fill in which tunnels there should be, once it is known which node this is. */
void tunnels_plan(struct site *s);

/* What the packets of one subnet's family need to get to another node. */
struct hop {
	enum cluster_backend backend; /* UNSET: there is no way */
	int index;		      /* DIRECT: the link */
	bool encrypted;	 /* nothing may go there in clear, whether there is a way or not */
	bool keyless;	 /* UNSET: since WireGuard lacks its key */
	struct addr via; /* DIRECT: the next hop; UNSET: the address that is off link */
};
void hop_find(const struct site *s, const struct node *n, uint8_t family, struct hop *out);

/*
 * Is the other node known to this tunnel? All are that can be, whether their packets take it or
 * not: so who changes its backend finds the way open. *remote is its outer address.
 */
bool tunnel_has_peer(const struct site *s, enum cluster_backend b, const struct node *n,
		     struct addr *remote);

/* The address inside of the tunnel by which the node's pods of this subnet are reached. */
struct addr tunnel_inner(const struct prefix *subnet);

/* The MTU for pods: of the cluster, else of the smallest tunnel; 0: the links' own. */
int64_t tunnels_pod_mtu(const struct site *s);

/* What the VXLAN is to be. */
struct link_vxlan tunnel_vxlan(const struct site *s);

/* The link's index now that it has been made. -ENODEV: another has taken it away. */
int tunnel_find_index(const struct site *s, enum cluster_backend b, int *out, struct err *e);

#endif
