/* Items and their difference: see item.h. */
#include "node/item.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int cmp_uint(unsigned int x, unsigned int y)
{
	return x < y ? -1 : x > y;
}

/* NULL is less than any text. */
static int cmp_text(const char *x, const char *y)
{
	if (!x || !y)
		return (x != NULL) - (y != NULL);
	return strcmp(x, y);
}

/* What a kind does not use is 0 and alike in all. */
int item_cmp(const struct item *x, const struct item *y)
{
	int r = cmp_uint(x->kind, y->kind);

	r = r ? r : cmp_uint(x->rank, y->rank);
	r = r ? r : cmp_text(x->name, y->name);
	r = r ? r : addr_cmp(&x->a, &y->a);
	r = r ? r : cmp_uint(x->len, y->len);
	r = r ? r : cmp_uint(x->metric, y->metric);
	return r || x->kind != ITEM_ELEMENT ? r : addr_cmp(&x->b, &y->b);
}

/* What is left when the keys are equal. */
static int cmp_rest(const struct item *x, const struct item *y)
{
	int r = addr_cmp(&x->b, &y->b);

	r = r ? r : cmp_uint(x->index, y->index);
	r = r ? r : cmp_uint(x->onlink, y->onlink);
	r = r ? r : cmp_uint(x->foreign, y->foreign);
	return r ? r : cmp_text(x->value, y->value);
}

static int by_key(const void *a, const void *b)
{
	return item_cmp(a, b);
}

static int by_all(const void *a, const void *b)
{
	int r = item_cmp(a, b);

	return r ? r : cmp_rest(a, b);
}

const struct item *items_find(const struct list *items, const struct item *key)
{
	return items->count ? bsearch(key, items->at, items->count, sizeof(*key), by_key) : NULL;
}

void items_sort(struct list *items)
{
	struct item *at = items->at;
	size_t kept = 0;

	if (items->count == 0)
		return;
	qsort(at, items->count, sizeof(*at), by_all);
	for (size_t i = 1; i < items->count; i++) {
		if (by_all(&at[kept], &at[i]) != 0)
			at[++kept] = at[i];
	}
	items->count = kept + 1;
}

/* Does y, which sorts behind x, belong to the same range? */
static bool joins(const struct item *x, const struct item *y)
{
	struct addr next = addr_next(&x->b);

	return y->kind == ITEM_ELEMENT && y->rank == x->rank && y->rank < SET_NODES4 &&
	       (addr_cmp(&y->a, &x->b) <= 0 || addr_equal(&y->a, &next));
}

void items_join(struct list *items)
{
	struct item *at = items->at;
	size_t kept = 0;

	for (size_t i = 1; i < items->count; i++) {
		if (!joins(&at[kept], &at[i]))
			at[++kept] = at[i];
		else if (addr_cmp(&at[i].b, &at[kept].b) > 0)
			at[kept].b = at[i].b;
	}
	if (items->count)
		items->count = kept + 1;
}

static void change_add(struct change *out, enum verdict verdict, const struct item *want,
		       const struct item *have)
{
	*out = (struct change){ verdict, want, have, want ? want : have };
}

/*
 * Where several that are there have a wanted one's key, it is compared with a like one, else with
 * the last; the others are stale.
 */
size_t items_diff(const struct list *want, const struct list *have, struct change *out)
{
	const struct item *w = want->at, *h = have->at;
	const struct item *w_end = w + want->count, *h_end = h + have->count;
	size_t n = 0;

	while (w < w_end || h < h_end) {
		int r = w == w_end ? 1 : h == h_end ? -1 : item_cmp(w, h);

		if (r < 0)
			change_add(&out[n++], ITEM_MISSING, w++, NULL);
		else if (r == 0 && cmp_rest(w, h) == 0)
			change_add(&out[n++], ITEM_OK, w++, h++);
		else if (r == 0 && (h + 1 == h_end || item_cmp(w, h + 1) != 0))
			change_add(&out[n++], ITEM_DIFFERS, w++, h++);
		else
			change_add(&out[n++], ITEM_STALE, NULL, h++);
	}
	return n;
}

static void describe_route(struct text *t, const struct item *i)
{
	struct prefix dst = { i->a, i->len };

	text_printf(t, "route %s via %s%s", prefix_text(&dst), addr_text(&i->b),
		    i->onlink ? " onlink" : "");
}

static void describe_element(struct text *t, const struct item *i)
{
	static const char *const sets[] = { "pods here", "cluster",
					    "node" }; /* two of each: IPv4, IPv6 */

	text_printf(t, "masquerade: %s %s", sets[i->rank / 2], addr_text(&i->a));
	if (!addr_equal(&i->a, &i->b))
		text_printf(t, "-%s", addr_text(&i->b));
}

void item_describe(struct text *t, const struct item *i)
{
	switch (i->kind) {
	case ITEM_SYSCTL:
		text_printf(t, "sysctl %s = %s", i->name, i->value);
		return;
	case ITEM_ROUTE:
		describe_route(t, i);
		return;
	case ITEM_TABLE:
		text_printf(t, "nftables %s: masquerade %s", i->name, i->value);
		return;
	case ITEM_ELEMENT:
		describe_element(t, i);
		return;
	case ITEM_FORWARD:
		text_printf(t, "nftables %s: accept %s", i->name, i->value);
		return;
	case ITEM_CONFIG:
		text_printf(t, "CNI configuration %s", i->name);
		return;
	}
}
