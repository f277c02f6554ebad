/* Into a VRF and out of it: see vrf_move.h. */
#include "iface/vrf_move.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/link.h"
#include "net/nl.h"

/* Link-local addresses are the kernel's own. */
static int collect_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct vrf_move *m = arg;

	(void)index;
	if (scope == RT_SCOPE_LINK)
		return 0;
	if (m->addr_count == CNI_IPS_MAX)
		return err_set(m->e, E2BIG, "more than %d IPv6 addresses", CNI_IPS_MAX);
	m->addrs[m->addr_count++].prefix = *p;
	return 0;
}

static int collect_route(const struct route *r, void *arg)
{
	struct vrf_move *m = arg;

	if (r->table < VRF_TABLES_MAX)
		m->used[r->table] = true;
	if (r->index != m->index)
		return 0;
	if (r->protocol == RTPROT_KERNEL) {
		if (m->subnet_count < CNI_IPS_MAX)
			m->subnets[m->subnet_count++] = r->dst;
		return 0;
	}
	if (m->route_count == CNI_ROUTES_MAX)
		return err_set(m->e, E2BIG, "more than %d routes", CNI_ROUTES_MAX);
	m->routes[m->route_count++] = *r;
	return 0;
}

static bool is_alone(const struct vrf_move *m, const struct prefix *address)
{
	const struct prefix subnet = prefix_masked(address);

	for (size_t n = 0; n < m->subnet_count; n++) {
		if (prefix_equal(&m->subnets[n], &subnet))
			return false;
	}
	return true;
}

int vrf_move_read(struct vrf_move *m, struct pod *pod, int index, struct err *e)
{
	int r;

	m->pod = pod;
	m->index = index;
	m->e = e;
	r = ifaddr_each(&pod->nl, AF_INET6, index, collect_address, m, e);
	if (r == 0)
		r = route_each(&pod->nl, 0, 0, 0, collect_route, m, e);
	for (size_t n = 0; n < m->addr_count; n++)
		m->addrs[n].alone = is_alone(m, &m->addrs[n].prefix);
	return r;
}

/* 0 also when it is there: the kernel keeps addresses that it is told to (keep_addr_on_down). */
static int commit_missing(struct nl *nl, struct err *e)
{
	struct err local = { 0 };
	int r = nl_commit(nl, NULL, &local);

	return r < 0 && r != -EEXIST ? err_take(e, &local) : 0;
}

static int put_addresses(struct vrf_move *m, struct err *e)
{
	struct nl *nl = &m->pod->nl;
	int r = 0;

	for (size_t n = 0; r == 0 && n < m->addr_count; n++) {
		if (m->addrs[n].alone)
			ifaddr_add_alone(nl, m->index, &m->addrs[n].prefix);
		else
			ifaddr_add(nl, m->index, &m->addrs[n].prefix);
		r = commit_missing(nl, e);
	}
	return r;
}

/* What is on link first: the others' next hops are found by it. */
static int put_routes(struct vrf_move *m, uint32_t table, struct err *e)
{
	struct nl *nl = &m->pod->nl;

	for (int by_hop = 0; by_hop < 2; by_hop++) {
		for (size_t n = 0; n < m->route_count; n++) {
			struct route moved = m->routes[n];

			if (addr_is_set(&moved.via) != by_hop)
				continue;
			if (moved.table == RT_TABLE_MAIN && table)
				moved.table = table;
			route_replace(nl, &moved);
		}
	}
	return nl_commit(nl, NULL, e);
}

static int await_addresses(struct vrf_move *m, int vrf, struct err *e)
{
	const struct ifaddr_await w = {
		.nl = &m->pod->nl,
		.ns = m->pod->ns,
		.home = m->pod->home,
		.index = m->index,
		.vrf = vrf,
	};
	int r = 0;

	for (size_t n = 0; r == 0 && n < m->addr_count; n++)
		r = ifaddr_await(&w, &m->addrs[n].prefix.addr, e);
	return r;
}

int vrf_move_apply(struct vrf_move *m, int vrf, uint32_t table, struct err *e)
{
	int r;

	link_set_master(&m->pod->nl, m->index, vrf);
	r = nl_commit(&m->pod->nl, NULL, e);
	if (r == 0)
		r = put_addresses(m, e);
	if (r == 0)
		r = put_routes(m, table, e);
	return r < 0 ? r : await_addresses(m, vrf, e);
}
