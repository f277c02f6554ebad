/*
 * Routes to the pods of the other nodes: by the common link, or through a tunnel.
 *
 * Behind each route over WireGuard stands a blackhole: while the route is away (flushed, its link
 * down, the node's key not known) packets would leave by the default route, in clear. It drops them
 * silently, so that what is connected meanwhile is tried again and not refused.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/ip.h"
#include "node/batch.h"
#include "node/foreign_route.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"

#define IPV6_METRIC 1024 /* IP6_RT_PRIO_USER, what the kernel makes of none */
#define LAST_METRIC UINT32_MAX
#define NAMES_MAX 5 /* nodes named in one error */

/* Subnets without a next hop, counted, and the first few by name. */
struct unreachable {
	size_t count, reached;
	bool keyless; /* others are left out since WireGuard lacks their keys */
	bool fatal;   /* one of a node that cannot be reached at all */
	struct text names;
};

static void add_unreachable(struct unreachable *u, const struct cluster_place *sub,
			    const struct addr *via)
{
	if (u->count++ >= NAMES_MAX)
		return;
	text_comma(&u->names);
	text_printf(&u->names, "%s (%s)", sub->node->name,
		    addr_is_set(via) ? addr_text(via) : prefix_text(&sub->prefix));
}

/* In one of the families of its pods, at least. */
static bool is_reached(const struct site *s, const struct node *n)
{
	struct hop hop;

	for (size_t i = 0; i < n->subnet_count; i++) {
		hop_find(s, n, n->subnets[i].addr.family, &hop);
		if (hop.backend != BACKEND_UNSET)
			return true;
	}
	return false;
}

static void set_direct(const struct site *s, const struct hop *hop, struct route *r)
{
	r->index = hop->index;
	r->via = hop->via;
	r->onlink = s->cluster->onlink;
}

/* A link that is to be made has no index yet. */
static void set_tunnel(const struct site *s, enum cluster_backend b, struct route *r)
{
	r->index = s->tunnels[b].index;
	if (b == BACKEND_WIREGUARD)
		return; /* its peers' prefixes say who is behind */
	r->via = tunnel_inner(&r->dst);
	r->onlink = true;
}

static void want_blackhole(struct work *w, const struct prefix *subnet)
{
	const struct route_item it = { .route = { .dst = *subnet,
						  .metric = LAST_METRIC,
						  .protocol = NODE_BLACKHOLE_PROTOCOL,
						  .type = RTN_BLACKHOLE } };

	list_add(&w->want, &it);
}

/*
 * Who writes the nodes by hand can mend what is wrong with one; but a node that has a family more
 * than its address, or than this machine's, is joined in the other.
 */
static void want_route(struct work *w, const struct cluster_place *sub, struct unreachable *u)
{
	const struct site *s = w->site;
	uint8_t family = sub->prefix.addr.family;
	struct route_item it = { .route = { .dst = sub->prefix,
					    .protocol = NODE_ROUTE_PROTOCOL,
					    .type = RTN_UNICAST } };
	struct hop hop;

	hop_find(s, sub->node, family, &hop);
	if (hop.encrypted && s->self->subnet_count)
		want_blackhole(w, &sub->prefix);
	it.backend = hop.backend;
	it.route.metric = family == AF_INET6 ? IPV6_METRIC : 0;
	if (hop.backend == BACKEND_UNSET) {
		if (hop.keyless) {
			u->keyless = true;
			work_warn(w, "WireGuard: no public key of node %s is known: left out",
				  sub->node->name);
			return;
		}
		add_unreachable(u, sub, &hop.via);
		u->fatal |= !s->cluster->kubernetes && !is_reached(s, sub->node);
		return;
	}
	if (hop.backend == BACKEND_DIRECT)
		set_direct(s, &hop, &it.route);
	else
		set_tunnel(s, hop.backend, &it.route);
	list_add(&w->want, &it);
	u->reached++;
}

static int off_link(const struct site *s, const struct unreachable *u, struct err *e)
{
	if (s->cluster->onlink)
		return err_set(e, EINVAL,
			       "onlink: no address of node %s is on a link of this machine, so "
			       "there is no link to %s",
			       s->self->name, u->names.at);
	return err_set(e, EHOSTUNREACH,
		       "not on link: %s%s: the nodes must be on one link, or \"onlink\" be true, "
		       "or \"backend\" be one for tunnels",
		       u->names.at, u->count > NAMES_MAX ? " and others" : "");
}

static int route_want(struct work *w, struct err *e)
{
	const struct cluster *c = w->site->cluster;
	char buf[400];
	struct unreachable u = { 0 };

	text_init(&u.names, buf, sizeof(buf));
	for (size_t i = 0; i < c->subnet_count; i++) {
		if (c->subnets[i].node != w->site->self)
			want_route(w, &c->subnets[i], &u);
	}
	if (u.count && (u.fatal || (u.reached == 0 && !u.keyless)))
		return off_link(w->site, &u, e);
	if (u.count)
		work_warn(w, "no next hop on link, left out: %s%s", u.names.at,
			  u.count > NAMES_MAX ? " and others" : "");
	return 0;
}

struct route_walk {
	struct work *work;
	struct err *e;
};

static enum cluster_backend backend_by_link(const struct site *s, int index)
{
	for (size_t i = BACKEND_DIRECT; i < BACKENDS; i++) {
		if (s->tunnels[i].link.index == index && index)
			return (enum cluster_backend)i;
	}
	return BACKEND_DIRECT;
}

static bool is_blackhole(const struct route *r)
{
	return r->protocol == NODE_BLACKHOLE_PROTOCOL && r->type == RTN_BLACKHOLE;
}

/* Of IPv6 it has the index of the loopback device. */
static void add_blackhole(struct work *w, const struct route *r)
{
	struct route_item it = { .route = *r };

	it.route.index = 0;
	list_add(&w->have, &it);
}

static int collect_route(const struct route *r, void *arg)
{
	const struct route_walk *w = arg;
	struct route_item it = { .backend = backend_by_link(w->work->site, r->index),
				 .route = { .dst = r->dst,
					    .via = r->via,
					    .index = r->index,
					    .metric = r->metric,
					    .protocol = NODE_ROUTE_PROTOCOL,
					    .type = r->type,
					    .onlink = r->onlink } };

	if (is_blackhole(r)) {
		add_blackhole(w->work, r);
		return 0;
	}
	if (r->protocol == NODE_ROUTE_PROTOCOL) {
		list_add(&w->work->have, &it);
		return 0;
	}
	it.route.metric = r->dst.addr.family == AF_INET6 ? IPV6_METRIC : 0;
	return foreign_route_check(w->work, r, items_find(&route_kind, &w->work->want, &it), w->e);
}

static int route_have(struct work *w, struct err *e)
{
	struct route_walk walk = { .work = w, .e = e };
	const uint8_t ours[] = { NODE_ROUTE_PROTOCOL, NODE_BLACKHOLE_PROTOCOL }, any[] = { 0 };
	const uint8_t *protocols = w->want.count ? any : ours;
	size_t count = w->want.count ? sizeof(any) : sizeof(ours);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = route_each(w->site->route, 0, protocols[i], RT_TABLE_MAIN, collect_route, &walk,
			       e);
	return r < 0 || !w->want.count ? r : foreign_tables_check(w, e);
}

static int cmp_uint(unsigned int x, unsigned int y)
{
	return x < y ? -1 : x > y;
}

static int route_cmp_key(const void *a, const void *b)
{
	const struct route_item *i = a, *k = b;
	const struct route *x = &i->route, *y = &k->route;
	int r = addr_cmp(&x->dst.addr, &y->dst.addr);

	r = r ? r : cmp_uint(x->dst.len, y->dst.len);
	return r ? r : cmp_uint(x->metric, y->metric);
}

static int route_cmp(const void *a, const void *b)
{
	const struct route_item *i = a, *k = b;
	const struct route *x = &i->route, *y = &k->route;
	int r = route_cmp_key(a, b);

	r = r ? r : addr_cmp(&x->via, &y->via);
	r = r ? r : cmp_uint((unsigned int)x->index, (unsigned int)y->index);
	r = r ? r : cmp_uint(x->type, y->type);
	return r ? r : cmp_uint(x->onlink, y->onlink);
}

static void route_describe(struct text *t, const void *item)
{
	const struct route_item *it = item;
	const struct route *r = &it->route;

	if (r->type == RTN_BLACKHOLE) {
		text_printf(t, "blackhole %s behind WireGuard", prefix_text(&r->dst));
		return;
	}
	text_printf(t, "route %s", prefix_text(&r->dst));
	if (tunnel_title(it->backend)) {
		text_printf(t, " over %s", tunnel_title(it->backend));
		return;
	}
	text_printf(t, " via %s%s", addr_text(&r->via), r->onlink ? " onlink" : "");
}

/*
 * An IPv6 next hop inside of its own destination must not be reached by another link, and the
 * former route says that it is (ip6_route_check_nh_onlink()). One over a former link of the same
 * tunnel has gone with that.
 */
static bool is_in_its_own_way(const struct route_item *have, const struct route_item *want)
{
	const struct route *r = &want->route;

	return r->dst.addr.family == AF_INET6 && want->backend != have->backend &&
	       addr_is_set(&r->via) && prefix_contains(&r->dst, &r->via);
}

static void put_anew(struct nl *nl, const struct route_item *have, const struct route *r)
{
	route_del(nl, &have->route);
	route_add(nl, r);
}

static void put_change(struct nl *nl, const struct change *c, const int *links)
{
	const struct route_item *it = c->item;
	struct route r = it->route;

	if (!r.index)
		r.index = links[it->backend];
	if (c->verdict == ITEM_MISSING)
		route_add(nl, &r);
	else if (c->verdict == ITEM_DIFFERS && is_in_its_own_way(c->have, it))
		put_anew(nl, c->have, &r);
	else if (c->verdict == ITEM_DIFFERS)
		route_replace(nl, &r);
	else
		route_del(nl, &r);
}

/*
 * New ones first: while a subnet is split or joined, the old route still leads to its node. Routes
 * vanish by themselves when a link goes down.
 */
static int route_apply(struct work *w, struct err *e)
{
	static const struct batch batch = { .put = put_change, .describe = route_describe };

	return batch_apply(w, &batch, e);
}

const struct kind route_kind = {
	.name = "route",
	.size = sizeof(struct route_item),
	.want = route_want,
	.have = route_have,
	.cmp_key = route_cmp_key,
	.cmp = route_cmp,
	.apply = route_apply,
	.describe = route_describe,
};
