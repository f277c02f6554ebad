/* Items and their difference: see item.h. */
#include "node/item.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int cmp_uint(uint64_t x, uint64_t y)
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

static int cmp_route(const struct item *x, const struct item *y)
{
	int r = addr_cmp(&x->a, &y->a);

	if (r == 0)
		r = cmp_uint(x->len, y->len);
	return r ? r : cmp_uint(x->metric, y->metric);
}

static int cmp_element(const struct item *x, const struct item *y)
{
	int r = cmp_uint(x->rank, y->rank);

	if (r == 0)
		r = addr_cmp(&x->a, &y->a);
	return r ? r : addr_cmp(&x->b, &y->b);
}

int item_cmp(const struct item *x, const struct item *y)
{
	int r = cmp_uint(x->kind, y->kind);

	if (r)
		return r;
	switch (x->kind) {
	case ITEM_ROUTE:
		return cmp_route(x, y);
	case ITEM_ELEMENT:
		return cmp_element(x, y);
	case ITEM_SYSCTL:
	case ITEM_TABLE:
	case ITEM_FORWARD:
	case ITEM_CONFIG:
		break;
	}
	r = cmp_uint(x->rank, y->rank);
	return r ? r : cmp_text(x->name, y->name);
}

/* What is left when the keys are equal. */
static int cmp_rest(const struct item *x, const struct item *y)
{
	int r = addr_cmp(&x->b, &y->b);

	if (r == 0)
		r = cmp_uint((uint64_t)x->index, (uint64_t)y->index);
	if (r == 0)
		r = cmp_uint(x->onlink, y->onlink);
	if (r == 0)
		r = cmp_uint(x->foreign, y->foreign);
	return r ? r : cmp_text(x->value, y->value);
}

bool item_same(const struct item *x, const struct item *y)
{
	return item_cmp(x, y) == 0 && cmp_rest(x, y) == 0;
}

static int by_key(const void *a, const void *b)
{
	int r = item_cmp(a, b);

	return r ? r : cmp_rest(a, b);
}

void items_sort(struct list *items)
{
	struct item *at = items->at;
	size_t kept = 0;

	if (items->count == 0)
		return;
	qsort(at, items->count, sizeof(*at), by_key);
	for (size_t i = 1; i < items->count; i++) {
		if (by_key(&at[kept], &at[i]) != 0)
			at[++kept] = at[i];
	}
	items->count = kept + 1;
}

/* One of have[0..count), which all have want's key, is compared with it, if possible a like one; the others are stale. */
static size_t diff_equal_keys(const struct item *want, const struct item *have, size_t count, struct change *out)
{
	size_t match = 0, n = 0;

	for (size_t i = 1; i < count; i++) {
		if (item_same(want, &have[i]))
			match = i;
	}
	for (size_t i = 0; i < count; i++) {
		if (i != match)
			out[n++] = (struct change){ ITEM_STALE, NULL, &have[i] };
		else if (item_same(want, &have[i]))
			out[n++] = (struct change){ ITEM_OK, want, &have[i] };
		else
			out[n++] = (struct change){ ITEM_DIFFERS, want, &have[i] };
	}
	return n;
}

size_t items_diff(const struct list *want, const struct list *have, struct change *out)
{
	const struct item *w = want->at, *h = have->at;
	size_t i = 0, k = 0, n = 0;

	while (i < want->count || k < have->count) {
		int r = i == want->count ? 1 : k == have->count ? -1 : item_cmp(&w[i], &h[k]);
		size_t same = 1;

		if (r < 0) {
			out[n++] = (struct change){ ITEM_MISSING, &w[i++], NULL };
		} else if (r > 0) {
			out[n++] = (struct change){ ITEM_STALE, NULL, &h[k++] };
		} else {
			while (k + same < have->count && item_cmp(&w[i], &h[k + same]) == 0)
				same++;
			n += diff_equal_keys(&w[i++], &h[k], same, out + n);
			k += same;
		}
	}
	return n;
}

static void describe_route(struct text *t, const struct item *i)
{
	struct prefix dst = { i->a, i->len };

	text_printf(t, "route %s via %s%s", prefix_text(&dst), addr_text(&i->b), i->onlink ? " onlink" : "");
}

static const char *set_what(unsigned int set)
{
	static const char *const what[] = {
		[SET_PODS4] = "pods here", [SET_PODS6] = "pods here",
		[SET_CLUSTER4] = "cluster", [SET_CLUSTER6] = "cluster",
		[SET_NODES4] = "node", [SET_NODES6] = "node",
	};

	return what[set];
}

static void describe_element(struct text *t, const struct item *i)
{
	text_printf(t, "masquerade: %s %s", set_what(i->rank), addr_text(&i->a));
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
