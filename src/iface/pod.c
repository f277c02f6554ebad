/* The pod's side of an attachment: see pod.h. */
#include "iface/pod.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/pod_routes.h"
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

	for (size_t n = 0; pod_route(want, n, index, &rt); n++) {
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
	for (size_t n = 0; pod_route(want, n, l->index, &rt); n++)
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
