/*
 * The ifb of an attachment: a link of the host through which goes what the pod sends. Its name is
 * the reference's ("bwp" and a hash of network and container), or, when another interface of the
 * container has that already, one of our own; its alias is the attachment's.
 */
#ifndef IFACE_IFB_H
#define IFACE_IFB_H

#include <stdint.h>
#include <net/if.h>

struct cni_request;
struct err;
struct link;
struct nl;

/* Make it, up, with this MTU; what an earlier ADD of the same attachment left is replaced. */
int ifb_add(struct nl *nl, const struct cni_request *req, uint32_t mtu, struct link *out,
	    struct err *e);

/* The attachment's: 1, 0, -errno. One without an alias is the reference's, or a killed ADD's. */
int ifb_find(struct nl *nl, const struct cni_request *req, struct link *out, struct err *e);
int ifb_del(struct nl *nl, const struct cni_request *req, struct err *e);

/* GC: those of this network's attachments that are not valid and have no host end any more. */
int ifb_gc(struct nl *nl, const struct cni_request *req, struct err *e);

#endif
