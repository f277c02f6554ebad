/*
 * Host ports: what comes to a port of the node goes to a pod.
 *
 * A schema of fw.h, table "inet cnibox_ports": an element for each port and family, no rule. Only
 * packets to a local address are translated. Who has a port keeps it while it lives. Of UDP, which
 * has no end of a connection, the entries of the kernel's connection tracking that a new or a gone
 * port makes wrong are deleted.
 *
 * A port of 127.0.0.1 needs route_localnet on the link that leads to the pod, and that alone would
 * open the node's loopback addresses to the pods: a rule of the table drops whatever comes to them
 * from outside, and the last port behind a link sets the knob back. ::1 cannot be had (ports.c).
 */
#ifndef FW_PORTS_H
#define FW_PORTS_H

#include <net/if.h>

#include "base/addr.h"
#include "fw/fw.h"

extern const struct fw_schema ports;

struct port_mapping {
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t host, pod;
	struct addr address; /* of the node; family 0: all of both; all zero: all of its family */
};

struct ports_want {
	const struct port_mapping *maps;
	size_t count;
	struct prefix pod[2];	/* IPv4, IPv6; family 0: the pod has none */
	bool snat;		/* the pod's subnet comes with the node's address, or */
	bool masquerade_all;	/* everybody does */
	char link[IF_NAMESIZE]; /* of the host, leads to the pod's IPv4; "": none */
};

/*
 * As fw_change(); -EADDRINUSE names who has a port. E2BIG: more than one attachment may have. What
 * has no address in the pod is left out.
 */
int ports_add(const struct fw_owner *o, const struct ports_want *w, struct err *e);

/* CHECK: CNI_ERR_DIFFERS when a port is not there any more. */
int ports_check(const struct ports_want *w, struct err *e);

/* "tcp", "udp", "sctp" */
const char *ports_proto_name(uint8_t proto);

#endif
