/*
 * Routes to the pods of the other nodes, in batches of some hundred requests.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/ip.h"
#include "net/nl.h"
#include "node/foreign_route.h"
#include "node/kind.h"
#include "node/site.h"

#define IPV6_METRIC 1024 /* IP6_RT_PRIO_USER, what the kernel makes of none */
#define NAMES_MAX 5	 /* nodes named in one error */
#define BATCH                                                                                      \
	512 /* requests; NL_REQUESTS_MAX allows more, the kernel's lock is held for one batch */

/*
 * The link over which the address is reached without a router: longest prefix, then the link of our
 * own node address, which is all that counts when the cluster says that all is on one link. 0:
 * none.
 */
static int link_to(const struct site *s, const struct addr *a)
{
	const struct site_addr *at = s->addrs.at, *best = NULL;

	for (size_t i = 0; i < s->addrs.count; i++) {
		const struct prefix *p = &at[i].prefix;
		bool own = cluster_find_address(s->cluster, &p->addr) == s->self;
		bool better =
			!best || p->len > best->prefix.len || (own && p->len == best->prefix.len);

		if (s->cluster->onlink && own && p->addr.family == a->family)
			return at[i].index;
		if (!s->cluster->onlink && better && prefix_contains(p, a))
			best = &at[i];
	}
	return best ? best->index : 0;
}

/* Subnets without a next hop, counted, and the first few by name. */
struct unreachable {
	size_t count;
	bool fatal; /* one of a node that cannot be reached at all */
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

/* The first address of the family that is on link. 0: none, and *via is the first of the family. */
static int next_hop(const struct site *s, const struct node *n, uint8_t family, struct addr *via)
{
	int index = 0;

	for (size_t i = 0; i < n->address_count && !index; i++) {
		if (n->addresses[i].family != family)
			continue;
		index = link_to(s, &n->addresses[i]);
		if (index || !addr_is_set(via))
			*via = n->addresses[i];
	}
	return index;
}

/* In one of the families of its pods, at least. */
static bool is_reached(const struct site *s, const struct node *n)
{
	struct addr via = { 0 };

	for (size_t i = 0; i < n->subnet_count; i++) {
		if (next_hop(s, n, n->subnets[i].addr.family, &via))
			return true;
	}
	return false;
}

/*
 * Who writes the nodes by hand can mend what is wrong with one; but a node that has a family more
 * than its address, or than this machine's, is joined in the other.
 */
static void want_route(const struct site *s, const struct cluster_place *sub, struct unreachable *u,
		       struct list *want)
{
	uint8_t family = sub->prefix.addr.family;
	struct route it = { .dst = sub->prefix,
			    .protocol = NODE_ROUTE_PROTOCOL,
			    .onlink = s->cluster->onlink };

	it.metric = family == AF_INET6 ? IPV6_METRIC : 0;
	it.index = next_hop(s, sub->node, family, &it.via);
	if (it.index) {
		list_add(want, &it);
		return;
	}
	add_unreachable(u, sub, &it.via);
	u->fatal |= !s->cluster->kubernetes && !is_reached(s, sub->node);
}

static int off_link(const struct site *s, const struct unreachable *u, struct err *e)
{
	if (s->cluster->onlink)
		return err_set(e, EINVAL,
			       "onlink: no address of node %s is on a link of this machine, so "
			       "there is no link to %s",
			       s->self->name, u->names.at);
	return err_set(e, EHOSTUNREACH,
		       "not on link: %s%s: the nodes must be on one link, or \"onlink\" be true",
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
			want_route(w->site, &c->subnets[i], &u, &w->want);
	}
	if (u.count && (u.fatal || w->want.count == 0))
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

static int collect_route(const struct route *r, void *arg)
{
	const struct route_walk *w = arg;
	struct route it = { .dst = r->dst,
			    .via = r->via,
			    .index = r->index,
			    .metric = r->metric,
			    .protocol = NODE_ROUTE_PROTOCOL,
			    .onlink = r->onlink };

	if (r->protocol == NODE_ROUTE_PROTOCOL) {
		list_add(&w->work->have, &it);
		return 0;
	}
	it.metric = r->dst.addr.family == AF_INET6 ? IPV6_METRIC : 0;
	return foreign_route_check(w->work, r, items_find(&route_kind, &w->work->want, &it), w->e);
}

static int route_have(struct work *w, struct err *e)
{
	struct route_walk walk = { .work = w, .e = e };
	uint8_t protocol = w->want.count ? 0 : NODE_ROUTE_PROTOCOL;
	int r = route_each(w->site->route, 0, protocol, RT_TABLE_MAIN, collect_route, &walk, e);

	return r < 0 || !w->want.count ? r : foreign_tables_check(w, e);
}

static int cmp_uint(unsigned int x, unsigned int y)
{
	return x < y ? -1 : x > y;
}

static int route_cmp_key(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int r = addr_cmp(&x->dst.addr, &y->dst.addr);

	r = r ? r : cmp_uint(x->dst.len, y->dst.len);
	return r ? r : cmp_uint(x->metric, y->metric);
}

static int route_cmp(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int r = route_cmp_key(a, b);

	r = r ? r : addr_cmp(&x->via, &y->via);
	r = r ? r : cmp_uint((unsigned int)x->index, (unsigned int)y->index);
	return r ? r : cmp_uint(x->onlink, y->onlink);
}

static void route_describe(struct text *t, const void *item)
{
	const struct route *it = item;

	text_printf(t, "route %s via %s%s", prefix_text(&it->dst), addr_text(&it->via),
		    it->onlink ? " onlink" : "");
}

static int fail(const struct change *c, int r, struct err *e)
{
	char buf[160];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	route_describe(&t, c->item);
	return err_ctx(e, r, "%s", buf);
}

static void put_change(struct nl *nl, const struct change *c)
{
	if (c->verdict == ITEM_MISSING)
		route_add(nl, c->want);
	else if (c->verdict == ITEM_DIFFERS)
		route_replace(nl, c->want);
	else
		route_del(nl, c->have);
}

/*
 * Routes vanish by themselves when a link goes down; a batch that found one gone is repeated one by
 * one.
 */
static int delete_each(struct work *w, const struct change *const *batch, size_t count,
		       struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct err mine = { 0 };
		int r;

		put_change(w->site->route, batch[i]);
		r = nl_commit(w->site->route, NULL, &mine);
		if (r < 0 && r != -ESRCH)
			return fail(batch[i], err_take(e, &mine), e);
	}
	return 0;
}

static int commit(struct work *w, const struct change *const *batch, size_t count, struct err *e)
{
	struct err mine = { 0 };
	unsigned int failed = 0;
	int r = nl_commit(w->site->route, &failed, &mine);

	if (r == -ESRCH && batch[0]->verdict == ITEM_STALE)
		r = delete_each(w, batch, count, e);
	else if (r < 0)
		r = fail(batch[failed < count ? failed : 0], err_take(e, &mine), e);
	for (size_t i = 0; i < count && r == 0; i++)
		work_done(w, batch[i]);
	return r;
}

static int apply_pass(struct work *w, bool stale, struct err *e)
{
	const struct change *batch[BATCH];
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < w->count && r == 0; i++) {
		const struct change *c = &w->changes[i];

		if (c->verdict == ITEM_OK || (c->verdict == ITEM_STALE) != stale)
			continue;
		put_change(w->site->route, c);
		batch[count++] = c;
		if (count == BATCH) {
			r = commit(w, batch, count, e);
			count = 0;
		}
	}
	return r == 0 && count ? commit(w, batch, count, e) : r;
}

/* New ones first: while a subnet is split or joined, the old route still leads to its node. */
static int route_apply(struct work *w, struct err *e)
{
	int r = apply_pass(w, false, e);

	return r < 0 ? r : apply_pass(w, true, e);
}

const struct kind route_kind = {
	.name = "route",
	.size = sizeof(struct route),
	.want = route_want,
	.have = route_have,
	.cmp_key = route_cmp_key,
	.cmp = route_cmp,
	.apply = route_apply,
	.describe = route_describe,
};
