/*
 * The link of the node that is the gateway of pods: its addresses, and forwarding. The bridge, or
 * the interface that the node has in a VLAN of it.
 */
#ifndef IFACE_GATEWAY_H
#define IFACE_GATEWAY_H

#include <stdbool.h>

struct cni_result;
struct err;
struct link;
struct nl;

/*
 * The gateways of ips become its addresses, and forwarding is on. An address of the same subnet
 * that is another is CNI_ERR_EXISTS, unless it may be replaced (force). Of several none is given
 * where one is refused.
 */
int gateway_address(struct nl *nl, const struct link *l, bool force, const struct cni_result *ips,
		    struct err *e);

/* The link is ready: until its gateway addresses can be reached. */
int gateway_await(struct nl *nl, const struct link *l, const struct cni_result *ips, struct err *e);

/* What the node knew about the pod's addresses is of a pod that had them before. */
int gateway_forget(struct nl *nl, const struct link *l, const struct cni_result *ips,
		   struct err *e);

/* CHECK: has it the gateways of prev's interface, and is forwarding on? */
int gateway_check(struct nl *nl, const struct link *l, const struct cni_result *prev, int iface,
		  struct err *e);

#endif
