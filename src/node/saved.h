/*
 * What sysctls were before us, in a file whose life ends with the boot as theirs does: lines of
 * path, former value, our value. A line whose sysctl no longer has our value is not ours to
 * restore.
 */
#ifndef NODE_SAVED_H
#define NODE_SAVED_H

struct err;
struct list;
struct text;

#define SAVED_SIZE (128u << 10) /* of the file, at most */

struct saved_sysctl {
	const char *path, *before, *ours;
};

/* out is a list of struct saved_sysctl; texts live in its arena. No file: an empty list. */
int saved_read(struct list *out, struct err *e);

/* NULL: never changed by us. */
const struct saved_sysctl *saved_find(const struct list *saved, const char *path);

/* Write a line into t, which saved_write() makes the file of. */
void saved_put(struct text *t, const struct saved_sysctl *s);
int saved_write(const struct text *t, struct err *e);

/*
 * The file, that of told.h, their directory, and what a kill in the middle of writing one has left.
 */
int saved_remove(struct err *e);

#endif
