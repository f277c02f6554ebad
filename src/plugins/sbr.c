/*
 * sbr: what a pod sends from an interface's address leaves by that interface, whatever the routes
 * of its others say. The interface's routes move to a table of their own, which rules choose by the
 * source address. There are no keys.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "iface/chained.h"
#include "net/ip.h"
#include "net/rule.h"

#define FIRST_TABLE 100 /* the reference's */
#define TABLES_MAX 256	/* of a pod that are looked at */
#define LOCK_TIMEOUT_MS 10000

struct conf {
	char none;
};

struct work {
	struct chained chain;
	bool used[TABLES_MAX];
	struct rule rules[CNI_IPS_MAX];
	size_t rule_count;
	struct route routes[CNI_ROUTES_MAX]; /* of the interface, as they are in main */
	size_t route_count;
	struct route defaults[CNI_IPS_MAX]; /* that are made, by the rules' gateways */
	size_t default_count;
	struct addr addrs[CNI_IPS_MAX];
	size_t addr_count;
	struct err *e;
};

static void mark_used(struct work *w, uint32_t table)
{
	if (table >= FIRST_TABLE && table - FIRST_TABLE < TABLES_MAX)
		w->used[table - FIRST_TABLE] = true;
}

static int collect_rule(const struct rule *r, void *arg)
{
	mark_used(arg, r->table);
	return 0;
}

/* The link-local route stays: each interface has its own, and addresses name the interface. */
static int collect_route(const struct route *r, void *arg)
{
	static const uint8_t local[2] = { 0xfe, 0x80 };
	struct work *w = arg;

	mark_used(w, r->table);
	if (r->table != RT_TABLE_MAIN || r->index != w->chain.link.index ||
	    (r->dst.addr.family == AF_INET6 && r->dst.len &&
	     memcmp(r->dst.addr.bytes, local, sizeof(local)) == 0))
		return 0;
	if (w->route_count == CNI_ROUTES_MAX)
		return err_set(w->e, E2BIG, "%s in the pod has more than %d routes",
			       w->chain.link.name, CNI_ROUTES_MAX);
	w->routes[w->route_count++] = *r;
	return 0;
}

static int collect_all(struct work *w, struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct nl *nl = &w->chain.pod.nl;
	int r = 0;

	for (size_t n = 0; r >= 0 && n < 2; n++) {
		struct err none = { 0 };

		r = rule_each(nl, families[n], collect_rule, w, &none);
		if (r < 0 && (r != -EOPNOTSUPP || families[n] == AF_INET))
			return err_take(e, &none);
		r = route_each(nl, families[n], 0, 0, collect_route, w, e);
	}
	return r < 0 ? r : 0;
}

static uint32_t take_table(struct work *w)
{
	for (uint32_t n = 0; n < TABLES_MAX; n++) {
		if (!w->used[n]) {
			w->used[n] = true;
			return FIRST_TABLE + n;
		}
	}
	return 0;
}

static struct rule rule_of(const struct addr *a, uint32_t table)
{
	return (struct rule){
		.family = a->family,
		.action = FR_ACT_TO_TBL,
		.table = table,
		.suppress = -1,
		.src = { .addr = *a, .len = (uint8_t)addr_bits(a) },
	};
}

static struct route default_of(const struct work *w, const struct cni_ip *ip, uint32_t table)
{
	return (struct route){
		.dst = { .addr = { .family = ip->address.addr.family } },
		.via = ip->gateway,
		.index = w->chain.link.index,
		.table = table,
	};
}

/* Does this route of the interface go along with the rule's address? */
static bool goes_along(const struct route *rt, const struct rule *r)
{
	return rt->dst.addr.family == r->family &&
	       (!addr_is_set(&rt->src) || addr_equal(&rt->src, &r->src.addr));
}

/* What is on link first: the others' next hops are found by it. */
static void put_copies(struct work *w, const struct rule *r)
{
	for (int on_link = 1; on_link >= 0; on_link--) {
		for (size_t n = 0; n < w->route_count; n++) {
			struct route moved = w->routes[n];

			moved.table = r->table;
			if (goes_along(&moved, r) && addr_is_set(&moved.via) != on_link)
				route_replace(&w->chain.pod.nl, &moved);
		}
	}
}

/* Each address has a table of its own: two of a family may have two gateways. */
static int put_changes(struct work *w, const struct cni_result *prev, struct err *e)
{
	struct nl *nl = &w->chain.pod.nl;

	for (size_t n = 0; n < prev->ip_count; n++) {
		const struct cni_ip *ip = &prev->ips[n];
		struct rule *rule = &w->rules[w->rule_count];

		if (!chained_has_ip(&w->chain, ip))
			continue;
		*rule = rule_of(&ip->address.addr, take_table(w));
		if (!rule->table)
			return err_set(e, ENOSPC, "the pod has no free table from %d on",
				       FIRST_TABLE);
		w->rule_count++;
		rule_add(nl, rule);
		put_copies(w, rule);
		if (!addr_is_set(&ip->gateway))
			continue;
		w->defaults[w->default_count] = default_of(w, ip, rule->table);
		route_replace(nl, &w->defaults[w->default_count++]);
	}
	for (size_t n = 0; n < w->route_count; n++)
		route_del(nl, &w->routes[n]);
	return 0;
}

static void undo_one(struct work *w)
{
	struct err e = { 0 };
	int r = nl_commit(&w->chain.pod.nl, NULL, &e);

	if (r < 0 && r != -EEXIST && r != -ENOENT && r != -ESRCH)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static void undo(void *ctx)
{
	struct work *w = ctx;
	struct nl *nl = &w->chain.pod.nl;

	for (int on_link = 1; on_link >= 0; on_link--) {
		for (size_t n = 0; n < w->route_count; n++) {
			if (addr_is_set(&w->routes[n].via) == on_link)
				continue;
			route_add(nl, &w->routes[n]);
			undo_one(w);
		}
	}
	for (size_t n = 0; n < w->rule_count; n++) {
		rule_del(nl, &w->rules[n]);
		undo_one(w);
	}
	for (size_t n = 0; n < w->default_count; n++) {
		route_del(nl, &w->defaults[n]);
		undo_one(w);
	}
	for (size_t n = 0; n < w->rule_count; n++) {
		for (size_t k = 0; k < w->route_count; k++) {
			struct route copy = w->routes[k];

			copy.table = w->rules[n].table;
			route_del(nl, &copy);
			undo_one(w);
		}
	}
}

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	(void)conf;
	return req->command == CNI_ADD ? chained_require(req, e) : 0;
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct work w;
	int r = chained_open(&w.chain, req, out, e);

	(void)conf;
	w.e = e;
	if (r == 0 && out->ip_count == 0)
		r = err_code(
			e, err_set(e, EINVAL, "prevResult.ips: %s has no address", req->at.ifname),
			CNI_ERR_CONFIG);
	if (r == 0)
		r = lock_take(w.chain.pod.ns, "the pod's namespace", LOCK_TIMEOUT_MS, e);
	if (r == 0)
		r = collect_all(&w, e);
	if (r == 0)
		r = put_changes(&w, out, e);
	if (r < 0)
		return r;
	undo_push(u, undo, &w);
	return err_ctx(e, nl_commit(&w.chain.pod.nl, NULL, e), "%s in the pod", w.chain.link.name);
}

static int collect_addr(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct work *w = arg;

	(void)index;
	(void)scope;
	if (w->addr_count < CNI_IPS_MAX)
		w->addrs[w->addr_count++] = p->addr;
	return 0;
}

static int collect_own(const struct rule *r, void *arg)
{
	struct work *w = arg;

	for (size_t n = 0; n < w->addr_count; n++) {
		if (r->action == FR_ACT_TO_TBL && r->table >= FIRST_TABLE && !r->special &&
		    r->src.len == addr_bits(&w->addrs[n]) &&
		    addr_equal(&r->src.addr, &w->addrs[n]) && w->rule_count < CNI_IPS_MAX)
			w->rules[w->rule_count++] = *r;
	}
	return 0;
}

/*
 * The interface's addresses are still there: in a chain DEL comes from behind. A kernel without
 * IPv6 has none of these and cannot be asked for its rules.
 */
static int find_own(struct work *w, struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int r = ifaddr_each(&w->chain.pod.nl, 0, w->chain.link.index, collect_addr, w, e);

	for (size_t k = 0; r >= 0 && k < sizeof(families); k++) {
		bool has = false;

		for (size_t n = 0; n < w->addr_count; n++)
			has |= w->addrs[n].family == families[k];
		if (has)
			r = rule_each(&w->chain.pod.nl, families[k], collect_own, w, e);
	}
	return r < 0 ? r : 0;
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	static struct work w;
	int r = chained_open_left(&w.chain, req, e);

	(void)conf;
	if (r <= 0)
		return r;
	r = find_own(&w, e);
	for (size_t n = 0; r == 0 && n < w.rule_count; n++) {
		struct err local = { 0 };

		rule_del(&w.chain.pod.nl, &w.rules[n]);
		r = nl_commit(&w.chain.pod.nl, NULL, &local);
		r = r == -ENOENT ? 0 : r < 0 ? err_take(e, &local) : 0;
	}
	pod_close(&w.chain.pod);
	return r;
}

struct search {
	const struct addr *via;
	int index;
	bool found;
};

static int compare_default(const struct route *r, void *arg)
{
	struct search *s = arg;

	s->found |= r->dst.len == 0 && r->index == s->index && addr_equal(&r->via, s->via);
	return 0;
}

static int check_ip(struct work *w, const struct cni_ip *ip, struct err *e)
{
	struct search s = { .via = &ip->gateway, .index = w->chain.link.index };
	const struct addr *a = &ip->address.addr;
	int r;

	w->addrs[0] = *a;
	w->addr_count = 1;
	w->rule_count = 0;
	r = rule_each(&w->chain.pod.nl, a->family, collect_own, w, e);
	if (r == 0 && !w->rule_count)
		return err_set(e, ENOENT, "the pod has lost its rule for what comes from %s",
			       addr_text(a));
	if (r < 0 || !addr_is_set(&ip->gateway))
		return r;
	r = route_each(&w->chain.pod.nl, a->family, 0, w->rules[0].table, compare_default, &s, e);
	if (r == 0 && !s.found)
		r = err_set(e, ENOENT, "the pod has lost its default route by %s in table %u",
			    addr_text(&ip->gateway), w->rules[0].table);
	return r;
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	static struct work w;
	int r = chained_open(&w.chain, req, prev, e);

	(void)conf;
	for (size_t n = 0; r == 0 && n < prev->ip_count; n++) {
		if (chained_has_ip(&w.chain, &prev->ips[n]))
			r = check_ip(&w, &prev->ips[n], e);
	}
	return err_code(e, r, CNI_ERR_DIFFERS);
}

const struct cni_plugin sbr_plugin = {
	.name = "sbr",
	.summary = "routes of the container's interface chosen by source, behind another plugin",
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
};
