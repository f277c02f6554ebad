/*
 * The link of the VXLAN. Its transmit checksum is never left to a driver: what several kernels and
 * cards make of it for packets whose addresses were translated is wrong.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/nl.h"
#include "net/offload.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"

static int vxlan_want(struct work *w, struct err *e)
{
	const struct site *s = w->site;
	struct vxlan_item it = { .vxlan = tunnel_vxlan(s), .up = true };

	(void)e;
	it.mtu = s->tunnels[BACKEND_VXLAN].mtu;
	node_mac(s->self, it.mac);
	if (s->tunnels[BACKEND_VXLAN].wanted)
		list_add(&w->want, &it);
	return 0;
}

/* One that is not wanted is a former one: see former_tunnel.c. */
static int vxlan_have(struct work *w, struct err *e)
{
	const struct link *l = &w->site->tunnels[BACKEND_VXLAN].link;
	struct vxlan_item it = { .vxlan = l->vxlan, .mtu = l->mtu, .up = l->up };
	int r = 0;

	if (!l->index || !w->want.count)
		return 0;
	it.foreign = strcmp(l->kind, "vxlan") != 0;
	memcpy(it.mac, l->mac, sizeof(it.mac));
	if (!it.foreign)
		r = offload_checksum(l->name, &it.offload, e);
	list_add(&w->have, &it);
	return r;
}

/* There is one at most. */
static int vxlan_cmp_key(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return 0;
}

static int cmp_uint(uint32_t x, uint32_t y)
{
	return x < y ? -1 : x > y;
}

static int cmp_made(const struct vxlan_item *x, const struct vxlan_item *y)
{
	int r = cmp_uint(x->vxlan.vni, y->vxlan.vni);

	r = r ? r : cmp_uint(x->foreign, y->foreign);
	r = r ? r : cmp_uint(x->vxlan.port, y->vxlan.port);
	r = r ? r : cmp_uint(x->vxlan.learning, y->vxlan.learning);
	return r ? r : addr_cmp(&x->vxlan.local, &y->vxlan.local);
}

static int vxlan_cmp(const void *a, const void *b)
{
	const struct vxlan_item *x = a, *y = b;
	int r = cmp_made(x, y);

	r = r ? r : memcmp(x->mac, y->mac, sizeof(x->mac));
	r = r ? r : cmp_uint(x->mtu, y->mtu);
	r = r ? r : cmp_uint(x->up, y->up);
	return r ? r : cmp_uint(x->offload, y->offload);
}

static int vxlan_check_owner(const void *have, struct err *e)
{
	const struct vxlan_item *it = have;

	return it->foreign ? err_set(e, EEXIST,
				     "link %s is there already and no VXLAN: delete or rename it",
				     tunnel_name(BACKEND_VXLAN))
			   : 0;
}

static void vxlan_describe(struct text *t, const void *item)
{
	const struct vxlan_item *it = item;

	text_printf(t, "VXLAN %s: VNI %u, port %u, from %s, MTU %u%s%s%s",
		    tunnel_name(BACKEND_VXLAN), it->vxlan.vni, it->vxlan.port,
		    addr_text(&it->vxlan.local), it->mtu, it->vxlan.learning ? ", learning" : "",
		    it->up ? "" : ", down", it->offload ? ", checksum offload" : "");
}

/* What cannot be changed is made anew; what hangs on the link goes with it. */
static int make(const struct site *s, const struct vxlan_item *want, int former, struct err *e)
{
	const char *name = tunnel_name(BACKEND_VXLAN);

	if (former)
		link_del(s->route, former);
	link_add_vxlan(s->route, name, &want->vxlan, want->mac);
	return nl_commit(s->route, NULL, e);
}

/* The MAC that a program gave it meanwhile (systemd's MACAddressPolicy) is no peer's idea of it. */
static int set_up(const struct site *s, const struct vxlan_item *want, struct err *e)
{
	const char *name = tunnel_name(BACKEND_VXLAN);
	struct link l;
	int r = link_find(s->route, name, &l, e);

	if (r == 0)
		return err_set(e, ENODEV, "link %s has been taken away", name);
	if (r > 0)
		r = offload_set_checksum(name, false, e);
	if (r < 0)
		return r;
	if (memcmp(l.mac, want->mac, sizeof(l.mac)) != 0)
		link_set_mac(s->route, l.index, want->mac);
	link_up_tunnel(s->route, l.index, want->mtu, l.ipv6.known);
	return nl_commit(s->route, NULL, e);
}

static int apply_link(const struct site *s, const struct change *c, struct err *e)
{
	const struct site_tunnel *t = &s->tunnels[BACKEND_VXLAN];
	int r = t->index ? 0 : make(s, c->want, t->link.index, e);

	if (r == 0)
		r = set_up(s, c->want, e);
	return err_ctx(e, r, "VXLAN %s", tunnel_name(BACKEND_VXLAN));
}

static int vxlan_apply(struct work *w, struct err *e)
{
	return work_each(w, apply_link, e);
}

const struct kind vxlan_kind = {
	.name = "VXLAN",
	.size = sizeof(struct vxlan_item),
	.want = vxlan_want,
	.have = vxlan_have,
	.cmp_key = vxlan_cmp_key,
	.cmp = vxlan_cmp,
	.check_owner = vxlan_check_owner,
	.apply = vxlan_apply,
	.describe = vxlan_describe,
};
