/*
 * Who is where: the nodes of a cluster, their addresses, and the subnets of their pods. Each source
 * (a file of ours, what `kubectl get nodes -o json` prints) fills the same struct, completely
 * validated: whoever holds it need not doubt it. Knows no kernel: whether a node can be reached is
 * for others to find out.
 */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"

struct arena;
struct err;
struct text;

#define CLUSTER_NETWORKS_MAX                                                                       \
	64 /* each is a rule or two in every chain that would drop forwarded packets */
#define CLUSTER_OWN_SUBNETS_MAX 32 /* of one node: they stand in its CNI configuration */

/*
 * How packets get to the pods of another node. Of two nodes with different ones the lower serves
 * both directions. DIRECT: as ordinary packets, over a common link.
 */
enum cluster_backend { BACKEND_UNSET, BACKEND_DIRECT, BACKEND_VXLAN, BACKEND_WIREGUARD, BACKENDS };

/* Beyond the common link. */
struct cluster_tunnels {
	enum cluster_backend backend; /* of nodes that name none */
	bool all;		      /* also where there is a common link */
	bool given;		      /* the backend is this node's, whatever its annotation says */
	int64_t vni;		      /* 0: not given: CLUSTER_VNI */
	int64_t vxlan_port, wireguard_port;
};
#define CLUSTER_VNI 1		/* as flannel's are */
#define CLUSTER_VXLAN_PORT 8472 /* Linux's own, older than IANA's 4789 */
#define CLUSTER_WIREGUARD_PORT 51820

enum cluster_masquerade { MASQUERADE_CLUSTER, MASQUERADE_SUBNET, MASQUERADE_NONE };

/* What a node says of its ends of tunnels. */
struct node_tunnel {
	enum cluster_backend backend; /* UNSET: the cluster's */
	bool has_mac;		      /* else it is derived from the name (node_mac()) */
	uint8_t mac[6];		      /* of its VXLAN */
	bool has_key;
	uint8_t key[32];	    /* WireGuard's, public */
	struct addr outer4, outer6; /* none: the first of its addresses */
};

struct node {
	const char *name;
	const struct addr *addresses;
	size_t address_count;
	const struct prefix *subnets; /* host bits are 0 */
	size_t subnet_count;
	size_t index;			  /* in the file's list */
	const struct node_tunnel *tunnel; /* NULL: it says nothing; see node_tunnel() */
};

/* What belongs to which node: a subnet, or an address with all its bits. */
struct cluster_place {
	struct prefix prefix;
	const struct node *node;
};

/*
 * An entry of a NodeList that is left out, since something is wrong with it: the others are not to
 * suffer from it. What is written by hand is refused as a whole.
 */
struct cluster_fault {
	const char *name; /* NULL: that, too, could not be read */
	const char *why;
};
#define CLUSTER_FAULTS_MAX 100 /* more, and nothing of the list is believed */

struct cluster {
	bool kubernetes; /* the file is a NodeList */
	const struct node *nodes;
	size_t node_count;
	const struct cluster_place *subnets; /* of all nodes, ascending, disjoint */
	size_t subnet_count;
	const struct cluster_place
		*addresses; /* of all nodes, ascending, each once, in no subnet */
	size_t address_count;
	const struct prefix *
		networks; /* as given, host bits 0; none: the union of the subnets is the cluster */
	size_t network_count;
	enum cluster_masquerade masquerade;
	bool onlink; /* next hops need not be covered by an address of ours */
	struct cluster_tunnels tunnels;
	const char *bridge;
	int64_t mtu;	     /* 0: not given */
	const char *network; /* the CNI network's name */
	const char *config;  /* path of the CNI configuration */
	struct list faults;  /* struct cluster_fault */
};

/*
 * Decode and validate text[0..len) of either form. Strings and arrays live in the arena, names may
 * be slices of the text. -EINVAL: the error names the key, the value and the reason. -ENOMEM: the
 * arena is full.
 */
int cluster_parse(struct arena *a, const char *text, size_t len, struct cluster *out,
		  struct err *e);

/* A cluster without nodes, with what a file without keys means: for sources that have no file. */
int cluster_defaults(struct arena *a, struct cluster *out, struct err *e);

/*
 * The second half of cluster_parse(), for every source: check what was decoded (nodes, networks,
 * options) and make the sorted subnets and addresses of it.
 */
int cluster_validate(struct arena *a, struct cluster *c, struct err *e);

/*
 * Leave an entry out for what e says, which is forgotten then. Fails with it where the nodes are
 * written by hand, where memory has run out, and after CLUSTER_FAULTS_MAX of them.
 */
int cluster_leave_out(struct cluster *c, const char *name, struct err *e);

/* A copy that has everything in this arena, and nothing of the text it was read from. -ENOMEM. */
int cluster_copy(struct arena *a, const struct cluster *in, struct cluster *out, struct err *e);

/* The node of this name, NULL: none. The node that has this address, NULL: none. */
const struct node *cluster_find_name(const struct cluster *c, const char *name);
const struct node *cluster_find_address(const struct cluster *c, const struct addr *a);

/* The place that holds the address, of ascending and disjoint ones; NULL: none. */
const struct cluster_place *cluster_place_find(const struct cluster_place *at, size_t count,
					       const struct addr *a);

/*
 * Where a node's member stands in its file: "nodes[3].subnets", "items[3].spec.podCIDRs"; valid
 * until the next call.
 */
enum cluster_key { KEY_NAME, KEY_ADDRESSES, KEY_SUBNETS };
const char *cluster_key(const struct cluster *c, const struct node *n, enum cluster_key key);

/* Has the node a subnet of this family (AF_INET, AF_INET6)? */
bool node_has_family(const struct node *n, uint8_t family);

/* What it says of its ends of tunnels; where it says nothing, one without anything in it. */
const struct node_tunnel *node_tunnel(const struct node *n);

/* Let it say a copy of this, which costs nothing where nothing is in it. -ENOMEM. */
int node_set_tunnel(struct arena *a, struct node *n, const struct node_tunnel *t, struct err *e);

/* The MAC of its VXLAN, which every node knows of every other. */
void node_mac(const struct node *n, uint8_t out[static 6]);

/* "direct", "vxlan", "wireguard"; -1: no such backend. */
int backend_parse(const char *name);

/* The keys, for help. */
void cluster_help(struct text *t);

#endif
