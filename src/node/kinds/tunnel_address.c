/*
 * Addresses of tunnels' links: of each subnet of this node its first, which no pod has. What this
 * node itself sends to pods of others has it as its source, so that the answers come back through
 * the tunnel.
 */
#include "node/kinds/kinds.h"

#include "base/text.h"
#include "net/nl.h"
#include "node/batch.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"

static void want_addresses(struct work *w, enum cluster_backend b)
{
	const struct node *n = w->site->self;

	for (size_t i = 0; i < n->subnet_count; i++) {
		struct tunnel_address_item it = { .backend = b,
						  .index = w->site->tunnels[b].index };

		it.prefix.addr = tunnel_inner(&n->subnets[i]);
		it.prefix.len = (uint8_t)addr_bits(&it.prefix.addr);
		list_add(&w->want, &it);
	}
}

static int tunnel_address_want(struct work *w, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < BACKENDS; i++) {
		if (w->site->tunnels[i].wanted)
			want_addresses(w, (enum cluster_backend)i);
	}
	return 0;
}

static int tunnel_address_have(struct work *w, struct err *e)
{
	const struct site_addr *at = w->site->addrs.at;

	(void)e;
	for (size_t i = 0; i < w->site->addrs.count; i++) {
		struct tunnel_address_item it = { .prefix = at[i].prefix, .index = at[i].index };

		for (size_t k = 0; k < BACKENDS; k++) {
			it.backend = (enum cluster_backend)k;
			if (at[i].index == w->site->tunnels[k].index)
				list_add(&w->have, &it);
		}
	}
	return 0;
}

static int tunnel_address_cmp_key(const void *a, const void *b)
{
	const struct tunnel_address_item *x = a, *y = b;
	int r = addr_cmp(&x->prefix.addr, &y->prefix.addr);

	r = r ? r : (int)x->backend - (int)y->backend;
	return r ? r : (int)x->prefix.len - (int)y->prefix.len;
}

static int tunnel_address_cmp(const void *a, const void *b)
{
	const struct tunnel_address_item *x = a, *y = b;
	int r = tunnel_address_cmp_key(a, b);

	return r ? r : x->index - y->index;
}

static void tunnel_address_describe(struct text *t, const void *item)
{
	const struct tunnel_address_item *it = item;

	text_printf(t, "address %s of %s", prefix_text(&it->prefix), tunnel_name(it->backend));
}

static void put_change(struct nl *nl, const struct change *c, const int *links)
{
	const struct tunnel_address_item *it = c->item;

	if (c->verdict == ITEM_STALE)
		ifaddr_del(nl, it->index, &it->prefix);
	else
		ifaddr_add(nl, links[it->backend], &it->prefix);
}

static int tunnel_address_apply(struct work *w, struct err *e)
{
	static const struct batch batch = { .put = put_change,
					    .describe = tunnel_address_describe };

	return batch_apply(w, &batch, e);
}

const struct kind tunnel_address_kind = {
	.name = "tunnel address",
	.size = sizeof(struct tunnel_address_item),
	.want = tunnel_address_want,
	.have = tunnel_address_have,
	.cmp_key = tunnel_address_cmp_key,
	.cmp = tunnel_address_cmp,
	.apply = tunnel_address_apply,
	.describe = tunnel_address_describe,
};
