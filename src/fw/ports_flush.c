/* Wrong connections: see ports_flush.h. */
#include "fw/ports_flush.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/log.h"
#include "fw/fw_private.h"
#include "net/conntrack.h"
#include "net/ip.h"
#include "net/nl.h"

#define LOCALS_MAX 512

struct flush {
	const struct port_flow *flows;
	size_t count;
	bool gone;
	struct addr local[LOCALS_MAX]; /* addresses of the node */
	size_t locals;
	bool any; /* more than have room: every address counts as one */
};

static int collect_local(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct flush *f = arg;

	(void)index;
	(void)scope;
	if (f->locals < LOCALS_MAX)
		f->local[f->locals++] = p->addr;
	else
		f->any = true;
	return 0;
}

static void read_locals(struct flush *f)
{
	static char buf[1024];
	static struct nl nl;

	f->locals = 0;
	f->any = false;
	if (nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), err_ignored()) < 0)
		return;
	if (ifaddr_each(&nl, 0, 0, collect_local, f, err_ignored()) < 0)
		f->any = true;
	nl_close(&nl);
}

static bool is_local(const struct flush *f, const struct addr *a)
{
	static const struct prefix loopback = { { AF_INET, { 127 } }, 8 };

	for (size_t i = 0; i < f->locals; i++) {
		if (addr_cmp(&f->local[i], a) == 0)
			return true;
	}
	return f->any || prefix_contains(&loopback, a);
}

/* A connection that only passes through the node has the same port by chance. */
static bool comes_to(const struct flush *f, const struct port_flow *p, const struct conntrack *c)
{
	if (c->proto != p->proto || c->dport != p->port)
		return false;
	return p->address.family ? addr_cmp(&c->dst, &p->address) == 0 : is_local(f, &c->dst);
}

static bool is_wrong(const struct conntrack *c, void *arg)
{
	const struct flush *f = arg;

	for (size_t i = 0; i < f->count; i++) {
		const struct port_flow *p = &f->flows[i];
		bool to_pod =
			addr_cmp(&c->reply_src, &p->pod) == 0 && c->reply_sport == p->pod_port;

		if (p->pod.family != c->dst.family)
			continue;
		if (f->gone ? to_pod && c->proto == p->proto && c->dport == p->port
			    : !to_pod && comes_to(f, p, c))
			return true;
	}
	return false;
}

static bool has_family(const struct flush *f, uint8_t family)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->flows[i].pod.family == family)
			return true;
	}
	return false;
}

/*
 * What one pattern says of a flow. A new one that takes any address of the node has none: those
 * that only pass through have its port, too.
 */
static bool pattern_of(const struct flush *f, const struct port_flow *p, struct conntrack *out)
{
	*out = (struct conntrack){ .proto = p->proto, .dport = p->port };
	if (f->gone) {
		out->reply_src = p->pod;
		out->reply_sport = p->pod_port;
		return true;
	}
	out->dst = p->address;
	return p->address.family != 0;
}

/* -EOPNOTSUPP: they are to be walked through. */
static int flush_by_pattern(struct nl *nl, const struct flush *f, uint8_t family, struct err *e)
{
	struct conntrack like;
	int r = f->count > CONNTRACK_FLUSHES ? -EOPNOTSUPP : 0;

	for (size_t i = 0; r == 0 && i < f->count; i++) {
		if (f->flows[i].pod.family != family)
			continue;
		r = pattern_of(f, &f->flows[i], &like) ? conntrack_flush(nl, family, &like, e)
						       : -EOPNOTSUPP;
	}
	return r;
}

static int flush_family(struct flush *f, uint8_t family, struct err *e)
{
	struct nl *nl;
	int r = fw_open(&nl, e);

	if (r == 0)
		r = flush_by_pattern(nl, f, family, e);
	if (r != -EOPNOTSUPP)
		return r;
	err_clear(e);
	if (!f->gone)
		read_locals(f);
	return conntrack_forget(nl, family, is_wrong, f, e);
}

void ports_flush(const struct port_flow *flows, size_t count, bool gone)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	static struct flush f;
	struct err e = { 0 };
	int r = 0;

	f.flows = flows;
	f.count = count;
	f.gone = gone;
	for (size_t i = 0; r >= 0 && i < sizeof(families); i++) {
		if (has_family(&f, families[i]))
			r = flush_family(&f, families[i], &e);
	}
	if (r < 0)
		log_line(LOG_WARN, "UDP connections of before a port mapping may last: %s", e.text);
}
