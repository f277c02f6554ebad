/* Devices of the node, lent to pods: see device.h. */
#include "iface/device.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "iface/device_file.h"
#include "iface/iface.h"
#include "iface/in_pod.h"
#include "iface/stale.h"
#include "net/await.h"
#include "net/ip.h"
#include "net/netns.h"

#define HOMECOMING_MS 5000 /* a namespace that nobody holds is taken apart in this time */

struct search {
	const struct device *d;
	struct device_place place;
	struct link *out;
	bool found;
};

/* Of a pod's two devices with the same number behind them, the one that has a mark. */
static int match(const struct link *l, void *arg)
{
	struct search *s = arg;

	if (!device_is(s->d, l, &s->place))
		return 0;
	if (!s->found || (device_has_mark(&s->d->link, l) && !device_has_mark(&s->d->link, s->out)))
		*s->out = *l;
	s->found = true;
	return 0;
}

static int find_on_node(struct iface *i, const struct device *d, struct link *out, struct err *e)
{
	struct search s = { .d = d, .place.node = true, .out = out };
	int r = link_each(&i->host, NULL, match, &s, e);

	return r < 0 ? r : s.found;
}

struct taking {
	const struct device *d;
	bool in_pod;
};

static int find_in_pod(struct iface *i, const struct taking *t, struct link *out, struct err *e)
{
	struct search s = { .d = t->d, .place.pod = t->in_pod, .out = out };
	int r = netns_id(&i->pod.nl, i->pod.home, &s.place.node_id, e);

	if (r == 0)
		r = link_each_seen(&i->pod.nl, NULL, match, &s, e);
	return r < 0 ? r : s.found;
}

static int move_home(struct iface *i, const struct link *l, const char *name, struct err *e)
{
	link_down(&i->pod.nl, l->index);
	link_move(&i->pod.nl, l->index, i->pod.home, name);
	return nl_commit(&i->pod.nl, NULL, e);
}

/* 1: it was there. */
static int take_from_pod(struct iface *i, void *arg, struct err *e)
{
	const struct taking *t = arg;
	struct link l;
	int r = find_in_pod(i, t, &l, e);

	if (r > 0)
		r = move_home(i, &l, t->d->link.name, e);
	else
		return r;
	return r < 0 ? r : 1;
}

static int restore_addresses(struct nl *nl, const struct device *d, int index, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < d->addr_count; n++) {
		struct err local = { 0 };

		ifaddr_add(nl, index, &d->addrs[n]);
		r = nl_commit(nl, NULL, &local);
		r = r == -EEXIST ? 0 : r < 0 ? err_take(e, &local) : 0;
	}
	return r;
}

/* On the node: whatever of it has been done already. */
static int restore(struct nl *nl, const struct device *d, const struct link *l, struct err *e)
{
	const struct link *was = &d->link;
	bool named = strcmp(l->name, was->name) == 0;
	int r;

	if (!named) {
		link_down(nl, l->index);
		link_set_name(nl, l->index, was->name);
	}
	if (was->has_mac && memcmp(l->mac, was->mac, sizeof(l->mac)) != 0)
		link_set_mac(nl, l->index, was->mac);
	if (l->mtu != was->mtu)
		link_set_mtu(nl, l->index, was->mtu);
	link_set_alias(nl, l->index, was->alias, was->group);
	if (was->up)
		link_up(nl, l->index);
	else
		link_down(nl, l->index);
	r = nl_commit(nl, NULL, e);
	return r < 0 ? r : restore_addresses(nl, d, l->index, e);
}

static int search_and_take(struct iface *i, struct device *d, bool in_pod, struct link *l,
			   struct err *e)
{
	struct taking t = { d, in_pod };
	int r = in_pod ? take_from_pod(i, &t, e) : 0;

	if (r == 0)
		r = find_on_node(i, d, l, e);
	if (r == 0 && !in_pod)
		r = in_pod_each(i, take_from_pod, &t, e);
	return r <= 0 ? r : find_on_node(i, d, l, e);
}

struct homecoming {
	struct iface *i;
	const struct device *d;
	struct link *l;
};

static int is_home(void *arg, struct err *e)
{
	const struct homecoming *h = arg;

	return find_on_node(h->i, h->d, h->l, e);
}

/*
 * Hardware outlives its pod's namespace: the kernel brings it back when it takes that apart. A link
 * without hardware has ended there: then there is nothing to give back. 1, 0 or -errno.
 */
static int await_home(struct iface *i, const struct device *d, struct link *l, struct err *e)
{
	struct homecoming h = { i, d, l };
	const struct await w = {
		.group = RTNLGRP_LINK,
		.ns = -1,
		.home = -1,
		.timeout_ms = HOMECOMING_MS,
		.holds = is_home,
		.arg = &h,
	};
	int r = d->link.kind[0] ? -ETIMEDOUT : await_state(&w, e);

	if (r == -ETIMEDOUT)
		return 0;
	return r < 0 ? r : 1;
}

static int give_back(struct iface *i, int dir, struct device *d, bool in_pod, struct err *e)
{
	struct link l;
	int r = search_and_take(i, d, in_pod, &l, e);

	if (r == 0 && !in_pod)
		r = await_home(i, d, &l, e);

	if (r > 0)
		r = restore(&i->host, d, &l, e);
	if (r >= 0)
		r = device_remove(dir, &d->at, e);
	return err_ctx(e, r, "give back device %s", d->link.name);
}

/* The attachment's record. 1, 0 or -errno; *dir is the caller's to close, unless it is negative. */
static int read_own(struct iface *i, struct device *d, int *dir, struct err *e)
{
	*dir = device_dir_open(false, e);
	if (*dir == -ENOENT)
		return 0;
	return *dir < 0 ? *dir : device_read(*dir, &i->req->at, d, e);
}

int device_return(struct iface *i, bool in_pod, struct err *e)
{
	static struct device d;
	int dir, r = read_own(i, &d, &dir, e);

	if (r > 0)
		r = give_back(i, dir, &d, in_pod, e) < 0 ? -e->errnum : 1;
	else if (r == 0 && dir >= 0) /* what a killed writer has left beside it */
		r = device_remove(dir, &i->req->at, e);
	if (dir >= 0)
		close(dir);
	return r;
}

struct sighting {
	struct iface *i;
	const struct device *d;
};

/* 1: it may be there. */
static int is_in(int ns, void *arg)
{
	const struct sighting *s = arg;
	struct link l;
	struct search w = { .d = s->d, .out = &l };
	char buf[1024];
	struct nl nl;
	int r = nl_open_in(&nl, ns, s->i->pod.home, NETLINK_ROUTE, buf, sizeof(buf), err_ignored());

	if (r < 0)
		return 1;
	r = link_each_seen(&nl, NULL, match, &w, err_ignored());
	nl_close(&nl);
	return r < 0 || w.found;
}

static int recover(struct iface *i, int dir, const struct device *d, struct err *e)
{
	struct sighting s = { i, d };
	struct link l;
	int r = netns_each(i->pod.home, is_in, &s, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = await_home(i, d, &l, e);
	if (r > 0)
		r = restore(&i->host, d, &l, e);
	else
		return r;
	if (r == 0)
		r = device_remove(dir, &d->at, e);
	return err_ctx(e, r < 0 ? r : 1, "give back device %s", d->link.name);
}

int device_recover(struct iface *i, struct err *e)
{
	static struct device d;
	int dir, r = read_own(i, &d, &dir, e);

	if (r > 0)
		r = d.link.kind[0] ? 0 : recover(i, dir, &d, e);
	if (dir >= 0)
		close(dir);
	return r;
}

struct stale_walk {
	struct iface *i;
	const struct stale *stale;
	struct err *e;
};

static int return_stale(int dir, struct device *d, void *arg)
{
	struct stale_walk *w = arg;
	struct link named = { .index = 1 };

	attachment_alias(&d->at, named.alias);
	return stale_has(w->stale, &named) ? give_back(w->i, dir, d, false, w->e) : 0;
}

int device_return_stale(struct iface *i, const struct stale *stale, struct err *e)
{
	static struct device d;
	struct stale_walk w = { i, stale, e };
	int dir = device_dir_open(false, e), r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = device_each(dir, &d, return_stale, &w, e);
	if (r == 0)
		r = device_sweep(dir, e);
	close(dir);
	return r;
}

struct holder_search {
	const char *name;
	const uint8_t *mac;
	const char *bus;
};

static int match_holder(int dir, struct device *d, void *arg)
{
	const struct holder_search *s = arg;

	(void)dir;
	return (!s->name || strcmp(d->link.name, s->name) == 0) &&
	       (!s->mac || memcmp(d->link.mac, s->mac, sizeof(d->link.mac)) == 0) &&
	       (!s->bus || strcmp(d->link.bus, s->bus) == 0);
}

int device_holder(const char *name, const uint8_t *mac, const char *bus, struct device *out,
		  struct err *e)
{
	struct holder_search s = { name, mac, bus };
	int dir = device_dir_open(false, e), r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = device_each(dir, out, match_holder, &s, e);
	close(dir);
	return r;
}

bool device_is_lent(const struct link *l)
{
	static struct device d;

	if (!l->kind[0])
		return !l->loopback;
	return l->alias[0] && device_holder(l->alias, NULL, NULL, &d, err_ignored()) > 0;
}

struct leftover {
	struct iface *i;
	const struct link *l;
	struct err *e;
};

/* Its record is another's, or of an ADD of ours that was killed; and it is on the node again. */
static int end_leftover(int dir, struct device *d, void *arg)
{
	const struct leftover *w = arg;
	int r;

	if (!device_is(d, w->l, &(struct device_place){ .node = true }))
		return 0;
	r = restore(&w->i->host, d, w->l, w->e);
	return r < 0 ? r : device_remove(dir, &d->at, w->e);
}

static int collect_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct device *d = arg;
	bool link_local = p->addr.family == AF_INET6 && scope == RT_SCOPE_LINK;

	(void)index;
	if (!link_local && d->addr_count < DEVICE_ADDRS_MAX)
		d->addrs[d->addr_count++] = *p;
	return 0;
}

/* Once more, for what was left undone of it may have another name and other addresses. */
static int describe(struct iface *i, int index, struct device *d, struct err *e)
{
	int r = link_find_index(&i->host, index, &d->link, e);

	if (r == 0)
		r = err_set(e, ENODEV, "it has vanished");
	d->addr_count = 0;
	return r < 0 ? r : ifaddr_each(&i->host, 0, index, collect_address, d, e);
}

static int move_away(struct iface *i, const struct device *d, struct err *e)
{
	struct link l = { 0 };
	int r;

	link_down(&i->host, d->link.index);
	link_move(&i->host, d->link.index, i->pod.ns, i->req->at.ifname);
	r = nl_commit(&i->host, NULL, e);
	if (r == 0)
		r = link_find(&i->pod.nl, i->req->at.ifname, &l, e);
	if (r <= 0)
		return r < 0 ? r : err_set(e, ENODEV, "it has vanished");
	link_set_alias(&i->pod.nl, l.index, d->link.name, d->link.group);
	return nl_commit(&i->pod.nl, NULL, e);
}

static int lend(struct iface *i, int dir, const struct link *l, struct err *e)
{
	static struct device d;
	struct attachment_names names;
	struct leftover w = { i, l, e };
	int r = device_each(dir, &d, end_leftover, &w, e);

	if (r == 0)
		r = describe(i, l->index, &d, e);
	d.at = attachment_shorten(&i->req->at, &names);
	if (r == 0)
		r = device_write(dir, &d, e);
	return r < 0 ? r : move_away(i, &d, e);
}

int device_lend(struct iface *i, const struct link *l, struct err *e)
{
	int dir = device_dir_open(true, e), r;

	if (dir < 0)
		return dir;
	r = lend(i, dir, l, e);
	close(dir);
	return err_ctx(e, r, "device %s", l->name);
}

int device_return_as(struct iface *i, const struct link *l, const char *name, struct err *e)
{
	struct link home = { 0 };
	int r = move_home(i, l, name, e);

	if (r == 0)
		r = link_find(&i->host, name, &home, e);
	if (r > 0) {
		link_set_alias(&i->host, home.index, "", home.group);
		r = nl_commit(&i->host, NULL, e);
	}
	return err_ctx(e, r, "give back device %s", name);
}
