/*
 * Masquerade: table inet cnibox_node, apart from the plugins' own. Its rules are few and never
 * change with the cluster; what changes are the elements of its sets.
 *
 * Whether the rules are as they should be is told by their comments. If they are not, the table is
 * made anew: sets, elements, and last the chain with its rules, so that no packet meets rules over
 * half-filled sets. If they are, only elements come and go.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/nft.h"
#include "net/nl.h"
#include "node/kind.h"
#include "node/marked_rules.h"
#include "node/site.h"

#define NODE_TABLE "inet cnibox_node"
#define CHAIN "postrouting" /* nft(8) takes no keyword, such as masquerade, for a name */
#define RULES_TEXT 512
#define COMMENT_SIZE 96
#define BATCH_SPARE_REQUESTS 24 /* for marks, chain and rules */
#define BATCH_SPARE 4096

static const struct nft_table node_table = { .family = NFPROTO_INET, .name = "cnibox_node" };

static const struct nft_chain node_chain = {
	.name = CHAIN, .type = "nat", .hook = NF_INET_POST_ROUTING, .priority = NF_IP_PRI_NAT_SRC
};

static const struct nft_set sets[MASQ_PARTS] = {
	[MASQ_PODS4] = { "pods4", { NFT_TYPE_IPV4 }, .interval = true },
	[MASQ_PODS6] = { "pods6", { NFT_TYPE_IPV6 }, .interval = true },
	[MASQ_CLUSTER4] = { "cluster4", { NFT_TYPE_IPV4 }, .interval = true },
	[MASQ_CLUSTER6] = { "cluster6", { NFT_TYPE_IPV6 }, .interval = true },
	[MASQ_NODES4] = { "nodes4", { NFT_TYPE_IPV4 } },
	[MASQ_NODES6] = { "nodes6", { NFT_TYPE_IPV6 } },
};

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* Of the family's rule. */
static const char *rule_comment(const struct site *s, uint8_t family, char out[static COMMENT_SIZE])
{
	const char *ip = family == AF_INET ? "ip" : "ip6";

	if (s->cluster->masquerade == MASQUERADE_SUBNET)
		snprintf(out, COMMENT_SIZE, NODE_COMMENT "%s not leaving by %s", ip,
			 s->cluster->bridge);
	else
		snprintf(out, COMMENT_SIZE, NODE_COMMENT "%s leaving the cluster", ip);
	return out;
}

/* Sets exist only for the families of our own subnets. */
static void want_range(const struct site *s, enum masquerade_part part4, const struct prefix *p,
		       struct list *want)
{
	struct masquerade_item it = { .first = prefix_first(p), .last = prefix_last(p) };

	it.part = part4 + (p->addr.family == AF_INET6);
	if (node_has_family(s->self, p->addr.family))
		list_add(want, &it);
}

/*
 * A node without pods of the family, such as a control plane outside, perhaps is one that nobody
 * has joined: its answers to pods would go elsewhere.
 */
static bool knows_way_back(const struct cluster_place *address)
{
	return node_has_family(address->node, address->prefix.addr.family);
}

static void want_elements(const struct site *s, struct list *want)
{
	const struct cluster *c = s->cluster;

	for (size_t i = 0; i < s->self->subnet_count; i++)
		want_range(s, MASQ_PODS4, &s->self->subnets[i], want);
	if (c->masquerade != MASQUERADE_CLUSTER)
		return;
	for (size_t i = 0; i < c->network_count; i++)
		want_range(s, MASQ_CLUSTER4, &c->networks[i], want);
	for (size_t i = 0; i < c->subnet_count && !c->network_count; i++)
		want_range(s, MASQ_CLUSTER4, &c->subnets[i].prefix, want);
	for (size_t i = 0; i < c->address_count; i++) {
		if (knows_way_back(&c->addresses[i]))
			want_range(s, MASQ_NODES4, &c->addresses[i].prefix, want);
	}
}

/* What the rules should say; "" for none. NULL: no memory. */
static const char *rules_text(const struct site *s)
{
	char buf[RULES_TEXT], comment[COMMENT_SIZE];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(families); i++) {
		if (s->cluster->masquerade == MASQUERADE_NONE ||
		    !node_has_family(s->self, families[i]))
			continue;
		text_comma(&t);
		text_str(&t, rule_comment(s, families[i], comment) + strlen(NODE_COMMENT));
	}
	return arena_strndup(s->arena, t.at, t.len);
}

/* Does y, which sorts behind x, belong to the same range? Nodes' addresses stay single. */
static bool joins(const struct masquerade_item *x, const struct masquerade_item *y)
{
	struct addr next = addr_next(&x->last);

	return x->part != MASQ_TABLE && y->part == x->part && y->part < MASQ_NODES4 &&
	       (addr_cmp(&y->first, &x->last) <= 0 || addr_equal(&y->first, &next));
}

/* Ranges of one set that overlap, or of which one continues the other, become one. */
static void join_ranges(struct list *items)
{
	struct masquerade_item *at = items->at;
	size_t kept = 0;

	items_sort(&masquerade_kind, items);
	for (size_t i = 1; i < items->count; i++) {
		if (!joins(&at[kept], &at[i]))
			at[++kept] = at[i];
		else if (addr_cmp(&at[i].last, &at[kept].last) > 0)
			at[kept].last = at[i].last;
	}
	items->count = items->count ? kept + 1 : 0;
}

/* Take one address out of the range that has it, if one of this part has. */
static void cut_address(struct list *items, enum masquerade_part part, const struct addr *a)
{
	struct masquerade_item *at = items->at, rest;
	size_t i = 0;

	while (i < items->count && (at[i].part != part || addr_cmp(&at[i].first, a) > 0 ||
				    addr_cmp(&at[i].last, a) < 0))
		i++;
	if (i == items->count)
		return;
	rest = at[i];
	rest.first = addr_next(a);
	if (addr_equal(&at[i].first, a))
		at[i] = at[--items->count];
	else
		at[i].last = addr_prev(a);
	if (!addr_equal(&rest.last, a))
		list_add(items, &rest);
}

static void cut_strangers(const struct cluster *c, struct list *items)
{
	for (size_t i = 0; i < c->address_count; i++) {
		const struct addr *a = &c->addresses[i].prefix.addr;

		if (!knows_way_back(&c->addresses[i]))
			cut_address(items, MASQ_CLUSTER4 + (a->family == AF_INET6), a);
	}
}

static int masquerade_want(struct work *w, struct err *e)
{
	struct masquerade_item it = { .part = MASQ_TABLE, .rules = rules_text(w->site) };

	(void)e;
	w->want.bad |= !it.rules;
	if (!it.rules || !*it.rules)
		return 0;
	list_add(&w->want, &it);
	want_elements(w->site, &w->want);
	join_ranges(&w->want);
	cut_strangers(w->site->cluster, &w->want);
	return 0;
}

static int find_chain(const struct nft_chain_info *in, void *arg)
{
	bool *found = arg;

	if (strcmp(in->table, node_table.name) == 0 && strcmp(in->name, node_chain.name) == 0)
		*found = in->base && in->hook == node_chain.hook &&
			 in->priority == node_chain.priority;
	return 0;
}

/* What the rules of our table say; "nothing" when they, or their chain, are missing. */
static int read_rules(struct work *w, const char **out, struct err *e)
{
	struct marked_rules rules = { .text = "" };
	bool hooked = false;
	int r = nft_chain_each(w->site->nft, node_table.family, find_chain, &hooked, e);

	if (r >= 0 && hooked)
		r = marked_rules_read(w->site->nft, &node_table, node_chain.name, w->site->arena,
				      &rules, e);
	if (r < 0)
		return r;
	*out = *rules.text ? rules.text : "nothing";
	if (rules.foreign || rules.behind)
		*out = arena_printf(w->site->arena, "%s%s%s", rules.text, *rules.text ? ", " : "",
				    rules.behind ? "behind other rules" : "with rules of others");
	return *out ? 0 : err_set(e, ENOMEM, "no memory for the rules of " NODE_TABLE);
}

struct elem_walk {
	struct list *have;
	enum masquerade_part part;
};

static int collect_elem(const struct nft_elem *el, void *arg)
{
	const struct elem_walk *w = arg;
	struct masquerade_item it = { .part = w->part,
				      .first = el->key[0].addr,
				      .last = (el->range ? el->last : el->key)[0].addr };

	list_add(w->have, &it);
	return 0;
}

static int read_elements(struct work *w, struct err *e)
{
	struct elem_walk walk = { .have = &w->have, .part = MASQ_PODS4 };
	int r = 0;

	for (; walk.part < MASQ_PARTS && r >= 0; walk.part++)
		r = nft_elem_each(w->site->nft, &node_table, &sets[walk.part], collect_elem, &walk,
				  e);
	return r < 0 ? r : 0;
}

/*
 * Elements count only where the rules are right, or nothing is wanted: else all of the table is
 * made anew.
 */
static int masquerade_have(struct work *w, struct err *e)
{
	struct masquerade_item it = { .part = MASQ_TABLE };
	const struct masquerade_item *wanted = items_find(&masquerade_kind, &w->want, &it);
	int r = nl_is_open(w->site->nft) ? nft_table_find(w->site->nft, &node_table, e) : 0;

	if (r <= 0)
		return r;
	r = read_rules(w, &it.rules, e);
	if (r < 0)
		return r;
	list_add(&w->have, &it);
	return wanted && strcmp(wanted->rules, it.rules) != 0 ? 0 : read_elements(w, e);
}

/* The key of a range is both of its ends. */
static int masquerade_cmp_key(const void *a, const void *b)
{
	const struct masquerade_item *x = a, *y = b;
	int r = (int)x->part - (int)y->part;

	r = r ? r : addr_cmp(&x->first, &y->first);
	return r ? r : addr_cmp(&x->last, &y->last);
}

static int masquerade_cmp(const void *a, const void *b)
{
	const struct masquerade_item *x = a, *y = b;
	int r = masquerade_cmp_key(a, b);

	return r || x->part != MASQ_TABLE ? r : strcmp(x->rules, y->rules);
}

static void put_rule(const struct site *s, uint8_t family)
{
	static const struct prefix multicast[] = { { { AF_INET, { 224 } }, 4 },
						   { { AF_INET6, { 0xff } }, 8 } };
	bool v6 = family == AF_INET6;
	char comment[COMMENT_SIZE];
	struct nl *nl = s->nft;

	nft_rule_begin(nl, &node_table, CHAIN, false);
	nft_match_family(nl, family);
	nft_match_set(nl, &sets[MASQ_PODS4 + v6], NFT_OF(NFT_SADDR), false);
	nft_match_daddr(nl, &multicast[v6], true);
	if (s->cluster->masquerade == MASQUERADE_SUBNET) {
		nft_match_oif(nl, s->cluster->bridge, true);
	} else {
		nft_match_set(nl, &sets[MASQ_CLUSTER4 + v6], NFT_OF(NFT_DADDR), true);
		nft_match_set(nl, &sets[MASQ_NODES4 + v6], NFT_OF(NFT_DADDR), true);
	}
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, rule_comment(s, family, comment));
}

static void put_chain(const struct site *s)
{
	nft_chain_add(s->nft, &node_table, &node_chain);
	for (size_t i = 0; i < sizeof(families); i++) {
		if (node_has_family(s->self, families[i]))
			put_rule(s, families[i]);
	}
}

static void put_sets(const struct site *s)
{
	nft_table_add(s->nft, &node_table);
	for (unsigned int i = MASQ_PODS4; i < MASQ_PARTS; i++) {
		bool needed = i <= MASQ_PODS6 || s->cluster->masquerade == MASQUERADE_CLUSTER;

		if (needed && node_has_family(s->self, families[(i - MASQ_PODS4) % 2]))
			nft_set_add(s->nft, &node_table, &sets[i]);
	}
}

/* Send what is there when the batch is nearly full. */
static int make_room(struct nl *nl, struct err *e)
{
	int r;

	if (nl_has_room(nl, BATCH_SPARE_REQUESTS, BATCH_SPARE))
		return 0;
	r = nft_commit(nl, NULL, e);
	nft_begin(nl);
	return r;
}

static void put_element(struct nl *nl, const struct masquerade_item *it, bool add)
{
	const struct nft_set *set = &sets[it->part];
	struct nft_elem el = { .key[0].addr = it->first,
			       .last[0].addr = it->last,
			       .range = set->interval };

	(add ? nft_elem_add : nft_elem_del)(nl, &node_table, set, &el);
}

/*
 * All elements that are missing, or all that are stale. Stale ones go first: a range may be in the
 * way of its successor.
 */
static int put_elements(const struct work *w, enum verdict verdict, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < w->count && r == 0; i++) {
		const struct change *c = &w->changes[i];
		const struct masquerade_item *it = c->item;

		if (it->part == MASQ_TABLE || c->verdict != verdict)
			continue;
		put_element(w->site->nft, it, verdict == ITEM_MISSING);
		r = make_room(w->site->nft, e);
	}
	return r;
}

static int put_changes(const struct work *w, struct err *e)
{
	enum verdict table = w->changes->verdict;
	struct nl *nl = w->site->nft;
	int r = 0;

	if (table != ITEM_OK) {
		nft_table_add(
			nl,
			&node_table); /* lets the deletion succeed whether there was one or not */
		nft_table_del(nl, &node_table);
	}
	if (table == ITEM_STALE)
		return 0;
	if (table != ITEM_OK)
		put_sets(w->site);
	r = put_elements(w, ITEM_STALE, e);
	if (r == 0)
		r = put_elements(w, ITEM_MISSING, e);
	if (table != ITEM_OK)
		put_chain(w->site);
	return r;
}

static int commit(const struct work *w, struct err *e)
{
	struct nl *nl = w->site->nft;
	int r;

	if (w->changes->want && !nl_is_open(nl))
		return err_set(e, EOPNOTSUPP,
			       "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
	nft_begin(nl);
	r = put_changes(w, e);
	if (r == 0)
		return nft_commit(nl, NULL, e);
	nl_discard(nl);
	return r;
}

/*
 * The first change is the table's: there are no elements without it. They are told of where it
 * stays.
 */
static int masquerade_apply(struct work *w, struct err *e)
{
	int r = w->count ? commit(w, e) : 0;

	for (size_t i = 0; i < w->count && r == 0; i++) {
		if (w->changes[i].verdict != ITEM_OK)
			work_done(w, &w->changes[i]);
		if (w->changes->verdict != ITEM_OK)
			break;
	}
	return err_ctx(e, r, "masquerade");
}

static void masquerade_describe(struct text *t, const void *item)
{
	static const char *const names[MASQ_PARTS] = {
		[MASQ_PODS4] = "pods here",  [MASQ_PODS6] = "pods here",
		[MASQ_CLUSTER4] = "cluster", [MASQ_CLUSTER6] = "cluster",
		[MASQ_NODES4] = "node",	     [MASQ_NODES6] = "node",
	};
	const struct masquerade_item *it = item;

	if (it->part == MASQ_TABLE) {
		text_printf(t, "nftables " NODE_TABLE ": masquerade %s", it->rules);
		return;
	}
	text_printf(t, "masquerade: %s %s", names[it->part], addr_text(&it->first));
	if (!addr_equal(&it->first, &it->last))
		text_printf(t, "-%s", addr_text(&it->last));
}

const struct kind masquerade_kind = {
	.name = "masquerade",
	.size = sizeof(struct masquerade_item),
	.want = masquerade_want,
	.have = masquerade_have,
	.cmp_key = masquerade_cmp_key,
	.cmp = masquerade_cmp,
	.apply = masquerade_apply,
	.describe = masquerade_describe,
};
