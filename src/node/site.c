/* This machine: see site.h. */
#include "node/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cluster/cluster.h"
#include "fw/foreign_chain.h"
#include "fw/fw.h"
#include "fw/schemas.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nl.h"
#include "net/sysctl.h"
#include "node/config_text.h"
#include "node/saved.h"
#include "node/tunnels.h"

#define ATTACHMENT_MARK "cnibox " /* an alias of a pod's host end begins so */

/* Link-local IPv6 addresses, one on every veth, are no node's. */
static int collect_addr(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct site_addr a = { .index = index, .prefix = *p };

	if (scope < RT_SCOPE_LINK || (scope == RT_SCOPE_LINK && p->addr.family == AF_INET))
		list_add(arg, &a);
	return 0;
}

/* No tap, veth or the like, which guests and pods hang on. */
static bool is_wired(const struct link *l)
{
	static const char *const kinds[] = { "", "bond", "team", "vlan" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(l->kind, kinds[i]) == 0)
			return !l->loopback;
	}
	return false;
}

/* A walk that began anew shows links twice; the last word on each counts. */
static int collect_link(const struct link *in, void *arg)
{
	struct site_link l = { .index = in->index,
			       .master = in->master,
			       .mtu = in->mtu,
			       .loopback = in->loopback,
			       .bridge = strcmp(in->kind, "bridge") == 0,
			       .wired = is_wired(in) };
	struct site *s = arg;
	struct list *links = &s->links;
	struct site_link *at = links->at;

	memcpy(l.name, in->name, sizeof(l.name));
	memcpy(l.alias, in->alias, sizeof(l.alias));
	for (size_t i = 0; i < BACKENDS; i++) {
		if (tunnel_name((enum cluster_backend)i) &&
		    strcmp(in->name, tunnel_name((enum cluster_backend)i)) == 0)
			s->tunnels[i].link = *in;
	}
	for (size_t i = 0; i < links->count; i++) {
		if (at[i].index == l.index) {
			at[i] = l;
			return 0;
		}
	}
	list_add(links, &l);
	return 0;
}

static struct site_link *find_index(struct site *s, int index)
{
	struct site_link *l = s->links.at;

	for (size_t i = 0; i < s->links.count; i++) {
		if (l[i].index == index)
			return &l[i];
	}
	return NULL;
}

/*
 * A bridge leads to routers only if a wire is one of its ports; one that pods and guests alone hang
 * on does not, nor does a host end of ours.
 */
static void count_ports(struct site *s)
{
	struct site_link *l = s->links.at, *master;

	for (size_t i = 0; i < s->links.count; i++)
		l[i].uplink = !l[i].loopback && !l[i].master && !l[i].bridge &&
			      !tunnel_has_link(s, l[i].index) &&
			      strncmp(l[i].alias, ATTACHMENT_MARK, strlen(ATTACHMENT_MARK)) != 0;
	for (size_t i = 0; i < s->links.count; i++) {
		master = l[i].master ? find_index(s, l[i].master) : NULL;
		if (!master)
			continue;
		master->ports++;
		master->uplink |= l[i].wired && !master->master;
	}
}

static int collect_ra_default(const struct route *r, void *arg)
{
	struct site_link *l = r->dst.len == 0 ? find_index(arg, r->index) : NULL;

	if (l)
		l->ra_default = true;
	return 0;
}

/* What does not exist, or is longer than a number, is "". */
static void read_number(const char *path, char out[static 4])
{
	if (sysctl_get(path, out, 4, err_ignored()) < 0)
		out[0] = '\0';
}

static void read_accept_ra(struct site *s)
{
	struct site_link *l = s->links.at;
	char path[SYSCTL_LINK_PATH];

	read_number("net/ipv6/conf/all/forwarding", s->forwarding6);
	for (size_t i = 0; i < s->links.count; i++) {
		if (!l[i].loopback && !l[i].master)
			read_number(sysctl_link_path("ipv6", l[i].name, "accept_ra", path),
				    l[i].accept_ra);
	}
}

/* Such a kernel can still route: the lack of nftables is told when a rule is wanted. */
static int read_chains(struct site *s, struct err *e)
{
	struct err mine = { 0 };
	int r = nl_is_open(s->nft) ? foreign_chains_read(s->nft, NODE_COMMENT, &s->chains, &mine)
				   : -EOPNOTSUPP;

	if (r != -EOPNOTSUPP)
		return r < 0 ? err_take(e, &mine) : 0;
	nl_close(s->nft);
	return 0;
}

static int read_recorded(struct site *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < fw_schema_count && r >= 0 && nl_is_open(s->nft); i++) {
		r = fw_has_records(fw_schemas[i], e);
		if (r > 0)
			list_add(&s->recorded, &fw_schemas[i]);
	}
	return r < 0 ? r : list_check(&s->recorded, "schemas", e);
}

int site_read(struct site *s, struct err *e)
{
	int r;

	list_init(&s->addrs, s->arena, sizeof(struct site_addr));
	list_init(&s->links, s->arena, sizeof(struct site_link));
	list_init(&s->saved, s->arena, sizeof(struct saved_sysctl));
	list_init(&s->chains, s->arena, sizeof(struct foreign_chain));
	list_init(&s->recorded, s->arena, sizeof(const struct fw_schema *));
	r = ifaddr_each(s->route, 0, 0, collect_addr, &s->addrs, e);
	if (r == 0)
		r = link_each(s->route, NULL, collect_link, s, e);
	if (r == 0)
		r = list_check(&s->addrs, "addresses", e);
	if (r == 0)
		r = list_check(&s->links, "links", e);
	if (r < 0)
		return r;
	count_ports(s);
	read_accept_ra(s);
	config_read(s);
	r = route_each(s->route, AF_INET6, RTPROT_RA, 0, collect_ra_default, s, e);
	if (r == 0)
		r = saved_read(&s->saved, e);
	if (r == 0)
		r = read_chains(s, e);
	return r < 0 ? r : read_recorded(s, e);
}

const struct site_link *site_find_link(const struct site *s, const char *name)
{
	const struct site_link *l = s->links.at;

	for (size_t i = 0; i < s->links.count; i++) {
		if (strcmp(l[i].name, name) == 0)
			return &l[i];
	}
	return NULL;
}

bool site_has_addr(const struct site *s, const struct addr *a)
{
	const struct site_addr *at = s->addrs.at;

	for (size_t i = 0; i < s->addrs.count; i++) {
		if (addr_equal(&at[i].prefix.addr, a))
			return true;
	}
	return false;
}

bool site_has_addr_of(const struct site *s, const struct node *n)
{
	for (size_t i = 0; i < n->address_count; i++) {
		if (site_has_addr(s, &n->addresses[i]))
			return true;
	}
	return false;
}

/* Another node than this one that has an address of this machine; NULL: none. */
static const struct node *find_by_addresses(const struct site *s, const struct node *but,
					    struct addr *which)
{
	const struct site_addr *at = s->addrs.at;

	for (size_t i = 0; i < s->addrs.count; i++) {
		const struct node *n = cluster_find_address(s->cluster, &at[i].prefix.addr);

		*which = at[i].prefix.addr;
		if (n && n != but)
			return n;
	}
	return NULL;
}

/* Whoever is wrong, a name or an address: nothing is done in another node's stead. */
static int check_identity(const struct site *s, const char *name, const char *host, struct err *e)
{
	const struct cluster *c = s->cluster;
	const struct node *named = cluster_find_name(c, host), *other;
	struct addr which;

	other = find_by_addresses(s, s->self, &which);
	if (other)
		return err_set(e, EINVAL,
			       "%s: %s of node %s is an address of this machine, which is to be "
			       "node %s",
			       cluster_key(c, other, KEY_ADDRESSES), addr_text(&which), other->name,
			       s->self->name);
	if (name && named && named != s->self && !site_has_addr_of(s, s->self))
		return err_set(e, EINVAL,
			       "%s: this machine is named as node %s is, and is to be node %s, of "
			       "which it has no address",
			       cluster_key(c, named, KEY_NAME), named->name, s->self->name);
	return 0;
}

static int validate_self(struct site *s, struct err *e)
{
	const char *key = cluster_key(s->cluster, s->self, KEY_SUBNETS);

	if (s->self->subnet_count > CLUSTER_OWN_SUBNETS_MAX)
		return err_set(e, EINVAL, "%s: %zu of node %s: at most %d are possible", key,
			       s->self->subnet_count, s->self->name, CLUSTER_OWN_SUBNETS_MAX);
	return 0;
}

/* -EINVAL: who it is about has been left out, or there is nobody at all. */
static int check_faults(const struct cluster *c, const char *name, struct err *e)
{
	const struct cluster_fault *f = c->faults.at;

	for (size_t i = 0; i < c->faults.count; i++) {
		if (f[i].name && strcmp(f[i].name, name) == 0)
			return err_set(e, EINVAL, "%s", f[i].why);
	}
	if (c->node_count)
		return 0;
	if (c->faults.count)
		return err_set(e, EINVAL, "no node is usable: %s", f->why);
	return err_set(e, EINVAL,
		       "%s: the list is empty: no cluster is described (did the command that wrote "
		       "it fail?)",
		       c->kubernetes ? "items" : "nodes");
}

int site_find_self(struct site *s, const char *name, struct err *e)
{
	const struct cluster *c = s->cluster;
	struct utsname host;
	struct addr which;
	int r;

	if (uname(&host) < 0)
		return err_errno(e, "this machine's name");
	s->self = cluster_find_name(c, name ? name : host.nodename);
	r = s->self ? 0 : check_faults(c, name ? name : host.nodename, e);
	if (r < 0)
		return r;
	if (!s->self && !name)
		s->self = find_by_addresses(s, NULL, &which);
	if (s->self) {
		r = check_identity(s, name, host.nodename, e);
		if (r == 0)
			r = validate_self(s, e);
		if (r == 0)
			tunnels_plan(s);
		return r;
	}
	return err_set(
		e, EINVAL, "%s: none is named \"%s\"%s", c->kubernetes ? "items" : "nodes",
		name ? name : host.nodename,
		name ? ""
		     : " as this machine is, and none has an address of it (--name says which)");
}
