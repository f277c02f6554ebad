/*
 * A list that grows in an arena: doubled and copied when full, so that a walk of unknown length
 * costs twice its size. Sticky: when the arena is full, `bad` is set and later additions are
 * no-ops; whoever consumes the list checks it once.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;

struct list {
	struct arena *arena;
	void *at;    /* count elements; moves when the list grows */
	size_t size; /* of an element */
	size_t count, cap;
	bool bad;
};

void list_init(struct list *l, struct arena *a, size_t size);
void list_add(struct list *l, const void *elem);

/* One more element, of zero bytes; it moves when the list grows. NULL when the list is bad. */
void *list_new(struct list *l);

/* Make room for count elements, so that as many additions cannot fail; or the list is bad. */
void list_reserve(struct list *l, size_t count);

/* -ENOMEM with what as its text if the list is bad, else 0. */
int list_check(const struct list *l, const char *what, struct err *e);

/* A copy of s in the arena of the list; where there is no room, NULL, and the list is bad. */
const char *list_text(struct list *l, const char *s);

#endif
