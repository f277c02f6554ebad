/*
 * Reading the elements of nf_tables sets. See nft.h; how ranges lie in a set is told at the top of
 * nft.c.
 *
 * Theory of operation. A set of single-field intervals is dumped as bounds, in the order of its
 * tree. That order is the kernel's own affair, and where one range ends at the start of the next,
 * either bound may come first. So we rely on no more than that the bounds come sorted, up or down:
 * they wait for their counterpart, at most two of a kind at a time. What has no end when the dump
 * is over reaches to the last address.
 */
#include "net/nft.h"

#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "net/nft_wire.h"
#include "net/nl.h"

#define WAITING_MAX 2

struct bound {
	struct addr addr; /* an end's is one past the last address */
	char comment[NFT_COMMENT_SIZE];
};

struct bounds {
	unsigned int count;
	struct bound at[WAITING_MAX];
};

struct elem_walk {
	struct nft_walk w;
	const struct nft_layout *layout;
	bool bounds; /* the dump consists of bounds */
	nft_elem_fn *fn;
	void *arg;
	struct bounds starts, ends; /* waiting */
};

static int emit(struct elem_walk *w, const struct nft_elem *el)
{
	int r = w->fn(el, w->arg);

	w->w.found = true;
	w->w.stop = r < 0 ? r : 0;
	return w->w.stop;
}

static int emit_range(struct elem_walk *w, const struct bound *start, const struct addr *last)
{
	struct nft_elem el = { .first = start->addr, .last = *last, .comment = start->comment };

	return emit(w, &el);
}

static int walk_bound(struct elem_walk *w, const struct bound *b, bool is_end)
{
	struct bounds *own = is_end ? &w->ends : &w->starts,
		      *others = is_end ? &w->starts : &w->ends;

	for (unsigned int i = 0; i < others->count; i++) {
		const struct bound *start = is_end ? &others->at[i] : b,
				   *end = is_end ? b : &others->at[i];
		struct addr last = addr_prev(&end->addr);
		int r;

		if (addr_cmp(&start->addr, &end->addr) >= 0)
			continue;
		r = emit_range(w, start, &last);
		others->at[i] = others->at[--others->count];
		return r;
	}
	if (own->count < WAITING_MAX)
		own->at[own->count++] = *b;
	return 0;
}

/* The starts that wait for nothing when all was read. */
static int walk_over(struct elem_walk *w)
{
	int r = 0;

	for (unsigned int i = 0; i < w->starts.count && r == 0; i++) {
		struct prefix all = { .addr = w->starts.at[i].addr };
		struct addr last = prefix_last(&all);

		r = emit_range(w, &w->starts.at[i], &last);
	}
	return r;
}

static void walk_restart(void *arg)
{
	struct elem_walk *w = arg;

	w->w.found = false;
	w->starts.count = 0;
	w->ends.count = 0;
}

/* The bytes of a key if they have the set's size, else NULL. */
static const uint8_t *key_bytes(const struct nlattr *key, const struct nft_layout *l)
{
	const struct nlattr *a[NFTA_DATA_VALUE + 1];

	if (!key)
		return NULL;
	nl_attrs_nested(key, a, NFTA_DATA_VALUE);
	return nl_size(a[NFTA_DATA_VALUE]) == (size_t)l->size * l->fields
		       ? nl_data(a[NFTA_DATA_VALUE])
		       : NULL;
}

static struct addr field(const struct nft_layout *l, const uint8_t *key, unsigned int i)
{
	struct addr a = { .family = l->family };

	memcpy(a.bytes, key + i * l->size, l->size);
	return a;
}

static int walk_whole(struct elem_walk *w, const uint8_t *key, const uint8_t *key_end,
		      const char *comment)
{
	const struct nft_layout *l = w->layout;
	struct nft_elem el = { .comment = comment };
	char ifname[17] = "";

	if (!l->family) {
		memcpy(ifname, key, l->size);
		el.ifname = ifname;
		return emit(w, &el);
	}
	el.first = field(l, key, 0);
	if (l->fields > 1)
		el.first2 = field(l, key, 1);
	if (key_end) {
		el.last = field(l, key_end, 0);
		if (l->fields > 1)
			el.last2 = field(l, key_end, 1);
	}
	return emit(w, &el);
}

static int walk_elem(struct elem_walk *w, const struct nlattr *elem)
{
	const struct nlattr *a[NFTA_SET_ELEM_KEY_END + 1];
	const uint8_t *key;
	struct bound b;

	nl_attrs_nested(elem, a, NFTA_SET_ELEM_KEY_END);
	key = key_bytes(a[NFTA_SET_ELEM_KEY], w->layout);
	if (!key)
		return 0; /* a catch-all, which is nobody's of ours */
	nft_comment(a[NFTA_SET_ELEM_USERDATA], b.comment, sizeof(b.comment));
	if (!w->bounds)
		return walk_whole(w, key, key_bytes(a[NFTA_SET_ELEM_KEY_END], w->layout),
				  b.comment);
	b.addr = field(w->layout, key, 0);
	return walk_bound(w, &b, nl_be32(a[NFTA_SET_ELEM_FLAGS]) & NFT_SET_ELEM_INTERVAL_END);
}

static const struct nlattr *elem_list(const struct nlmsghdr *h)
{
	const struct nlattr *a[NFTA_SET_ELEM_LIST_ELEMENTS + 1];

	if (!nft_is(h, NFT_MSG_NEWSETELEM))
		return NULL;
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_SET_ELEM_LIST_ELEMENTS);
	return a[NFTA_SET_ELEM_LIST_ELEMENTS];
}

static int elem_answer(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *list = elem_list(h), *at = NULL;
	int r = 0;

	while (list && r == 0 && nl_attr_next(list, &at))
		r = walk_elem(arg, at);
	return r;
}

int nft_elem_each(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  nft_elem_fn *fn, void *arg, struct err *e)
{
	const struct nft_layout *l = nft_layout(s->key);
	struct elem_walk w = {
		.w = { .table = t->name, .name = s->name },
		.layout = l,
		.bounds = s->interval && l->fields == 1 && l->family,
		.fn = fn,
		.arg = arg,
	};
	int r;

	nft_request(nl, "list elements", NFT_MSG_GETSETELEM, NLM_F_DUMP, t);
	nl_put_str(nl, NFTA_SET_ELEM_LIST_SET, s->name);
	r = nft_ask(nl, elem_answer, walk_restart, &w.w, e);
	if (r < 0 || walk_over(&w) < 0)
		return r < 0 ? r : w.w.stop;
	return w.w.found;
}

struct elem_search {
	struct nft_walk w;
	const struct nft_layout *layout;
	const struct nft_elem *el;
};

static bool key_is(const struct elem_search *f, const struct nlattr *key, bool upper)
{
	uint8_t want[NFT_KEY_BYTES];
	size_t size = nft_elem_key(f->layout, f->el, upper, want);
	const uint8_t *have = key_bytes(key, f->layout);

	return have && memcmp(have, want, size) == 0;
}

/* For an address inside of a range the kernel answers with the range's element. */
static int find_answer(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *list = elem_list(h), *at = NULL, *a[NFTA_SET_ELEM_KEY_END + 1];
	struct elem_search *f = arg;

	if (!list || !nl_attr_next(list, &at))
		return 0;
	nl_attrs_nested(at, a, NFTA_SET_ELEM_KEY_END);
	f->w.found = key_is(f, a[NFTA_SET_ELEM_KEY], false) &&
		     (!a[NFTA_SET_ELEM_KEY_END] || key_is(f, a[NFTA_SET_ELEM_KEY_END], true));
	return 0;
}

int nft_elem_find(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el, struct err *e)
{
	struct elem_search f = { .w = { .table = t->name, .name = s->name },
				 .layout = nft_layout(s->key),
				 .el = el };

	nft_request(nl, "find element", NFT_MSG_GETSETELEM, 0, t);
	nl_put_str(nl, NFTA_SET_ELEM_LIST_SET, s->name);
	nl_nest (nl, NFTA_SET_ELEM_LIST_ELEMENTS) {
		nl_nest (nl, NFTA_LIST_ELEM)
			nft_put_elem_key(nl, s, el);
	}
	return nft_ask(nl, find_answer, NULL, &f.w, e);
}
