/* The pods' gateway: see gateway.h. */
#include "iface/gateway.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cni/result.h"
#include "iface/forward.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/neigh.h"
#include "net/nl.h"

static const char *noun(const struct link *l)
{
	return strcmp(l->kind, "bridge") == 0 ? "bridge" : "interface";
}

static bool is_gateway_of(const struct cni_result *ips, const struct prefix *p)
{
	for (size_t i = 0; i < ips->ip_count; i++) {
		if (addr_equal(&ips->ips[i].gateway, &p->addr) && ips->ips[i].address.len == p->len)
			return true;
	}
	return false;
}

#define STALE_MAX 16

struct address_walk {
	const struct prefix *wanted;
	const struct cni_result *ips;
	bool force;
	bool present;
	struct prefix stale[STALE_MAX];
	unsigned int stale_count;
	bool conflict;
	struct prefix other;
};

/*
 * A link can be the gateway of several subnets, also of one pod's: only an address of the wanted
 * one's subnet is in the way. With forceAddress every other of IPv4 is, as with the reference.
 * Link-local addresses are the kernel's own.
 */
static int compare_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct address_walk *w = arg;
	bool overlaps = prefix_overlaps(p, w->wanted);

	(void)index;
	if (prefix_equal(p, w->wanted)) {
		w->present = true;
	} else if (scope != RT_SCOPE_LINK && !is_gateway_of(w->ips, p)) {
		if (overlaps) {
			w->conflict = true;
			w->other = *p;
		}
		if ((overlaps || p->addr.family == AF_INET) && w->stale_count < STALE_MAX)
			w->stale[w->stale_count++] = *p;
	}
	return 0;
}

static int find_address(struct nl *nl, const struct link *l, struct address_walk *w, struct err *e)
{
	int r = ifaddr_each(nl, w->wanted->addr.family, l->index, compare_address, w, e);

	if (r < 0 || w->present || !w->conflict || w->force)
		return r;
	return err_code(e,
			err_set(e, EEXIST,
				"%s \"%s\" already has the address %s instead of %s "
				"(forceAddress is not set)",
				noun(l), l->name, prefix_text(&w->other), prefix_text(w->wanted)),
			CNI_ERR_EXISTS);
}

static int add_address(struct nl *nl, const struct link *l, const struct address_walk *w,
		       struct err *e)
{
	struct err local = { 0 };
	int r;

	for (unsigned int i = 0; w->force && i < w->stale_count; i++)
		ifaddr_del(nl, l->index, &w->stale[i]);
	ifaddr_add(nl, l->index, w->wanted);
	r = nl_commit(nl, NULL, &local);
	if (r == 0 || r == -EEXIST)
		return 0;
	*e = local;
	return err_ctx(e, r, "give %s \"%s\" the address %s", noun(l), l->name,
		       prefix_text(w->wanted));
}

static int ensure_address(struct nl *nl, const struct link *l, struct address_walk *w,
			  struct err *e)
{
	int r = 0;

	if (w->wanted->addr.family == AF_INET6)
		r = err_ctx(e, forward_allow_ipv6(l, e), "%s \"%s\"", noun(l), l->name);
	if (r == 0)
		r = find_address(nl, l, w, e);
	if (r == 0 && !w->present)
		r = add_address(nl, l, w, e);
	return r < 0 ? r : forward_enable(nl, l, w->wanted->addr.family, e);
}

static bool gateway_of(const struct cni_ip *ip, struct prefix *out)
{
	*out = (struct prefix){ .addr = ip->gateway, .len = ip->address.len };
	return addr_is_set(&out->addr);
}

static int find_conflicts(struct nl *nl, const struct link *l, bool force,
			  const struct cni_result *ips, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && ips->ip_count > 1 && i < ips->ip_count; i++) {
		struct prefix gw;
		struct address_walk w = { .wanted = &gw, .ips = ips, .force = force };

		if (gateway_of(&ips->ips[i], &gw))
			r = find_address(nl, l, &w, e);
	}
	return r;
}

int gateway_address(struct nl *nl, const struct link *l, bool force, const struct cni_result *ips,
		    struct err *e)
{
	int r = find_conflicts(nl, l, force, ips, e);

	for (size_t i = 0; r == 0 && i < ips->ip_count; i++) {
		struct prefix gw;
		struct address_walk w = { .wanted = &gw, .ips = ips, .force = force };

		if (gateway_of(&ips->ips[i], &gw))
			r = ensure_address(nl, l, &w, e);
	}
	return r;
}

int gateway_await(struct nl *nl, const struct link *l, const struct cni_result *ips, struct err *e)
{
	const struct ifaddr_await w = { .nl = nl, .ns = -1, .home = -1, .index = l->index };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ips->ip_count; i++)
		r = ifaddr_await(&w, &ips->ips[i].gateway, e);
	return r;
}

int gateway_forget(struct nl *nl, const struct link *l, const struct cni_result *ips, struct err *e)
{
	struct err local = { 0 };
	int r = 0;

	for (size_t i = 0; i < ips->ip_count; i++)
		neigh_del(nl, l->index, &ips->ips[i].address.addr);
	r = nl_commit(nl, NULL, &local);
	return r == 0 || r == -ENOENT ? 0 : err_take(e, &local);
}

static int check_one(struct nl *nl, const struct link *l, const struct cni_result *prev,
		     const struct prefix *gw, struct err *e)
{
	struct address_walk w = { .wanted = gw, .ips = prev };
	int r = ifaddr_each(nl, gw->addr.family, l->index, compare_address, &w, e);

	if (r == 0 && !w.present)
		r = err_set(e, ENOENT, "%s \"%s\" has lost the gateway's address %s", noun(l),
			    l->name, prefix_text(gw));
	return r < 0 ? r : forward_check(l, gw->addr.family, e);
}

int gateway_check(struct nl *nl, const struct link *l, const struct cni_result *prev, int iface,
		  struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < prev->ip_count; n++) {
		struct prefix gw;

		if (prev->ips[n].interface == iface && gateway_of(&prev->ips[n], &gw))
			r = check_one(nl, l, prev, &gw, e);
	}
	return r;
}
