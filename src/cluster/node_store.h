/*
 * The nodes as a watched Kubernetes list tells of them, one after the other, in little memory: of
 * each a record of some 100 bytes in one block, in the order in which they were first seen.
 *
 * kubelet rewrites its node every few minutes and nearly always changes nothing that matters here:
 * what is stored is compared, and only a difference is told on. A list marks what it names; what an
 * earlier list named and this one did not, is gone when the list is complete (and not before).
 */
#ifndef CLUSTER_NODE_STORE_H
#define CLUSTER_NODE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/cluster.h"
#include "kube/watch.h"

struct arena;
struct err;

#define NODE_ANNOTATIONS "flannel.alpha.coreos.com/" /* the prefix of those that are kept */

/* A condition: what makes the networks of some clouds says so until it has made this node's. */
#define NODE_UNAVAILABLE "NetworkUnavailable"

/* What there is to watch. */
extern const struct watch_kind node_kind;

/* A node as it is stored; valid until the store changes. */
struct stored_node {
	struct node node;	 /* index: its place in the order */
	const char *created;	 /* when, as text that sorts so; "": not known */
	const char *annotations; /* key NUL value NUL ..., sorted as they came */
	size_t annotation_count;
	bool unavailable; /* its condition NODE_UNAVAILABLE is True */
};

/* The value, NULL: the node has no such annotation; key without the prefix. */
const char *stored_annotation(const struct stored_node *n, const char *key);

enum node_change { NODE_ADDED, NODE_CHANGED, NODE_GONE };

/* Who wants to know. n is the node as it is now or, when it is gone, as it was. */
struct node_sink {
	void *arg;
	void (*change)(void *arg, enum node_change change, const struct stored_node *n);
	void (*complete)(void *arg); /* a whole list has been seen */
};

struct node_store {
	char *mem;
	size_t used, cap;
	struct arena *scratch; /* for decoding one object; given back */
	const struct node_sink *sink;
	size_t count;
	uint8_t mark;		 /* of the list that is being read, or was last */
	bool complete;		 /* once */
	bool nameless;		 /* the list has an object whose name could not be read */
	struct watch_sink watch; /* feeds this store */
};

/* Everything is borrowed. mem holds all records: 1 MB is enough for 8,000 nodes. */
void node_store_init(struct node_store *s, void *mem, size_t cap, struct arena *scratch,
		     const struct node_sink *sink);

/* The next node behind *at (0: the first), which is moved; false when there is none. */
bool node_store_next(const struct node_store *s, size_t *at, struct stored_node *out);

/*
 * All nodes with the defaults of a cluster file, validated, the oldest first: of two that claim the
 * same subnet the younger is left out. Texts and addresses stay in the store:
 * *out is valid until it changes. As cluster_parse() otherwise.
 */
int node_store_cluster(const struct node_store *s, struct arena *a, struct cluster *out,
		       struct err *e);

#endif
