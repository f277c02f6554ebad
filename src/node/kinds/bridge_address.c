/*
 * Addresses of the pods' bridge that a former subnet of this node has left there: a gateway that is
 * none any more keeps the new one from its place, and its route leads pods of another node here.
 * None is ever wanted, since the plugins give the bridge its gateways; what is there goes, unless
 * pods still need it. An ADD that began with the former configuration may bring one back: the next
 * pass finds it.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/ip.h"
#include "net/nl.h"
#include "node/kind.h"
#include "node/site.h"

#define OUR_ALIAS "cnibox" /* of bridges that our plugins have made */

static int bridge_address_want(struct work *w, struct err *e)
{
	(void)w;
	(void)e;
	return 0;
}

/* As the plugins give it: the first address behind the subnet's own. */
static struct prefix gateway(const struct prefix *subnet)
{
	struct addr first = prefix_first(subnet);

	return (struct prefix){ addr_next(&first), subnet->len };
}

static bool bridge_has(const struct site *s, const struct site_link *bridge, const struct prefix *p)
{
	const struct site_addr *at = s->addrs.at;

	for (size_t i = 0; i < s->addrs.count; i++) {
		if (at[i].index == bridge->index && prefix_equal(&at[i].prefix, p))
			return true;
	}
	return false;
}

static bool is_of_other_node(const struct site *s, const struct prefix *p)
{
	const struct cluster *c = s->cluster;

	for (size_t i = 0; i < c->subnet_count; i++) {
		if (c->subnets[i].node != s->self && prefix_overlaps(&c->subnets[i].prefix, p))
			return true;
	}
	return false;
}

/* A bridge may have other addresses beside its gateways, but not in their stead. */
static bool is_in_the_way(const struct site *s, const struct site_link *bridge,
			  const struct prefix *p)
{
	bool replaces = s->self->subnet_count == 0 && strcmp(bridge->alias, OUR_ALIAS) == 0;

	for (size_t i = 0; i < s->self->subnet_count; i++) {
		const struct prefix *subnet = &s->self->subnets[i];
		struct prefix wanted = gateway(subnet);

		if (prefix_equal(&wanted, p))
			return false;
		if (subnet->addr.family != p->addr.family || bridge_has(s, bridge, &wanted))
			continue;
		replaces |= p->addr.family == AF_INET || prefix_overlaps(subnet, p);
	}
	return replaces || is_of_other_node(s, p);
}

static int bridge_address_have(struct work *w, struct err *e)
{
	const struct site *s = w->site;
	const struct site_link *bridge = s->self ? site_find_link(s, s->cluster->bridge) : NULL;
	const struct site_addr *at = s->addrs.at;

	(void)e;
	for (size_t i = 0; i < s->addrs.count && bridge; i++) {
		struct bridge_address_item it = { .bridge = bridge, .prefix = at[i].prefix };

		if (at[i].index == bridge->index && is_in_the_way(s, bridge, &it.prefix))
			list_add(&w->have, &it);
	}
	return 0;
}

static int bridge_address_cmp(const void *a, const void *b)
{
	const struct bridge_address_item *x = a, *y = b;
	int r = addr_cmp(&x->prefix.addr, &y->prefix.addr);

	return r ? r : (int)x->prefix.len - (int)y->prefix.len;
}

static int bridge_address_check_owner(const void *have, struct err *e)
{
	const struct bridge_address_item *it = have;
	const char *name = it->bridge->name, *text = prefix_text(&it->prefix);

	if (it->bridge->ports)
		return err_set(e, EEXIST,
			       "bridge %s has the address %s, which is of no subnet of this node "
			       "now, and %zu links are attached to it: delete the pods (drain the "
			       "node), and run this again",
			       name, text, it->bridge->ports);
	if (strcmp(it->bridge->alias, OUR_ALIAS) != 0)
		return err_set(e, EEXIST,
			       "bridge %s, which cnibox has not made, has the address %s, which is "
			       "of no subnet of this node: delete it (ip addr del %s dev %s), or "
			       "name another bridge",
			       name, text, text, name);
	return 0;
}

/* It, or its bridge, may have gone meanwhile. */
static int remove_address(const struct site *s, const struct change *c, struct err *e)
{
	const struct bridge_address_item *it = c->have;
	struct err mine = { 0 };
	int r;

	ifaddr_del(s->route, it->bridge->index, &it->prefix);
	r = nl_commit(s->route, NULL, &mine);
	if (r == 0 || r == -EADDRNOTAVAIL || r == -ENODEV)
		return 0;
	err_take(e, &mine);
	return err_ctx(e, r, "address %s of bridge %s", prefix_text(&it->prefix), it->bridge->name);
}

static int bridge_address_apply(struct work *w, struct err *e)
{
	return work_each(w, remove_address, e);
}

static void bridge_address_describe(struct text *t, const void *item)
{
	const struct bridge_address_item *it = item;

	text_printf(t, "address %s of bridge %s", prefix_text(&it->prefix), it->bridge->name);
}

const struct kind bridge_address_kind = {
	.name = "bridge address",
	.size = sizeof(struct bridge_address_item),
	.want = bridge_address_want,
	.have = bridge_address_have,
	.cmp_key = bridge_address_cmp,
	.cmp = bridge_address_cmp,
	.check_owner = bridge_address_check_owner,
	.apply = bridge_address_apply,
	.describe = bridge_address_describe,
};
