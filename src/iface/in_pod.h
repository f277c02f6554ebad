/*
 * An attachment's interface that lives in the pod alone, found again there: for drivers without
 * host_end.
 */
#ifndef IFACE_IN_POD_H
#define IFACE_IN_POD_H

#include <stdint.h>

struct cni_attachment;
struct err;
struct iface;
struct link;
struct stale;

/*
 * In i->pod, open: by its name, at constant cost, or by its marks, for the pod may have renamed it
 * and a killed ADD may not have named it yet. 1, 0 or -errno.
 */
int in_pod_search(struct iface *i, struct link *out, struct err *e);

/*
 * Delete what has the attachment's marks in i->pod, open: all of it, for a pod can give them to
 * other links than its interface. How many there were, or -errno.
 */
int in_pod_del_own(struct iface *i, struct err *e);

/*
 * The same where the pod has moved links to from i->pod. The kernel keeps a number there for where
 * a link went, so that the namespace needs neither a name nor a process that we can see. 1: there
 * is such a namespace, 0 or -errno.
 */
int in_pod_del_moved(struct iface *i, struct err *e);

/* The same where a pod has moved it to the node itself. 0 or -errno. */
int in_pod_del_at_home(struct iface *i, struct err *e);

/*
 * Call fn with each network namespace of the machine as i->pod, open, but our own: for a caller who
 * does not say which it is. A positive value from fn ends the walk and is returned; an error does
 * not end it, and is returned when nothing else does.
 */
typedef int in_pod_fn(struct iface *i, void *arg, struct err *e);
int in_pod_each(struct iface *i, in_pod_fn *fn, void *arg, struct err *e);

/*
 * Has this attachment no interface any more, in any namespace that a name or a process shows, and
 * no host end? As in lease_gone_fn. What cannot be looked into may have it.
 */
int in_pod_gone(const struct cni_attachment *at, struct err *e);

/* Delete a link of i->pod; gone already is fine. */
int in_pod_del(struct iface *i, const struct link *l, struct err *e);

/* GC: delete what is stale, in all pods. */
int in_pod_gc(struct iface *i, const struct stale *stale, struct err *e);

/* The ADD has succeeded: GC, which spares what is in flight, may take the interface from now on. */
uint32_t in_pod_group(const struct iface *i); /* of the interface with its alias, before */
int in_pod_settle(struct iface *i, struct err *e);

#endif
