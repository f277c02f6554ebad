/* The bridge, its addresses and its life: see bridge_host.h. */
#include "iface/bridge_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "iface/iface.h"
#include "net/ip.h"
#include "net/nl.h"

#define RUN_DIR "/run/cnibox"
#define LOCK_TIMEOUT_MS 30000
#define ALIAS "cnibox"

/* One lock for all bridges: it is only held while one is new. */
static int take_lock(unsigned int timeout_ms, struct err *e)
{
	int dir = dir_open(RUN_DIR, true, e);
	int fd, r;

	if (dir < 0)
		return err_code(e, dir, CNI_ERR_STATE);
	fd = openat(dir, "bridge.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = errno;
	close(dir);
	if (fd < 0)
		return err_code(e, err_sys(e, r, "open %s/bridge.lock", RUN_DIR), CNI_ERR_STATE);
	r = lock_take(fd, RUN_DIR "/bridge.lock", timeout_ms, e);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static bool is_unfinished(const struct link *l)
{
	return l->group == BRIDGE_UNFINISHED;
}

static int find(struct bridge_host *b, const char *name, struct err *e)
{
	int r = link_find(b->nl, name, &b->link, e);

	if (r > 0 && strcmp(b->link.kind, "bridge") != 0)
		return err_code(
			e,
			err_set(e, EEXIST,
				"bridge \"%s\": a link of this name exists and is no bridge but %s",
				name, b->link.kind[0] ? b->link.kind : "a device"),
			CNI_ERR_EXISTS);
	return r;
}

/* Another maker may have been faster (EEXIST, also from a program that takes no lock). */
static int make(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	struct bridge add = { .name = want->name, .group = BRIDGE_UNFINISHED, .mtu = want->mtu };
	struct err local = { 0 };
	int r;

	mac_random(add.mac);
	link_add_bridge(b->nl, &add);
	r = nl_commit(b->nl, NULL, &local);
	if (r < 0 && r != -EEXIST) {
		*e = local;
		return err_ctx(e, r, "bridge \"%s\"", want->name);
	}
	r = find(b, want->name, e);
	return r == 0 ? err_set(e, ENODEV, "bridge \"%s\" has vanished", want->name) : r;
}

/* After this the bridge exists, and if it is unfinished we hold the lock. */
static int find_or_make(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	int r = find(b, want->name, e);

	if (r < 0 || (r > 0 && !is_unfinished(&b->link)))
		return r;
	b->lock = take_lock(LOCK_TIMEOUT_MS, e);
	if (b->lock < 0)
		return b->lock;
	b->name = want->name;
	r = find(b, want->name, e);
	if (r == 0)
		r = make(b, want, e);
	if (r > 0 && !is_unfinished(&b->link)) {
		close(b->lock);
		b->lock = -1;
	}
	return r;
}

struct address_walk {
	const struct prefix *wanted;
	bool force;
	struct nl *nl;
	int index;
	bool present;
	struct prefix stale[8];
	unsigned int stale_count;
	bool conflict;
	struct prefix other;
};

/*
 * Link-local addresses are the kernel's own, and in IPv6 only an address of the same subnet is in
 * the way.
 */
static int judge_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct address_walk *w = arg;

	(void)index;
	if (prefix_equal(p, w->wanted)) {
		w->present = true;
	} else if (scope != RT_SCOPE_LINK &&
		   (p->addr.family == AF_INET || prefix_overlaps(p, w->wanted))) {
		w->conflict = true;
		w->other = *p;
		if (w->force && w->stale_count < 8)
			w->stale[w->stale_count++] = *p;
	}
	return 0;
}

static int ensure_address(struct bridge_host *b, const struct bridge_want *want,
			  const struct prefix *wanted, struct err *e)
{
	struct address_walk w = { .wanted = wanted, .force = want->force_address };
	struct err local = { 0 };
	int r = ifaddr_each(b->nl, wanted->addr.family, b->link.index, judge_address, &w, e);

	if (r < 0 || (w.present && !w.stale_count))
		return r;
	if (w.conflict && !w.force && !w.present)
		return err_code(e,
				err_set(e, EEXIST,
					"bridge \"%s\" already has the address %s instead of %s "
					"(forceAddress is not set)",
					want->name, prefix_text(&w.other), prefix_text(wanted)),
				CNI_ERR_EXISTS);
	for (unsigned int i = 0; i < w.stale_count; i++)
		ifaddr_del(b->nl, b->link.index, &w.stale[i]);
	if (!w.present)
		ifaddr_add(b->nl, b->link.index, wanted);
	r = nl_commit(b->nl, NULL, &local);
	if (r == 0 || r == -EEXIST)
		return 0;
	*e = local;
	return err_ctx(e, r, "give bridge \"%s\" the address %s", want->name, prefix_text(wanted));
}

int bridge_host_address(struct bridge_host *b, const struct bridge_want *want,
			const struct cni_result *ips, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && want->gateway && i < ips->ip_count; i++) {
		struct prefix gw = { .addr = ips->ips[i].gateway, .len = ips->ips[i].address.len };

		if (!addr_is_set(&gw.addr))
			continue;
		r = ensure_address(b, want, &gw, e);
		if (r == 0)
			r = iface_forward(gw.addr.family, e);
	}
	return r;
}

static int ensure_flags(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	if (!b->link.up)
		link_up(b->nl, b->link.index);
	if (want->promisc && !b->link.promisc)
		link_set_promisc(b->nl, b->link.index, true);
	return err_ctx(e, nl_commit(b->nl, NULL, e), "bridge \"%s\"", want->name);
}

int bridge_host_open(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	int r;

	b->lock = -1;
	r = find_or_make(b, want, e);
	if (r > 0)
		r = ensure_flags(b, want, e);
	if (r < 0)
		bridge_host_drop(b);
	return r;
}

int bridge_host_keep(struct bridge_host *b, struct err *e)
{
	int r;

	if (b->lock < 0)
		return 0;
	link_set_alias(b->nl, b->link.index, ALIAS, 0);
	r = err_ctx(e, nl_commit(b->nl, NULL, e), "bridge \"%s\"", b->link.name);
	if (r < 0)
		return r;
	close(b->lock);
	b->lock = -1;
	return 0;
}

struct port_walk {
	int bridge;
	bool found;
};

static int see_port(const struct link *l, void *arg)
{
	struct port_walk *w = arg;

	w->found = w->found || l->master == w->bridge;
	return 0;
}

static void remove_unfinished(struct nl *nl, const char *name)
{
	struct port_walk w = { 0 };
	struct err e = { 0 };
	struct link l;

	if (link_find(nl, name, &l, &e) <= 0 || strcmp(l.kind, "bridge") != 0 || !is_unfinished(&l))
		return;
	w.bridge = l.index;
	if (link_each(nl, NULL, see_port, &w, &e) < 0 || w.found)
		return;
	link_del(nl, l.index);
	if (nl_commit(nl, NULL, &e) < 0)
		log_line(LOG_WARN, "the unfinished bridge %s stays: %s", name, e.text);
}

void bridge_host_drop(struct bridge_host *b)
{
	if (b->lock < 0)
		return;
	remove_unfinished(b->nl, b->name);
	close(b->lock);
	b->lock = -1;
}

void bridge_host_sweep(struct nl *nl, const char *name)
{
	struct link l;
	int lock;

	if (link_find(nl, name, &l, err_ignored()) <= 0 || !is_unfinished(&l))
		return;
	lock = take_lock(0, err_ignored());
	if (lock < 0)
		return;
	remove_unfinished(nl, name);
	close(lock);
}
