/*
 * The VXLAN's neighbours: for each subnet of another node, the MAC of that node's VXLAN is its next
 * hop's. Nobody is asked for it.
 */
#include "node/kinds/kinds.h"

#include <string.h>

#include "base/text.h"
#include "net/nl.h"
#include "node/batch.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"

static void want_neighbours(struct work *w, const struct node *n)
{
	struct neigh_item it = { .neigh.index = w->site->tunnels[BACKEND_VXLAN].index };

	node_mac(n, it.neigh.mac);
	for (size_t i = 0; i < n->subnet_count; i++) {
		it.neigh.addr = tunnel_inner(&n->subnets[i]);
		list_add(&w->want, &it);
	}
}

static int neighbour_want(struct work *w, struct err *e)
{
	const struct cluster *c = w->site->cluster;
	struct addr remote;

	(void)e;
	for (size_t i = 0; i < c->node_count; i++) {
		if (tunnel_has_peer(w->site, BACKEND_VXLAN, &c->nodes[i], &remote))
			want_neighbours(w, &c->nodes[i]);
	}
	return 0;
}

static int collect_entry(const struct neigh *n, void *arg)
{
	struct neigh_item it = { .neigh = *n };

	list_add(arg, &it);
	return 0;
}

static int neighbour_have(struct work *w, struct err *e)
{
	int index = w->site->tunnels[BACKEND_VXLAN].index;

	return index ? neigh_each(w->site->route, 0, index, collect_entry, &w->have, e) : 0;
}

static int neighbour_cmp_key(const void *a, const void *b)
{
	const struct neigh_item *x = a, *y = b;

	return addr_cmp(&x->neigh.addr, &y->neigh.addr);
}

static int neighbour_cmp(const void *a, const void *b)
{
	const struct neigh_item *x = a, *y = b;
	int r = neighbour_cmp_key(a, b);

	r = r ? r : memcmp(x->neigh.mac, y->neigh.mac, sizeof(x->neigh.mac));
	return r ? r : x->neigh.index - y->neigh.index;
}

static void neighbour_describe(struct text *t, const void *item)
{
	const struct neigh_item *it = item;
	char mac[MAC_TEXT];

	text_printf(t, "VXLAN: neighbour %s is %s", addr_text(&it->neigh.addr),
		    mac_format(it->neigh.mac, mac));
}

static void put_change(struct nl *nl, const struct change *c, const int *links)
{
	const struct neigh_item *it = c->item;
	struct neigh n = it->neigh;

	n.index = links[BACKEND_VXLAN];
	if (c->verdict == ITEM_STALE)
		neigh_del(nl, n.index, &n.addr);
	else
		neigh_set(nl, n.index, &n.addr, n.mac);
}

static int neighbour_apply(struct work *w, struct err *e)
{
	static const struct batch batch = { .put = put_change, .describe = neighbour_describe };

	return batch_apply(w, &batch, e);
}

const struct kind neighbour_kind = {
	.name = "neighbour",
	.size = sizeof(struct neigh_item),
	.want = neighbour_want,
	.have = neighbour_have,
	.cmp_key = neighbour_cmp_key,
	.cmp = neighbour_cmp,
	.apply = neighbour_apply,
	.describe = neighbour_describe,
};
