/* Forwarding, and guarding against what pods say: see forward.h. */
#include "iface/forward.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/bridge_host.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nl.h"
#include "net/sysctl.h"

#define UPLINKS_MAX 16
#define FORWARDING4 "net/ipv4/ip_forward"
#define FORWARDING6 "net/ipv6/conf/all/forwarding"

static const char *const guards[] = { "accept_ra", "autoconf", "accept_redirects" };
#define GUARDS (sizeof(guards) / sizeof(guards[0]))

static int set_ipv6(const char *name, const char *key, const char *value, struct err *e)
{
	char path[SYSCTL_LINK_PATH];

	return sysctl_write(sysctl_link_path("ipv6", name, key, path), value, e);
}

int forward_guard_new(const char *name, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < GUARDS; i++) {
		struct err local = { 0 };

		r = set_ipv6(name, guards[i], "0", &local);
		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return err_take(e, &local);
	}
	return 1;
}

int forward_shut_ipv6_new(const char *name, struct err *e)
{
	return set_ipv6(name, "disable_ipv6", "1", e);
}

bool forward_is_guarded(const struct link *l)
{
	const struct link_ipv6 *c = &l->ipv6;

	return !c->known || (!c->accept_ra && !c->autoconf && !c->accept_redirects);
}

int forward_guard(const struct link *l, struct err *e)
{
	const bool open[GUARDS] = { l->ipv6.accept_ra != 0, l->ipv6.autoconf,
				    l->ipv6.accept_redirects };
	int r = 0;

	for (size_t i = 0; r == 0 && i < GUARDS; i++)
		r = open[i] ? set_ipv6(l->name, guards[i], "0", e) : 0;
	return r;
}

int forward_allow_ipv6(const struct link *l, struct err *e)
{
	return l->ipv6.disabled ? set_ipv6(l->name, "disable_ipv6", "0", e) : 0;
}

/* The links with routes by router advertisement. */
struct uplinks {
	int index[UPLINKS_MAX];
	size_t count;
};

static int collect_uplink(const struct route *r, void *arg)
{
	struct uplinks *u = arg;

	for (size_t i = 0; i < u->count; i++) {
		if (u->index[i] == r->index)
			return 0;
	}
	if (r->index && u->count < UPLINKS_MAX)
		u->index[u->count++] = r->index;
	return 0;
}

/* What came by a pod's own link is nothing to keep. */
static int keep_uplink(struct nl *nl, int index, struct err *e)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;
	struct link l;
	int r = link_find_index(nl, index, &l, e);

	if (r <= 0 || l.ipv6.accept_ra != 1 || strcmp(l.alias, BRIDGE_ALIAS) == 0 ||
	    attachment_parse(l.alias, buf, &at))
		return r < 0 ? r : 0;
	return set_ipv6(l.name, "accept_ra", "2", e);
}

static int forward_ipv6(struct nl *nl, struct err *e)
{
	struct uplinks u = { .count = 0 };
	char now[8];
	int r = sysctl_get(FORWARDING6, now, sizeof(now), e);

	if (r < 0 || strcmp(now, "0") != 0)
		return r;
	r = route_each(nl, AF_INET6, RTPROT_RA, 0, collect_uplink, &u, e);
	for (size_t i = 0; r == 0 && i < u.count; i++)
		r = keep_uplink(nl, u.index[i], e);
	return r < 0 ? r : sysctl_write(FORWARDING6, "1", e);
}

/* The switch for all turns on those of the links when it changes, and only then. */
static int forward_ipv4(const struct link *l, struct err *e)
{
	char path[SYSCTL_LINK_PATH];
	int r = sysctl_set(FORWARDING4, "1", e);

	if (r == 0 && l->no_forwarding)
		r = sysctl_write(sysctl_link_path("ipv4", l->name, "forwarding", path), "1", e);
	return r < 0 ? r : 0;
}

int forward_enable(struct nl *nl, const struct link *l, uint8_t family, struct err *e)
{
	return family == AF_INET6 ? forward_ipv6(nl, e) : forward_ipv4(l, e);
}

int forward_check(const struct link *l, uint8_t family, struct err *e)
{
	const char *path = family == AF_INET6 ? FORWARDING6 : FORWARDING4;
	char value[16];
	int r = sysctl_get(path, value, sizeof(value), e);

	if (r == 0 && strcmp(value, "0") == 0)
		r = err_set(e, EINVAL, "%s is 0: nothing is forwarded", path);
	else if (r == 0 && family == AF_INET && l->no_forwarding)
		r = err_set(e, EINVAL,
			    "net/ipv4/conf/%s/forwarding is 0: nothing of it is forwarded",
			    l->name);
	return r;
}
