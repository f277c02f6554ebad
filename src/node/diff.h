/*
 * The difference between what should be and what is. Pure: no system call, and no knowledge of what
 * is compared; a kind brings the size of its items and their order.
 */
#ifndef NODE_DIFF_H
#define NODE_DIFF_H

#include <stddef.h>

struct kind;
struct list;

enum verdict { ITEM_OK, ITEM_MISSING, ITEM_STALE, ITEM_DIFFERS };

/* want is NULL when stale, have when missing. */
struct change {
	enum verdict verdict;
	const struct kind *kind;
	const void *want, *have;
	const void *item; /* what it is about: the wanted one, else the one that is */
};

/* Sort items of the kind and drop what is there twice. */
void items_sort(const struct kind *k, struct list *items);

/* The one of the sorted that has this key; NULL: none. */
const void *items_find(const struct kind *k, const struct list *items, const void *key);

/*
 * Compare two sorted lists in one walk; out has room for both counts. Returns how many changes
 * there are, those that are ITEM_OK included, in the order of the keys. Where several that are
 * there have a wanted one's key, it is compared with a like one, else with the last; the others are
 * stale.
 */
size_t items_diff(const struct kind *k, const struct list *want, const struct list *have,
		  struct change *out);

#endif
