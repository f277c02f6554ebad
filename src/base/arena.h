/*
 * Memory that is never given back piece by piece: a block handed out from the front.
 *
 * There is no malloc in cnibox. Plugins live for one call and use the static arena of cni/plugin.c;
 * other programs have their own. Untouched pages of a large arena cost nothing.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena {
	char *base;
	size_t used;
	size_t cap;
};

/* The arena borrows mem for its whole life; mem must be aligned for any object. */
void arena_init(struct arena *a, void *mem, size_t cap);

/* size zeroed bytes, 16-byte aligned; NULL when the arena is full. */
void *arena_alloc(struct arena *a, size_t size);

/*
 * The same with whatever the memory holds, for what is filled at once: pages that stay unused are
 * not touched.
 */
void *arena_alloc_raw(struct arena *a, size_t size);

/* count * size zeroed bytes, checked for overflow; NULL when the arena is full. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* A NUL-terminated copy of s[0..len); NULL when the arena is full. */
char *arena_strndup(struct arena *a, const char *s, size_t len);

/* printf into the arena; NULL when the arena is full. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Give back everything that was handed out after used was *mark* (a former a->used). */
void arena_reset(struct arena *a, size_t mark);

#endif
