/*
 * A kind of thing that the node program keeps true: routes, rules, a file. Each is one file in
 * kinds/, and only the table knows them all. The order of the table is the order in which they are
 * put in place; they are taken away in the opposite order.
 */
#ifndef NODE_KIND_H
#define NODE_KIND_H

#include <stddef.h>

#include "base/list.h"
#include "node/diff.h"

struct err;
struct site;
struct text;

/* One kind's part of one pass. Everything in it lives in the pass's arena. */
struct work {
	const struct kind *kind;
	const struct site *site;
	struct list want, have; /* items of the kind */
	struct change *changes; /* in the order of the keys, those that are ITEM_OK included */
	size_t count;
	void (*done)(const struct change *c); /* told of each as it is made; may be NULL */
	struct list *warnings;		      /* const char *: what no change of ours can mend */
	size_t warned;			      /* of those of which there may be many */
};

/*
 * No function prints or logs. Items are sorted and compared by cmp(): first the key, which
 * cmp_key() compares alone (0: the same object), then the value. Both are total orders.
 */
struct kind {
	const char *name;
	size_t size; /* of an item */

	/* What should be, in any order: pure, from the cluster and the site. */
	int (*want)(struct work *w, struct err *e);

	/*
	 * What is, in any order, by our marks. The wanted items are there and sorted, for those
	 * objects of others that would be in the way (-EEXIST).
	 */
	int (*have)(struct work *w, struct err *e);

	int (*cmp_key)(const void *x, const void *y);
	int (*cmp)(const void *x, const void *y);

	/* -EEXIST: this one, which is there, is another's and in the way. NULL: all are ours. */
	int (*check_owner)(const void *have, struct err *e);

	/* Make it so, and report each change by work_done(), also those before an error. */
	int (*apply)(struct work *w, struct err *e);

	void (*describe)(struct text *t, const void *item);
	/* What a stale one becomes again. NULL: it is removed. */
	void (*describe_restored)(struct text *t, const void *have);
};

extern const struct kind *const kinds[];
extern const size_t kind_count;

void work_done(struct work *w, const struct change *c);

/* A warning; where there is no room for it, the list of them is bad. */
void work_warn(struct work *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Apply one change after the other until one fails. */
typedef int change_fn(const struct site *s, const struct change *c, struct err *e);
int work_each(struct work *w, change_fn *fn, struct err *e);

#endif
