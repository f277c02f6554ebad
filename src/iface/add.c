/*
 * ADD of an interface plugin: see iface.h.
 *
 * A step is a function, and an order a constant array of them. Whatever the moment of a SIGKILL,
 * DEL finds all of it by the attachment's names.
 */
#include "iface/iface.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cni/attachment.h"
#include "fw/ip_masq.h"
#include "fw/spoof.h"
#include "iface/host_end.h"
#include "iface/in_pod.h"
#include "iface/reaper.h"
#include "net/netns.h"

typedef int step_fn(struct iface *i, struct undo *u, struct err *e);

static void undo_lease(void *ctx)
{
	struct iface *i = ctx;
	struct err e = { 0 };

	if (ipam_del(&i->conf->ipam, i->req, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static void undo_schema(const struct iface *i, const struct fw_schema *s)
{
	struct err e = { 0 };

	if (fw_forget(s, &i->req->at, false, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static void undo_loan(struct iface *i)
{
	struct err e = { 0 };

	if (i->driver->release(i, true, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static void undo_masquerade(void *ctx)
{
	undo_schema(ctx, &masquerade);
}

static void undo_mac_check(void *ctx)
{
	undo_schema(ctx, &spoof);
}

static void undo_link(void *ctx)
{
	struct iface *i = ctx;
	struct nl *nl = i->driver->host_end ? &i->host : &i->pod.nl;
	struct err e = { 0 };
	struct link l;
	int r;

	if (i->driver->release) {
		undo_loan(i);
		return;
	}
	r = i->driver->host_end ? host_end_search(i, &l, &e) : in_pod_search(i, &l, &e);
	if (r > 0) {
		link_del(nl, l.index);
		r = nl_commit(nl, NULL, &e);
	}
	if (r < 0 && r != -ENODEV)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static void undo_pod(void *ctx)
{
	struct iface *i = ctx;
	struct err e = { 0 };

	if (pod_undo(&i->pod, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

/* The addresses are on our interface, whatever the IPAM plugin calls it. */
static int add_lease(struct iface *i, struct undo *u, struct err *e)
{
	int r = ipam_add(&i->conf->ipam, i->req, &i->ips, e);

	if (r < 0)
		return r;
	undo_push(u, undo_lease, i);
	if (i->conf->ipam.kind != IPAM_NONE && i->ips.ip_count == 0)
		return err_code(e, err_set(e, EINVAL, "the IPAM plugin gave no address"),
				CNI_ERR_CONFIG);
	for (size_t n = 0; n < i->ips.ip_count; n++)
		i->ips.ips[n].interface = -1;
	r = i->driver->complete ? i->driver->complete(i, e) : 0;
	if (r < 0)
		return r;
	return err_code(e, cni_result_fits(&i->ips, i->req->version, e), CNI_ERR_CONFIG);
}

static int add_host(struct iface *i, struct undo *u, struct err *e)
{
	return i->driver->host ? i->driver->host(i, u, e) : 0;
}

static int add_gateway(struct iface *i, struct undo *u, struct err *e)
{
	(void)u; /* stays, as what it is on */
	return i->driver->gateway ? i->driver->gateway(i, e) : 0;
}

static struct fw_owner owner_of(const struct iface *i)
{
	return (struct fw_owner){
		.at = &i->req->at,
		.data_dir = ipam_data_dir(&i->conf->ipam),
		.host_end = i->driver->host_end,
	};
}

static int add_masquerade(struct iface *i, struct undo *u, struct err *e)
{
	const struct fw_owner owner = owner_of(i);

	if (!i->conf->ip_masq || !i->ips.ip_count)
		return 0;
	undo_push(u, undo_masquerade, i); /* also when only the answer was lost */
	return masquerade_add(&owner, &i->ips, e);
}

/* Before the pod can send anything. */
static int add_mac_check(struct iface *i, struct undo *u, struct err *e)
{
	const struct fw_owner owner = owner_of(i);

	if (!i->conf->mac_check)
		return 0;
	undo_push(u, undo_mac_check, i);
	return spoof_add(&owner, i->host_name, i->mac, e);
}

static int add_link(struct iface *i, struct undo *u, struct err *e)
{
	int r;

	if (!i->conf->mac || !mac_parse(i->conf->mac, i->mac))
		mac_random(i->mac);
	r = i->driver->link(i, e);
	if (r != -EEXIST || i->driver->release)
		undo_push(u, undo_link, i); /* also when only the answer was lost */
	return r;
}

static int add_up(struct iface *i, struct undo *u, struct err *e)
{
	(void)u;
	return pod_link_up(&i->pod, i->req->at.ifname, e);
}

static int add_route(struct iface *i, struct undo *u, struct err *e)
{
	(void)u; /* goes with the link */
	return i->driver->route ? i->driver->route(i, e) : 0;
}

static struct pod_want want_of(const struct iface *i)
{
	return (struct pod_want){
		.ifname = i->req->at.ifname,
		.alias = i->driver->host_end || i->driver->release ? NULL : i->alias,
		.group = in_pod_group(i),
		.announce = i->driver->host_end || i->driver->on_wire,
		.fixed_mac = i->driver->fixed_mac,
		.dad = i->conf->dad,
		.down = i->conf->down,
		.by_gateway = i->driver->by_gateway,
		.r = &i->ips,
	};
}

static int add_pod_side(struct iface *i, struct undo *u, struct err *e)
{
	const struct pod_want want = want_of(i);

	undo_push(u, undo_pod, i); /* its interface goes with the link */
	return i->driver->configure ? i->driver->configure(i, &want, e)
				    : pod_configure(&i->pod, &want, e);
}

static int await_host(struct iface *i, struct undo *u, struct err *e)
{
	struct link end;

	(void)u; /* nothing is made */
	return i->driver->host_end && !i->conf->down ? link_await(&i->host, i->host_name, &end, e)
						     : 0;
}

static int await_pod(struct iface *i, struct undo *u, struct err *e)
{
	const struct pod_want want = want_of(i);
	int r = await_host(i, u, e);

	return r < 0 ? r : pod_ready(&i->pod, &want, e);
}

static int await_driver(struct iface *i, struct undo *u, struct err *e)
{
	(void)u;
	return i->driver->ready ? i->driver->ready(i, e) : 0;
}

/*
 * A full range is found out before anything is made, at no cost. A masquerade's record is believed
 * only while its owner has a host end (fw.h), so the link is there before. What the driver sets for
 * all pods, and nobody takes back, comes when nothing can be refused any more.
 */
static step_fn *const lease_first[] = {
	add_lease,    add_host,	 add_link,    add_mac_check, add_masquerade, add_route,
	add_pod_side, await_pod, add_gateway, await_driver,  NULL,
};
/* The IPAM plugin speaks through the pod's interface. */
static step_fn *const link_first[] = {
	add_host,    add_link,	     add_mac_check, add_up,	  await_host,
	add_lease,   add_masquerade, add_route,	    add_pod_side, await_pod,
	add_gateway, await_driver,   NULL,
};

static int run_steps(struct iface *i, struct undo *u, struct err *e)
{
	bool late = i->driver->link_first || ipam_needs_link(&i->conf->ipam);
	step_fn *const *step = late ? link_first : lease_first;
	int r = 0;

	for (; r >= 0 && *step; step++)
		r = (*step)(i, u, e);
	return r;
}

/* The order that clients know: what is on the host, the pod's interface. */
static int report(struct iface *i, struct cni_result *out, struct err *e)
{
	const struct cni_iface f = {
		.name = i->req->at.ifname,
		.mac = iface_mac_text(i, i->mac),
		.mtu = i->mtu,
		.sandbox = i->req->netns,
	};
	int r = i->driver->report ? i->driver->report(i, out, e) : 0;

	if (r >= 0)
		r = cni_result_add_iface(out, &f, e);
	for (size_t n = 0; n < i->ips.ip_count; n++)
		i->ips.ips[n].interface = r;
	for (size_t n = 0; r >= 0 && n < i->ips.ip_count; n++)
		r = cni_result_add_ip(out, &i->ips.ips[n], e);
	for (size_t n = 0; r >= 0 && n < i->ips.route_count; n++)
		r = cni_result_add_route(out, &i->ips.routes[n], e);
	if (r >= 0 && i->driver->report_behind)
		r = i->driver->report_behind(i, out, e);
	out->dns = i->req->dns.text ? i->req->dns : i->ips.dns;
	return r < 0 ? r : 0;
}

/* 1: its DEL has marked it, or nobody holds the namespace of its peer any more. */
static int is_leaving(struct iface *i, const struct link *end, struct err *e)
{
	int r;

	if (reaper_has(end))
		return 1;
	if (!end->peer_elsewhere || !attachment_owns(&i->req->at, end))
		return 0;
	r = end->peer_ns < 0 ? 0 : netns_lives(&i->host, end->peer_ns, e);
	return r < 0 ? r : !r;
}

/*
 * A host end of this attachment that is on its way out goes at once: the kernel takes its time with
 * dead namespaces. Else the attachment exists.
 */
static int check_host_name(struct iface *i, struct err *e)
{
	const struct cni_attachment *at = &i->req->at;
	struct link l;
	int r = link_find(&i->host, i->host_name, &l, e), leaving = 0;

	if (r > 0)
		leaving = is_leaving(i, &l, e);
	if (leaving < 0)
		return leaving;
	if (leaving) {
		r = reaper_del(&i->host, &l, e);
		if (r >= 0)
			r = link_find(&i->host, i->host_name, &l, e);
	}
	if (r <= 0)
		return r;
	r = err_set(e, EEXIST,
		    "container %.64s already has interface %s in network %.64s (%s on the host)",
		    at->container_id, at->ifname, at->network, i->host_name);
	return err_code(e, r, CNI_ERR_EXISTS);
}

/* What can be wrong, before anything changes. */
static int check_free(struct iface *i, struct err *e)
{
	int r = pod_open(&i->pod, &i->host, i->req, e);

	if (r == 0)
		r = pod_check_free(&i->pod, i->req->at.ifname, e);
	if (r == 0 && i->driver->host_end)
		r = check_host_name(i, e);
	return r == 0 && i->driver->inspect ? i->driver->inspect(i, e) : r;
}

/*
 * What stands in prevResult does not reach the result: such a plugin begins a chain, or takes the
 * place of what was before it, as the reference's does.
 */
int iface_add(const struct cni_request *req, const void *conf, struct cni_result *out,
	      struct undo *u, struct err *e)
{
	static struct cni_result prev;
	struct iface *i;
	int r = iface_open(&i, req, conf, e);

	if (req->prev_result.text) { /* else *out is empty, and its 20 KiB stay untouched */
		prev = *out;
		*out = (struct cni_result){ 0 };
		i->prev = &prev;
	}
	if (r == 0)
		r = check_free(i, e);
	if (r == 0)
		r = run_steps(i, u, e);
	if (r == 0)
		r = report(i, out, e);
	if (r < 0)
		return r;
	if (i->driver->release)
		return 0;
	return i->driver->host_end ? host_end_settle(i, e) : in_pod_settle(i, e);
}
