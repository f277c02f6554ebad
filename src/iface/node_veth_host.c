/*
 * A veth between pod and node: the node's side. See node_veth.h.
 *
 * The table is derived from the host end's name. It is claimed by a route that every one of these
 * tables has, to an address of documents that is nobody's, and which the kernel adds once: of two
 * pods whose names lead to one table, one steps on. What else is in the table is another program's,
 * and its table is stepped over, too.
 */
#include "iface/node_veth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "iface/forward.h"
#include "iface/node_veth_private.h"
#include "net/neigh.h"
#include "net/sysctl.h"

#define TABLES 65536 /* are used, from the first on */
#define TABLE_TRIES 64
#define SECOND_METRIC 2048 /* behind IPv6's 1024 */

/* RFC 7600 (IPv4 dummy address) and RFC 6666 (discard prefix). */
static const struct prefix claims[2] = {
	{ { AF_INET, { 192, 0, 0, 8 } }, 32 },
	{ { AF_INET6, { 0x01, 0x00, [15] = 8 } }, 128 },
};

static struct rule rule_of(const struct node_veth *v, bool v6, uint32_t priority, uint32_t table)
{
	struct rule r = {
		.family = family_of(v6),
		.priority = priority,
		.action = FR_ACT_TO_TBL,
		.table = table,
		.suppress = -1,
		.protocol = NODE_VETH_RULE_PROTOCOL,
	};

	memcpy(r.iif, v->name, sizeof(r.iif));
	return r;
}

struct rule node_veth_answers_rule(const struct node_veth *v, bool v6)
{
	struct rule r = rule_of(v, v6, NODE_VETH_ANSWERS_PRIORITY, RT_TABLE_MAIN);

	r.mask = v->conf->mark; /* none of them is set */
	return r;
}

struct rule node_veth_overlay_rule(const struct node_veth *v, size_t n)
{
	const struct prefix *dst = &v->conf->services[v->conf->overlay_first + n];
	struct rule r = rule_of(v, is_v6(&dst->addr), NODE_VETH_OVERLAY_PRIORITY, RT_TABLE_MAIN);

	r.dst = *dst;
	return r;
}

struct rule node_veth_table_rule(const struct node_veth *v, bool v6)
{
	return rule_of(v, v6, NODE_VETH_TABLE_PRIORITY, v->node_table);
}

/* ---- the table ---- */

static struct route claim_of(const struct node_veth *v, bool v6, uint32_t table)
{
	return (struct route){ .dst = claims[v6], .index = v->end.index, .table = table };
}

static int drop_claim(struct node_veth *v, bool v6, uint32_t table, struct err *e)
{
	const struct route r = claim_of(v, v6, table);

	route_del(&v->host, &r);
	return node_veth_commit(&v->host, e);
}

/* 1: it is ours; 0: another pod's; both families or none. */
static int claim(struct node_veth *v, uint32_t table, struct err *e)
{
	struct err local = { 0 };
	int r = 0;

	for (int v6 = 0; r == 0 && v6 < 2; v6++) {
		const struct route c = claim_of(v, v6, table);

		if (!node_veth_has(v, v6))
			continue;
		route_add(&v->host, &c);
		r = nl_commit(&v->host, NULL, &local);
		if (r == -EEXIST && v6 && node_veth_has(v, false))
			(void)drop_claim(v, false, table, err_ignored());
	}
	if (r == -EEXIST)
		return 0;
	return r < 0 ? err_take(e, &local) : 1;
}

struct foreign {
	int own;
	bool found;
};

static int find_foreign(const struct route *r, void *arg)
{
	struct foreign *f = arg;

	f->found = f->found || r->index != f->own;
	return 0;
}

/* 1: nobody else has anything in it; 0: it is given up. */
static int is_alone(struct node_veth *v, uint32_t table, struct err *e)
{
	struct foreign f = { .own = v->end.index };
	int r = route_each(&v->host, 0, 0, table, find_foreign, &f, e);

	for (int v6 = 0; r >= 0 && f.found && v6 < 2; v6++)
		r = node_veth_has(v, v6) ? drop_claim(v, v6, table, e) : 0;
	return r < 0 ? r : !f.found;
}

/* The kernel's own are among the first 256. */
static uint32_t table_at(const struct node_veth *v, uint32_t step)
{
	uint64_t hash = strtoull(v->name + strlen("veth"), NULL, 16);
	uint32_t table = v->conf->first_table + 1 + (uint32_t)((hash + step) % TABLES);

	return table >= RT_TABLE_DEFAULT && table <= RT_TABLE_LOCAL ? table + TABLES : table;
}

static int claim_table(struct node_veth *v, struct err *e)
{
	int r = 0;

	for (uint32_t step = 0; r == 0 && step < TABLE_TRIES; step++) {
		v->node_table = table_at(v, step);
		r = claim(v, v->node_table, e);
		if (r > 0)
			r = is_alone(v, v->node_table, e);
	}
	if (r == 0)
		r = err_set(e, ENOSPC,
			    "routeTableStart: %u: the %d tables from %u on that fit are taken",
			    v->conf->first_table, TABLE_TRIES, table_at(v, 0));
	return r < 0 ? r : 0;
}

/* ---- routes ---- */

struct route node_veth_route_to(const struct node_veth *v, const struct addr *pod)
{
	return (struct route){ .dst = node_veth_alone(pod), .index = v->end.index };
}

/* By the pod, where its own interface is asked for it. */
struct route node_veth_route_through(const struct node_veth *v, const struct route *own)
{
	return (struct route){
		.dst = own->dst,
		.via = *node_veth_pod(v, is_v6(&own->dst.addr)),
		.index = v->end.index,
		.table = v->node_table,
		.onlink = !is_v6(
			&own->dst.addr), /* IPv6 asks main, where another link may come first */
	};
}

static bool goes_through(const struct node_veth *v, const struct route *r)
{
	return node_veth_has(v, is_v6(&r->dst.addr));
}

/* A route that is there is this pod's, of a plugin in front: it goes on to count. */
static int put_route(struct node_veth *v, const struct addr *pod, struct err *e)
{
	struct route r = node_veth_route_to(v, pod);
	struct err local = { 0 };
	int res;

	route_add(&v->host, &r);
	res = nl_commit(&v->host, NULL, &local);
	if (res != -EEXIST)
		return res < 0 ? err_take(e, &local) : 0;
	r.metric = SECOND_METRIC;
	route_replace(&v->host, &r);
	return nl_commit(&v->host, NULL, e);
}

static int put_main(struct node_veth *v, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < v->pod_count; n++) {
		if (!node_veth_has(v, is_v6(&v->pods[n])))
			continue;
		neigh_set(&v->host, v->end.index, &v->pods[n], v->in_pod.mac);
		r = nl_commit(&v->host, NULL, e);
		if (r == 0)
			r = put_route(v, &v->pods[n], e);
	}
	return r;
}

static int put_table(struct node_veth *v, struct err *e)
{
	int r = claim_table(v, e);

	for (size_t n = 0; r == 0 && n < v->route_count; n++) {
		struct route through;

		if (!goes_through(v, &v->routes[n]))
			continue;
		through = node_veth_route_through(v, &v->routes[n]);
		route_replace(&v->host, &through);
	}
	return r < 0 ? r : nl_commit(&v->host, NULL, e);
}

static int put_rules(struct node_veth *v, struct err *e)
{
	for (int v6 = 0; v6 < 2; v6++) {
		const struct rule answers = node_veth_answers_rule(v, v6),
				  table = node_veth_table_rule(v, v6);

		if (!node_veth_has(v, v6))
			continue;
		rule_add(&v->host, &answers);
		rule_add(&v->host, &table);
	}
	return nl_commit(&v->host, NULL, e);
}

/* A prefix may be there twice. */
static int put_overlay(struct node_veth *v, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < v->conf->overlay_count; n++) {
		const struct rule rule = node_veth_overlay_rule(v, n);

		if (!node_veth_has(v, rule.family == AF_INET6))
			continue;
		rule_add(&v->host, &rule);
		r = node_veth_commit(&v->host, e);
	}
	return r;
}

/* For the reverse path filter, strict or not: see fw/underlay.c. */
static int put_sysctls(struct node_veth *v, struct err *e)
{
	char path[SYSCTL_LINK_PATH];
	int r = 0;

	if (node_veth_has(v, false))
		r = sysctl_write(sysctl_link_path("ipv4", v->name, "src_valid_mark", path), "1", e);
	if (r == 0 && node_veth_has(v, true))
		r = forward_allow_ipv6(&v->end, e);
	for (int v6 = 0; r == 0 && v6 < 2; v6++)
		r = node_veth_has(v, v6) ? forward_enable(&v->host, &v->end, family_of(v6), e) : 0;
	return r;
}

int node_veth_add_host(struct node_veth *v, struct err *e)
{
	int r = put_sysctls(v, e);

	if (r == 0)
		r = put_main(v, e);
	if (r == 0)
		r = put_table(v, e);
	if (r == 0)
		r = put_rules(v, e);
	if (r == 0)
		r = put_overlay(v, e);
	return err_ctx(e, r, "host end %s", v->name);
}
