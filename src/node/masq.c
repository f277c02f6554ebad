/*
 * Masquerade: table inet cnibox_node, apart from the plugins' own. Its rules are few and never
 * change with the cluster; what changes are the elements of its sets.
 *
 * Whether the rules are as they should be is told by their comments. If they are not, the table is
 * made anew: sets, elements, and last the chain with its rules, so that no packet meets rules over
 * half-filled sets. If they are, only elements come and go.
 */
#include "node/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"

#define CHAIN "postrouting"
#define RULES_TEXT 512
#define BATCH_REQUESTS 1000 /* below NL_REQUESTS_MAX, with room for marks, chain and rules */
#define BATCH_SPARE 4096

const struct nft_table node_table = { .family = NFPROTO_INET, .name = "cnibox_node" };

const struct nft_chain node_chain = {
	.name = CHAIN, .type = "nat", .hook = NF_INET_POST_ROUTING, .priority = NF_IP_PRI_NAT_SRC
};

static const struct nft_set sets[NODE_SETS] = {
	[SET_PODS4] = { "pods4", NFT_KEY_IPV4, true },
	[SET_PODS6] = { "pods6", NFT_KEY_IPV6, true },
	[SET_CLUSTER4] = { "cluster4", NFT_KEY_IPV4, true },
	[SET_CLUSTER6] = { "cluster6", NFT_KEY_IPV6, true },
	[SET_NODES4] = { "nodes4", NFT_KEY_IPV4, false },
	[SET_NODES6] = { "nodes6", NFT_KEY_IPV6, false },
};

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* Of the family's rule; valid until the next call. */
static const char *rule_comment(const struct site *s, uint8_t family)
{
	static char out[96];
	const char *ip = family == AF_INET ? "ip" : "ip6";

	if (s->cluster->masquerade == MASQUERADE_SUBNET)
		snprintf(out, sizeof(out), NODE_COMMENT "%s not leaving by %s", ip,
			 s->cluster->bridge);
	else
		snprintf(out, sizeof(out), NODE_COMMENT "%s leaving the cluster", ip);
	return out;
}

const char *masquerade_wanted(const struct site *s, struct list *l)
{
	char buf[RULES_TEXT];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(families); i++) {
		if (s->cluster->masquerade == MASQUERADE_NONE ||
		    !node_has_family(s->self, families[i]))
			continue;
		text_comma(&t);
		text_str(&t, rule_comment(s, families[i]) + strlen(NODE_COMMENT));
	}
	return list_text(l, t.at);
}

struct elem_walk {
	struct list *have;
	unsigned int set;
};

static int see_elem(const struct nft_elem *el, void *arg)
{
	const struct elem_walk *w = arg;
	struct item it = { .kind = ITEM_ELEMENT, .rank = w->set, .a = el->first, .b = el->first };

	if (addr_is_set(&el->last))
		it.b = el->last;
	list_add(w->have, &it);
	return 0;
}

/*
 * Elements count only where the rules are right, or nothing is wanted: else all of the table is
 * made anew.
 */
int have_read_masquerade(struct site *s, const struct list *want, struct list *have, struct err *e)
{
	struct item it = { .kind = ITEM_TABLE, .name = s->own.text, .value = s->own.present };
	const struct item *wanted;
	struct elem_walk w = { .have = have };
	int r = 0;

	if (!it.name)
		return 0;
	wanted = items_find(want, &it);
	list_add(have, &it);
	if (wanted && strcmp(wanted->value, it.value) != 0)
		return 0;
	for (; w.set < NODE_SETS && r >= 0; w.set++)
		r = nft_elem_each(s->nft, &node_table, &sets[w.set], see_elem, &w, e);
	return r < 0 ? r : 0;
}

static void put_rule(const struct site *s, uint8_t family)
{
	static const struct prefix multicast[] = { { { AF_INET, { 224 } }, 4 },
						   { { AF_INET6, { 0xff } }, 8 } };
	bool v6 = family == AF_INET6;
	struct nl *nl = s->nft;

	nft_rule_begin(nl, &node_table, CHAIN, false);
	nft_match_family(nl, family);
	nft_match_saddr_set(nl, &sets[SET_PODS4 + v6], false);
	nft_match_daddr(nl, &multicast[v6], true);
	if (s->cluster->masquerade == MASQUERADE_SUBNET) {
		nft_match_oif(nl, s->cluster->bridge, true);
	} else {
		nft_match_daddr_set(nl, &sets[SET_CLUSTER4 + v6], true);
		nft_match_daddr_set(nl, &sets[SET_NODES4 + v6], true);
	}
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, rule_comment(s, family));
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
	for (unsigned int i = 0; i < NODE_SETS; i++) {
		bool needed = i <= SET_PODS6 || s->cluster->masquerade == MASQUERADE_CLUSTER;

		if (needed && node_has_family(s->self, families[i % 2]))
			nft_set_add(s->nft, &node_table, &sets[i]);
	}
}

/* Send what is there when the batch is nearly full. */
static int make_room(struct nl *nl, struct err *e)
{
	int r;

	if (nl->count < BATCH_REQUESTS && nl->cap - nl->len > BATCH_SPARE)
		return 0;
	r = nft_commit(nl, NULL, e);
	nft_begin(nl);
	return r;
}

static void put_element(struct nl *nl, const struct item *it, bool add)
{
	const struct nft_set *set = &sets[it->rank];
	struct nft_elem el = { .first = it->a };

	if (set->interval)
		el.last = it->b;
	(add ? nft_elem_add : nft_elem_del)(nl, &node_table, set, &el);
}

/*
 * All elements that are missing, or all that are stale. Stale ones go first: a range may be in the
 * way of its successor.
 */
static int put_elements(const struct apply *a, enum verdict verdict, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < a->count && r == 0; i++) {
		const struct change *c = &a->changes[i];

		if (c->item->kind != ITEM_ELEMENT || c->verdict != verdict)
			continue;
		put_element(a->site->nft, c->item, verdict == ITEM_MISSING);
		r = make_room(a->site->nft, e);
	}
	return r;
}

static int put_changes(const struct apply *a, struct err *e)
{
	enum verdict table = a->changes->verdict;
	struct nl *nl = a->site->nft;
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
		put_sets(a->site);
	r = put_elements(a, ITEM_STALE, e);
	if (r == 0)
		r = put_elements(a, ITEM_MISSING, e);
	if (table != ITEM_OK)
		put_chain(a->site);
	return r;
}

static int commit(const struct apply *a, struct err *e)
{
	struct nl *nl = a->site->nft;
	int r;

	if (a->changes->want && nl->fd < 0)
		return err_set(e, EOPNOTSUPP,
			       "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
	nft_begin(nl);
	r = put_changes(a, e);
	if (r == 0)
		return nft_commit(nl, NULL, e);
	nl_discard(nl);
	return r;
}

/*
 * The first change is the table's: there are no elements without it. They are told of where it
 * stays.
 */
int apply_masquerade(const struct apply *a, struct err *e)
{
	int r = a->count ? commit(a, e) : 0;

	for (size_t i = 0; i < a->count && r == 0; i++) {
		if (a->changes[i].verdict != ITEM_OK)
			change_done(&a->changes[i]);
		if (a->changes->verdict != ITEM_OK)
			break;
	}
	return err_ctx(e, r, "masquerade");
}
