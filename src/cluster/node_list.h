/*
 * Nodes as Kubernetes knows them: objects of kind Node, API v1, as they stand in a NodeList or come
 * one by one. The podCIDRs (else the one podCIDR) are the subnets, the addresses of type InternalIP
 * the addresses.
 */
#ifndef CLUSTER_NODE_LIST_H
#define CLUSTER_NODE_LIST_H

#include "json/json.h"

struct arena;
struct err;
struct node;

/*
 * Decode one object; path is its place in the document, for errors. 1: *n is filled but for its
 * index, nothing is validated. 0: it is no Node; a List may hold other things too. After an error
 * its name is there if it stood before the fault.
 */
int kube_node_parse(struct arena *a, struct json_raw raw, const char *path, struct node *n,
		    struct err *e);

#endif
