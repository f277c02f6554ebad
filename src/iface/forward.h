/*
 * Forwarding on the node, and what its pods may tell it: per-interface sysctls of bridges and host
 * ends, and the one switch that the kernel has for all.
 *
 * IPv6: a pod's router advertisement must not reach the node's routes, nor its redirects; a link
 * that a pod hangs on accepts neither, whatever the node's defaults are.
 *
 * IPv4: the kernel forwards what comes in by a link whose own switch is on, too, and a new link has
 * the node's default. Else it needs nothing: a redirect counts only from the gateway of a route
 * that is there, and none goes by a pod; all.send_redirects and all.rp_filter win over any value of
 * a single link, and a strict rp_filter never drops what a pod sends from its own addresses.
 */
#ifndef IFACE_FORWARD_H
#define IFACE_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct link;
struct nl;

/*
 * A new link that a pod hangs on, before it is up: 1, or 0 when it has no IPv6 (a kernel without,
 * an MTU below 1280).
 */
int forward_guard_new(const char *name, struct err *e);

/* No IPv6 on a new link, before it is up. 0 or -errno. */
int forward_shut_ipv6_new(const char *name, struct err *e);

/* forward_guard_new() for a link that was there. */
bool forward_is_guarded(const struct link *l);
int forward_guard(const struct link *l, struct err *e);

/* IPv6 on the link, although the node's default is without. */
int forward_allow_ipv6(const struct link *l, struct err *e);

/*
 * Turn on forwarding for a family of what comes in by l. The kernel then drops the IPv6 routes that
 * came by router advertisement, but those of links with accept_ra=2: so the links that have such
 * routes, and accept_ra=1, get that first.
 */
int forward_enable(struct nl *nl, const struct link *l, uint8_t family, struct err *e);

/* CHECK: is it on? -EINVAL. */
int forward_check(const struct link *l, uint8_t family, struct err *e);

#endif
