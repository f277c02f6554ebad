/*
 * WireGuard's peers: the other nodes whose public keys are known, each with the subnets of its
 * pods, which it alone may send from.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "kube/base64.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/told.h"
#include "node/tunnels.h"

#define ALIVE_S 180 /* no session lasts longer without a handshake (REJECT_AFTER_TIME) */

static int cmp_prefix(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int r = addr_cmp(&x->addr, &y->addr);

	return r ? r : (int)x->len - (int)y->len;
}

static int want_peer(struct work *w, const struct node *n, struct err *e)
{
	struct wireguard_peer_item it = { .peer.count = n->subnet_count };
	struct prefix *sorted;

	if (!tunnel_has_peer(w->site, BACKEND_WIREGUARD, n, &it.peer.endpoint))
		return 0;
	sorted = arena_array(w->site->arena, n->subnet_count, sizeof(*sorted));
	if (!sorted)
		return err_set(e, ENOMEM, "no memory for WireGuard's peers");
	memcpy(sorted, n->subnets, n->subnet_count * sizeof(*sorted));
	qsort(sorted, n->subnet_count, sizeof(*sorted), cmp_prefix);
	memcpy(it.peer.key, node_tunnel(n)->key, sizeof(it.peer.key));
	it.peer.port = (uint16_t)w->site->cluster->tunnels.wireguard_port;
	it.prefixes = sorted;
	list_add(&w->want, &it);
	return 0;
}

static int cmp_key(const void *a, const void *b)
{
	const struct wireguard_peer_item *x = a, *y = b;

	return memcmp(x->peer.key, y->peer.key, sizeof(x->peer.key));
}

/* Of two nodes with one key neither is believed: each could read what is for the other. */
static int check_doubles(struct work *w, struct err *e)
{
	const struct wireguard_peer_item *at = w->want.at;
	char text[BASE64_KEY_TEXT];

	for (size_t i = 1; i < w->want.count; i++) {
		if (cmp_key(&at[i - 1], &at[i]) == 0)
			return err_set(e, EINVAL, "publicKey: %s: two nodes have it, %s and %s",
				       base64_key_encode(at[i].peer.key, text),
				       addr_text(&at[i - 1].peer.endpoint),
				       addr_text(&at[i].peer.endpoint));
	}
	return 0;
}

static int wireguard_peer_want(struct work *w, struct err *e)
{
	const struct cluster *c = w->site->cluster;
	int r = 0;

	for (size_t i = 0; i < c->node_count && r == 0; i++)
		r = want_peer(w, &c->nodes[i], e);
	if (r == 0)
		items_sort(&wireguard_peer_kind, &w->want);
	return r < 0 ? r : check_doubles(w, e);
}

/* Has it been heard since it was told where the cluster says that it is? */
static bool is_heard(const struct work *w, const struct wireguard_peer_item *have,
		     const struct list *told)
{
	const struct wireguard_peer_item *want = items_find(&wireguard_peer_kind, &w->want, have);

	return want && told_same(told, &want->peer) && have->peer.heard_s &&
	       (int64_t)time(NULL) - have->peer.heard_s < ALIVE_S;
}

static void add_have(struct work *w, const struct wg_peer *p, struct prefix *first,
		     const struct list *told)
{
	struct wireguard_peer_item it = { .peer = *p, .prefixes = first };

	it.heard = is_heard(w, &it, told);
	it.peer.first = 0;
	if (it.peer.count)
		qsort(first, it.peer.count, sizeof(*first), cmp_prefix);
	list_add(&w->have, &it);
}

static int wireguard_peer_have(struct work *w, struct err *e)
{
	const struct site *s = w->site;
	struct list peers, prefixes, told;
	struct wg_device device;
	const struct wg_peer *p;
	int r;

	if (!s->tunnels[BACKEND_WIREGUARD].index)
		return 0;
	list_init(&peers, s->arena, sizeof(struct wg_peer));
	list_init(&prefixes, s->arena, sizeof(struct prefix));
	told_init(&told, s->arena);
	r = wg_read(s->generic, tunnel_name(BACKEND_WIREGUARD), &device, &peers, &prefixes, e);
	if (r == 0)
		r = told_read(&told, peers.count + w->want.count, e);
	p = peers.at;
	for (size_t i = 0; i < peers.count && r == 0; i++)
		add_have(w, &p[i], (struct prefix *)prefixes.at + p[i].first, &told);
	return r;
}

/* A peer that is heard may send from another address now, which the kernel knows better. */
static int cmp_endpoint(const struct wireguard_peer_item *x, const struct wireguard_peer_item *y)
{
	int r = addr_cmp(&x->peer.endpoint, &y->peer.endpoint);

	if (x->heard || y->heard)
		return 0;
	return r ? r : (int)x->peer.port - (int)y->peer.port;
}

static int wireguard_peer_cmp(const void *a, const void *b)
{
	const struct wireguard_peer_item *x = a, *y = b;
	int r = cmp_key(a, b);

	r = r ? r : cmp_endpoint(x, y);
	if (r == 0 && x->peer.count != y->peer.count)
		r = x->peer.count < y->peer.count ? -1 : 1;
	for (size_t i = 0; i < x->peer.count && r == 0; i++)
		r = cmp_prefix(&x->prefixes[i], &y->prefixes[i]);
	return r;
}

static void wireguard_peer_describe(struct text *t, const void *item)
{
	const struct wireguard_peer_item *it = item;
	char key[BASE64_KEY_TEXT];

	text_printf(t, "WireGuard: peer %s at %s, port %u, for",
		    base64_key_encode(it->peer.key, key),
		    addr_is_set(&it->peer.endpoint) ? addr_text(&it->peer.endpoint) : "no address",
		    it->peer.port);
	for (size_t i = 0; i < it->peer.count; i++)
		text_printf(t, "%s %s", i ? "," : "", prefix_text(&it->prefixes[i]));
}

static int apply_peer(const struct wg_link *link, const struct change *c, struct err *e)
{
	const struct wireguard_peer_item *it = c->item;
	char key[BASE64_KEY_TEXT];
	int r;

	r = c->verdict == ITEM_STALE ? wg_del_peer(link, it->peer.key, e)
				     : wg_set_peer(link, &it->peer, it->prefixes, e);
	if (r == 0 && c->verdict == ITEM_MISSING)
		r = wg_begin_session(link, it->peer.key, e);
	return err_ctx(e, r, "peer %s", base64_key_encode(it->peer.key, key));
}

/* First those that are wanted: a prefix goes from one peer to another in one step. */
static int apply_part(struct work *w, const struct wg_link *link, bool stale, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < w->count && r == 0; i++) {
		const struct change *c = &w->changes[i];

		if (c->verdict == ITEM_OK || (c->verdict == ITEM_STALE) != stale)
			continue;
		r = apply_peer(link, c, e);
		if (r == 0)
			work_done(w, c);
	}
	return r;
}

static int tell(const struct work *w, struct err *e)
{
	const struct wireguard_peer_item *want = w->want.at;
	struct list told;

	told_init(&told, w->site->arena);
	for (size_t i = 0; i < w->want.count; i++)
		told_add(&told, &want[i].peer);
	return told_write(&told, e);
}

static int wireguard_peer_apply(struct work *w, struct err *e)
{
	struct wg_link link;
	size_t i = 0;
	int r;

	while (i < w->count && w->changes[i].verdict == ITEM_OK)
		i++;
	if (i == w->count)
		return 0;
	r = wg_open(&link, w->site->generic, tunnel_name(BACKEND_WIREGUARD), e);
	if (r == 0)
		r = apply_part(w, &link, false, e);
	if (r == 0)
		r = apply_part(w, &link, true, e);
	return r < 0 ? r : tell(w, e);
}

const struct kind wireguard_peer_kind = {
	.name = "WireGuard peer",
	.size = sizeof(struct wireguard_peer_item),
	.want = wireguard_peer_want,
	.have = wireguard_peer_have,
	.cmp_key = cmp_key,
	.cmp = wireguard_peer_cmp,
	.apply = wireguard_peer_apply,
	.describe = wireguard_peer_describe,
};
