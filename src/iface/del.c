/*
 * DEL and GC of an interface plugin: see iface.h. From names alone; every step is tried, and what
 * is reported is the first real error.
 */
#include "iface/iface.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cni/attachment.h"
#include "fw/ip_masq.h"
#include "fw/reference.h"
#include "fw/spoof.h"
#include "iface/host_end.h"
#include "iface/in_pod.h"
#include "iface/reaper.h"
#include "iface/stale.h"

/* The first of a command's errors; the others are logged. */
static int first_error(struct err *e, int r, struct err *step, int step_r)
{
	if (step_r < 0 && r < 0)
		log_line(LOG_WARN, "%s", step->text);
	else if (step_r < 0)
		*e = *step;
	err_clear(step);
	return r < 0 || step_r >= 0 ? r : step_r;
}

struct del {
	struct iface *i;
	bool masq_gone;
	bool own;    /* its host end has our name */
	bool reaped; /* another's DEL has taken the link, if it did not vanish with its namespace */
};

/*
 * Whatever the configuration says by now. Without a record there is nothing, but if records were
 * lost; another's DEL that reaped has looked for that.
 */
static int del_masquerade(struct del *d, struct err *e)
{
	bool search = d->i->conf->ip_masq && !d->reaped;
	int r = d->masq_gone ? 0 : fw_forget(&masquerade, &d->i->req->at, search, e);

	d->masq_gone = r == 0;
	return err_ctx(e, r, "ipMasq");
}

/* Behind the link: until then the pod may send. */
static int del_mac_check(struct del *d, struct err *e)
{
	const struct iface *i = d->i;
	int r = i->driver->host_end ? fw_forget(&spoof, &i->req->at, i->conf->mac_check, e) : 0;

	return err_ctx(e, r, "macspoofchk");
}

/*
 * In one transaction for a crowd. What fails for the own link is tried again behind it.
 */
static void del_masquerade_of(struct del *d, struct reaper *r)
{
	if (r->count > 1) {
		d->masq_gone = fw_forget_links(&masquerade, r->names, r->count, err_ignored()) == 0;
		if (!d->masq_gone)
			reaper_alone(r);
	} else {
		(void)del_masquerade(d, err_ignored());
	}
}

static int reap(struct del *d, const struct link *l, struct err *e)
{
	static struct reaper reaper;
	int r = reaper_begin(&reaper, &d->i->host, l, e);

	if (r > 0) {
		del_masquerade_of(d, &reaper);
		return reaper_finish(&reaper, e);
	}
	d->reaped = r == 0 && reaper.crowd;
	return r;
}

static int del_found(struct iface *i, void *arg, struct err *e)
{
	int r = in_pod_del_own(i, e);

	(void)arg;
	return r < 0 ? r : 0;
}

/*
 * The namespace may live on when the caller does not name it, and a pod may have moved its
 * interface on from where it had moved it. A DEL that has come before has released the lease of our
 * own host-local: there is nothing to search for then.
 */
static int del_anywhere(struct iface *i, struct err *e)
{
	struct addr held;
	int r = i->conf->ipam.kind == IPAM_HOST_LOCAL
			? ipam_addresses(&i->conf->ipam, i->req, &held, 1, e)
			: 1;

	return r > 0 ? in_pod_each(i, del_found, NULL, e) : r;
}

/* Its MAC is the one that the runtime's memory of this attachment's ADD has. */
static bool prev_has_mac(const struct cni_request *req, const struct link *l)
{
	static struct cni_result prev;
	uint8_t mac[6];
	int n;

	if (!req->prev_result.text ||
	    cni_result_read(req->arena, req->prev_result, "prevResult", &prev, err_ignored()) < 0)
		return false;
	n = iface_of_prev(req, &prev, err_ignored());
	return n >= 0 && prev.ifaces[n].mac && mac_parse(prev.ifaces[n].mac, mac) &&
	       memcmp(mac, l->mac, sizeof(mac)) == 0;
}

/*
 * The reference plugin's interface, in a pod that was attached before cnibox was installed, or
 * ours, whose alias the pod has changed: the lease is out of its reach. One that is not this
 * attachment's stays: an ADD that failed because of it has a DEL, but no lease.
 */
static int del_adopted(struct iface *i, struct err *e)
{
	const char *kind = i->driver->adopts;
	struct addr held;
	struct link l;
	int r = kind ? link_find(&i->pod.nl, i->req->at.ifname, &l, e) : 0;

	if (r <= 0 || strcmp(l.kind, kind) != 0)
		return r < 0 ? r : 0;
	r = ipam_addresses(&i->conf->ipam, i->req, &held, 1, e);
	if (r == 0 && !l.alias[0] && !l.group)
		r = prev_has_mac(i->req, &l);
	if (r > 0)
		r = in_pod_del(i, &l, e);
	else
		return r;
	return r < 0 ? r : 1;
}

/*
 * 1: the one was there, and nothing else that is marked as this attachment's; 0: look elsewhere. A
 * pod can mark a link of its own so, and hide the interface. The kernel keeps a number in the pod's
 * namespace for each that a link was moved to.
 */
static int del_from_pod(struct iface *i, struct err *e)
{
	int found = in_pod_del_own(i, e), moved;

	if (found == 0)
		found = del_adopted(i, e);
	if (found < 0)
		return found;
	moved = in_pod_del_moved(i, e);
	return moved < 0 ? moved : found == 1 && !moved;
}

/* An interface of this name that is not ours stays: an ADD that failed because of it has a DEL. */
static int del_in_pod(struct iface *i, struct err *e)
{
	int r = pod_open_left(&i->pod, &i->host, i->req, e);
	bool open = r > 0;

	if (r < 0)
		return r;
	if (i->driver->release)
		r = i->driver->release(i, open, e);
	else
		r = open ? del_from_pod(i, e) : 0;
	if (open)
		pod_close(&i->pod);
	if (r == 0 && !i->driver->release)
		r = del_anywhere(i, e);
	if (r >= 0 && !i->driver->release)
		r = in_pod_del_at_home(i, e);
	return r < 0 ? r : 0;
}

/* The runtime's own memory of this attachment's ADD names the host end. */
static bool prev_names(const struct cni_request *req, const struct link *host)
{
	static struct cni_result prev;

	if (!req->prev_result.text ||
	    cni_result_read(req->arena, req->prev_result, "prevResult", &prev, err_ignored()) < 0)
		return false;
	return iface_of_prev(req, &prev, err_ignored()) >= 0 && iface_prev_has(&prev, host->name);
}

/*
 * Is it this attachment's? An ADD that failed because another container has the interface has a
 * DEL, too: neither the pod's namespace nor the interface's name say whose it is.
 */
static int is_own(struct iface *i, const struct link *host, struct err *e)
{
	struct addr held;
	int r = ipam_addresses(&i->conf->ipam, i->req, &held, 1, e);

	return r == 0 ? prev_names(i->req, host) : r;
}

/*
 * The pod may have been attached by the reference plugin before cnibox was installed. Its host end
 * has no alias of ours; its peer is the pod's interface, and the driver knows what else it is. It
 * is the pod's end that is deleted.
 */
static int adopt(struct iface *i, struct err *e)
{
	struct link in_pod, host;
	int r = link_find(&i->pod.nl, i->req->at.ifname, &in_pod, e);

	if (r <= 0 || strcmp(in_pod.kind, "veth") != 0 || !in_pod.peer)
		return r < 0 ? r : 0;
	r = link_find_index(&i->host, in_pod.peer, &host, e);
	if (r <= 0 || host.alias[0])
		return r < 0 ? r : 0;
	r = host_end_is_peer(i, &host, &in_pod, e);
	if (r > 0)
		r = is_own(i, &host, e);
	if (r > 0)
		r = i->driver->adopt(i, &host, e);
	return r > 0 ? in_pod_del(i, &in_pod, e) : r;
}

static int del_foreign(struct iface *i, struct err *e)
{
	int r;

	if (!i->driver->adopt || !*i->req->netns ||
	    pod_open(&i->pod, &i->host, i->req, err_ignored()) < 0)
		return 0;
	r = adopt(i, e);
	pod_close(&i->pod);
	return r;
}

static int del_link(struct del *d, struct err *e)
{
	struct iface *i = d->i;
	struct link l;
	int r;

	if (!i->driver->host_end)
		return del_in_pod(i, e);
	r = host_end_search(i, &l, e);
	if (r < 0)
		return r;
	d->own = r > 0;
	return r > 0 ? reap(d, &l, e) : del_foreign(i, e);
}

/* The pod may have been attached by the reference plugin, be it gone by now. */
static int del_of_reference(const struct del *d, struct err *e)
{
	const struct iface_conf *c = d->i->conf;
	int r = 0;

	if (d->own || !d->i->driver->adopt)
		return 0;
	if (c->ip_masq)
		r = err_ctx(e, reference_forget_masquerade(&d->i->req->at, e), "ipMasq");
	if (r == 0 && c->mac_check)
		r = err_ctx(e, reference_forget_mac_check(&d->i->req->at, e), "macspoofchk");
	return r;
}

static int del_network(struct del *d, struct err *e)
{
	struct err step = { 0 };
	int r = first_error(e, 0, &step, del_link(d, &step));

	r = first_error(e, r, &step, del_mac_check(d, &step));
	r = first_error(e, r, &step, del_of_reference(d, &step));
	return first_error(e, r, &step, del_masquerade(d, &step));
}

/*
 * The link is gone, so a host end of this name is of an ADD that has come since: its runtime gave
 * this DEL up. The lease is that one's.
 */
static bool is_made_anew(struct iface *i)
{
	struct link l;

	return i->driver->host_end && link_find(&i->host, i->host_name, &l, err_ignored()) > 0 &&
	       attachment_owns(&i->req->at, &l) && !reaper_has(&l);
}

/*
 * The lease goes last: it is the memory of the address until everything that has the address is
 * gone. But an IPAM plugin that needs the interface is asked while it is there.
 */
int iface_del(const struct cni_request *req, const void *conf, struct err *e)
{
	static struct del del;
	const struct iface_conf *c = conf;
	bool early = ipam_needs_link(&c->ipam);
	struct err step = { 0 };
	int r = 0, open;

	del = (struct del){ 0 };
	open = iface_open(&del.i, req, conf, e);
	if (open < 0)
		return open;
	if (early)
		r = first_error(e, r, &step, ipam_del(&c->ipam, req, &step));
	r = first_error(e, r, &step, del_network(&del, &step));
	if (del.i->driver->sweep)
		del.i->driver->sweep(del.i);
	if (r == 0 && !early && !is_made_anew(del.i))
		r = ipam_del(&c->ipam, req, e);
	nl_close(&del.i->host);
	return r;
}

#define GC_PASSES 64

struct gc_walk {
	const struct stale *stale;
	int links[REAPER_MAX];
	size_t count;
};

/* Marked in the second step: the walk must not write into the socket that it reads from. */
static int collect_stale(const struct link *l, void *arg)
{
	struct gc_walk *w = arg;

	if (w->count < REAPER_MAX && stale_has(w->stale, l))
		w->links[w->count++] = l->index;
	return 0;
}

/* Host ends, until there is none: of a pass some may be left, when one has vanished by itself. */
static int gc_links(struct iface *i, const struct stale *stale, struct err *e)
{
	static struct gc_walk w;
	int passes = 0, r = 0;

	if (i->driver->release_stale)
		return i->driver->release_stale(i, stale, e);
	if (!i->driver->host_end)
		return in_pod_gc(i, stale, e);
	w.stale = stale;
	do {
		w.count = 0;
		r = link_each(&i->host, "veth", collect_stale, &w, e);
		if (r >= 0 && w.count)
			r = reaper_collect(&i->host, w.links, w.count, e);
	} while (r >= 0 && w.count && passes++ < GC_PASSES);
	return r < 0 ? r : 0;
}

int iface_gc(const struct cni_request *req, const void *conf, struct err *e)
{
	static struct stale stale;
	const struct iface_conf *c = conf;
	struct err step = { 0 };
	struct iface *i;
	int r = fw_gc(&masquerade, req, ipam_data_dir(&c->ipam), NULL, &step), open;

	r = first_error(e, 0, &step, err_ctx(&step, r, "ipMasq"));
	if (req->plugin->driver->host_end) {
		int spoof_r = fw_gc(&spoof, req, ipam_data_dir(&c->ipam), NULL, &step);

		r = first_error(e, r, &step, err_ctx(&step, spoof_r, "macspoofchk"));
	}
	r = first_error(e, r, &step, stale_collect(&stale, req, &c->ipam, &step));
	open = iface_open(&i, req, conf, &step);
	r = first_error(e, r, &step, open < 0 ? open : gc_links(i, &stale, &step));
	return first_error(e, r, &step, ipam_gc(&c->ipam, req, &step));
}
