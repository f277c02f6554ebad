/*
 * The node's side of veths between pods that stand on its own wire and the node (plugin veth-host):
 * which way packets take that netfilter has touched.
 *
 * A schema of fw.h, table "inet cnibox_underlay", at constant cost whatever the number of pods.
 */
#ifndef FW_UNDERLAY_H
#define FW_UNDERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "fw/fw.h"
#include "fw/port_ranges.h"

extern const struct fw_schema underlay;

#define UNDERLAY_PODS_MAX 24 /* addresses of one pod's interface */

struct underlay_pod {
	struct addr pod;
	struct addr node; /* the source of what comes back into the pod */
};

struct underlay_want {
	const char *host_end;
	uint32_t
		mark; /* of answers that take the way of their request; of NodePorts in conntrack */
	const struct underlay_pod *pods;
	size_t pod_count;
	const struct port_range *ports;
	size_t port_count;
	bool ip_masq; /* what leaves by the node gets its address */
};

/* As fw_change(). */
int underlay_add(const struct fw_owner *o, const struct underlay_want *w, struct err *e);

/* CHECK: CNI_ERR_DIFFERS */
int underlay_check(const struct underlay_want *w, struct err *e);

#endif
