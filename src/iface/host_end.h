/*
 * The host's end of a veth pair, for drivers with host_end: made, reported, found again.
 */
#ifndef IFACE_HOST_END_H
#define IFACE_HOST_END_H

#include <stdbool.h>
#include <stdint.h>

#include "net/link.h"

struct cni_result;
struct err;
struct iface;

struct host_end {
	int master;	  /* ifindex of its bridge, 0: none */
	struct port port; /* in that */
	bool no_ipv6;	  /* it needs no link-local address (link_join_veth()) */
	bool ipv6_off;	  /* it has no IPv6 at all */
	uint8_t mac[6];	  /* filled */
};

/* For link(): the pair, the pod's end in the pod; the host's end with its alias, up. */
int host_end_add(struct iface *i, struct host_end *h, struct err *e);

/* The ADD has succeeded: GC, which spares what is in flight, may take the host end from now on. */
int host_end_settle(struct iface *i, struct err *e);

/* For report(). */
int host_end_report(const struct iface *i, const struct host_end *h, struct cni_result *out,
		    struct err *e);

/*
 * The attachment's host end: by its derived name, at constant cost; if that is not there, or is
 * another's, by its alias, for udev and administrators rename. 1, 0 or -errno.
 */
int host_end_search(struct iface *i, struct link *out, struct err *e);

/* pod_is_peer() with the command's sockets. */
int host_end_is_peer(struct iface *i, const struct link *end, const struct link *in_pod,
		     struct err *e);

/* For route(): it must be there, or it is -ENODEV. */
int host_end_find(struct iface *i, struct link *out, struct err *e);

#endif
