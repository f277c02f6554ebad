/* A veth between pod and node: DEL of the pod's side. See node_veth.h. */
#include "iface/node_veth.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/file.h"
#include "fw/answers.h"
#include "iface/node_veth_private.h"

struct left {
	const char *end;
	int wire;
	uint32_t table; /* of the rule behind that for the veth */
	struct rule rules[16];
	size_t rule_count;
	struct route routes[8];
	size_t route_count;
};

/* The rule that tells of a veth that is gone (del_gone()). */
static bool tells(const struct left *l, const struct rule *rule)
{
	return rule->priority == NODE_VETH_BACK_PRIORITY && strcmp(rule->iif, l->end) == 0;
}

static int collect_rule(const struct rule *r, void *arg)
{
	struct left *l = arg;

	if (r->protocol != NODE_VETH_RULE_PROTOCOL || l->rule_count == 16)
		return 0;
	if (tells(l, r))
		l->table = r->table;
	l->rules[l->rule_count++] = *r;
	return 0;
}

static int collect_route(const struct route *r, void *arg)
{
	struct left *l = arg;

	if (r->index == l->wire && l->route_count < 8)
		l->routes[l->route_count++] = *r;
	return 0;
}

/* The interface's default route is back in main. */
static int move_back(struct nl *nl, struct left *l, const struct link *end, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < l->route_count; n++) {
		struct route by_veth = { .dst = l->routes[n].dst, .index = end->index };
		struct route back = l->routes[n];

		if (end->index) {
			route_del(nl, &by_veth);
			r = node_veth_commit(nl, e);
		}
		back.table = RT_TABLE_MAIN;
		route_add(nl, &back);
		if (r == 0)
			r = node_veth_commit(nl, e);
		route_del(nl, &l->routes[n]);
		if (r == 0)
			r = node_veth_commit(nl, e);
	}
	return r;
}

/*
 * Rules that veths share go with the last. The one that tells of the veth goes behind all others:
 * a DEL that has got no further is found by the next.
 */
static int del_rules(struct nl *nl, const struct left *l, bool last, struct err *e)
{
	int r = 0;

	for (int telling = 0; telling < 2; telling++) {
		for (size_t n = 0; r == 0 && n < l->rule_count; n++) {
			const struct rule *rule = &l->rules[n];
			bool of_others = strcmp(rule->iif, l->end) != 0 && rule->table != l->table;

			if (tells(l, rule) != (telling == 1) || (!last && of_others))
				continue;
			rule_del(nl, rule);
			r = node_veth_commit(nl, e);
		}
	}
	return r;
}

/*
 * The socket is left open to the program's end: closing it waits until what was deleted is freed
 * (nft_rcv_nl_event()), which the deletion of the veth, behind this, waits for as well.
 */
static int del_answers(struct chained *c, const char *end, struct err *e)
{
	static struct nl nft;
	struct err local = { 0 };
	int r = node_veth_open_nft(&c->pod, &nft, &local);

	if (r < 0)
		return r == -EPROTONOSUPPORT ? 0 : err_take(e, &local);
	return answers_del(&nft, c->link.name, end, e);
}

static int del_family(struct chained *c, bool v6, const struct link *end, bool last, struct err *e)
{
	struct left l = { .end = end->name, .wire = c->link.index };
	int r = node_veth_each_rule(&c->pod.nl, v6, collect_rule, &l, e);

	if (r == 0 && l.table)
		r = route_each(&c->pod.nl, family_of(v6), 0, l.table, collect_route, &l, e);
	if (r == 0)
		r = move_back(&c->pod.nl, &l, end, e);
	return r < 0 ? r : del_rules(&c->pod.nl, &l, last, e);
}

static int del_one(struct chained *c, const struct link *end, struct err *e)
{
	int r = del_answers(c, end->name, e), last = r == 0;

	for (int v6 = 0; r >= 0 && v6 < 2; v6++)
		r = del_family(c, v6, end, last, e);
	return r < 0 ? r : 0;
}

/* Whose rule names a link that is gone. */
static int del_gone(struct chained *c, struct err *e)
{
	int r = 0;

	for (int v6 = 0; r == 0 && v6 < 2; v6++) {
		struct left l = { .end = "" };

		r = node_veth_each_rule(&c->pod.nl, v6, collect_rule, &l, e);
		for (size_t n = 0; r == 0 && n < l.rule_count; n++) {
			struct link gone = { .index = 0 };

			if (l.rules[n].priority != NODE_VETH_BACK_PRIORITY)
				continue;
			r = link_find(&c->pod.nl, l.rules[n].iif, &gone, e);
			memcpy(gone.name, l.rules[n].iif, sizeof(gone.name));
			r = r ? (r < 0 ? r : 0) : del_one(c, &gone, e);
		}
	}
	return r;
}

int node_veth_del_pod(struct chained *c, const struct link *end, struct err *e)
{
	int r = lock_take(c->pod.ns, "the pod's namespace", NODE_VETH_LOCK_MS, e);

	if (r < 0)
		return r;
	return end ? del_one(c, end, e) : del_gone(c, e);
}
