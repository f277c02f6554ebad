/*
 * Who holds what only one can have: looked for when it is refused, so that the error names it.
 */
#ifndef IFACE_HOLDER_H
#define IFACE_HOLDER_H

#include <stdint.h>

struct err;
struct iface;
struct link;

/*
 * The VLAN of this master, which is on the node or in the pod (ns). Sets e: to what was found, or
 * to why, the refusal, when it is nowhere any more. -EEXIST.
 */
int holder_of_vlan(struct iface *i, int ns, const struct link *master, uint16_t id,
		   const struct err *why, struct err *e);

#endif
