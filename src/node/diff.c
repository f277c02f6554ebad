/* Items and their difference: see diff.h. */
#include "node/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "node/kind.h"

const void *items_find(const struct kind *k, const struct list *items, const void *key)
{
	return items->count ? bsearch(key, items->at, items->count, k->size, k->cmp_key) : NULL;
}

void items_sort(const struct kind *k, struct list *items)
{
	char *at = items->at, *kept = at;

	if (items->count == 0)
		return;
	qsort(at, items->count, k->size, k->cmp);
	for (size_t i = 1; i < items->count; i++) {
		if (k->cmp(kept, at + i * k->size) == 0)
			continue;
		kept += k->size;
		memmove(kept, at + i * k->size, k->size);
	}
	items->count = (size_t)(kept - at) / k->size + 1;
}

/* Two sorted lists, and where the walk stands in each; NULL at the end. */
struct walk {
	const struct kind *kind;
	const char *want, *want_end;
	const char *have, *have_end;
};

static const void *take_want(struct walk *w)
{
	const void *item = w->want;

	w->want += w->kind->size;
	return item;
}

static const void *take_have(struct walk *w)
{
	const void *item = w->have;

	w->have += w->kind->size;
	return item;
}

/* Is there another with the same key behind the one that is there? */
static bool have_more(const struct walk *w)
{
	const char *next = w->have + w->kind->size;

	return next != w->have_end && w->kind->cmp_key(w->want, next) == 0;
}

static struct change next_change(struct walk *w)
{
	struct change c = { .kind = w->kind };
	int r = w->want == w->want_end	 ? 1
		: w->have == w->have_end ? -1
					 : w->kind->cmp_key(w->want, w->have);
	bool equal = r == 0 && w->kind->cmp(w->want, w->have) == 0;

	if (r < 0)
		c.verdict = ITEM_MISSING;
	else if (equal)
		c.verdict = ITEM_OK;
	else if (r == 0 && !have_more(w))
		c.verdict = ITEM_DIFFERS;
	else
		c.verdict = ITEM_STALE;
	if (c.verdict != ITEM_STALE)
		c.want = take_want(w);
	if (c.verdict != ITEM_MISSING)
		c.have = take_have(w);
	c.item = c.want ? c.want : c.have;
	return c;
}

static const char *list_end(const struct list *l, size_t size)
{
	return l->count ? (const char *)l->at + l->count * size : l->at;
}

size_t items_diff(const struct kind *k, const struct list *want, const struct list *have,
		  struct change *out)
{
	struct walk w = { .kind = k,
			  .want = want->at,
			  .want_end = list_end(want, k->size),
			  .have = have->at,
			  .have_end = list_end(have, k->size) };
	size_t n = 0;

	while (w.want != w.want_end || w.have != w.have_end)
		out[n++] = next_change(&w);
	return n;
}
