/* A veth between pod and node: CHECK of the node's side, and what both sides use. */
#include "iface/node_veth.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "iface/forward.h"
#include "iface/node_veth_private.h"
#include "net/neigh.h"
#include "net/sysctl.h"

int node_veth_each_rule(struct nl *nl, bool v6, rule_fn *fn, void *arg, struct err *e)
{
	struct err local = { 0 };
	int r = rule_each(nl, family_of(v6), fn, arg, &local);

	return r >= 0 || r == -EOPNOTSUPP ? 0 : err_take(e, &local);
}

int node_veth_commit(struct nl *nl, struct err *e)
{
	static const int fine[] = { -ENOENT, -ESRCH, -ENODEV, -EADDRNOTAVAIL, -EEXIST };
	struct err local = { 0 };
	int r = nl_commit(nl, NULL, &local);

	for (size_t n = 0; n < sizeof(fine) / sizeof(fine[0]); n++) {
		if (r == fine[n])
			return 0;
	}
	return r < 0 ? err_take(e, &local) : 0;
}

struct rule_search {
	const struct rule *wanted;
	bool found;
	uint32_t table;
};

static int match_rule(const struct rule *r, void *arg)
{
	struct rule_search *s = arg;
	const struct rule *w = s->wanted;

	if (r->priority == w->priority && (!w->table || r->table == w->table) &&
	    r->mark == w->mark && r->mask == w->mask && strcmp(r->iif, w->iif) == 0 &&
	    r->suppress == w->suppress && r->dst.len == w->dst.len &&
	    (!w->dst.len || prefix_equal(&r->dst, &w->dst))) {
		s->found = true;
		s->table = r->table;
	}
	return 0;
}

int node_veth_find_rule(struct nl *nl, const struct rule *r, uint32_t *table, struct err *e)
{
	struct rule_search s = { .wanted = r };
	int res = node_veth_each_rule(nl, r->family == AF_INET6, match_rule, &s, e);

	*table = s.table;
	return res < 0 ? res : s.found;
}

int node_veth_check_rule(struct nl *nl, const char *where, const struct rule *r, struct err *e)
{
	uint32_t table;
	int res = node_veth_find_rule(nl, r, &table, e);

	if (res == 0)
		return err_set(e, ENOENT, "%s has lost its IPv%d rule %u%s%s%s%s", where,
			       r->family == AF_INET6 ? 6 : 4, r->priority,
			       r->iif[0] ? " for what comes by " : "", r->iif,
			       r->dst.len ? " to " : "", r->dst.len ? prefix_text(&r->dst) : "");
	return res < 0 ? res : 0;
}

struct route_search {
	const struct route *wanted;
	bool found;
};

static int match_route(const struct route *r, void *arg)
{
	struct route_search *s = arg;
	const struct route *w = s->wanted;
	const struct prefix dst = prefix_masked(&w->dst);

	s->found = s->found || (r->index == w->index && r->dst.len == dst.len &&
				(!dst.len || addr_equal(&r->dst.addr, &dst.addr)) &&
				(!addr_is_set(&w->via) || addr_equal(&r->via, &w->via)));
	return 0;
}

int node_veth_check_route(struct nl *nl, const char *where, const struct route *r, struct err *e)
{
	struct route_search s = { .wanted = r };
	uint32_t table = r->table ? r->table : RT_TABLE_MAIN;
	int res = route_each(nl, r->dst.addr.family, 0, table, match_route, &s, e);

	if (res == 0 && !s.found)
		res = err_set(e, ENOENT, "%s has lost its route to %s in table %u", where,
			      prefix_text(&r->dst), table);
	return res < 0 ? res : 0;
}

static int find_table(struct node_veth *v, bool v6, struct err *e)
{
	struct rule rule;
	uint32_t table;
	int r;

	v->node_table = 0;
	rule = node_veth_table_rule(v, v6);
	r = node_veth_find_rule(&v->host, &rule, &table, e);
	v->node_table = table;
	return r > 0 ? 0 : node_veth_check_rule(&v->host, "the node", &rule, e);
}

struct neigh_search {
	const struct addr *addr;
	const uint8_t *mac;
	bool found;
};

static int match_neigh(const struct neigh *n, void *arg)
{
	struct neigh_search *s = arg;

	s->found = s->found ||
		   (addr_equal(&n->addr, s->addr) && memcmp(n->mac, s->mac, sizeof(n->mac)) == 0);
	return 0;
}

int node_veth_check_neigh(struct nl *nl, const char *where, const struct link *by,
			  const struct addr *a, const struct link *at, struct err *e)
{
	struct neigh_search s = { .addr = a, .mac = at->mac };
	int r = neigh_each(nl, a->family, by->index, match_neigh, &s, e);

	if (r == 0 && !s.found)
		r = err_set(e, ENOENT, "%s has lost its neighbour %s on %s", where, addr_text(a),
			    by->name);
	return r < 0 ? r : 0;
}

static int check_pod(struct node_veth *v, const struct addr *pod, struct err *e)
{
	const struct route to_pod = node_veth_route_to(v, pod);
	int r = node_veth_check_route(&v->host, "the node", &to_pod, e);

	return r < 0 ? r : node_veth_check_neigh(&v->host, "the node", &v->end, pod, &v->in_pod, e);
}

static int check_family(struct node_veth *v, bool v6, struct err *e)
{
	const struct rule answers = node_veth_answers_rule(v, v6);
	int r = node_veth_check_rule(&v->host, "the node", &answers, e);

	if (r == 0)
		r = find_table(v, v6, e);
	for (size_t n = 0; r == 0 && n < v->route_count; n++) {
		struct route through;

		if (is_v6(&v->routes[n].dst.addr) != v6)
			continue;
		through = node_veth_route_through(v, &v->routes[n]);
		r = node_veth_check_route(&v->host, "the node", &through, e);
	}
	return r < 0 ? r : forward_check(&v->end, family_of(v6), e);
}

int node_veth_check_filter(const char *link, struct err *e)
{
	char path[SYSCTL_LINK_PATH], value[8];
	int r = sysctl_get(sysctl_link_path("ipv4", link, "src_valid_mark", path), value,
			   sizeof(value), e);

	if (r >= 0 && value[0] != '1')
		r = err_set(e, EINVAL, "%s is %s: a reverse path filter drops what comes by %s",
			    path, value, link);
	return r < 0 ? r : 0;
}

static int check_overlay(struct node_veth *v, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < v->conf->overlay_count; n++) {
		const struct rule rule = node_veth_overlay_rule(v, n);

		if (node_veth_has(v, rule.family == AF_INET6))
			r = node_veth_check_rule(&v->host, "the node", &rule, e);
	}
	return r;
}

int node_veth_check_host(struct node_veth *v, struct err *e)
{
	int r = node_veth_has(v, false) ? node_veth_check_filter(v->name, e) : 0;

	for (size_t n = 0; r == 0 && n < v->pod_count; n++) {
		if (node_veth_has(v, is_v6(&v->pods[n])))
			r = check_pod(v, &v->pods[n], e);
	}
	for (int v6 = 0; r == 0 && v6 < 2; v6++)
		r = node_veth_has(v, v6) ? check_family(v, v6, e) : 0;
	return r < 0 ? r : check_overlay(v, e);
}
