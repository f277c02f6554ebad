/*
 * What a node's annotations say about its tunnels, as flannel writes them (and who joins its
 * cluster): backend-type, backend-data with VtepMAC or PublicKey, and public-ip and public-ipv6,
 * the node's end of tunnels. Keys come without the prefix NODE_ANNOTATIONS.
 */
#ifndef CLUSTER_ANNOTATIONS_H
#define CLUSTER_ANNOTATIONS_H

struct arena;
struct node_tunnel;

/* What cannot be understood is left: then the node has no such backend, MAC or key. */
void annotation_apply(struct arena *a, struct node_tunnel *t, const char *key, const char *value);

#endif
