/*
 * Is a pod provably gone? For the leases of plugins that keep a host end for every attachment.
 */
#ifndef IFACE_GONE_H
#define IFACE_GONE_H

#include "cni/cni.h"

struct err;

/*
 * A lease_gone_fn (host_local.h): 1 when the attachment has no host end on this node, 0 when it
 * has, -errno when it cannot be known.
 */
int attachment_gone(const struct cni_attachment *at, struct err *e);

#endif
