/* See tunnels.h. */
#include "node/tunnels.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "net/link.h"
#include "node/site.h"

#define MTU_DEFAULT 1500

/* What a packet grows by: outer IP header, UDP, the tunnel's own, and the inner Ethernet header. */
static const struct kind_of_tunnel {
	const char *name, *title, *kind;
	uint32_t overhead; /* over IPv4; IPv6 has a header of 20 bytes more */
} tunnels[BACKENDS] = {
	[BACKEND_VXLAN] = { "cnibox-vxlan", "VXLAN", "vxlan", 20 + 8 + 8 + 14 },
	[BACKEND_WIREGUARD] = { "cnibox-wg", "WireGuard", "wireguard", 20 + 8 + 32 },
};
#define IPV6_MORE 20

const char *tunnel_name(enum cluster_backend b)
{
	return tunnels[b].name;
}

const char *tunnel_title(enum cluster_backend b)
{
	return tunnels[b].title;
}

bool tunnel_owns(enum cluster_backend b, const struct link *l)
{
	return tunnels[b].kind && strcmp(l->kind, tunnels[b].kind) == 0;
}

bool tunnel_has_link(const struct site *s, int index)
{
	for (size_t i = 0; i < BACKENDS; i++) {
		if (s->tunnels[i].link.index == index && index)
			return true;
	}
	return false;
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

static enum cluster_backend backend_of(const struct site *s, const struct node *n)
{
	if (n == s->self && s->cluster->tunnels.given)
		return s->cluster->tunnels.backend;
	return node_tunnel(n)->backend ? node_tunnel(n)->backend : s->cluster->tunnels.backend;
}

static enum cluster_backend lower(enum cluster_backend a, enum cluster_backend b)
{
	return a < b ? a : b;
}

/* What it says of itself, else the first of the family. */
static bool outer_address(const struct node *n, uint8_t family, struct addr *out)
{
	const struct node_tunnel *t = node_tunnel(n);
	const struct addr *said = family == AF_INET ? &t->outer4 : &t->outer6;

	*out = *said;
	if (addr_is_set(said))
		return true;
	for (size_t i = 0; i < n->address_count; i++) {
		if (n->addresses[i].family == family) {
			*out = n->addresses[i];
			return true;
		}
	}
	return false;
}

void hop_find(const struct site *s, const struct node *n, uint8_t family, struct hop *out)
{
	enum cluster_backend both = lower(backend_of(s, s->self), backend_of(s, n));
	struct addr remote;

	*out = (struct hop){ .backend = BACKEND_DIRECT };
	out->index = next_hop(s, n, family, &out->via);
	if (out->index && (!s->cluster->tunnels.all || both == BACKEND_DIRECT))
		return;
	out->index = 0;
	out->encrypted = both == BACKEND_WIREGUARD;
	out->keyless = out->encrypted && !node_tunnel(n)->has_key;
	out->backend = both != BACKEND_DIRECT && tunnel_has_peer(s, both, n, &remote)
			       ? both
			       : BACKEND_UNSET;
}

/* In one of the families of its pods, at least. */
static bool is_off_link(const struct site *s, const struct node *n)
{
	struct addr via = { 0 };

	for (size_t i = 0; i < n->subnet_count; i++) {
		if (s->cluster->tunnels.all || !next_hop(s, n, n->subnets[i].addr.family, &via))
			return true;
	}
	return false;
}

/* Has either of two nodes that need a tunnel this one? Then packets may come by it. */
static bool is_used(const struct site *s, enum cluster_backend b)
{
	const struct cluster *c = s->cluster;

	for (size_t i = 0; i < c->node_count; i++) {
		const struct node *n = &c->nodes[i];

		if (n != s->self && is_off_link(s, n) &&
		    lower(backend_of(s, s->self), backend_of(s, n)) == b)
			return true;
	}
	return false;
}

static bool is_given(const struct site *s, enum cluster_backend b)
{
	return b == BACKEND_VXLAN ? s->cluster->tunnels.vni != 0 : node_tunnel(s->self)->has_key;
}

static uint32_t link_mtu(const struct site *s, int index)
{
	const struct site_link *l = s->links.at;

	for (size_t i = 0; i < s->links.count; i++) {
		if (l[i].index == index && l[i].mtu)
			return l[i].mtu;
	}
	return MTU_DEFAULT;
}

/* Our outer address, and the MTU of its link; false: this machine has none of the node's. */
static bool outer_end(const struct site *s, struct addr *local, uint32_t *mtu)
{
	const struct site_addr *at = s->addrs.at;

	for (size_t i = 0; i < s->self->address_count; i++) {
		for (size_t k = 0; k < s->addrs.count; k++) {
			if (!addr_equal(&at[k].prefix.addr, &s->self->addresses[i]))
				continue;
			*local = s->self->addresses[i];
			*mtu = link_mtu(s, at[k].index);
			return true;
		}
	}
	return false;
}

static bool same_vxlan(const struct link_vxlan *x, const struct link_vxlan *y)
{
	return x->vni == y->vni && x->port == y->port && x->learning == y->learning &&
	       addr_equal(&x->local, &y->local);
}

struct link_vxlan tunnel_vxlan(const struct site *s)
{
	const struct cluster_tunnels *t = &s->cluster->tunnels;

	return (struct link_vxlan){ .vni = t->vni ? (uint32_t)t->vni : CLUSTER_VNI,
				    .port = (uint16_t)t->vxlan_port,
				    .local = s->tunnels[BACKEND_VXLAN].local };
}

/* With another MAC, whose change would take all neighbours with it, it is made anew, too. */
static bool is_fit(const struct site *s, enum cluster_backend b)
{
	const struct link *l = &s->tunnels[b].link;
	struct link_vxlan v = tunnel_vxlan(s);
	uint8_t mac[6];

	if (!l->index || !tunnel_owns(b, l))
		return false;
	node_mac(s->self, mac);
	return b != BACKEND_VXLAN ||
	       (same_vxlan(&l->vxlan, &v) && memcmp(l->mac, mac, sizeof(mac)) == 0);
}

static void plan(struct site *s, enum cluster_backend b)
{
	struct site_tunnel *t = &s->tunnels[b];
	uint32_t mtu = 0, overhead = tunnels[b].overhead;

	t->wanted = tunnels[b].name && s->self->subnet_count && (is_used(s, b) || is_given(s, b)) &&
		    outer_end(s, &t->local, &mtu);
	if (!t->wanted)
		return;
	overhead += t->local.family == AF_INET6 ? IPV6_MORE : 0;
	t->mtu = mtu > overhead ? mtu - overhead : 0;
	t->index = is_fit(s, b) ? t->link.index : 0;
}

void tunnels_plan(struct site *s)
{
	for (size_t i = 0; i < BACKENDS; i++)
		plan(s, (enum cluster_backend)i);
}

bool tunnel_has_peer(const struct site *s, enum cluster_backend b, const struct node *n,
		     struct addr *remote)
{
	return s->tunnels[b].wanted && n != s->self && n->subnet_count &&
	       (b != BACKEND_WIREGUARD || node_tunnel(n)->has_key) &&
	       outer_address(n, s->tunnels[b].local.family, remote);
}

struct addr tunnel_inner(const struct prefix *subnet)
{
	return prefix_first(subnet);
}

int64_t tunnels_pod_mtu(const struct site *s)
{
	int64_t mtu = s->cluster->mtu;

	for (size_t i = 0; i < BACKENDS && !s->cluster->mtu; i++) {
		if (s->tunnels[i].wanted && (!mtu || s->tunnels[i].mtu < mtu))
			mtu = s->tunnels[i].mtu;
	}
	return mtu;
}

int tunnel_find_index(const struct site *s, enum cluster_backend b, int *out, struct err *e)
{
	struct link l;
	int r;

	*out = s->tunnels[b].index;
	if (*out || !s->tunnels[b].wanted)
		return 0;
	r = link_find(s->route, tunnel_name(b), &l, e);
	if (r == 0)
		return err_set(e, ENODEV, "link %s has been taken away", tunnel_name(b));
	*out = r > 0 ? l.index : 0;
	return r < 0 ? r : 0;
}
