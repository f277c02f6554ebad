/* What should be, from the cluster file and the site: see site.h. */
#include "node/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"

#define IPV6_METRIC 1024 /* IP6_RT_PRIO_USER, what the kernel makes of none */
#define NAMES_MAX 5	 /* nodes named in one error */

static bool want_accept_ra(const struct site *s, const struct site_link *l, const char *path)
{
	if (!l->uplink || strcmp(l->name, s->cluster->bridge) == 0)
		return false;
	return strcmp(l->accept_ra, "1") == 0 ||
	       (strcmp(l->accept_ra, "2") == 0 && site_sysctl(s, path));
}

static void want_sysctl(struct list *want, unsigned int rank, const char *path, const char *value)
{
	struct item it = { .kind = ITEM_SYSCTL, .rank = rank, .name = path, .value = value };

	list_add(want, &it);
}

/*
 * A host that forwards ignores router advertisements unless accept_ra is 2 (Linux
 * Documentation/networking/ip-sysctl.rst). It comes first, so that none is missed. Where forwarding
 * was on before us, they were ignored before us.
 */
static void want_sysctls6(const struct site *s, struct list *want)
{
	static const char forwarding[] = "net/ipv6/conf/all/forwarding";
	const struct site_sysctl *known = site_sysctl(s, forwarding);
	const struct site_link *l = s->links.at;
	char path[64];

	want_sysctl(want, 1, forwarding, "1");
	if (strcmp(known ? known->before : s->forwarding6, "0") != 0)
		return;
	for (size_t i = 0; i < s->links.count; i++) {
		snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", l[i].name);
		if (want_accept_ra(s, &l[i], path))
			want_sysctl(want, 0, list_text(want, path), "2");
	}
}

static void want_sysctls(const struct site *s, struct list *want)
{
	want_sysctl(want, 1, "net/ipv4/ip_forward", "1");
	if (node_has_family(s->self, AF_INET6))
		want_sysctls6(s, want);
}

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

/* Those that cannot be reached, counted, and the first few by name. */
struct unreachable {
	size_t count;
	struct text names;
};

static void add_unreachable(struct unreachable *u, const struct node *n, const struct addr *a)
{
	if (u->count++ >= NAMES_MAX)
		return;
	text_comma(&u->names);
	text_printf(&u->names, "%s (%s)", n->name, addr_text(a));
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

static int want_route(const struct site *s, const struct cluster_place *sub, struct unreachable *u,
		      struct list *want, struct err *e)
{
	uint8_t family = sub->prefix.addr.family;
	struct item it = { .kind = ITEM_ROUTE,
			   .a = sub->prefix.addr,
			   .len = sub->prefix.len,
			   .onlink = s->cluster->onlink };

	it.metric = family == AF_INET6 ? IPV6_METRIC : 0;
	it.index = next_hop(s, sub->node, family, &it.b);
	if (!addr_is_set(&it.b))
		return err_set(e, EINVAL,
			       "%s: node %s has no %s address, which is needed as next hop to its "
			       "subnet %s",
			       cluster_key(s->cluster, sub->node, KEY_ADDRESSES), sub->node->name,
			       family == AF_INET ? "IPv4" : "IPv6", prefix_text(&sub->prefix));
	if (site_has_addr(s, &it.b))
		return err_set(
			e, EINVAL,
			"%s: %s of node %s is an address of this machine, which is to be node %s",
			cluster_key(s->cluster, sub->node, KEY_ADDRESSES), addr_text(&it.b),
			sub->node->name, s->self->name);
	if (!it.index)
		add_unreachable(u, sub->node, &it.b);
	list_add(want, &it);
	return 0;
}

static int want_routes(const struct site *s, struct list *want, struct err *e)
{
	char buf[400];
	struct unreachable u = { 0 };
	int r = 0;

	text_init(&u.names, buf, sizeof(buf));
	for (size_t i = 0; i < s->cluster->subnet_count && r == 0; i++) {
		if (s->cluster->subnets[i].node != s->self)
			r = want_route(s, &s->cluster->subnets[i], &u, want, e);
	}
	if (r < 0 || u.count == 0)
		return r;
	if (s->cluster->onlink)
		return err_set(e, EINVAL,
			       "onlink: no address of node %s is on a link of this machine, so "
			       "there is no link to %s",
			       s->self->name, buf);
	return err_set(e, EHOSTUNREACH,
		       "not on link: %s%s: the nodes must be on one link, or \"onlink\" be true",
		       buf, u.count > NAMES_MAX ? " and others" : "");
}

/* Sets exist only for the families of our own subnets. */
static void want_range(const struct site *s, enum node_set set4, const struct prefix *p,
		       struct list *want)
{
	struct item it = { .kind = ITEM_ELEMENT, .a = prefix_first(p), .b = prefix_last(p) };

	it.rank = set4 + (p->addr.family == AF_INET6);
	if (node_has_family(s->self, p->addr.family))
		list_add(want, &it);
}

static void want_elements(const struct site *s, struct list *want)
{
	const struct cluster *c = s->cluster;

	for (size_t i = 0; i < s->self->subnet_count; i++)
		want_range(s, SET_PODS4, &s->self->subnets[i], want);
	if (c->masquerade != MASQUERADE_CLUSTER)
		return;
	for (size_t i = 0; i < c->network_count; i++)
		want_range(s, SET_CLUSTER4, &c->networks[i], want);
	for (size_t i = 0; i < c->subnet_count && !c->network_count; i++)
		want_range(s, SET_CLUSTER4, &c->subnets[i].prefix, want);
	for (size_t i = 0; i < c->address_count; i++)
		want_range(s, SET_NODES4, &c->addresses[i].prefix, want);
}

static void want_masquerade(const struct site *s, struct list *want)
{
	struct item it = { .kind = ITEM_TABLE,
			   .name = NODE_TABLE,
			   .value = masquerade_wanted(s, want) };

	if (!it.value || !*it.value)
		return;
	list_add(want, &it);
	want_elements(s, want);
}

static void want_forward(const struct site *s, struct list *want)
{
	const struct site_chain *c = s->chains.at;

	for (size_t i = 0; i < s->chains.count; i++) {
		struct item it = { .kind = ITEM_FORWARD, .name = c[i].text, .chain = &c[i] };

		it.value = c[i].needed ? forward_wanted(s, &c[i], want) : NULL;
		if (it.value && *it.value)
			list_add(want, &it);
	}
}

int want_build(const struct site *s, struct list *want, struct err *e)
{
	struct item config = { .kind = ITEM_CONFIG, .name = s->cluster->config };
	int r;

	want_sysctls(s, want);
	r = want_routes(s, want, e);
	if (r < 0)
		return r;
	want_masquerade(s, want);
	want_forward(s, want);
	config.value = config_text(s, want);
	list_add(want, &config);
	r = list_check(want, "what the cluster file asks for", e);
	if (r < 0)
		return r;
	items_sort(want);
	items_join(want);
	return 0;
}
