/*
 * A veth between pod and node: the pod's side. See node_veth.h.
 *
 *	512	iif lo fwmark 0x2000/0x2000 lookup WAY	answers to what came by a veth; one rule
 *							for all veths of the pod
 *	513	iif lo fwmark 0x1000/0x1000 lookup main suppress_prefixlength 0
 *	514	iif lo fwmark 0x1000/0x1000 lookup POD	answers to what came by the wire
 *	1024	iif VETH lookup main suppress_prefixlength 0
 *	1025	iif VETH lookup POD			what the node sends back: by the wire
 *	1026	iif lo lookup main suppress_prefixlength 0
 *	1027	iif lo lookup POD			the same for the pod's own packets, where
 *							Services are known by their prefixes
 *
 * main has the default route by the veth, unless another interface's is there already.
 */
#include "iface/node_veth.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/file.h"
#include "fw/answers.h"
#include "iface/forward.h"
#include "iface/node_veth_private.h"
#include "net/neigh.h"
#include "net/netns.h"
#include "net/sysctl.h"

#define TABLES 256	    /* of a pod are used, from the first on */
#define DEFAULT_METRIC6 100 /* before one by router advertisement, 1024 */

enum { WAY = 512, WIRE_MAIN = 513, BACK_MAIN = 1024, OWN_MAIN = 1026 };

int node_veth_open_nft(const struct pod *p, struct nl *nl, struct err *e)
{
	static char buf[32768];

	return nl_open_in(nl, p->ns, p->home, NETLINK_NETFILTER, buf, sizeof(buf), e);
}

/* ---- rules ---- */

/* Specific routes first, then the interface's default route. */
static void put_pair(struct node_veth_rules *w, const struct rule *like, uint32_t priority,
		     uint32_t table)
{
	struct rule *main = &w->list[w->count++], *own = &w->list[w->count++];

	*main = *own = *like;
	main->priority = priority;
	main->table = RT_TABLE_MAIN;
	main->suppress = 0;
	own->priority = priority + 1;
	own->table = table;
}

void node_veth_pod_rules(const struct node_veth *v, bool v6, struct node_veth_rules *w)
{
	struct rule like = {
		.family = family_of(v6),
		.action = FR_ACT_TO_TBL,
		.iif = "lo",
		.suppress = -1,
		.protocol = NODE_VETH_RULE_PROTOCOL,
	};
	struct rule *way = &w->list[0];

	w->count = 1;
	*way = like;
	way->priority = WAY;
	way->table = v->way_table[v6];
	way->mark = way->mask = ANSWERS_MARK;
	if (v->conf->service_count)
		put_pair(w, &like, OWN_MAIN, v->pod_table[v6]);
	like.mark = like.mask = ANSWERS_WIRE_MARK;
	put_pair(w, &like, WIRE_MAIN, v->pod_table[v6]);
	like.mark = like.mask = 0;
	memcpy(like.iif, v->in_pod.name, sizeof(like.iif));
	put_pair(w, &like, BACK_MAIN, v->pod_table[v6]);
}

/* ---- what is there ---- */

struct look {
	struct node_veth *v;
	bool used[TABLES];
	struct err *e;
};

static void mark_used(struct look *w, uint32_t table)
{
	uint32_t first = w->v->conf->first_table + 1;

	if (table >= first && table - first < TABLES)
		w->used[table - first] = true;
}

static int look_at_rule(const struct rule *r, void *arg)
{
	struct look *w = arg;
	struct node_veth *v = w->v;
	bool v6 = r->family == AF_INET6;

	mark_used(w, r->table);
	if (r->protocol != NODE_VETH_RULE_PROTOCOL)
		return 0;
	if (r->priority == WAY && r->mask == ANSWERS_MARK)
		v->way_table[v6] = r->table;
	if (r->priority == NODE_VETH_BACK_PRIORITY && strcmp(r->iif, v->conf->pod_if) != 0)
		v->metric = (uint32_t)v->in_pod.index + 1024;
	if (r->priority == NODE_VETH_BACK_PRIORITY && strcmp(r->iif, v->conf->pod_if) == 0)
		v->pod_table[v6] = r->table;
	return 0;
}

static bool is_link_local(const struct route *r)
{
	static const uint8_t local[2] = { 0xfe, 0x80 };

	return r->dst.addr.family == AF_INET6 && r->dst.len &&
	       memcmp(r->dst.addr.bytes, local, sizeof(local)) == 0;
}

/* What router advertisements say comes and goes by itself. */
static int look_at_route(const struct route *r, void *arg)
{
	struct look *w = arg;
	struct node_veth *v = w->v;
	bool v6 = is_v6(&r->dst.addr), in_main = r->table == RT_TABLE_MAIN;

	mark_used(w, r->table);
	if (in_main && r->dst.len == 0 && r->index != v->chain.link.index &&
	    r->index != v->in_pod.index)
		v->other_default[v6] = true;
	if (r->index != v->chain.link.index || is_link_local(r) || r->protocol == RTPROT_RA ||
	    !(in_main || (v->pod_table[v6] && r->table == v->pod_table[v6])))
		return 0;
	if (v->route_count == CNI_ROUTES_MAX)
		return err_set(w->e, E2BIG, "%s in the pod has more than %d routes",
			       v->chain.link.name, CNI_ROUTES_MAX);
	v->routes[v->route_count++] = *r;
	return 0;
}

static int look_at(struct look *w, bool v6, struct err *e)
{
	const uint8_t family = family_of(v6);
	struct nl *nl = &w->v->chain.pod.nl;
	struct err local = { 0 };
	int r = rule_each(nl, family, look_at_rule, w, &local);

	if (r == -EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP,
			       "the kernel has no IPv%d rules (CONFIG_IP%s_MULTIPLE_TABLES)",
			       v6 ? 6 : 4, v6 ? "V6" : "");
	if (r < 0)
		return err_take(e, &local);
	r = route_each(nl, family, 0, 0, look_at_route, w, e);
	return r < 0 ? r : 0;
}

static int look_at_all(struct look *w, struct err *e)
{
	int r = 0;

	w->e = e;
	w->v->route_count = 0;
	for (int v6 = 0; r == 0 && v6 < 2; v6++)
		r = node_veth_has(w->v, v6) ? look_at(w, v6, e) : 0;
	return r;
}

int node_veth_collect_pod(struct node_veth *v, struct err *e)
{
	static struct look w;

	w.v = v;
	return look_at_all(&w, e);
}

static int take_table(struct look *w, uint32_t *table, struct err *e)
{
	for (uint32_t n = 0; !*table && n < TABLES; n++) {
		if (w->used[n])
			continue;
		w->used[n] = true;
		*table = w->v->conf->first_table + 1 + n;
		if (*table >= RT_TABLE_DEFAULT && *table <= RT_TABLE_LOCAL)
			*table = 0;
	}
	return *table ? 0
		      : err_set(e, ENOSPC, "routeTableStart: the pod has no free table from %u on",
				w->v->conf->first_table + 1);
}

static int take_tables(struct look *w, struct err *e)
{
	int r = 0;

	for (int v6 = 0; r == 0 && v6 < 2; v6++) {
		if (!node_veth_has(w->v, v6))
			continue;
		r = take_table(w, &w->v->way_table[v6], e);
		if (r == 0)
			r = take_table(w, &w->v->pod_table[v6], e);
	}
	return r;
}

/* ---- settings ---- */

static const char *knob(const char *link, const char *name, char path[static SYSCTL_LINK_PATH])
{
	return sysctl_link_path("ipv4", link, name, path);
}

static int set_ipv4(struct node_veth *v, struct err *e)
{
	const char *wire = v->chain.link.name, *end = v->in_pod.name;
	char path[SYSCTL_LINK_PATH];
	int r = sysctl_write(knob(wire, "src_valid_mark", path), "1", e);

	if (r == 0)
		r = sysctl_write(knob(end, "src_valid_mark", path), "1", e);
	if (r == 0)
		r = sysctl_write(knob(end, "accept_redirects", path), "0", e);
	if (r == 0)
		r = forward_enable(&v->chain.pod.nl, &v->in_pod, AF_INET, e);
	return r < 0 ? r : forward_enable(&v->chain.pod.nl, &v->chain.link, AF_INET, e);
}

/* A router accepts no advertisements, unless it is told to. */
static int set_ipv6(struct node_veth *v, struct err *e)
{
	const struct link *wire = &v->chain.link;
	char path[SYSCTL_LINK_PATH];
	int r = forward_allow_ipv6(&v->in_pod, e);

	if (r == 0)
		r = forward_guard_new(v->in_pod.name, e);
	if (r >= 0 && wire->ipv6.known && wire->ipv6.accept_ra == 1)
		r = sysctl_write(sysctl_link_path("ipv6", wire->name, "accept_ra", path), "2", e);
	return r < 0 ? r : forward_enable(&v->chain.pod.nl, &v->in_pod, AF_INET6, e);
}

int node_veth_inside(struct node_veth *v, node_veth_fn *fn, struct err *e)
{
	const struct pod *p = &v->chain.pod;
	int r = netns_enter(p->ns, e);

	if (r < 0)
		return r;
	r = fn(v, e);
	return netns_enter(p->home, e) < 0 ? -e->errnum : r;
}

static int set_all(struct node_veth *v, struct err *e)
{
	int r = node_veth_has(v, false) ? set_ipv4(v, e) : 0;

	return r == 0 && node_veth_has(v, true) ? set_ipv6(v, e) : r;
}

/* ---- routes ---- */

struct route node_veth_route_to_node(const struct node_veth *v, const struct addr *node)
{
	return (struct route){
		.dst = node_veth_alone(node),
		.src = *node_veth_pod(v, is_v6(node)),
		.index = v->in_pod.index,
		.metric = v->metric,
	};
}

/* By the node; table 0: main. */
struct route node_veth_route_by_node(const struct node_veth *v, bool v6, const struct prefix *dst,
				     uint32_t table)
{
	static const struct prefix any[2] = { { .addr.family = AF_INET },
					      { .addr.family = AF_INET6 } };

	return (struct route){
		.dst = dst ? *dst : any[v6],
		.via = v->via[v6],
		.src = *node_veth_pod(v, v6),
		.index = v->in_pod.index,
		.table = table,
		.metric = !dst && !table && v6 ? DEFAULT_METRIC6 : v->metric,
	};
}

static int put_nodes(struct node_veth *v, struct err *e)
{
	struct nl *nl = &v->chain.pod.nl;

	link_up(nl, v->in_pod.index);
	for (size_t n = 0; n < v->node_count; n++) {
		struct route r;

		if (!node_veth_has(v, is_v6(&v->nodes[n])))
			continue;
		r = node_veth_route_to_node(v, &v->nodes[n]);
		neigh_set(nl, v->in_pod.index, &v->nodes[n], v->end.mac);
		route_replace(nl, &r);
	}
	return nl_commit(nl, NULL, e);
}

/* One each: a rule that all veths of the pod share may be there. */
static int put_missing_rules(struct node_veth *v, const struct node_veth_rules *w, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < w->count; n++) {
		struct err local = { 0 };

		rule_add(&v->chain.pod.nl, &w->list[n]);
		r = nl_commit(&v->chain.pod.nl, NULL, &local);
		r = r == -EEXIST ? 0 : r < 0 ? err_take(e, &local) : 0;
	}
	return r;
}

/* All at once: of the pod's first veth none is there. */
static int put_rules(struct node_veth *v, bool v6, struct err *e)
{
	struct node_veth_rules w;
	struct err local = { 0 };
	int r;

	node_veth_pod_rules(v, v6, &w);
	for (size_t n = 0; n < w.count; n++)
		rule_add(&v->chain.pod.nl, &w.list[n]);
	r = nl_commit(&v->chain.pod.nl, NULL, &local);
	if (r == -EEXIST)
		return put_missing_rules(v, &w, e);
	return r < 0 ? err_take(e, &local) : r;
}

static void move_defaults(struct node_veth *v, bool v6)
{
	struct nl *nl = &v->chain.pod.nl;

	for (size_t n = 0; n < v->route_count; n++) {
		struct route moved = v->routes[n];

		if (moved.dst.len || is_v6(&moved.dst.addr) != v6 || moved.table != RT_TABLE_MAIN)
			continue;
		moved.table = v->pod_table[v6];
		route_replace(nl, &moved);
		route_del(nl, &v->routes[n]);
	}
}

static int put_ways(struct node_veth *v, bool v6, struct err *e)
{
	const struct route way = node_veth_route_by_node(v, v6, NULL, v->way_table[v6]),
			   def = node_veth_route_by_node(v, v6, NULL, 0);
	struct nl *nl = &v->chain.pod.nl;

	route_replace(nl, &way);
	move_defaults(v, v6);
	if (!v->other_default[v6])
		route_add(nl, &def);
	for (size_t n = 0; n < v->conf->service_count; n++) {
		const struct prefix *p = &v->conf->services[n];
		const struct route service = node_veth_route_by_node(v, v6, p, 0);

		if (is_v6(&p->addr) == v6)
			route_replace(nl, &service);
	}
	return nl_commit(nl, NULL, e);
}

static int put_answers(struct node_veth *v, struct err *e)
{
	struct nl nft;
	int r = node_veth_open_nft(&v->chain.pod, &nft, e);

	if (r < 0)
		return r;
	r = answers_add(&nft, v->chain.link.name, v->in_pod.name, e);
	nl_close(&nft);
	return r;
}

/* Rules before routes: by them DEL finds the routes. */
int node_veth_add_pod(struct node_veth *v, struct err *e)
{
	static struct look w;
	int r;

	w.v = v;
	r = lock_take(v->chain.pod.ns, "the pod's namespace", NODE_VETH_LOCK_MS, e);
	if (r == 0)
		r = look_at_all(&w, e);
	if (r == 0)
		r = take_tables(&w, e);
	if (r == 0)
		r = node_veth_inside(v, set_all, e);
	if (r == 0)
		r = put_nodes(v, e);
	for (int v6 = 0; r == 0 && v6 < 2; v6++) {
		if (!node_veth_has(v, v6))
			continue;
		r = put_rules(v, v6, e);
		if (r == 0)
			r = put_ways(v, v6, e);
	}
	if (r == 0)
		r = put_answers(v, e);
	return err_ctx(e, r, "%s in the pod", v->in_pod.name);
}
