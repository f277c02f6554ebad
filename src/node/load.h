/* Memory for the nodes of a cluster, and the file that they stand in. */
#ifndef NODE_LOAD_H
#define NODE_LOAD_H

#include <stddef.h>
#include <sys/types.h>

struct arena;
struct err;

#define LOAD_FILE_MAX (64u << 20)

/* Whole pages that cost nothing until they are touched; NULL is an error. */
void *load_reserve(size_t size, struct err *e);

/* Give the pages back, but keep the place. */
void load_release(struct arena *a);

/* What is read once need not be a file: a shell's <(kubectl get nodes -o json) is a pipe. */
enum load_from { LOAD_FILE, LOAD_FILE_OR_PIPE };

/*
 * Read the file ("-": standard input) into *text, which is load_reserve()d with LOAD_FILE_MAX + 1
 * bytes, whatever is returned; NULL: it is not there. Returns the length or -errno; -ENXIO: what
 * has this name is something else.
 */
ssize_t load_text(const char *name, enum load_from from, char **text, struct err *e);

/* An arena that is large enough for a cluster of so long a text, and for a pass with it. */
int load_arena(struct arena *a, size_t text_len, struct err *e);

#endif
