/* The pod's side of an attachment: see pod.h. */
#include "iface/pod.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/device.h"
#include "net/neigh.h"
#include "net/netns.h"
#include "net/sysctl.h"

#define LOOPBACK_IPV6_OFF "net/ipv6/conf/lo/disable_ipv6"

int pod_open(struct pod *p, const struct nl *host, const struct cni_request *req, struct err *e)
{
	int r;

	p->ns = netns_open(req->netns, e);
	if (p->ns < 0)
		return err_code(e, err_ctx(e, p->ns, "CNI_NETNS"), CNI_ERR_ENVIRONMENT);
	p->home = host ? netns_open_of(host, e) : netns_open_self(e);
	if (p->home < 0)
		return p->home;
	if (netns_same(p->ns, p->home) && !req->netns_override) {
		r = err_set(e, EINVAL, "CNI_NETNS \"%.200s\" is the host's own network namespace",
			    req->netns);
		return err_code(e, r, CNI_ERR_ENVIRONMENT);
	}
	return nl_open_in(&p->nl, p->ns, p->home, NETLINK_ROUTE, p->buf, sizeof(p->buf), e);
}

int pod_open_left(struct pod *p, const struct nl *host, const struct cni_request *req,
		  struct err *e)
{
	struct err local = { 0 };
	int r;

	if (!*req->netns)
		return 0;
	r = pod_open(p, host, req, &local);
	if (r < 0 && netns_is_none(-r))
		return 0;
	return r < 0 ? err_take(e, &local) : 1;
}

void pod_close(struct pod *p)
{
	nl_close(&p->nl);
	close(p->ns);
	close(p->home);
}

int pod_is_peer(const struct pod *p, struct nl *host, const struct link *end,
		const struct link *in_pod, struct err *e)
{
	int id, r;

	if (end->peer != in_pod->index || strcmp(end->kind, "veth") != 0 ||
	    strcmp(in_pod->kind, "veth") != 0)
		return 0;
	if (netns_same(p->ns, p->home))
		return !end->peer_elsewhere;
	if (!end->peer_elsewhere)
		return 0;
	r = netns_id(host, p->ns, &id, e);
	return r < 0 ? r : id >= 0 && id == end->peer_ns;
}

int pod_check_free(struct pod *p, const char *ifname, struct err *e)
{
	struct link l;
	int r = link_find(&p->nl, ifname, &l, e);

	if (r <= 0)
		return r;
	r = err_set(e, EEXIST, "CNI_IFNAME \"%s\" already exists in the pod (%s)", ifname,
		    l.kind[0] ? l.kind : "hardware");
	return err_code(e, r, CNI_ERR_EXISTS);
}

static struct addr gateway_of(const struct cni_result *r, uint8_t family)
{
	for (size_t i = 0; i < r->ip_count; i++) {
		if (r->ips[i].address.addr.family == family && addr_is_set(&r->ips[i].gateway))
			return r->ips[i].gateway;
	}
	return (struct addr){ 0 };
}

static struct route kernel_route(const struct cni_result *r, const struct cni_route *rt, int index)
{
	struct route out = {
		.dst = prefix_masked(&rt->dst),
		.via = rt->gw,
		.index = index,
		.table = (uint32_t)rt->table,
		.metric = (uint32_t)rt->priority,
		.mtu = (uint32_t)rt->mtu,
		.advmss = (uint32_t)rt->advmss,
	};

	if (rt->scope >= 0) {
		out.scope = (uint8_t)rt->scope;
		out.scope_set = true;
	}
	/* What is on link has no gateway, unless it is given one: that is the kernel's to judge. */
	if (!addr_is_set(&out.via) && rt->scope != RT_SCOPE_LINK)
		out.via = gateway_of(r, rt->dst.addr.family);
	return out;
}

/*
 * As the reference's ptp: the gateway is on link, and the rest of the subnet is reached by it. Both
 * leave with the address.
 */
static struct route gateway_route(const struct cni_ip *ip, bool to_gateway, int index)
{
	struct route out = { .src = ip->address.addr, .index = index };

	if (to_gateway) {
		out.dst.addr = ip->gateway;
		out.dst.len = (uint8_t)addr_bits(&ip->gateway);
	} else {
		out.dst = prefix_masked(&ip->address);
		out.via = ip->gateway;
	}
	return out;
}

/* The nth route that is wanted; false behind the last. */
static bool wanted_route(const struct pod_want *want, size_t n, int index, struct route *out)
{
	const struct cni_result *r = want->r;
	size_t own = want->by_gateway ? 2 * r->ip_count : 0;

	if (n < own)
		*out = gateway_route(&r->ips[n / 2], n % 2 == 0, index);
	else if (n - own < r->route_count)
		*out = kernel_route(r, &r->routes[n - own], index);
	else
		return false;
	return true;
}

static bool has_family(const struct cni_result *r, uint8_t family)
{
	for (size_t i = 0; i < r->ip_count; i++) {
		if (r->ips[i].address.addr.family == family)
			return true;
	}
	return false;
}

static int set_of_link(const struct link *l, const char *family, const char *key, const char *value,
		       struct err *e)
{
	char path[SYSCTL_LINK_PATH];

	return sysctl_write(sysctl_link_path(family, l->name, key, path), value, e);
}

/* By netlink: neigh_notify() says what a file of each namespace would cost. */
static int loopback_has_ipv6(struct pod *p, struct err *e)
{
	struct link lo;
	int r = link_find(&p->nl, "lo", &lo, e);

	return r <= 0 ? r : lo.ipv6.known && !lo.ipv6.disabled;
}

/*
 * A node that disables IPv6 by default refuses IPv6 addresses in new pods as well, until told
 * otherwise for the interface; and a pod that has IPv6 reaches itself by ::1.
 */
static int allow_ipv6(struct pod *p, const struct link *l, struct err *e)
{
	int r = l->ipv6.disabled || !l->ipv6.known ? set_of_link(l, "ipv6", "disable_ipv6", "0", e)
						   : 0;

	if (r == 0)
		r = loopback_has_ipv6(p, e);
	if (r)
		return r < 0 ? r : 0;
	r = sysctl_write(LOOPBACK_IPV6_OFF, "0", e);
	p->loopback_opened = r == 0;
	return r;
}

static int set_ipv6_sysctls(struct pod *p, const struct link *l, const struct pod_want *want,
			    struct err *e)
{
	int r = err_ctx(e, allow_ipv6(p, l, e), "IPv6 in the pod");

	if (r == 0 && want->announce)
		r = set_of_link(l, "ipv6", NEIGH_NOTIFY_IPV6, "1", e);
	return r;
}

static int prepare_link(struct pod *p, const struct link *l, const struct pod_want *want,
			struct err *e)
{
	int r;

	if (!has_family(want->r, AF_INET6))
		return 0;
	r = netns_enter(p->ns, e);
	if (r == 0)
		r = set_ipv6_sysctls(p, l, want, e);
	return netns_enter(p->home, e) < 0 ? -e->errnum : r;
}

int pod_undo(struct pod *p, struct err *e)
{
	int r;

	if (!p->loopback_opened)
		return 0;
	r = netns_enter(p->ns, e);
	if (r == 0)
		r = sysctl_write(LOOPBACK_IPV6_OFF, "1", e);
	return netns_enter(p->home, e) < 0 ? -e->errnum : r;
}

/*
 * One by one; of equal routes the first wins, as with the reference: a pod's second interface
 * brings a second default route.
 */
static int add_missing_routes(struct pod *p, const struct pod_want *want, int index, struct err *e)
{
	struct route rt;

	for (size_t n = 0; wanted_route(want, n, index, &rt); n++) {
		struct err local = { 0 };
		int r;

		route_add(&p->nl, &rt);
		r = nl_commit(&p->nl, NULL, &local);
		if (r < 0 && r != -EEXIST) {
			*e = local;
			return r;
		}
	}
	return 0;
}

static void put_addresses(struct pod *p, const struct pod_want *want, uint8_t family, int index)
{
	for (size_t i = 0; i < want->r->ip_count; i++) {
		const struct prefix *address = &want->r->ips[i].address;

		if (address->addr.family != family)
			continue;
		if (want->by_gateway)
			ifaddr_add_alone(&p->nl, index, address);
		else if (want->dad)
			ifaddr_add_dad(&p->nl, index, address);
		else
			ifaddr_add(&p->nl, index, address);
	}
}

static int configure_link(struct pod *p, const struct link *l, const struct pod_want *want,
			  struct err *e)
{
	struct err local = { 0 };
	unsigned int failed = 0, first_route;
	struct route rt;
	int r;

	if (want->alias)
		link_set_alias(&p->nl, l->index, want->alias, want->group);
	if (want->announce && has_family(want->r, AF_INET))
		neigh_notify(&p->nl, l->index);
	link_up(&p->nl, 1);
	if (want->fixed_mac && l->up) /* for its IPAM plugin */
		link_down(&p->nl, l->index);
	if (want->fixed_mac)
		put_addresses(p, want, AF_INET, l->index);
	if (!want->down)
		link_up(&p->nl, l->index);
	if (!want->fixed_mac)
		put_addresses(p, want, AF_INET, l->index);
	put_addresses(p, want, AF_INET6, l->index);
	first_route = nl_count(&p->nl);
	for (size_t n = 0; wanted_route(want, n, l->index, &rt); n++)
		route_add(&p->nl, &rt);
	r = nl_commit(&p->nl, &failed, &local);
	if (r == -EEXIST && failed >= first_route)
		return add_missing_routes(p, want, l->index, e);
	if (r < 0)
		*e = local;
	return r;
}

/* An ADD has made it a moment ago. */
static int find_own(struct pod *p, const char *ifname, struct link *l, struct err *e)
{
	int r = link_find(&p->nl, ifname, l, e);

	return r == 0 ? err_set(e, ENODEV, "interface %s has vanished from the pod", ifname) : r;
}

int pod_configure(struct pod *p, const struct pod_want *want, struct err *e)
{
	struct link l;
	int r = find_own(p, want->ifname, &l, e);

	if (r > 0)
		r = prepare_link(p, &l, want, e);
	if (r == 0)
		r = configure_link(p, &l, want, e);
	p->index = l.index;
	memcpy(p->mac, l.mac, sizeof(p->mac));
	return err_ctx(e, r, "configure %s in the pod", want->ifname);
}

/* Each by itself: one that is not there does not keep the others. */
void pod_deconfigure(struct pod *p, const struct pod_want *want)
{
	link_down(&p->nl, p->index);
	(void)nl_commit(&p->nl, NULL, err_ignored());
	for (size_t n = 0; n < want->r->ip_count; n++) {
		ifaddr_del(&p->nl, p->index, &want->r->ips[n].address);
		(void)nl_commit(&p->nl, NULL, err_ignored());
	}
}

int pod_ready(struct pod *p, const struct pod_want *want, struct err *e)
{
	const struct ifaddr_await w = {
		.nl = &p->nl, .ns = p->ns, .home = p->home, .index = p->index, .dad = want->dad
	};
	int r = 0;

	for (size_t n = 0; r == 0 && n < want->r->ip_count; n++)
		r = ifaddr_await(&w, &want->r->ips[n].address.addr, e);
	if (r == 0 && want->announce && !want->fixed_mac && want->r->ip_count) {
		neigh_announce(&p->nl, p->index, p->mac);
		r = nl_commit(&p->nl, NULL, e);
	}
	return err_ctx(e, r, "%s in the pod", want->ifname);
}

int pod_link_up(struct pod *p, const char *ifname, struct err *e)
{
	struct link l;
	int r = find_own(p, ifname, &l, e);

	if (r > 0) {
		link_up(&p->nl, l.index);
		r = nl_commit(&p->nl, NULL, e);
	}
	return err_ctx(e, r, "%s in the pod", ifname);
}

int pod_loopback_up(struct pod *p, ifaddr_fn *fn, void *arg, struct err *e)
{
	int r;

	link_up(&p->nl, 1);
	r = nl_commit(&p->nl, NULL, e);
	if (r == 0)
		r = ifaddr_each(&p->nl, 0, 1, fn, arg, e);
	return err_ctx(e, r, "loopback in the pod");
}

struct match {
	const struct prefix *wanted;
	const struct route *route;
	int other; /* a link that has the same route: the first won */
	bool found;
};

static int match_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct match *s = arg;

	(void)index;
	(void)scope;
	s->found = s->found || prefix_equal(p, s->wanted);
	return 0;
}

/* What was not asked for may be as it likes; IPv6 has no scopes of routes. */
static bool has_options(const struct route *r, const struct route *wanted)
{
	return (!wanted->mtu || r->mtu == wanted->mtu) &&
	       (!wanted->advmss || r->advmss == wanted->advmss) &&
	       (!wanted->scope_set || r->dst.addr.family == AF_INET6 || r->scope == wanted->scope);
}

static int match_route(const struct route *r, void *arg)
{
	struct match *s = arg;
	const struct route *wanted = s->route;

	if (!prefix_equal(&r->dst, &wanted->dst) || (wanted->metric && r->metric != wanted->metric))
		return 0;
	if (r->index != wanted->index)
		s->other = r->index;
	else if (addr_equal(&r->via, &wanted->via) && has_options(r, wanted))
		s->found = true;
	return 0;
}

static int verify_addresses(struct pod *p, const struct link *l, int iface,
			    const struct cni_result *r, struct err *e)
{
	int res = 0;

	for (size_t i = 0; res == 0 && i < r->ip_count; i++) {
		struct match s = { .wanted = &r->ips[i].address };

		if (r->ips[i].interface != iface)
			continue;
		res = ifaddr_each(&p->nl, s.wanted->addr.family, l->index, match_address, &s, e);
		if (res == 0 && !s.found)
			res = err_code(e,
				       err_set(e, ENOENT,
					       "interface %s in the pod has lost its address %s",
					       l->name, prefix_text(s.wanted)),
				       CNI_ERR_DIFFERS);
	}
	return res;
}

/* In a chain others may have added addresses that this interface has not. */
static bool route_is_of(const struct pod_want *want, size_t n, int iface)
{
	const struct cni_result *r = want->r;

	if (!want->by_gateway || n >= 2 * r->ip_count)
		return true;
	return r->ips[n / 2].interface == iface && addr_is_set(&r->ips[n / 2].gateway);
}

/*
 * Of equal routes of two attachments the first stands (add_missing_routes()). Such a link leads out
 * of the pod, is a device of the node, or has our alias; one that the pod has made for itself is
 * none of these.
 */
static int is_attached(struct pod *p, int index, bool *out, struct err *e)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;
	struct link l;
	int r = link_find_index(&p->nl, index, &l, e);

	*out = r > 0 &&
	       (l.peer_elsewhere || attachment_parse(l.alias, buf, &at) || device_is_lent(&l));
	return r < 0 ? r : 0;
}

static int verify_routes(struct pod *p, const struct link *l, int iface,
			 const struct pod_want *want, struct err *e)
{
	struct route wanted;
	int res = 0;

	for (size_t n = 0; res == 0 && wanted_route(want, n, l->index, &wanted); n++) {
		struct match s = { .route = &wanted };

		if (!route_is_of(want, n, iface))
			continue;
		/* Where no table is asked for it may be in any: sbr moves routes. */
		res = route_each(&p->nl, wanted.dst.addr.family, 0, wanted.table, match_route, &s,
				 e);
		if (res == 0 && !s.found && s.other)
			res = is_attached(p, s.other, &s.found, e);
		if (res == 0 && !s.found)
			res = err_code(e,
				       err_set(e, ENOENT, "the pod has lost its route to %s",
					       prefix_text(&wanted.dst)),
				       CNI_ERR_DIFFERS);
	}
	return res;
}

int pod_verify(struct pod *p, const struct pod_want *want, int iface, struct err *e)
{
	const char *mac = want->r->ifaces[iface].mac, *ifname = want->ifname;
	char text[MAC_TEXT];
	struct link l;
	int res = link_find(&p->nl, ifname, &l, e);

	if (res < 0)
		return res;
	if (res == 0)
		res = err_set(e, ENODEV, "interface %s is not in the pod", ifname);
	else if (l.up == want->down)
		res = err_set(e, ENETDOWN, "interface %s in the pod is %s", ifname,
			      l.up ? "up" : "down");
	else if (mac && *mac && strcasecmp(mac, mac_format(l.mac, text)) != 0)
		res = err_set(e, EINVAL, "interface %s in the pod has the MAC %s instead of %s",
			      ifname, text, mac);
	else if (want->mtu && l.mtu != want->mtu)
		res = err_set(e, EINVAL, "interface %s in the pod has the MTU %u instead of %u",
			      ifname, l.mtu, want->mtu);
	else
		res = 0;
	if (res < 0)
		return err_code(e, res, CNI_ERR_DIFFERS);
	res = verify_addresses(p, &l, iface, want->r, e);
	return res < 0 ? res : verify_routes(p, &l, iface, want, e);
}
