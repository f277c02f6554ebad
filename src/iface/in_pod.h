/*
 * An attachment's interface that lives in the pod alone, found again there: for drivers without
 * host_end.
 */
#ifndef IFACE_IN_POD_H
#define IFACE_IN_POD_H

struct err;
struct iface;
struct link;

/*
 * In i->pod, open: by its name, at constant cost, or by its marks, for the pod may have renamed it
 * and a killed ADD may not have named it yet. 1, 0 or -errno.
 */
int in_pod_search(struct iface *i, struct link *out, struct err *e);

#endif
