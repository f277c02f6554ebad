/* Memory handed out from the front of one block: see arena.h. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ALIGN 16u

void arena_init(struct arena *a, void *mem, size_t cap)
{
	*a = (struct arena){ .base = mem, .cap = cap };
}

void *arena_alloc_raw(struct arena *a, size_t size)
{
	size_t start = (a->used + ALIGN - 1) & ~(size_t)(ALIGN - 1);

	if (start > a->cap || size > a->cap - start)
		return NULL;
	a->used = start + size;
	return a->base + start;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p = arena_alloc_raw(a, size);

	return p ? memset(p, 0, size) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, count * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char *s = (char *)a->base + a->used;
	size_t room = a->cap - a->used;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(s, room, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= room)
		return NULL;
	a->used += (size_t)len + 1;
	return s;
}

void arena_reset(struct arena *a, size_t mark)
{
	if (mark < a->used)
		a->used = mark;
}
