/* Interfaces that live in the pod alone: see in_pod.h. */
#include "iface/in_pod.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/gone.h"
#include "iface/iface.h"
#include "iface/stale.h"
#include "net/netns.h"

struct search {
	const struct cni_attachment *at;
	struct link *out;
	bool found;
};

/* By its maker's group it is found while the maker lives: that is this very call, which undoes. */
static bool is_own(const struct cni_attachment *at, const struct link *l)
{
	return attachment_owns_in_pod(at, l) || l->group == attachment_group();
}

static int match(const struct link *l, void *arg)
{
	struct search *s = arg;

	if (!s->found && is_own(s->at, l)) {
		*s->out = *l;
		s->found = true;
	}
	return 0;
}

int in_pod_search(struct iface *i, struct link *out, struct err *e)
{
	struct search s = { .at = &i->req->at, .out = out };
	int r = link_find(&i->pod.nl, i->req->at.ifname, out, e);

	if (r < 0 || (r > 0 && is_own(&i->req->at, out)))
		return r;
	r = link_each_seen(&i->pod.nl, NULL, match, &s, e);
	return r < 0 ? r : s.found;
}

int in_pod_del(struct iface *i, const struct link *l, struct err *e)
{
	struct err local = { 0 };
	int r;

	link_del(&i->pod.nl, l->index);
	r = nl_commit(&i->pod.nl, NULL, &local);
	if (r < 0 && r != -ENODEV)
		return err_ctx(e, err_take(e, &local), "%s in the pod", l->name);
	return 0;
}

#define OWN_MAX 64 /* found in one pass */
#define PASSES 64
#define HERE (-1) /* as the number of i->pod's namespace */

struct own {
	const struct cni_attachment *at;
	int links[OWN_MAX];
	size_t count;
};

static int collect_own(const struct link *l, void *arg)
{
	struct own *o = arg;

	if (o->count < OWN_MAX && is_own(o->at, l))
		o->links[o->count++] = l->index;
	return 0;
}

static int del_links(struct nl *nl, int ns_id, const struct own *o, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r >= 0 && n < o->count; n++) {
		struct err local = { 0 };

		if (ns_id == HERE)
			link_del(nl, o->links[n]);
		else
			link_del_in(nl, ns_id, o->links[n]);
		r = nl_commit(nl, NULL, &local);
		r = r < 0 && r != -ENODEV ? err_take(e, &local) : 0;
	}
	return r;
}

static int del_pass(struct nl *nl, int ns_id, struct own *o, struct err *e)
{
	int r = ns_id == HERE ? link_each_seen(nl, NULL, collect_own, o, e)
			      : link_each_in(nl, ns_id, collect_own, o, e);

	return r < 0 ? r : del_links(nl, ns_id, o, e);
}

static int del_own(struct iface *i, int ns_id, struct err *e)
{
	struct own o = { .at = &i->req->at };
	int found = 0, r = 0, pass = 0;

	do {
		o.count = 0;
		r = del_pass(&i->pod.nl, ns_id, &o, e);
		found += (int)o.count;
	} while (r == 0 && o.count == OWN_MAX && ++pass < PASSES);
	return r < 0 ? r : found;
}

int in_pod_del_own(struct iface *i, struct err *e)
{
	return err_ctx(e, del_own(i, HERE, e), "%s in the pod", i->req->at.ifname);
}

/* Nothing but an alias is believed on the node: nobody names or marks links there but its root. */
static int collect_at_home(const struct link *l, void *arg)
{
	struct own *o = arg;
	char alias[LINK_ALIAS_SIZE];

	if (o->count < OWN_MAX && strcmp(l->alias, attachment_alias(o->at, alias)) == 0)
		o->links[o->count++] = l->index;
	return 0;
}

int in_pod_del_at_home(struct iface *i, struct err *e)
{
	struct own o = { .at = &i->req->at };
	int r = link_each(&i->host, i->driver->adopts, collect_at_home, &o, e);

	if (r >= 0)
		r = del_links(&i->host, HERE, &o, e);
	return r < 0 ? err_ctx(e, r, "what the pod has moved to the node") : 0;
}

/* One that has ended has taken its links along. */
static int del_moved_to(struct iface *i, int ns_id, struct err *e)
{
	struct err local = { 0 };
	int r = del_own(i, ns_id, &local);

	if (r == -EINVAL || r == -ENODEV)
		return 0;
	return r < 0 ? err_ctx(e, err_take(e, &local), "what the pod has moved away") : 0;
}

#define IDS_MAX 256 /* asked for at once */

/* However many there are: a pod can make others, and hide the one behind them. */
int in_pod_del_moved(struct iface *i, struct err *e)
{
	int ids[IDS_MAX], home, count, last = -1, others = 0, r;

	r = netns_id(&i->pod.nl, i->pod.home, &home, e);
	if (r < 0)
		return r;
	do {
		count = netns_ids(&i->pod.nl, last, ids, IDS_MAX, e);
		for (int n = 0; n < count && r == 0; n++) {
			last = ids[n];
			if (last == home)
				continue;
			r = del_moved_to(i, last, e);
			others = 1;
		}
	} while (count == IDS_MAX && r == 0);
	return count < 0 ? count : r < 0 ? r : others;
}

struct visit {
	struct iface *i;
	in_pod_fn *fn;
	void *arg;
	struct err failed; /* the first */
};

/* A pod that makes its own search fail, by ever new links, does not end that for another's. */
static int visit(int ns, void *arg)
{
	struct visit *v = arg;
	struct pod *p = &v->i->pod;
	struct err e = { 0 };
	int r;

	p->ns = ns;
	r = nl_open_in(&p->nl, ns, p->home, NETLINK_ROUTE, p->buf, sizeof(p->buf), &e);
	if (r == 0) {
		r = v->fn(v->i, v->arg, &e);
		nl_close(&p->nl);
	}
	if (r < 0)
		err_take(&v->failed, &e);
	return r < 0 ? 0 : r;
}

int in_pod_each(struct iface *i, in_pod_fn *fn, void *arg, struct err *e)
{
	struct visit v = { .i = i, .fn = fn, .arg = arg };
	int r;

	i->pod.home = netns_open_self(e);
	if (i->pod.home < 0)
		return i->pod.home;
	r = netns_each(i->pod.home, visit, &v, e);
	close(i->pod.home);
	return r == 0 && v.failed.errnum ? err_take(e, &v.failed) : r;
}

struct holders {
	const struct cni_attachment *at;
	int home;
};

static int has_interface(int ns, void *arg)
{
	const struct holders *h = arg;
	char buf[1024];
	struct link l;
	struct search s = { .at = h->at, .out = &l };
	struct nl nl;
	int r = nl_open_in(&nl, ns, h->home, NETLINK_ROUTE, buf, sizeof(buf), err_ignored());

	if (r < 0)
		return 1;
	r = link_each_seen(&nl, NULL, match, &s, err_ignored());
	nl_close(&nl);
	return r < 0 || s.found;
}

int in_pod_gone(const struct cni_attachment *at, struct err *e)
{
	struct holders h = { .at = at };
	int r = attachment_gone(at, e);

	if (r <= 0)
		return r;
	h.home = netns_open_self(e);
	if (h.home < 0)
		return h.home;
	r = has_interface(h.home, &h);
	if (r == 0)
		r = netns_each(h.home, has_interface, &h, e);
	close(h.home);
	return r < 0 ? r : !r;
}

#define STALE_LINKS_MAX 64 /* of one pod; more wait for the next GC */

struct collect {
	const struct stale *stale;
	struct link links[STALE_LINKS_MAX];
	size_t count;
};

static int collect(const struct link *l, void *arg)
{
	struct collect *c = arg;

	if (c->count < STALE_LINKS_MAX &&
	    (l->alias[0] ? stale_has(c->stale, l) : attachment_orphaned_in_pod(l)))
		c->links[c->count++] = *l;
	return 0;
}

static int collect_aliased(const struct link *l, void *arg)
{
	return l->alias[0] ? collect(l, arg) : 0;
}

static int gc_pod(struct iface *i, void *arg, struct err *e)
{
	struct collect *c = arg;
	int r;

	c->count = 0;
	r = link_each_seen(&i->pod.nl, NULL, collect, c, e);
	for (size_t n = 0; r >= 0 && n < c->count; n++)
		r = in_pod_del(i, &c->links[n], e);
	return r < 0 ? r : 0;
}

/* What pods have moved to the node. */
static int gc_at_home(struct iface *i, struct collect *c, struct err *e)
{
	int r;

	c->count = 0;
	r = link_each(&i->host, i->driver->adopts, collect_aliased, c, e);
	for (size_t n = 0; r >= 0 && n < c->count; n++) {
		struct err local = { 0 };

		link_del(&i->host, c->links[n].index);
		r = nl_commit(&i->host, NULL, &local);
		r = r < 0 && r != -ENODEV ? err_take(e, &local) : 0;
	}
	return r < 0 ? r : 0;
}

int in_pod_gc(struct iface *i, const struct stale *stale, struct err *e)
{
	static struct collect c;
	int r;

	c.stale = stale;
	r = gc_at_home(i, &c, e);
	return r < 0 ? r : in_pod_each(i, gc_pod, &c, e);
}

/* The lease of our own host-local says that the ADD is in flight. */
uint32_t in_pod_group(const struct iface *i)
{
	return i->conf->ipam.kind == IPAM_HOST_LOCAL ? 0 : attachment_group();
}

int in_pod_settle(struct iface *i, struct err *e)
{
	if (!in_pod_group(i))
		return 0;
	link_set_group(&i->pod.nl, i->pod.index, 0);
	return err_ctx(e, nl_commit(&i->pod.nl, NULL, e), "%s in the pod", i->req->at.ifname);
}
