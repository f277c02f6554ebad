/*
 * The VXLAN's forwarding database: which node is behind a MAC. Nothing is learned and nothing
 * flooded, so these entries are all that there should be.
 */
#include "node/kinds/kinds.h"

#include <string.h>

#include "base/text.h"
#include "net/nl.h"
#include "node/batch.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"

static int cmp_mac(const struct neigh *x, const struct neigh *y)
{
	return memcmp(x->mac, y->mac, sizeof(x->mac));
}

static int fdb_cmp_key(const void *a, const void *b)
{
	const struct neigh_item *x = a, *y = b;

	return cmp_mac(&x->neigh, &y->neigh);
}

static int fdb_cmp(const void *a, const void *b)
{
	const struct neigh_item *x = a, *y = b;
	int r = fdb_cmp_key(a, b);

	r = r ? r : addr_cmp(&x->neigh.addr, &y->neigh.addr);
	return r ? r : x->neigh.index - y->neigh.index;
}

/* Of two nodes with one MAC only the first has it: the packets of both would go there in turns. */
static void drop_doubles(struct work *w)
{
	struct neigh_item *at;
	size_t kept = 0;
	char text[MAC_TEXT];

	items_sort(&fdb_kind, &w->want);
	at = w->want.at;
	for (size_t i = 0; i < w->want.count; i++) {
		if (!kept || cmp_mac(&at[kept - 1].neigh, &at[i].neigh) != 0)
			at[kept++] = at[i];
		else
			work_warn(w, "VXLAN: %s and %s have one MAC, %s: the second is left out",
				  addr_text(&at[kept - 1].neigh.addr), addr_text(&at[i].neigh.addr),
				  mac_format(at[i].neigh.mac, text));
	}
	w->want.count = kept;
}

static int fdb_want(struct work *w, struct err *e)
{
	const struct cluster *c = w->site->cluster;

	(void)e;
	for (size_t i = 0; i < c->node_count; i++) {
		struct neigh_item it = { .neigh.index = w->site->tunnels[BACKEND_VXLAN].index };

		if (!tunnel_has_peer(w->site, BACKEND_VXLAN, &c->nodes[i], &it.neigh.addr))
			continue;
		node_mac(&c->nodes[i], it.neigh.mac);
		list_add(&w->want, &it);
	}
	drop_doubles(w);
	return 0;
}

static int collect_entry(const struct neigh *n, void *arg)
{
	struct neigh_item it = { .neigh = *n };

	list_add(arg, &it);
	return 0;
}

/* Those of a link that goes, go with it. */
static int fdb_have(struct work *w, struct err *e)
{
	int index = w->site->tunnels[BACKEND_VXLAN].index;

	return index ? fdb_each(w->site->route, index, collect_entry, &w->have, e) : 0;
}

static void fdb_describe(struct text *t, const void *item)
{
	const struct neigh_item *it = item;
	char mac[MAC_TEXT];

	text_printf(t, "VXLAN: %s is behind %s", mac_format(it->neigh.mac, mac),
		    addr_text(&it->neigh.addr));
}

static void put_change(struct nl *nl, const struct change *c, const int *links)
{
	const struct neigh_item *it = c->item;
	struct neigh n = it->neigh;

	n.index = links[BACKEND_VXLAN];
	if (c->verdict == ITEM_STALE)
		fdb_del(nl, &n);
	else
		fdb_replace(nl, &n);
}

static int fdb_apply(struct work *w, struct err *e)
{
	static const struct batch batch = { .put = put_change, .describe = fdb_describe };

	return batch_apply(w, &batch, e);
}

const struct kind fdb_kind = {
	.name = "forwarding entry",
	.size = sizeof(struct neigh_item),
	.want = fdb_want,
	.have = fdb_have,
	.cmp_key = fdb_cmp_key,
	.cmp = fdb_cmp,
	.apply = fdb_apply,
	.describe = fdb_describe,
};
