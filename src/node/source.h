/*
 * Where the cluster comes from, for the program that stays: a file, or a Kubernetes API server. A
 * source keeps the last cluster that was good, whatever comes after it, and logs what is wrong with
 * its successor, once.
 */
#ifndef NODE_SOURCE_H
#define NODE_SOURCE_H

#include <stdint.h>

#include "node/loop.h"

struct access_options;
struct arena;
struct cluster;
struct err;
struct published;

struct node_source {
	const char *name; /* for people */
	void *arg;
	struct loop_item item;
	/*
	 * The nodes as they were last known, for one pass; may use the arena. -EAGAIN: nothing is
	 * known yet, the error says what is waited for.
	 */
	int (*cluster)(void *arg, struct arena *a, struct cluster *out, struct err *e);
	/* Behind each pass: this machine is the node of this name and can network; NULL: not. */
	void (*joined)(void *arg, const char *name);
	/* Behind each pass, before that: what is to be told to the others. NULL: nobody is. */
	void (*publish)(void *arg, const struct published *p);
	/* Read again, whether there was an event or not. */
	void (*reread)(void *arg);
	/* When it last said what is true, by clock_ms(); -1: never. */
	int64_t (*contact_ms)(void *arg);
};

/*
 * A file, watched by its folder: written in place, replaced by rename, or a link, as a ConfigMap's
 * is, through which another file shows. Borrows the path. One per process.
 */
int file_source_open(struct node_source *s, const char *path, struct err *e);

/*
 * The nodes of a Kubernetes API server, listed and watched. Borrows the options. One per process.
 * -EINVAL and others: the way to it is not described well enough; a server that does not answer is
 * none of them.
 */
int api_source_open(struct node_source *s, const struct access_options *o, struct err *e);

#endif
