/*
 * /run/netns/<container id>: a name for the pod's namespace, so that `ip netns list` shows the pods
 * and `ip netns exec` enters them.
 *
 * The name is a symbolic link to CNI_NETNS: unlike a mount it keeps nothing alive.
 */
#ifndef IFACE_NETNS_NAME_H
#define IFACE_NETNS_NAME_H

#include "cni/request.h"

struct err;

/*
 * Make or renew the link. What is no symbolic link, such as a runtime's own mount of that name, is
 * left alone; that is no error.
 */
int netns_name_add(const char *container_id, const char *netns, struct err *e);

/*
 * Remove the container's link, if it is one, and if the namespace has no other interface of ours of
 * this container than at's.
 */
int netns_name_del(const struct cni_attachment *at, struct err *e);

/* CHECK: does the name lead to the namespace CNI_NETNS? What is no symbolic link may do as it
 * likes. */
int netns_name_check(const char *container_id, const char *netns, struct err *e);

/* Remove links that lead nowhere: their pods are gone without a DEL. */
int netns_name_sweep(struct err *e);

#endif
