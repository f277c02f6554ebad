/* What the files of a veth between pod and node share: see node_veth.h. */
#ifndef IFACE_NODE_VETH_PRIVATE_H
#define IFACE_NODE_VETH_PRIVATE_H

#include "iface/node_veth.h"

/* Have both the pod and the node addresses of the family? */
bool node_veth_has(const struct node_veth *v, bool v6);

static inline bool is_v6(const struct addr *a)
{
	return a->family == AF_INET6;
}

static inline uint8_t family_of(bool v6)
{
	return v6 ? AF_INET6 : AF_INET;
}

/* As attachment_parse(), of a veth of this plugin. */
bool node_veth_parse_alias(const char *alias, char buf[static LINK_ALIAS_SIZE],
			   struct cni_attachment *out);

/* An address as a prefix. */
struct prefix node_veth_alone(const struct addr *a);

/* The pod's first address of the family, which it has. */
const struct addr *node_veth_pod(const struct node_veth *v, bool v6);

/* The pod's addresses by prevResult, the node's as they are; -EINVAL, -EADDRNOTAVAIL: none. */
int node_veth_collect_addresses(struct node_veth *v, const struct cni_result *prev, struct err *e);

/* Fill what is known of the pod: routes, tables. */
int node_veth_collect_pod(struct node_veth *v, struct err *e);
int node_veth_add_pod(struct node_veth *v, struct err *e);
int node_veth_check_pod(struct node_veth *v, struct err *e);
/*
 * Take from a pod that lives on what does not go with end, its side of the veth; NULL: what is left
 * of those that are gone.
 */
int node_veth_del_pod(struct chained *c, const struct link *end, struct err *e);

/* The pod's rules of a family, as they are to be; the priority of the one that names pod_table. */
#define NODE_VETH_BACK_PRIORITY 1025
#define NODE_VETH_POD_RULES 7
struct node_veth_rules {
	struct rule list[NODE_VETH_POD_RULES];
	size_t count;
};
void node_veth_pod_rules(const struct node_veth *v, bool v6, struct node_veth_rules *w);

/* The pod's routes: to an address of the node, and by the node (dst NULL: all; table 0: main). */
struct route node_veth_route_to_node(const struct node_veth *v, const struct addr *node);
struct route node_veth_route_by_node(const struct node_veth *v, bool v6, const struct prefix *dst,
				     uint32_t table);

/* Call fn in the pod's namespace. */
typedef int node_veth_fn(struct node_veth *v, struct err *e);
int node_veth_inside(struct node_veth *v, node_veth_fn *fn, struct err *e);

/* A NETLINK_NETFILTER socket in the pod. */
int node_veth_open_nft(const struct pod *p, struct nl *nl, struct err *e);

#define NODE_VETH_LOCK_MS 10000 /* for the namespace's lock */

int node_veth_add_host(struct node_veth *v, struct err *e);
int node_veth_check_host(struct node_veth *v, struct err *e);

/* Remove the rules of this host end; NULL: of all host ends that are gone. */
int node_veth_del_rules(struct nl *host, const char *name, struct err *e);
/* The same, and what pods before had under the pod's addresses. */
int node_veth_del_stale(struct node_veth *v, struct err *e);

/* The node's rules for a host end: for answers, for the nth prefix of an overlay, for all else. */
#define NODE_VETH_ANSWERS_PRIORITY 512
#define NODE_VETH_OVERLAY_PRIORITY 1023
#define NODE_VETH_TABLE_PRIORITY 1024
struct rule node_veth_answers_rule(const struct node_veth *v, bool v6);
struct rule node_veth_overlay_rule(const struct node_veth *v, size_t n);
struct rule node_veth_table_rule(const struct node_veth *v, bool v6);

/* The node's routes: to a pod's address, and through the pod where its own interface has one. */
struct route node_veth_route_to(const struct node_veth *v, const struct addr *pod);
struct route node_veth_route_through(const struct node_veth *v, const struct route *own);

/* As rule_each(); a kernel without the family, or without rules, has none. */
int node_veth_each_rule(struct nl *nl, bool v6, rule_fn *fn, void *arg, struct err *e);

/* Gone already, or there already, is fine. */
int node_veth_commit(struct nl *nl, struct err *e);

/* CHECK, in the link's namespace. */
int node_veth_check_filter(const char *link, struct err *e);

/* CHECK: -ENOENT; where is "the pod" or "the node". Of a route dst, index, via and table count. */
int node_veth_find_rule(struct nl *nl, const struct rule *r, uint32_t *table, struct err *e);
int node_veth_check_rule(struct nl *nl, const char *where, const struct rule *r, struct err *e);
int node_veth_check_route(struct nl *nl, const char *where, const struct route *r, struct err *e);
int node_veth_check_neigh(struct nl *nl, const char *where, const struct link *by,
			  const struct addr *a, const struct link *at, struct err *e);

#endif
