/*
 * Addresses and routes of a namespace. Follows net/ipv4/devinet.c, fib_frontend.c,
 * net/ipv6/addrconf.c, route.c.
 *
 * Functions without a result only write their request into the batch; nl_commit() sends it.
 */
#ifndef NET_IP_H
#define NET_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct err;
struct nl;

/*
 * Add prefix to the link. IPv4 gets its broadcast address from /30 down; IPv6 is added with
 * IFA_F_NODAD, because duplicate address detection would cost one to two seconds. Adding what is
 * there is -EEXIST.
 */
void ifaddr_add(struct nl *nl, int index, const struct prefix *p);
/* The same without a route to the rest of its subnet (IFA_F_NOPREFIXROUTE). */
void ifaddr_add_alone(struct nl *nl, int index, const struct prefix *p);
/* As ifaddr_add(), with duplicate address detection where the family has it (ifaddr_await()). */
void ifaddr_add_dad(struct nl *nl, int index, const struct prefix *p);
void ifaddr_del(struct nl *nl, int index, const struct prefix *p);

/*
 * fn for each address of the link (index 0: of all links; -ENODEV when there is none such) and
 * family (0: both). Interruption as link_each().
 */
typedef int ifaddr_fn(int index, const struct prefix *p, uint8_t scope, void *arg);
int ifaddr_each(struct nl *nl, uint8_t family, int index, ifaddr_fn *fn, void *arg, struct err *e);

/*
 * Wait until packets to an address of the link arrive: IPv6 enters its local route, and ends the
 * detection of duplicates, in deferred work (addrconf_dad_work()). nl is a socket of the namespace
 * ns (home is the way back); both -1: of this one. -EADDRINUSE: another has the address. IPv4 and
 * none are 0 at once.
 */
struct ifaddr_await {
	struct nl *nl;
	int ns, home;
	int index;
	int vrf;  /* index of the VRF that the link is in, 0: none */
	bool dad; /* it was added by ifaddr_add_dad() */
};
int ifaddr_await(const struct ifaddr_await *w, const struct addr *a, struct err *e);

struct route {
	struct prefix dst; /* len 0: the default route of its family */
	struct addr via;   /* none: on link */
	struct addr src;   /* preferred source; none: kernel's choice */
	int index;	   /* outgoing link; 0: the kernel finds it by via */
	uint32_t table;	   /* 0: main */
	uint32_t metric;   /* 0: kernel default */
	uint32_t mtu;	   /* 0: none */
	uint32_t advmss;   /* 0: none */
	uint8_t protocol;  /* RTPROT_*; 0: RTPROT_BOOT */
	uint8_t scope;	   /* RT_SCOPE_*; used as given when scope_set, else link without via and
			      universe with (RTN_LOCAL: host; unreachable and its kin: universe) */
	bool scope_set;
	uint8_t type; /* RTN_*; 0: RTN_UNICAST */
	bool onlink;  /* RTNH_F_ONLINK: via need not be covered by an address */
};

/* Add exclusively: what is there (same dst, metric, table) is -EEXIST. */
void route_add(struct nl *nl, const struct route *r);
/* Add or replace the route of the same dst, metric and table. */
void route_replace(struct nl *nl, const struct route *r);
/*
 * Delete the first route that matches; protocol, type, metric, scope, via and index match anything
 * where not given.
 */
void route_del(struct nl *nl, const struct route *r);

/*
 * fn for each unicast, unreachable, blackhole or prohibit route of the family (0: both) with this
 * protocol (0: any) and table (0: any). Interruption as link_each().
 */
typedef int route_fn(const struct route *r, void *arg);
int route_each(struct nl *nl, uint8_t family, uint8_t protocol, uint32_t table, route_fn *fn,
	       void *arg, struct err *e);

#endif
