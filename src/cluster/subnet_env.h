/*
 * What flannel's daemon writes down for this node, as the assignments of a shell: the cluster's
 * networks, the node's subnets, the MTU, and whether it masquerades itself.
 */
#ifndef CLUSTER_SUBNET_ENV_H
#define CLUSTER_SUBNET_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct err;

#define SUBNET_ENV_FILE "/run/flannel/subnet.env"
#define SUBNET_ENV_NETWORKS 8

struct subnet_env {
	struct prefix networks[SUBNET_ENV_NETWORKS]; /* of both families */
	size_t network_count;
	struct prefix subnet, subnet6; /* host bits 0; one of them may be none */
	unsigned long mtu;
	bool has_mtu, has_masq, masq;
};

/*
 * Without the file, or with one that is not complete, -EAGAIN or the errno, CNI_ERR_TRY_AGAIN: the
 * daemon writes it when it has a subnet. A value that is none is CNI_ERR_CONFIG.
 */
int subnet_env_read(const char *file, struct subnet_env *out, struct err *e);

#endif
