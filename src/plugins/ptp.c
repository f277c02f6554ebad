/*
 * ptp: a veth pair between the pod and the host, routed, without a bridge. The keys are the
 * reference plugin's.
 *
 * Nothing but the gateway is on link for the pod: the rest of its subnet is reached by it, too. The
 * gateway's address is on the host's end, and the host has a route to each address of the pod.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "iface/forward.h"
#include "iface/host_end.h"
#include "iface/iface.h"
#include "net/ip.h"

struct conf {
	struct iface_conf iface;
};

static const struct json_field fields[] = {
	IFACE_KEY_IP_MASQ("translate what leaves the pod's subnet to the node's address"),
	IFACE_KEY_MASQ_BACKEND,
	IFACE_KEY_MTU("of both ends; default: the kernel's"),
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static int complete(struct iface *i, struct err *e)
{
	(void)e;
	iface_complete_gateways(i);
	return 0;
}

/* The host forwards what the pod sends. */
static int forward(struct iface *i, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < i->ips.ip_count; n++)
		r = forward_enable(&i->host, &i->end, i->ips.ips[n].gateway.family, e);
	return r;
}

/* What an IPAM plugin will say that needs the interface first may be any. */
static bool is_ipv4_alone(const struct cni_result *r)
{
	for (size_t n = 0; n < r->ip_count; n++) {
		if (r->ips[n].address.addr.family != AF_INET)
			return false;
	}
	return r->ip_count > 0;
}

/*
 * A host end that IPv4 alone goes by has no IPv6: each would have an address of its own and four
 * routes, and the kernel walks those of all host ends when one gets its carrier
 * (rt6_sync_down_dev()).
 */
static int make_link(struct iface *i, struct err *e)
{
	struct host_end *h = i->state;

	h->ipv6_off = is_ipv4_alone(&i->ips);
	return host_end_add(i, h, e);
}

static struct prefix alone(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = (uint8_t)addr_bits(a) };
}

static struct route route_to(const struct cni_ip *ip, int index)
{
	return (struct route){
		.dst = alone(&ip->address.addr),
		.index = index,
		.scope = RT_SCOPE_HOST,
		.scope_set = ip->address.addr.family == AF_INET,
	};
}

/* Addresses of a pod may share their gateway. */
static bool is_first_of_gateway(const struct cni_result *r, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		if (addr_equal(&r->ips[k].gateway, &r->ips[n].gateway))
			return false;
	}
	return true;
}

static int route(struct iface *i, struct err *e)
{
	int r = host_end_find(i, &i->end, e);

	/* The node's default may be without IPv6. */
	if (r > 0 && !is_ipv4_alone(&i->ips))
		r = forward_allow_ipv6(&i->end, e);
	if (r < 0)
		return r;
	for (size_t n = 0; n < i->ips.ip_count; n++) {
		const struct prefix gateway = alone(&i->ips.ips[n].gateway);
		const struct route to_pod = route_to(&i->ips.ips[n], i->end.index);

		if (is_first_of_gateway(&i->ips, n))
			ifaddr_add(&i->host, i->end.index, &gateway);
		route_add(&i->host, &to_pod);
	}
	return err_ctx(e, nl_commit(&i->host, NULL, e), "host end %s", i->host_name);
}

static int report(struct iface *i, struct cni_result *out, struct err *e)
{
	return host_end_report(i, i->state, out, e);
}

struct search {
	struct route wanted;
	bool found;
};

static int compare_route(const struct route *r, void *arg)
{
	struct search *s = arg;

	s->found |= r->index == s->wanted.index && prefix_equal(&r->dst, &s->wanted.dst);
	return 0;
}

static int check_route(struct iface *i, const struct cni_ip *ip, const struct link *end,
		       struct err *e)
{
	struct search s = { .wanted = route_to(ip, end->index) };
	int r = route_each(&i->host, ip->address.addr.family, 0, RT_TABLE_MAIN, compare_route, &s,
			   e);

	if (r == 0 && !s.found)
		r = err_set(e, ENOENT, "the host has lost its route to %s by %s",
			    prefix_text(&s.wanted.dst), end->name);
	return r;
}

static int compare_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct search *s = arg;

	(void)index;
	(void)scope;
	s->found |= addr_equal(&p->addr, &s->wanted.dst.addr);
	return 0;
}

static int check_gateway(struct iface *i, const struct addr *gateway, struct err *e)
{
	struct search s = { .wanted.dst.addr = *gateway };
	int r = ifaddr_each(&i->host, gateway->family, i->end.index, compare_address, &s, e);

	if (r == 0 && !s.found)
		r = err_set(e, ENOENT, "host end %s has lost the gateway's address %s", i->end.name,
			    addr_text(gateway));
	return r < 0 ? r : forward_check(&i->end, gateway->family, e);
}

static int check(struct iface *i, const struct cni_result *prev, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < prev->ip_count; n++) {
		if (prev->ips[n].interface != i->in_prev)
			continue;
		r = check_gateway(i, &prev->ips[n].gateway, e);
		if (r == 0)
			r = check_route(i, &prev->ips[n], &i->end, e);
	}
	return err_code(e, r, CNI_ERR_DIFFERS);
}

static int adopt(struct iface *i, const struct link *end, struct err *e)
{
	(void)i;
	(void)e;
	return !end->master;
}

static const struct iface_driver driver = {
	.host_end = true,
	.ipam_required = true,
	.by_gateway = true,
	.state_size = sizeof(struct host_end),
	.complete = complete,
	.gateway = forward,
	.link = make_link,
	.route = route,
	.report = report,
	.adopt = adopt,
	.check = check,
};

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;

	return iface_prepare(req, &c->iface, e);
}

const struct cni_plugin ptp_plugin = {
	.name = "ptp",
	.summary = "a routed link between the container and this node, without a bridge",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.capabilities = { "ipRanges", "ips", "mac" },
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	IFACE_PLUGIN(driver),
};
