/* DEL, CHECK, GC and STATUS of a pod on a bridge: see bridged.h. */
#include "iface/bridged.h"

#include <errno.h>
#include <string.h>

#include "cni/attachment.h"
#include "iface/bridge_host.h"
#include "attach/masq.h"
#include "iface/pod.h"
#include "iface/reaper.h"
#include "base/err.h"
#include "base/log.h"
#include "net/nl.h"

static char host_buf[65536]; /* marks REAPER_MAX links */

/* DEL and GC try every step; what they report is the first real error. */
static int first_error(struct err *e, int r, struct err *step, int step_r)
{
	if (step_r >= 0)
		return r;
	if (r < 0) {
		log_line(LOG_WARN, "%s", step->text);
		return r;
	}
	*e = *step;
	return step_r;
}

/* One DEL, step by step; each reports into its own error, so that all are tried. */
struct del {
	const struct bridged *b;
	const struct cni_request *req;
	struct nl nl;
	struct addr addrs[CNI_IPS_MAX]; /* the pod's, as far as the lease knows */
	size_t addr_count;
	bool masq_gone;
	bool reaped; /* another's DEL has taken the link, if it did not vanish with its namespace */
};

/* Who reaps looks after the empty table as well; all of a crowd would get into each other's way. */
static int del_masq(struct del *d, struct err *e)
{
	int r = d->reaped && d->addr_count ? masq_has(d->addrs, d->addr_count, e) : 1;

	if (r > 0)
		r = d->masq_gone ? 0 : masq_del(&d->req->at, d->addrs, d->addr_count, e);
	d->masq_gone = r == 0;
	return r;
}

/*
 * In a crowd also for networks with ipMasq when this one is without. What fails is tried again by
 * del_network().
 */
static int del_masq_first(char (*names)[IF_NAMESIZE], size_t count, void *arg)
{
	struct del *d = arg;

	if (count == 1)
		return d->b->ip_masq ? del_masq(d, err_ignored()) : 0;
	d->masq_gone = masq_del_links(names, count, err_ignored()) == 0;
	return d->masq_gone ? 0 : -EIO;
}

/*
 * The pod may have been attached by the reference plugin before cnibox was installed. Its host end
 * has no alias of ours; it is the peer of the pod's interface and a port of our bridge. Anything
 * else in the pod is not ours: an ADD that failed because the interface existed is followed by a
 * DEL, too.
 */
static int del_foreign(struct del *d, struct err *e)
{
	const struct cni_request *req = d->req;
	static struct pod pod;
	struct link in_pod, host, bridge;
	int r;

	if (!*req->netns || pod_open(&pod, req->netns, err_ignored()) < 0)
		return 0;
	r = link_find(&pod.nl, req->at.ifname, &in_pod, e);
	pod_close(&pod);
	if (r <= 0 || strcmp(in_pod.kind, "veth") != 0 || !in_pod.peer)
		return r < 0 ? r : 0;
	r = link_find_index(&d->nl, in_pod.peer, &host, e);
	if (r > 0)
		r = link_find(&d->nl, d->b->bridge, &bridge, e);
	if (r <= 0 || strcmp(host.kind, "veth") != 0 || host.peer != in_pod.index ||
	    host.master != bridge.index || host.alias[0])
		return r < 0 ? r : 0;
	return reaper_del(&d->nl, host.name, NULL, NULL, e);
}

static int del_link(struct del *d, struct err *e)
{
	const struct cni_attachment *at = &d->req->at;
	char name[IF_NAMESIZE];
	struct link l;
	int r = link_find(&d->nl, attachment_host_name(at, name), &l, e);

	if (r < 0)
		return r;
	if (r == 0 || !attachment_owns(at, &l))
		return del_foreign(d, e);
	r = reaper_del(&d->nl, name, del_masq_first, d, e);
	d->reaped = r == 0;
	return r;
}

static int del_network(struct del *d, struct err *e)
{
	struct err step = { 0 };
	int r = 0, count = 0;

	if (d->b->ip_masq)
		count = ipam_addresses(&d->b->ipam, d->req, d->addrs, CNI_IPS_MAX, &step);
	d->addr_count = count > 0 ? (size_t)count : 0;
	r = first_error(e, 0, &step, count);
	err_clear(&step);
	r = first_error(e, r, &step, del_link(d, &step));
	err_clear(&step);
	return d->b->ip_masq ? first_error(e, r, &step, del_masq(d, &step)) : r;
}

/*
 * The lease goes last: it is the memory of the address until everything that has the address is
 * gone.
 */
int bridged_del(const struct bridged *b, const struct cni_request *req, struct err *e)
{
	static struct del del;
	int r;

	del = (struct del){ .b = b, .req = req };
	r = nl_open(&del.nl, NETLINK_ROUTE, host_buf, sizeof(host_buf), e);
	if (r < 0)
		return r;
	r = del_network(&del, e);
	bridge_host_sweep(&del.nl, b->bridge);
	nl_close(&del.nl);
	return r < 0 ? r : ipam_del(&b->ipam, req, e);
}

static const struct cni_iface *pod_iface(const struct cni_request *req,
					 const struct cni_result *prev, int *index)
{
	for (size_t i = 0; i < prev->iface_count; i++) {
		if (prev->ifaces[i].sandbox && strcmp(prev->ifaces[i].name, req->at.ifname) == 0) {
			*index = (int)i;
			return &prev->ifaces[i];
		}
	}
	return NULL;
}

static int check_host(const struct bridged *b, const struct cni_request *req, struct err *e)
{
	char name[IF_NAMESIZE];
	struct link bridge, host;
	struct nl nl;
	int r = nl_open(&nl, NETLINK_ROUTE, host_buf, sizeof(host_buf), e);

	if (r < 0)
		return r;
	r = link_find(&nl, b->bridge, &bridge, e);
	if (r == 0 || (r > 0 && strcmp(bridge.kind, "bridge") != 0))
		r = err_set(e, ENODEV, "bridge \"%s\" is not there", b->bridge);
	if (r > 0)
		r = link_find(&nl, attachment_host_name(&req->at, name), &host, e);
	if (r == 0)
		r = err_set(e, ENODEV, "host end %s of the attachment is not there", name);
	else if (r > 0 && host.master != bridge.index)
		r = err_set(e, EINVAL, "host end %s is not in bridge \"%s\"", name, b->bridge);
	else if (r > 0 && !host.up)
		r = err_set(e, ENETDOWN, "host end %s is down", name);
	nl_close(&nl);
	return err_code(e, r < 0 ? r : 0, CNI_ERR_DIFFERS);
}

int bridged_check(const struct bridged *b, const struct cni_request *req,
		  const struct cni_result *prev, struct err *e)
{
	static struct pod pod;
	const struct cni_iface *iface;
	int index = -1, r = check_host(b, req, e);

	iface = pod_iface(req, prev, &index);
	if (r == 0 && !iface)
		r = err_code(e,
			     err_set(e, EINVAL,
				     "prevResult.interfaces: no interface \"%s\" in a sandbox",
				     req->at.ifname),
			     CNI_ERR_CONFIG);
	if (r == 0)
		r = pod_open(&pod, req->netns, e);
	if (r == 0)
		r = pod_verify(&pod, req->at.ifname, iface->mac, index, prev, e);
	if (r == 0 && b->ip_masq)
		r = masq_check(prev, e);
	return r < 0 ? r : ipam_check(&b->ipam, req, e);
}

#define GC_PASSES 64

struct gc_walk {
	const struct cni_request *req;
	char names[REAPER_MAX][IF_NAMESIZE];
	size_t count;
};

static bool is_stale(const struct cni_request *req, const struct link *l)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;

	if (!attachment_parse(l->alias, buf, &at))
		return attachment_orphaned(l);
	return strcmp(at.network, req->at.network) == 0 &&
	       !cni_is_valid(req, at.container_id, at.ifname);
}

/* Marked in the second step: the walk must not write into the socket that it reads from. */
static int see_link(const struct link *l, void *arg)
{
	struct gc_walk *w = arg;

	if (w->count < REAPER_MAX && is_stale(w->req, l))
		memcpy(w->names[w->count++], l->name, IF_NAMESIZE);
	return 0;
}

/* Until there is none: of a pass some may be left, when one has vanished by itself. */
static int gc_links(const struct cni_request *req, struct err *e)
{
	static struct gc_walk w;
	struct nl nl;
	int passes = 0, r = nl_open(&nl, NETLINK_ROUTE, host_buf, sizeof(host_buf), e);

	if (r < 0)
		return r;
	w.req = req;
	do {
		w.count = 0;
		r = link_each(&nl, "veth", see_link, &w, e);
		if (r >= 0 && w.count)
			r = reaper_collect(&nl, w.names, w.count, e);
	} while (r >= 0 && w.count && passes++ < GC_PASSES);
	nl_close(&nl);
	return r < 0 ? r : 0;
}

int bridged_gc(const struct bridged *b, const struct cni_request *req, struct err *e)
{
	struct err step = { 0 };
	int r = first_error(e, 0, &step, masq_gc(req, &step));

	err_clear(&step);
	r = first_error(e, r, &step, gc_links(req, &step));
	err_clear(&step);
	return first_error(e, r, &step, ipam_gc(&b->ipam, req, &step));
}

/* A link of the bridge's name that is no bridge makes every ADD fail. */
int bridged_status(const struct bridged *b, const struct cni_request *req, struct err *e)
{
	struct link l;
	struct nl nl;
	int r = nl_open(&nl, NETLINK_ROUTE, host_buf, sizeof(host_buf), e);

	if (r == 0) {
		r = link_find(&nl, b->bridge, &l, e);
		nl_close(&nl);
	}
	if (r > 0 && strcmp(l.kind, "bridge") != 0)
		r = err_set(e, EEXIST, "bridge \"%s\": a link of this name exists and is no bridge",
			    b->bridge);
	if (r < 0)
		return err_code(e, r, CNI_ERR_NOT_AVAILABLE);
	return ipam_status(&b->ipam, req, e);
}
