/*
 * Elements of nf_tables sets and maps: adding, deleting, reading. See nft.h.
 *
 * How intervals lie in the kernel. A set of one field keeps bounds in a tree: an element where the
 * range starts and another one past its end, marked NFT_SET_ELEM_INTERVAL_END; a range that ends
 * with the last key has no second one. A set of concatenated fields
 * (net/netfilter/nft_set_pipapo.c, since 5.6) keeps whole ranges instead: one element with KEY and
 * KEY_END, both inclusive, and the set must tell the size of each field in its description.
 *
 * Reading bounds. They are dumped in the order of the kernel's tree. That order is the kernel's own
 * affair, and where one range ends at the start of the next, either bound may come first. So we
 * rely on no more than that the bounds come sorted, up or down: they wait for their counterpart, at
 * most two of a kind at a time. What has no end when the dump is over reaches to the last key.
 */
#include "net/nft.h"

#include <string.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "net/nft_wire.h"
#include "net/nl.h"

#define WAITING_MAX 2

/* Keys of one part as numbers: one up, one down. False when there is none. */
static bool bytes_next(uint8_t *bytes, size_t size)
{
	while (size-- > 0)
		if (++bytes[size] != 0)
			return true;
	return false;
}

static void bytes_prev(uint8_t *bytes, size_t size)
{
	while (size-- > 0)
		if (bytes[size]-- != 0)
			return;
}

static void check_names(struct nl *nl, const struct nft_set *s, const struct nft_elem *el)
{
	for (unsigned int i = 0; i < nft_parts(s->key); i++)
		if (s->key[i] == NFT_TYPE_IFNAME &&
		    strnlen(el->key[i].ifname, sizeof(el->key[i].ifname)) ==
			    sizeof(el->key[i].ifname))
			nl_refuse(nl, "an interface name is too long");
}

static const union nft_value *upper(const struct nft_elem *el)
{
	return el->range ? el->last : el->key;
}

/* The element as it is looked up: its key, and with ranges its end. */
static void put_key(struct nl *nl, const struct nft_set *s, const struct nft_elem *el)
{
	uint8_t key[NFT_VALUES_BYTES];
	size_t size = nft_values_encode(s->key, el->key, key);

	check_names(nl, s, el);
	nft_put_value(nl, NFTA_SET_ELEM_KEY, key, size);
	if (nft_holds_ranges(s)) {
		nft_values_encode(s->key, upper(el), key);
		nft_put_value(nl, NFTA_SET_ELEM_KEY_END, key, size);
	}
}

/* Past the last key there is nothing to end at. */
static void put_end(struct nl *nl, const struct nft_set *s, const struct nft_elem *el)
{
	uint8_t end[NFT_VALUES_BYTES];
	size_t size = nft_values_encode(s->key, upper(el), end);

	if (!bytes_next(end, size))
		return;
	nl_nest (nl, NFTA_LIST_ELEM) {
		nl_put_be32(nl, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
		nft_put_value(nl, NFTA_SET_ELEM_KEY, end, size);
	}
}

static void put_data(struct nl *nl, const struct nft_set *s, const struct nft_elem *el)
{
	uint8_t data[NFT_VALUES_BYTES];

	if (nft_set_has_verdicts(s))
		nft_put_verdict(nl, NFTA_SET_ELEM_DATA, el->data[0].verdict.code,
				el->data[0].verdict.chain);
	else if (nft_set_is_map(s))
		nft_put_value(nl, NFTA_SET_ELEM_DATA, data,
			      nft_values_encode(s->data, el->data, data));
}

static void put_new(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		    const struct nft_elem *el, uint16_t flags)
{
	nft_request(nl, "add element", NFT_MSG_NEWSETELEM, NLM_F_CREATE | flags, t);
	nl_put_str(nl, NFTA_SET_ELEM_LIST_SET, s->name);
	nl_nest (nl, NFTA_SET_ELEM_LIST_ELEMENTS) {
		nl_nest (nl, NFTA_LIST_ELEM) {
			put_key(nl, s, el);
			put_data(nl, s, el);
			nft_put_comment(nl, NFTA_SET_ELEM_USERDATA, el->comment);
		}
		if (nft_holds_bounds(s))
			put_end(nl, s, el);
	}
}

void nft_elem_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el)
{
	put_new(nl, t, s, el, 0);
}

void nft_elem_create(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		     const struct nft_elem *el)
{
	put_new(nl, t, s, el, NLM_F_EXCL);
}

static void put_elem_key(struct nl *nl, const struct nft_set *s, const struct nft_elem *el,
			 bool end)
{
	nl_put_str(nl, NFTA_SET_ELEM_LIST_SET, s->name);
	nl_nest (nl, NFTA_SET_ELEM_LIST_ELEMENTS) {
		nl_nest (nl, NFTA_LIST_ELEM)
			put_key(nl, s, el);
		if (end)
			put_end(nl, s, el);
	}
}

void nft_elem_del(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el)
{
	nft_request(nl, "delete element", NFT_MSG_DELSETELEM, 0, t);
	put_elem_key(nl, s, el, nft_holds_bounds(s));
}

/* ---- reading ---- */

/* A start with what belongs to its element, or an end, whose key is one past the last. */
struct bound {
	uint8_t key[NFT_VALUES_BYTES];
	struct nft_found found;
};

struct bounds {
	unsigned int count;
	struct bound at[WAITING_MAX];
};

struct elem_walk {
	struct nft_walk w;
	const struct nft_set *set;
	size_t size; /* of a key */
	nft_elem_fn *fn;
	void *arg;
	struct bounds starts, ends; /* waiting */
};

/* The bytes of a value if it has this size, else NULL. */
static const uint8_t *value_bytes(const struct nlattr *value, size_t size)
{
	const struct nlattr *a[NFTA_DATA_VALUE + 1];

	if (!value)
		return NULL;
	nl_attrs_nested(value, a, NFTA_DATA_VALUE);
	return nl_size(a[NFTA_DATA_VALUE]) == size ? nl_data(a[NFTA_DATA_VALUE]) : NULL;
}

static void read_verdict(const struct nlattr *data, struct nft_found *f)
{
	const struct nlattr *a[NFTA_DATA_VERDICT + 1], *v[NFTA_VERDICT_CHAIN + 1];

	nl_attrs_nested(data, a, NFTA_DATA_VERDICT);
	nl_attrs_nested(a[NFTA_DATA_VERDICT], v, NFTA_VERDICT_CHAIN);
	f->el.data[0].verdict.code = (int)nl_be32(v[NFTA_VERDICT_CODE]);
	if (nl_str(v[NFTA_VERDICT_CHAIN], f->chain, sizeof(f->chain)))
		f->el.data[0].verdict.chain = f->chain;
}

/* False: an element without a key (a catch-all), or not of this set's form. Nobody's of ours. */
static bool read_elem(const struct nft_set *s, const struct nlattr *elem,
		      const struct nlattr *a[static NFTA_SET_ELEM_KEY_END + 1], struct nft_found *f)
{
	size_t size = nft_values_size(s->key);
	const uint8_t *key, *end, *data;

	memset(f, 0, sizeof(*f));
	nl_attrs_nested(elem, a, NFTA_SET_ELEM_KEY_END);
	key = value_bytes(a[NFTA_SET_ELEM_KEY], size);
	if (!key)
		return false;
	nft_values_decode(s->key, key, f->el.key);
	end = value_bytes(a[NFTA_SET_ELEM_KEY_END], size);
	f->el.range = s->interval;
	nft_values_decode(s->key, end ? end : key, f->el.last);
	data = value_bytes(a[NFTA_SET_ELEM_DATA], nft_values_size(s->data));
	if (nft_set_has_verdicts(s))
		read_verdict(a[NFTA_SET_ELEM_DATA], f);
	else if (data)
		nft_values_decode(s->data, data, f->el.data);
	nft_comment(a[NFTA_SET_ELEM_USERDATA], f->comment, sizeof(f->comment));
	f->el.comment = f->comment;
	return true;
}

static int emit(struct elem_walk *w, const struct nft_elem *el)
{
	int r = w->fn(el, w->arg);

	w->w.found = true;
	w->w.stop = r < 0 ? r : 0;
	return w->w.stop;
}

static int emit_range(struct elem_walk *w, struct bound *start, const uint8_t *last)
{
	struct nft_elem *el = &start->found.el;

	nft_values_decode(w->set->key, last, el->last);
	el->comment = start->found.comment;
	if (nft_set_has_verdicts(w->set) && el->data[0].verdict.chain)
		el->data[0].verdict.chain = start->found.chain; /* it was copied with its start */
	return emit(w, el);
}

static int walk_bound(struct elem_walk *w, struct bound *b, bool is_end)
{
	struct bounds *own = is_end ? &w->ends : &w->starts,
		      *others = is_end ? &w->starts : &w->ends;

	for (unsigned int i = 0; i < others->count; i++) {
		struct bound *start = is_end ? &others->at[i] : b,
			     *end = is_end ? b : &others->at[i];
		uint8_t last[NFT_VALUES_BYTES];
		int r;

		if (memcmp(start->key, end->key, w->size) >= 0)
			continue;
		memcpy(last, end->key, sizeof(last));
		bytes_prev(last, w->size);
		r = emit_range(w, start, last);
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
	uint8_t last[NFT_VALUES_BYTES];
	int r = 0;

	memset(last, 0xff, sizeof(last));
	for (unsigned int i = 0; i < w->starts.count && r == 0; i++)
		r = emit_range(w, &w->starts.at[i], last);
	return r;
}

static void walk_restart(void *arg)
{
	struct elem_walk *w = arg;

	w->w.found = false;
	w->starts.count = 0;
	w->ends.count = 0;
}

static int walk_elem(struct elem_walk *w, const struct nlattr *elem)
{
	const struct nlattr *a[NFTA_SET_ELEM_KEY_END + 1];
	struct bound b;

	if (!read_elem(w->set, elem, a, &b.found))
		return 0;
	if (!nft_holds_bounds(w->set))
		return emit(w, &b.found.el);
	nft_values_encode(w->set->key, b.found.el.key, b.key);
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
	struct elem_walk w = {
		.w = { .table = t->name, .name = s->name },
		.set = s,
		.size = nft_values_size(s->key),
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
	const struct nft_set *set;
	const struct nft_elem *el;
	struct nft_found *out;
};

static bool key_is(const struct elem_search *f, const struct nlattr *key,
		   const union nft_value want[static NFT_PARTS_MAX])
{
	uint8_t bytes[NFT_VALUES_BYTES];
	size_t size = nft_values_encode(f->set->key, want, bytes);
	const uint8_t *have = value_bytes(key, size);

	return have && memcmp(have, bytes, size) == 0;
}

/* For a key inside of a range the kernel answers with the range's element. */
static int find_answer(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *list = elem_list(h), *at = NULL, *a[NFTA_SET_ELEM_KEY_END + 1];
	struct elem_search *f = arg;

	if (!list || !nl_attr_next(list, &at) || !read_elem(f->set, at, a, f->out))
		return 0;
	f->w.found =
		key_is(f, a[NFTA_SET_ELEM_KEY], f->el->key) &&
		(!a[NFTA_SET_ELEM_KEY_END] || key_is(f, a[NFTA_SET_ELEM_KEY_END], upper(f->el)));
	return 0;
}

int nft_elem_find(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el, struct nft_found *out, struct err *e)
{
	struct nft_found own = { .comment = "" };
	struct elem_search f = { .w = { .table = t->name, .name = s->name },
				 .set = s,
				 .el = el,
				 .out = out ? out : &own };

	nft_elem_get(nl, t, s, el);
	return nft_ask(nl, find_answer, NULL, &f.w, e);
}

void nft_elem_get(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el)
{
	nft_request(nl, "find element", NFT_MSG_GETSETELEM, 0, t);
	put_elem_key(nl, s, el, false);
}

bool nft_elem_answer(const struct nlmsghdr *h, const struct nft_set *s, const struct nft_elem *el,
		     struct nft_found *out)
{
	struct elem_search f = { .set = s, .el = el, .out = out };

	(void)find_answer(h, &f);
	return f.w.found;
}
