/*
 * The link of the WireGuard tunnel, with this node's key, which is made when the link is.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "kube/base64.h"
#include "net/nl.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"
#include "node/wg_key.h"

/*
 * What the others believe must be what is here. An annotation may be that of an earlier life of
 * this machine, and is written anew (published.h).
 */
static int check_key(struct work *w, const struct wg_key *k, struct err *e)
{
	const struct site *s = w->site;
	const struct node *n = s->self;
	const struct node_tunnel *t = node_tunnel(n);
	char ours[BASE64_KEY_TEXT], said[BASE64_KEY_TEXT];

	base64_key_encode(k->public_key, ours);
	bool other = t->has_key && memcmp(t->key, k->public_key, sizeof(t->key)) != 0;

	if (other && !s->cluster->kubernetes)
		return err_set(e, EINVAL,
			       "publicKey of node %s: %s: this machine's is %s (cnibox node key)",
			       n->name, base64_key_encode(t->key, said), ours);
	if (other)
		work_warn(w,
			  "WireGuard: node %s is published with the key %s: this machine's is %s",
			  n->name, base64_key_encode(t->key, said), ours);
	if (!t->has_key && !s->cluster->kubernetes)
		work_warn(w,
			  "WireGuard: the others need to be told: \"publicKey\": \"%s\" of node %s",
			  ours, n->name);
	return 0;
}

static int wireguard_want(struct work *w, struct err *e)
{
	const struct site *s = w->site;
	struct wireguard_item it = { .port = (uint16_t)s->cluster->tunnels.wireguard_port,
				     .mtu = s->tunnels[BACKEND_WIREGUARD].mtu,
				     .up = true };
	struct wg_key key;
	int r;

	if (!s->tunnels[BACKEND_WIREGUARD].wanted)
		return 0;
	r = wg_key_read(&key, e);
	it.has_key = r > 0;
	if (it.has_key) {
		memcpy(it.key, key.public_key, sizeof(it.key));
		r = check_key(w, &key, e);
	}
	explicit_bzero(&key, sizeof(key));
	list_add(&w->want, &it);
	return r < 0 ? r : 0;
}

/* One that is not wanted is a former one: see former_tunnel.c. */
static int wireguard_have(struct work *w, struct err *e)
{
	const struct link *l = &w->site->tunnels[BACKEND_WIREGUARD].link;
	struct wireguard_item it = { .mtu = l->mtu, .up = l->up };
	struct wg_device device = { 0 };
	struct list peers, prefixes;
	int r = 0;

	if (!l->index || !w->want.count)
		return 0;
	it.foreign = strcmp(l->kind, "wireguard") != 0;
	list_init(&peers, w->site->arena, sizeof(struct wg_peer));
	list_init(&prefixes, w->site->arena, sizeof(struct prefix));
	if (!it.foreign)
		r = wg_read(w->site->generic, l->name, &device, &peers, &prefixes, e);
	if (!it.foreign && r == 0) {
		it.has_key = device.has_key;
		it.port = device.port;
		memcpy(it.key, device.public_key, sizeof(it.key));
	}
	list_add(&w->have, &it);
	return r;
}

/* There is one at most. */
static int wireguard_cmp_key(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return 0;
}

static int cmp_uint(uint32_t x, uint32_t y)
{
	return x < y ? -1 : x > y;
}

static int wireguard_cmp(const void *a, const void *b)
{
	const struct wireguard_item *x = a, *y = b;
	int r = cmp_uint(x->foreign, y->foreign);

	r = r ? r : cmp_uint(x->has_key, y->has_key);
	r = r ? r : memcmp(x->key, y->key, sizeof(x->key));
	r = r ? r : cmp_uint(x->port, y->port);
	r = r ? r : cmp_uint(x->mtu, y->mtu);
	return r ? r : cmp_uint(x->up, y->up);
}

static int wireguard_check_owner(const void *have, struct err *e)
{
	const struct wireguard_item *it = have;

	return it->foreign
		       ? err_set(e, EEXIST,
				 "link %s is there already and no WireGuard: delete or rename it",
				 tunnel_name(BACKEND_WIREGUARD))
		       : 0;
}

static void wireguard_describe(struct text *t, const void *item)
{
	const struct wireguard_item *it = item;
	char key[BASE64_KEY_TEXT];

	text_printf(t, "WireGuard %s: port %u, key %s, MTU %u%s", tunnel_name(BACKEND_WIREGUARD),
		    it->port, it->has_key ? base64_key_encode(it->key, key) : "not made yet",
		    it->mtu, it->up ? "" : ", down");
}

static int make(const struct site *s, struct err *e)
{
	const struct new_link l = { .name = tunnel_name(BACKEND_WIREGUARD), .kind = "wireguard" };

	link_add(s->route, &l);
	return nl_commit(s->route, NULL, e);
}

static int set_key(const struct site *s, const struct wireguard_item *want, struct err *e)
{
	struct wg_link w;
	struct wg_key key;
	int r = wg_key_get(&key, e);

	if (r == 0)
		r = wg_open(&w, s->generic, tunnel_name(BACKEND_WIREGUARD), e);
	if (r == 0)
		r = wg_set_device(&w, key.private_key, want->port, e);
	explicit_bzero(&key, sizeof(key));
	return r;
}

static int set_up(const struct site *s, const struct wireguard_item *want, struct err *e)
{
	struct link l;
	int r = link_find(s->route, tunnel_name(BACKEND_WIREGUARD), &l, e);

	if (r == 0)
		return err_set(e, ENODEV, "it has been taken away");
	if (r < 0)
		return r;
	link_up_tunnel(s->route, l.index, want->mtu, l.ipv6.known);
	return nl_commit(s->route, NULL, e);
}

/* While it was down it forgot its sessions, which the peers go on with. */
static int begin_sessions(const struct site *s, struct err *e)
{
	const char *name = tunnel_name(BACKEND_WIREGUARD);
	struct list peers, prefixes;
	const struct wg_peer *p;
	struct wg_device device;
	struct wg_link w;
	int r;

	list_init(&peers, s->arena, sizeof(struct wg_peer));
	list_init(&prefixes, s->arena, sizeof(struct prefix));
	r = wg_read(s->generic, name, &device, &peers, &prefixes, e);
	if (r == 0)
		r = wg_open(&w, s->generic, name, e);
	p = peers.at;
	for (size_t i = 0; i < peers.count && r == 0; i++)
		r = wg_begin_session(&w, p[i].key, e);
	return r;
}

static bool was_down(const struct change *c)
{
	const struct wireguard_item *have = c->have;

	return have && !have->up;
}

static int apply_link(const struct site *s, const struct change *c, struct err *e)
{
	int r = s->tunnels[BACKEND_WIREGUARD].index ? 0 : make(s, e);

	if (r == 0)
		r = set_key(s, c->want, e);
	if (r == 0)
		r = set_up(s, c->want, e);
	if (r == 0 && was_down(c))
		r = begin_sessions(s, e);
	return err_ctx(e, r, "WireGuard %s", tunnel_name(BACKEND_WIREGUARD));
}

static int wireguard_apply(struct work *w, struct err *e)
{
	return work_each(w, apply_link, e);
}

const struct kind wireguard_kind = {
	.name = "WireGuard",
	.size = sizeof(struct wireguard_item),
	.want = wireguard_want,
	.have = wireguard_have,
	.cmp_key = wireguard_cmp_key,
	.cmp = wireguard_cmp,
	.check_owner = wireguard_check_owner,
	.apply = wireguard_apply,
	.describe = wireguard_describe,
};
