/* Lists in an arena: see list.h. */
#include "base/list.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

#define FIRST_CAP 16

void list_init(struct list *l, struct arena *a, size_t size)
{
	*l = (struct list){ .arena = a, .size = size };
}

void list_reserve(struct list *l, size_t count)
{
	void *at;

	if (l->bad || count <= l->cap)
		return;
	at = arena_array(l->arena, count, l->size);
	if (!at) {
		l->bad = true;
		return;
	}
	if (l->count)
		memcpy(at, l->at, l->count * l->size);
	l->at = at;
	l->cap = count;
}

void *list_new(struct list *l)
{
	if (l->count == l->cap)
		list_reserve(l, l->cap ? l->cap * 2 : FIRST_CAP);
	return l->bad ? NULL : memset((char *)l->at + l->count++ * l->size, 0, l->size);
}

void list_add(struct list *l, const void *elem)
{
	void *at = list_new(l);

	if (at)
		memcpy(at, elem, l->size);
}

int list_check(const struct list *l, const char *what, struct err *e)
{
	return l->bad ? err_set(e, ENOMEM, "%s: more than there is memory for", what) : 0;
}

const char *list_text(struct list *l, const char *s)
{
	const char *copy = arena_strndup(l->arena, s, strlen(s));

	if (!copy)
		l->bad = true;
	return copy;
}
