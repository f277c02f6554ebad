/* UDP connections that a host port, new or gone, makes wrong: a part of ports.h. */
#ifndef FW_PORTS_FLUSH_H
#define FW_PORTS_FLUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* What comes to this port of the node goes to the pod. */
struct port_flow {
	uint8_t proto;
	struct addr address; /* family 0: any of the node */
	uint16_t port;
	struct addr pod;
	uint16_t pod_port;
};

/*
 * Delete the entries of these flows: those that go to the pod (gone), or those that come to the
 * node's port and do not go there. What the kernel refuses is logged: the ports are right.
 */
void ports_flush(const struct port_flow *flows, size_t count, bool gone);

#endif
