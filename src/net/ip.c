/* Addresses and routes: requests and listings. */
#include "net/ip.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/await.h"
#include "net/nl.h"

static void put_ifaddr(struct nl *nl, const char *what, uint16_t type, uint16_t flags, int index,
		       const struct prefix *p)
{
	struct ifaddrmsg m = { .ifa_family = p->addr.family,
			       .ifa_prefixlen = p->len,
			       .ifa_index = (uint32_t)index };
	bool v4 = p->addr.family == AF_INET;

	if (v4 && p->addr.bytes[0] == 127)
		m.ifa_scope = RT_SCOPE_HOST;
	if (!v4)
		m.ifa_flags = IFA_F_NODAD;
	nl_request(nl, what, type, flags, &m, sizeof(m));
	nl_put_addr(nl, IFA_LOCAL, &p->addr);
	nl_put_addr(nl, IFA_ADDRESS, &p->addr);
}

void ifaddr_add(struct nl *nl, int index, const struct prefix *p)
{
	put_ifaddr(nl, "add address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, p);
	if (p->addr.family == AF_INET && p->len <= 30) {
		struct addr last = prefix_last(p);

		nl_put_addr(nl, IFA_BROADCAST, &last);
	}
}

/* The attribute replaces the header's flags. */
void ifaddr_add_alone(struct nl *nl, int index, const struct prefix *p)
{
	uint32_t flags = p->addr.family == AF_INET6 ? IFA_F_NODAD : 0;

	ifaddr_add(nl, index, p);
	nl_put_u32(nl, IFA_FLAGS, flags | IFA_F_NOPREFIXROUTE);
}

void ifaddr_add_dad(struct nl *nl, int index, const struct prefix *p)
{
	ifaddr_add(nl, index, p);
	if (p->addr.family == AF_INET6)
		nl_put_u32(nl, IFA_FLAGS, 0);
}

void ifaddr_del(struct nl *nl, int index, const struct prefix *p)
{
	put_ifaddr(nl, "delete address", RTM_DELADDR, 0, index, p);
}

struct ifaddr_walk {
	ifaddr_fn *fn;
	void *arg;
	uint8_t family;
	int index;
	uint32_t flags; /* of the address that fn is called with: IFA_F_* */
};

static int ifaddr_answer(const struct nlmsghdr *h, void *arg)
{
	struct ifaddr_walk *w = arg;
	const struct nlattr *a[IFA_FLAGS + 1];
	struct ifaddrmsg m;
	struct prefix p;

	if (h->nlmsg_type != RTM_NEWADDR || !nl_attrs(h, sizeof(m), a, IFA_FLAGS))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	/*
	 * A kernel without IPv6 answers with what it has; one before 4.20 does not look at the
	 * index.
	 */
	if (m.ifa_family != w->family || (w->index && m.ifa_index != (uint32_t)w->index))
		return 0;
	p.len = m.ifa_prefixlen;
	/* On point-to-point links IFA_ADDRESS is the other end. */
	if (!nl_addr(a[IFA_LOCAL] ? a[IFA_LOCAL] : a[IFA_ADDRESS], m.ifa_family, &p.addr))
		return 0;
	w->flags = a[IFA_FLAGS] ? nl_u32(a[IFA_FLAGS]) : m.ifa_flags;
	return w->fn((int)m.ifa_index, &p, m.ifa_scope, w->arg);
}

static int ifaddr_walk(struct nl *nl, struct ifaddr_walk *w, struct err *e)
{
	struct ifaddrmsg m = { .ifa_family = w->family, .ifa_index = (uint32_t)w->index };

	nl_request(nl, "list addresses", RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m));
	return nl_dump(nl, ifaddr_answer, NULL, w, e);
}

int ifaddr_each(struct nl *nl, uint8_t family, int index, ifaddr_fn *fn, void *arg, struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct ifaddr_walk w = { .fn = fn, .arg = arg, .index = index };
	int r = 0;

	for (size_t i = 0; i < sizeof(families) && r == 0; i++) {
		if (family && family != families[i])
			continue;
		w.family = families[i];
		r = ifaddr_walk(nl, &w, e);
	}
	return r;
}

#define READY_TIMEOUT_MS 10000 /* detection takes one to two seconds */

struct awaited {
	const struct ifaddr_await *w;
	const struct addr *addr;
	struct ifaddr_walk walk;
	bool found;
	uint32_t flags;
};

static int compare_awaited(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct awaited *a = arg;

	(void)index;
	(void)scope;
	if (!addr_equal(&p->addr, a->addr))
		return 0;
	a->found = true;
	a->flags = a->walk.flags;
	return 0;
}

static int is_undisputed(void *arg, struct err *e)
{
	struct awaited *a = arg;
	int r;

	a->walk = (struct ifaddr_walk){
		.fn = compare_awaited, .arg = a, .family = AF_INET6, .index = a->w->index
	};
	a->found = false;
	r = ifaddr_walk(a->w->nl, &a->walk, e);
	if (r < 0)
		return r;
	if (!a->found)
		return err_set(e, EADDRNOTAVAIL, "it has been taken away");
	if (a->flags & IFA_F_DADFAILED)
		return err_set(e, EADDRINUSE, "another machine of the link has it");
	return !(a->flags & IFA_F_TENTATIVE);
}

static int local_answer(const struct nlmsghdr *h, void *arg)
{
	struct rtmsg m;

	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	*(bool *)arg = m.rtm_type == RTN_LOCAL;
	return 0;
}

/* One that is not there any more never will be. */
static int is_local(void *arg, struct err *e)
{
	const struct awaited *a = arg;
	struct rtmsg m = { .rtm_family = AF_INET6, .rtm_dst_len = 128 };
	struct err mine = { 0 };
	bool local = false;
	int r;

	nl_request(a->w->nl, "find route", RTM_GETROUTE, 0, &m, sizeof(m));
	nl_put_addr(a->w->nl, RTA_DST, a->addr);
	if (a->w->vrf)
		nl_put_u32(a->w->nl, RTA_OIF, (uint32_t)a->w->vrf);
	r = nl_dump(a->w->nl, local_answer, NULL, &local, &mine);
	if (r < 0 && r != -ENETUNREACH && r != -EHOSTUNREACH)
		return err_take(e, &mine);
	if (r == 0 && local)
		return 1;
	r = is_undisputed(arg, e);
	return r < 0 ? r : 0;
}

int ifaddr_await(const struct ifaddr_await *w, const struct addr *addr, struct err *e)
{
	struct awaited arg = { .w = w, .addr = addr };
	struct await a = {
		.group = RTNLGRP_IPV6_IFADDR,
		.ns = w->ns,
		.home = w->home,
		.timeout_ms = READY_TIMEOUT_MS,
		.holds = is_undisputed,
		.arg = &arg,
	};
	char text[ADDR_TEXT];
	int r = 0;

	if (addr->family != AF_INET6)
		return 0;
	if (w->dad)
		r = await_state(&a, e);
	a.group = RTNLGRP_IPV6_ROUTE;
	a.holds = is_local;
	if (r == 0)
		r = await_state(&a, e);
	if (r == -ETIMEDOUT)
		err_set(e, ETIMEDOUT, "it cannot be used after %d s", READY_TIMEOUT_MS / 1000);
	return err_ctx(e, r, "address %s", addr_format(addr, text));
}

/* A deletion that names no scope means any (RT_SCOPE_NOWHERE). */
static uint8_t route_scope(const struct route *r, bool del)
{
	if (r->scope_set)
		return r->scope;
	if (del)
		return RT_SCOPE_NOWHERE;
	if (r->type == RTN_LOCAL)
		return RT_SCOPE_HOST;
	if (r->type && r->type != RTN_UNICAST)
		return RT_SCOPE_UNIVERSE;
	return addr_is_set(&r->via) ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
}

static void put_route_header(struct nl *nl, const char *what, uint16_t flags, const struct route *r)
{
	bool del = !(flags & NLM_F_CREATE);
	struct rtmsg m = {
		.rtm_family = r->dst.addr.family,
		.rtm_dst_len = r->dst.len,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = r->protocol || del ? r->protocol : RTPROT_BOOT,
		.rtm_scope = route_scope(r, del),
		.rtm_type = r->type || del ? r->type : RTN_UNICAST,
		.rtm_flags = r->onlink ? RTNH_F_ONLINK : 0,
	};

	nl_request(nl, what, del ? RTM_DELROUTE : RTM_NEWROUTE, flags, &m, sizeof(m));
	nl_put_u32(nl, RTA_TABLE, r->table ? r->table : RT_TABLE_MAIN);
}

static void put_route(struct nl *nl, const char *what, uint16_t flags, const struct route *r)
{
	/* The kernel refuses host bits in an IPv4 destination. */
	struct prefix dst = prefix_masked(&r->dst);

	put_route_header(nl, what, flags, r);
	if (dst.len > 0)
		nl_put_addr(nl, RTA_DST, &dst.addr);
	if (addr_is_set(&r->via))
		nl_put_addr(nl, RTA_GATEWAY, &r->via);
	if (addr_is_set(&r->src))
		nl_put_addr(nl, RTA_PREFSRC, &r->src);
	if (r->index)
		nl_put_u32(nl, RTA_OIF, (uint32_t)r->index);
	if (r->metric)
		nl_put_u32(nl, RTA_PRIORITY, r->metric);
	if (!r->mtu && !r->advmss)
		return;
	nl_nest (nl, RTA_METRICS) {
		if (r->mtu)
			nl_put_u32(nl, RTAX_MTU, r->mtu);
		if (r->advmss)
			nl_put_u32(nl, RTAX_ADVMSS, r->advmss);
	}
}

void route_add(struct nl *nl, const struct route *r)
{
	put_route(nl, "add route", NLM_F_CREATE | NLM_F_EXCL, r);
}

void route_replace(struct nl *nl, const struct route *r)
{
	put_route(nl, "replace route", NLM_F_CREATE | NLM_F_REPLACE, r);
}

void route_del(struct nl *nl, const struct route *r)
{
	put_route(nl, "delete route", 0, r);
}

struct route_walk {
	route_fn *fn;
	void *arg;
	uint8_t family;
	uint8_t protocol;
	uint32_t table;
};

static bool route_is_listed(const struct rtmsg *m)
{
	if (m->rtm_flags & RTM_F_CLONED)
		return false;
	return m->rtm_type == RTN_UNICAST || m->rtm_type == RTN_UNREACHABLE ||
	       m->rtm_type == RTN_BLACKHOLE || m->rtm_type == RTN_PROHIBIT;
}

static void read_route(const struct rtmsg *m, const struct nlattr **a, struct route *r)
{
	const struct nlattr *metrics[RTAX_ADVMSS + 1];

	memset(r, 0, sizeof(*r));
	r->dst.len = m->rtm_dst_len;
	if (!nl_addr(a[RTA_DST], m->rtm_family, &r->dst.addr))
		r->dst.addr.family = m->rtm_family;
	(void)nl_addr(a[RTA_GATEWAY], m->rtm_family, &r->via);
	(void)nl_addr(a[RTA_PREFSRC], m->rtm_family, &r->src);
	r->index = (int)nl_u32(a[RTA_OIF]);
	r->table = a[RTA_TABLE] ? nl_u32(a[RTA_TABLE]) : m->rtm_table;
	r->metric = nl_u32(a[RTA_PRIORITY]);
	(void)nl_attrs_nested(a[RTA_METRICS], metrics, RTAX_ADVMSS);
	r->mtu = nl_u32(metrics[RTAX_MTU]);
	r->advmss = nl_u32(metrics[RTAX_ADVMSS]);
	r->protocol = m->rtm_protocol;
	r->scope = m->rtm_scope;
	r->scope_set = true;
	r->type = m->rtm_type;
	r->onlink = (m->rtm_flags & RTNH_F_ONLINK) != 0;
}

static int route_answer(const struct nlmsghdr *h, void *arg)
{
	const struct route_walk *w = arg;
	const struct nlattr *a[RTA_TABLE + 1];
	struct rtmsg m;
	struct route r;

	if (h->nlmsg_type != RTM_NEWROUTE || !nl_attrs(h, sizeof(m), a, RTA_TABLE))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	if (m.rtm_family != w->family || (w->protocol && m.rtm_protocol != w->protocol) ||
	    !route_is_listed(&m))
		return 0;
	read_route(&m, a, &r);
	if (w->table && r.table != w->table)
		return 0;
	return w->fn(&r, w->arg);
}

static int route_walk(struct nl *nl, struct route_walk *w, struct err *e)
{
	struct rtmsg m = { .rtm_family = w->family, .rtm_protocol = w->protocol };
	struct err mine = { 0 };
	int r;

	nl_request(nl, "list routes", RTM_GETROUTE, NLM_F_DUMP, &m, sizeof(m));
	if (w->table)
		nl_put_u32(nl, RTA_TABLE, w->table);
	r = nl_dump(nl, route_answer, NULL, w, &mine);
	if (r >= 0)
		return r;
	/* The kernel's word for a table without routes; fn's own results pass with e as fn left it.
	 */
	if (r == -ENOENT && mine.errnum)
		return 0;
	return mine.errnum ? err_set(e, -r, "%s", mine.text) : r;
}

int route_each(struct nl *nl, uint8_t family, uint8_t protocol, uint32_t table, route_fn *fn,
	       void *arg, struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct route_walk w = { .fn = fn, .arg = arg, .protocol = protocol, .table = table };
	int r = 0;

	for (size_t i = 0; i < sizeof(families) && r == 0; i++) {
		if (family && family != families[i])
			continue;
		w.family = families[i];
		r = route_walk(nl, &w, e);
	}
	return r;
}
