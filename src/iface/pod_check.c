/* CHECK of the pod's side: see pod.h. */
#include "iface/pod.h"

#include <errno.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/device.h"
#include "iface/pod_routes.h"

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

	for (size_t n = 0; res == 0 && pod_route(want, n, l->index, &wanted); n++) {
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
