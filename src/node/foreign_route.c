/* Routes of others that would win: see foreign_route.h. */
#include "node/foreign_route.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cluster/cluster.h"
#include "net/rule.h"
#include "node/kind.h"
#include "node/site.h"

#define WARNINGS_MAX 8 /* of one kind */

/* The route of the bridge's own address, which goes with the address. */
static bool is_bridge_route(const struct site *s, const struct route *r)
{
	const struct site_link *bridge = site_find_link(s, s->cluster->bridge);

	return bridge && r->index == bridge->index && r->protocol == RTPROT_KERNEL;
}

static const char *link_text(const struct site *s, int index)
{
	const struct site_link *l = s->links.at;

	for (size_t i = 0; i < s->links.count; i++) {
		if (l[i].index == index)
			return l[i].name;
	}
	return "no link";
}

static void warn_narrower(struct work *w, const struct route *r)
{
	const struct cluster *c = w->site->cluster;
	const struct cluster_place *place =
		cluster_place_find(c->subnets, c->subnet_count, &r->dst.addr);

	if (!place || place->node == w->site->self || r->dst.len <= place->prefix.len)
		return;
	if (w->warned++ < WARNINGS_MAX)
		work_warn(
			w,
			"route %s (protocol %u, %s) is not ours, and wins over the one to the pods "
			"of node %s",
			prefix_text(&r->dst), r->protocol, link_text(w->site, r->index),
			place->node->name);
}

int foreign_route_check(struct work *w, const struct route *r, const struct route *wanted,
			struct err *e)
{
	if (is_bridge_route(w->site, r))
		return 0;
	if (!wanted) {
		warn_narrower(w, r);
		return 0;
	}
	if (r->metric > wanted->metric)
		return 0;
	return err_set(e, EEXIST,
		       "route %s%s%s (protocol %u) is there already and not ours: "
		       "delete it first",
		       prefix_text(&r->dst), addr_is_set(&r->via) ? " via " : "",
		       addr_text(&r->via), r->protocol);
}

/* Does the prefix overlap a subnet of the cluster? They are ascending and disjoint. */
static bool leads_to_pods(const struct cluster *c, const struct prefix *p)
{
	struct addr last = prefix_last(p);
	const struct cluster_place *at = c->subnets, *end = at + c->subnet_count;

	while (end - at > 1) {
		const struct cluster_place *middle = at + (end - at) / 2;

		if (addr_cmp(&middle->prefix.addr, &last) <= 0)
			at = middle;
		else
			end = middle;
	}
	return at < end && prefix_overlaps(&at->prefix, p);
}

/* Rules for one family, and what is found on the way to the main table. */
struct table_walk {
	struct work *work;
	struct list rules; /* struct rule: those asked before the main table */
	bool main;	   /* it has been reached */
	struct prefix found;
};

/* Packets of pods have their own addresses, those of the node one of its own. */
static bool can_have_source(const struct site *s, const struct prefix *src)
{
	const struct node *n = s->self;

	for (size_t i = 0; i < n->subnet_count; i++) {
		if (prefix_overlaps(src, &n->subnets[i]))
			return true;
	}
	for (size_t i = 0; i < n->address_count; i++) {
		if (prefix_contains(src, &n->addresses[i]))
			return true;
	}
	return false;
}

/* Rules for marked packets and the like are for those of their makers. */
static bool concerns(const struct site *s, const struct rule *r)
{
	if (r->invert)
		return true;
	if (r->special || (r->iif[0] && strcmp(r->iif, s->cluster->bridge) != 0))
		return false;
	return (!r->src.len || can_have_source(s, &r->src)) &&
	       (!r->dst.len || leads_to_pods(s->cluster, &r->dst));
}

static bool is_main_for_all(const struct rule *r)
{
	return r->action == FR_ACT_TO_TBL && r->table == RT_TABLE_MAIN && r->suppress <= 0 &&
	       !r->src.len && !r->dst.len && !r->iif[0] && !r->special && !r->invert;
}

static int collect_rule(const struct rule *r, void *arg)
{
	struct table_walk *w = arg;

	if (w->main || is_main_for_all(r)) {
		w->main = true;
		return 0;
	}
	if (!concerns(w->work->site, r))
		return 0;
	if (r->action == FR_ACT_TO_TBL &&
	    (r->table == 0 || r->table == RT_TABLE_LOCAL || r->table == RT_TABLE_MAIN))
		return 0;
	list_add(&w->rules, r);
	return 0;
}

static int find_route(const struct route *r, void *arg)
{
	struct table_walk *w = arg;

	if (!addr_is_set(&w->found.addr) && leads_to_pods(w->work->site->cluster, &r->dst))
		w->found = r->dst;
	return 0;
}

static int check_rule(struct table_walk *w, const struct rule *r, struct err *e)
{
	const char *family = r->family == AF_INET ? "IPv4" : "IPv6";
	int ret;

	if (r->action == FR_ACT_BLACKHOLE || r->action == FR_ACT_UNREACHABLE ||
	    r->action == FR_ACT_PROHIBIT) {
		work_warn(w->work, "the %s rule of priority %u refuses packets to pods", family,
			  r->priority);
		return 0;
	}
	if (r->action != FR_ACT_TO_TBL)
		return 0;
	w->found = (struct prefix){ 0 };
	ret = route_each(w->work->site->route, r->family, 0, r->table, find_route, w, e);
	if (ret == 0 && addr_is_set(&w->found.addr) && w->found.len >= (r->suppress + 1))
		work_warn(w->work,
			  "the %s rule of priority %u asks table %u before the main one: its route "
			  "%s wins over those to pods",
			  family, r->priority, r->table, prefix_text(&w->found));
	return ret;
}

static int check_family(struct work *w, uint8_t family, struct err *e)
{
	struct table_walk walk = { .work = w };
	const struct rule *r;
	struct err mine = { 0 };
	int ret;

	list_init(&walk.rules, w->site->arena, sizeof(struct rule));
	ret = rule_each(w->site->route, family, collect_rule, &walk, &mine);
	if (ret == -EOPNOTSUPP || ret == -EAFNOSUPPORT)
		return 0;
	if (ret < 0)
		return err_take(e, &mine);
	ret = list_check(&walk.rules, "routing rules", e);
	r = walk.rules.at;
	for (size_t i = 0; i < walk.rules.count && ret == 0; i++)
		ret = check_rule(&walk, &r[i], e);
	return ret;
}

int foreign_tables_check(struct work *w, struct err *e)
{
	int r = check_family(w, AF_INET, e);

	return r < 0 ? r : check_family(w, AF_INET6, e);
}
