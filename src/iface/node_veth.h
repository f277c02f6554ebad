/*
 * A veth between a pod that stands on the node's own wire (macvlan, ipvlan, VLANs, devices) and the
 * node, which could not reach each other else. Neither end has an address: each side has routes to
 * the other's addresses, and their neighbours are set, so that nobody has to answer for them.
 *
 * The pod. Everything goes by the veth but what a route of its own interface is for; that one's
 * default route moves into a table of its own (pod_table), for what the node sends back and, where
 * the Services' prefixes are known, for all that is for none of them. What came by the veth is
 * answered by it (fw/answers.h), by way_table.
 *
 * The node. A packet of the pod that is not for the node goes back into the pod, which passes it on
 * to the wire: node_table has the pod's own routes, with the pod as next hop. In between the node's
 * netfilter has seen it, which is what makes Services work. Answers are asked for in main
 * (fw/underlay.h), and so are the prefixes of an overlay that the node has a part in.
 *
 * The host end's name is derived from the attachment, as host ends of other plugins are, but is
 * another than theirs; rules go by that name. Routes and neighbours end with the link.
 */
#ifndef IFACE_NODE_VETH_H
#define IFACE_NODE_VETH_H

#include "cni/result.h"
#include "fw/underlay.h"
#include "iface/chained.h"
#include "net/ip.h"
#include "net/rule.h"

struct err;

#define NODE_VETH_SERVICES_MAX 32
#define NODE_VETH_NODES_MAX 32	    /* addresses of the node that the pod has routes to */
#define NODE_VETH_RULE_PROTOCOL 194 /* of rules; nobody else's (/etc/iproute2/rt_protos) */

struct node_veth_conf {
	const char *host_if; /* NULL: what the pod's interface hangs on, or the default route's */
	const char *pod_if;
	bool ip_masq;
	uint32_t mtu; /* 0: not above the pod's interface's, nor 1500 */
	uint32_t first_table;
	uint32_t mark;
	struct port_ranges ports;
	struct prefix services[NODE_VETH_SERVICES_MAX];
	size_t service_count;
	size_t overlay_first, overlay_count; /* of services: the node itself has routes to them */
};

/* One attachment. Large: make it static. */
struct node_veth {
	const struct node_veth_conf *conf;
	const struct cni_result *prev;
	struct chained chain; /* the pod, and its own interface */
	struct nl host;
	char name[IF_NAMESIZE]; /* of the host end */
	char alias[LINK_ALIAS_SIZE];
	struct link end;    /* the host end */
	struct link in_pod; /* the pod's */
	struct addr pods[UNDERLAY_PODS_MAX];
	size_t pod_count;
	struct addr nodes[NODE_VETH_NODES_MAX]; /* those of the node's interface first */
	size_t node_count;
	struct addr via[2]; /* IPv4, IPv6: the node; family 0: none of the family */
	int node_index;	    /* the node's interface */
	struct route routes[CNI_ROUTES_MAX]; /* of the pod's own interface, as in main */
	size_t route_count;
	bool other_default[2]; /* a default route of another interface: it stays */
	uint32_t metric; /* of routes that another veth of the pod has, too; 0: it is the first */
	uint32_t pod_table[2], way_table[2], node_table; /* 0: not known, or none */
	char buf[65536];
};

/* ADD and CHECK: what is there. prev is prevResult. */
int node_veth_open(struct node_veth *v, const struct cni_request *req,
		   const struct node_veth_conf *conf, const struct cni_result *prev, struct err *e);

/* ADD, behind node_veth_open(): make it all; what fails is undone by node_veth_del(). */
int node_veth_clear(struct node_veth *v, struct err *e);      /* of what pods before have left */
int node_veth_check_free(struct node_veth *v, struct err *e); /* CNI_ERR_EXISTS */
int node_veth_make_pair(struct node_veth *v, struct err *e);
int node_veth_add(struct node_veth *v, struct err *e);

/* The ADD has succeeded: GC, which spares what is in flight, may take it from now on. */
int node_veth_settle(struct node_veth *v, struct err *e);

int node_veth_check(struct node_veth *v, struct err *e);

/* From names alone; every step is tried. */
int node_veth_del(const struct cni_request *req, struct err *e);
int node_veth_gc(const struct cni_request *req, struct err *e);
int node_veth_status(const struct node_veth_conf *conf, struct err *e);

#endif
