/*
 * Large documents, of which few members count. A NodeList of 5,000 nodes is some 50 MB, most of it
 * lists of images nobody asks for. So a document is walked as slices of its text; of each object
 * the members that we know are copied into a small object, and only that is tokenized and decoded.
 * Skipping a byte costs a tenth of tokenizing it, and memory does not follow the text's size.
 */
#ifndef CLUSTER_MEMBERS_H
#define CLUSTER_MEMBERS_H

#include <stddef.h>

#include "json/json.h"

struct arena;
struct err;

/* A member that is wanted; of several of its name the last wins. */
struct member {
	const char *name;
	struct json_raw value; /* text NULL: absent */
};

void members_find(struct json_raw object, struct member *members, size_t count);

/* Decode an object of which only the table's members count: there are table->count of them. */
int members_decode(struct arena *a, const struct member *members, const char *path,
		   const struct json_table *table, void *out, struct err *e);

/* -ENOMEM, for all who decode. */
int cluster_no_room(struct err *e);

#endif
