/* A veth between pod and node: what is left of pods before. See node_veth.h. */
#include "iface/node_veth.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/node_veth_private.h"
#include "net/neigh.h"

#define RULES_MAX 512

struct rules {
	const char *name; /* of their host end; NULL: any that is not there */
	struct rule list[RULES_MAX];
	size_t count;
};

static int collect_rule(const struct rule *r, void *arg)
{
	struct rules *w = arg;

	if (r->protocol == NODE_VETH_RULE_PROTOCOL && w->count < RULES_MAX && r->iif[0] &&
	    (w->name ? strcmp(w->name, r->iif) == 0 : r->detached))
		w->list[w->count++] = *r;
	return 0;
}

/* gone: only if its host end has not come meanwhile. */
static int del_rule(struct nl *host, const struct rule *rule, bool gone, struct err *e)
{
	struct link l;
	int r = gone ? link_find(host, rule->iif, &l, e) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	rule_del(host, rule);
	return node_veth_commit(host, e);
}

int node_veth_del_rules(struct nl *host, const char *name, struct err *e)
{
	static struct rules w;
	int r = 0;

	for (int v6 = 0; r == 0 && v6 < 2; v6++) {
		w.name = name;
		w.count = 0;
		r = node_veth_each_rule(host, v6, collect_rule, &w, e);
		for (size_t n = 0; r == 0 && n < w.count; n++)
			r = del_rule(host, &w.list[n], !name, e);
	}
	return r;
}

#define STALE_MAX 64

struct stale {
	const struct node_veth *v;
	struct neigh neighs[STALE_MAX];
	size_t neigh_count;
	struct route routes[STALE_MAX];
	size_t route_count;
	struct rule rules[STALE_MAX];
	size_t rule_count;
};

static bool is_pod(const struct node_veth *v, const struct addr *a)
{
	for (size_t n = 0; n < v->pod_count; n++) {
		if (addr_equal(&v->pods[n], a))
			return true;
	}
	return false;
}

static bool is_one_pod(const struct node_veth *v, const struct prefix *p)
{
	return p->len && p->len == addr_bits(&p->addr) && is_pod(v, &p->addr);
}

static int collect_neigh(const struct neigh *n, void *arg)
{
	struct stale *s = arg;

	if (s->neigh_count < STALE_MAX && is_pod(s->v, &n->addr))
		s->neighs[s->neigh_count++] = *n;
	return 0;
}

static int collect_route(const struct route *r, void *arg)
{
	struct stale *s = arg;

	if (s->route_count < STALE_MAX && r->index && is_one_pod(s->v, &r->dst))
		s->routes[s->route_count++] = *r;
	return 0;
}

static int collect_pod_rule(const struct rule *r, void *arg)
{
	struct stale *s = arg;

	if (s->rule_count < STALE_MAX && r->action == FR_ACT_TO_TBL && r->table > RT_TABLE_LOCAL &&
	    !r->special && (is_one_pod(s->v, &r->src) || is_one_pod(s->v, &r->dst)))
		s->rules[s->rule_count++] = *r;
	return 0;
}

/* Of any of its interfaces, of whatever plugin. */
static bool is_of_container(const struct link *l, const char *container_id)
{
	char buf[LINK_ALIAS_SIZE], brief[CNI_ID_SHORT + 1];
	struct cni_attachment at;

	return l->peer_elsewhere &&
	       (node_veth_parse_alias(l->alias, buf, &at) ||
		attachment_parse(l->alias, buf, &at)) &&
	       strcmp(at.container_id, attachment_short_id(container_id, brief)) == 0;
}

/* A veth that is not this pod's: an address is given to one pod at a time. */
static int is_others_veth(struct node_veth *v, int index, struct err *e)
{
	struct link l;
	int r = link_find_index(&v->host, index, &l, e);

	if (r > 0)
		r = strcmp(l.kind, "veth") == 0 &&
		    !is_of_container(&l, v->chain.req->at.container_id);
	return r;
}

static int note_any(const struct route *r, void *arg)
{
	(void)r;
	*(bool *)arg = true;
	return 0;
}

/* A rule whose table is empty leads nowhere: its pod is gone. */
static int del_empty_rule(struct nl *host, const struct rule *rule, struct err *e)
{
	bool any = false;
	int r = route_each(host, rule->family, 0, rule->table, note_any, &any, e);

	if (r < 0 || any)
		return r;
	rule_del(host, rule);
	return node_veth_commit(host, e);
}

static int del_collected(struct node_veth *v, struct stale *s, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r >= 0 && n < s->neigh_count; n++) {
		neigh_del(&v->host, s->neighs[n].index, &s->neighs[n].addr);
		r = node_veth_commit(&v->host, e);
	}
	for (size_t n = 0; r >= 0 && n < s->route_count; n++) {
		r = is_others_veth(v, s->routes[n].index, e);
		if (r > 0) {
			route_del(&v->host, &s->routes[n]);
			r = node_veth_commit(&v->host, e);
		}
	}
	for (size_t n = 0; r >= 0 && n < s->rule_count; n++)
		r = del_empty_rule(&v->host, &s->rules[n], e);
	for (size_t n = 0; r >= 0 && v->node_index && n < v->pod_count; n++) {
		neigh_del(&v->host, v->node_index, &v->pods[n]);
		r = node_veth_commit(&v->host, e);
	}
	return r < 0 ? r : 0;
}

int node_veth_del_stale(struct node_veth *v, struct err *e)
{
	static struct stale s;
	int r = node_veth_del_rules(&v->host, NULL, e);

	s = (struct stale){ .v = v };
	for (int v6 = 0; r >= 0 && v6 < 2; v6++) {
		if (!node_veth_has(v, v6))
			continue;
		r = neigh_each(&v->host, family_of(v6), 0, collect_neigh, &s, e);
		if (r >= 0)
			r = route_each(&v->host, family_of(v6), 0, 0, collect_route, &s, e);
		if (r >= 0)
			r = node_veth_each_rule(&v->host, v6, collect_pod_rule, &s, e);
	}
	return r < 0 ? r : del_collected(v, &s, e);
}
