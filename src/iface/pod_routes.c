/* The routes of a pod: see pod_routes.h. */
#include "iface/pod_routes.h"

#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "iface/pod.h"

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

bool pod_route(const struct pod_want *want, size_t n, int index, struct route *out)
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
