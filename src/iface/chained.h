/*
 * A plugin that stands behind others in a list: what prevResult names, found in the kernel. The
 * result goes on as it came, but for what the plugin itself changes in it; the frame writes it in
 * the version of the call.
 */
#ifndef IFACE_CHAINED_H
#define IFACE_CHAINED_H

#include "iface/pod.h"

struct chained {
	const struct cni_request *req;
	struct link link; /* the pod's interface, CNI_IFNAME */
	int in_prev;	 /* its place in prevResult's interfaces, -1: there is none (up to 0.2.0) */
	struct link end; /* the pod's interface's other end on the host */
	struct pod pod;	 /* open */
	struct nl host;	 /* a socket on the host; open after chained_host_end() */
	char buf[4096];
};

/* For ADD: without a prevResult it is CNI_ERR_CONFIG. */
int chained_require(const struct cni_request *req, struct err *e);

/*
 * ADD, CHECK: open the pod and find its interface: CNI_ERR_CONTAINER when it is not there, of CHECK
 * CNI_ERR_DIFFERS. The struct is large: make it static.
 */
int chained_open(struct chained *c, const struct cni_request *req, const struct cni_result *prev,
		 struct err *e);

/*
 * DEL: the same, as far as something is left. 1: both are there; 0: not; -errno. The pod is open
 * if, and only if, it is 1.
 */
int chained_open_left(struct chained *c, const struct cni_request *req, struct err *e);

/* Behind chained_open(): the veth on the host that prev names and whose peer the interface is. */
int chained_host_end(struct chained *c, const struct cni_result *prev, struct err *e);

/* Does this address of prev belong to the interface? What names none does. */
bool chained_has_ip(const struct chained *c, const struct cni_ip *ip);

#endif
