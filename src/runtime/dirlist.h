/*
 * The names in a directory, in order: what runtimes read as configuration is read in lexical order.
 */
#ifndef RUNTIME_DIRLIST_H
#define RUNTIME_DIRLIST_H

#include <stddef.h>

#include "json/json.h"

struct arena;
struct err;

struct dirlist {
	int dir;	    /* open until dirlist_close() */
	const char **names; /* in the arena, in byte order */
	size_t count;
};

/*
 * Everything in path but directories, and names that begin with "."; path may be a symbolic link.
 * -ENOENT when it is not there.
 */
int dirlist_open(struct arena *a, const char *path, struct dirlist *out, struct err *e);
void dirlist_close(struct dirlist *d);

/*
 * Read dir/name, a regular file (symbolic links are followed: mounted configuration is often one)
 * into the arena, NUL-terminated.
 */
int dirlist_read(struct arena *a, int dir, const char *name, struct json_raw *out, struct err *e);

#endif
