/* A veth between pod and node: CHECK of the pod's side. See node_veth.h. */
#include "iface/node_veth.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "fw/answers.h"
#include "iface/forward.h"
#include "iface/node_veth_private.h"

static int check_set(struct node_veth *v, struct err *e)
{
	const struct link *links[] = { &v->in_pod, &v->chain.link };
	int r = 0;

	for (int n = 0; r == 0 && node_veth_has(v, false) && n < 2; n++)
		r = node_veth_check_filter(links[n]->name, e);
	for (int n = 0; r == 0 && n < 4; n++)
		r = node_veth_has(v, n & 1) ? forward_check(links[n / 2], family_of(n & 1), e) : 0;
	return err_ctx(e, r, "in the pod");
}

struct way {
	const struct node_veth *v;
	struct addr via;
};

static int find_way(const struct route *r, void *arg)
{
	struct way *w = arg;

	if (r->dst.len == 0)
		w->via = r->via;
	return 0;
}

/* The node's address that the pod knows must be one of the node's still. */
static int check_via(struct node_veth *v, bool v6, struct err *e)
{
	struct way w = { .v = v };
	int r = route_each(&v->chain.pod.nl, family_of(v6), 0, v->way_table[v6], find_way, &w, e);

	if (r < 0)
		return r;
	if (!v->way_table[v6] || !addr_is_set(&w.via))
		return err_set(e, ENOENT, "the pod has lost its way back to the node, table %u",
			       v->way_table[v6]);
	for (size_t n = 0; n < v->node_count; n++) {
		if (addr_equal(&v->nodes[n], &w.via)) {
			v->via[v6] = w.via;
			return 0;
		}
	}
	return err_set(e, EADDRNOTAVAIL,
		       "the node has not the address %s any more, by which the pod reaches it",
		       addr_text(&w.via));
}

static int check_node(struct node_veth *v, const struct addr *node, struct err *e)
{
	const struct route to = node_veth_route_to_node(v, node);
	int r = node_veth_check_route(&v->chain.pod.nl, "the pod", &to, err_ignored());

	if (r == -ENOENT)
		return err_set(e, ENOENT, "the pod has no route by %s to the node's address %s",
			       v->in_pod.name, addr_text(node));
	return r < 0 ? r
		     : node_veth_check_neigh(&v->chain.pod.nl, "the pod", &v->in_pod, node, &v->end,
					     e);
}

static int check_rules(struct node_veth *v, bool v6, struct err *e)
{
	struct node_veth_rules w;
	int r = 0;

	node_veth_pod_rules(v, v6, &w);
	for (size_t n = 0; r == 0 && n < w.count; n++)
		r = node_veth_check_rule(&v->chain.pod.nl, "the pod", &w.list[n], e);
	return r;
}

static bool asks_for_default(const struct node_veth *v, bool v6)
{
	for (size_t n = 0; n < v->prev->route_count; n++) {
		const struct cni_route *r = &v->prev->routes[n];

		if (r->dst.len == 0 && !r->table && is_v6(&r->dst.addr) == v6)
			return true;
	}
	return false;
}

static int check_default(struct node_veth *v, bool v6, struct err *e)
{
	for (size_t n = 0; n < v->route_count; n++) {
		if (v->routes[n].dst.len == 0 && v->routes[n].table == v->pod_table[v6] &&
		    is_v6(&v->routes[n].dst.addr) == v6)
			return 0;
	}
	return err_set(e, ENOENT, "the pod has lost the default route by %s in table %u",
		       v->chain.link.name, v->pod_table[v6]);
}

static int check_ways(struct node_veth *v, bool v6, struct err *e)
{
	struct route by = node_veth_route_by_node(v, v6, NULL, 0);
	int r = 0;

	if (!v->other_default[v6])
		r = node_veth_check_route(&v->chain.pod.nl, "the pod", &by, e);
	for (size_t n = 0; r == 0 && n < v->conf->service_count; n++) {
		by = node_veth_route_by_node(v, v6, &v->conf->services[n], 0);
		if (is_v6(&by.dst.addr) == v6)
			r = node_veth_check_route(&v->chain.pod.nl, "the pod", &by, e);
	}
	if (r == 0 && !v->other_default[v6] && asks_for_default(v, v6))
		r = check_default(v, v6, e);
	return r;
}

struct reached {
	const char *end;
	bool was;
};

static int match_reached(const struct rule *r, void *arg)
{
	struct reached *w = arg;

	w->was = w->was || (r->protocol == NODE_VETH_RULE_PROTOCOL &&
			    r->priority == NODE_VETH_BACK_PRIORITY && !strcmp(r->iif, w->end));
	return 0;
}

/* A family that the node has no address of may be one that it had at ADD. */
static int check_lost(struct node_veth *v, bool v6, struct err *e)
{
	struct reached w = { .end = v->in_pod.name };
	int r = node_veth_each_rule(&v->chain.pod.nl, v6, match_reached, &w, e);

	if (r == 0 && w.was)
		r = err_set(e, EADDRNOTAVAIL,
			    "the node has no IPv%d address any more by which the pod reaches it",
			    v6 ? 6 : 4);
	return r;
}

static int check_ways_of(struct node_veth *v, bool v6, struct err *e)
{
	int r = check_rules(v, v6, e);

	if (r == 0)
		r = check_via(v, v6, e);
	return r < 0 ? r : check_ways(v, v6, e);
}

static int check_answers(struct node_veth *v, struct err *e)
{
	struct nl nft;
	int r = node_veth_open_nft(&v->chain.pod, &nft, e);

	if (r < 0)
		return r;
	r = answers_check(&nft, v->chain.link.name, v->in_pod.name, e);
	nl_close(&nft);
	return r;
}

int node_veth_check_pod(struct node_veth *v, struct err *e)
{
	int r = node_veth_inside(v, check_set, e);

	for (int v6 = 0; r == 0 && v6 < 2; v6++)
		r = node_veth_has(v, v6) ? check_ways_of(v, v6, e) : check_lost(v, v6, e);
	for (size_t n = 0; r == 0 && n < v->node_count; n++) {
		if (node_veth_has(v, is_v6(&v->nodes[n])))
			r = check_node(v, &v->nodes[n], e);
	}
	return r < 0 ? r : check_answers(v, e);
}
