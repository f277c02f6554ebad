/* The cluster as a Kubernetes API server knows it, asked once. */
#ifndef CLUSTER_KUBERNETES_H
#define CLUSTER_KUBERNETES_H

#include "kube/access.h"

struct arena;
struct cluster;
struct err;

/*
 * List the nodes, and make a validated cluster of them; all of it lives in the arena (6 MB for the
 * reading, then what cluster_parse() takes). What a server asks to be tried again later (429, 5xx)
 * or breaks off is tried again for half a minute; everything else is an error at once: it names the
 * server, and the address, right, certificate or file that is wrong. Waits.
 */
int cluster_list(struct arena *a, const struct access_options *o, struct cluster *out,
		 struct err *e);

#endif
