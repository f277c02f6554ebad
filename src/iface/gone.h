/*
 * Is a pod provably gone? For what is on record of plugins that keep a host end for every
 * attachment (driver->host_end): a veth dies with either namespace, so none is left of a dead pod.
 * Of an attachment without a host end nothing is proven: never ask for one.
 */
#ifndef IFACE_GONE_H
#define IFACE_GONE_H

#include "cni/cni.h"

struct err;

/*
 * A lease_gone_fn (host_local.h): 1 when no veth of this network namespace has the attachment's
 * derived name or its alias, 0 when one has, -errno when the kernel could not be asked. The aliases
 * are read once in a process, so ask only under a lock that keeps new attachments of the same
 * network away; the socket stays open until the process ends.
 */
int attachment_gone(const struct cni_attachment *at, struct err *e);

#endif
