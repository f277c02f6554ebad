/* The bridge, its addresses and its life: see bridge_host.h. */
#include "iface/bridge_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "iface/forward.h"
#include "net/ip.h"
#include "net/neigh.h"
#include "net/nl.h"

#define RUN_DIR "/run/cnibox"
#define LOCK_TIMEOUT_MS 30000

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
 * A bridge can be the gateway of several subnets, also of one pod's: only an address of the wanted
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

static int find_address(struct bridge_host *b, const struct bridge_want *want,
			struct address_walk *w, struct err *e)
{
	int r = ifaddr_each(b->nl, w->wanted->addr.family, b->link.index, compare_address, w, e);

	if (r < 0 || w->present || !w->conflict || want->force_address)
		return r;
	return err_code(e,
			err_set(e, EEXIST,
				"bridge \"%s\" already has the address %s instead of %s "
				"(forceAddress is not set)",
				want->name, prefix_text(&w->other), prefix_text(w->wanted)),
			CNI_ERR_EXISTS);
}

static int add_address(struct bridge_host *b, const struct bridge_want *want,
		       const struct address_walk *w, struct err *e)
{
	struct err local = { 0 };
	int r;

	for (unsigned int i = 0; want->force_address && i < w->stale_count; i++)
		ifaddr_del(b->nl, b->link.index, &w->stale[i]);
	ifaddr_add(b->nl, b->link.index, w->wanted);
	r = nl_commit(b->nl, NULL, &local);
	if (r == 0 || r == -EEXIST)
		return 0;
	*e = local;
	return err_ctx(e, r, "give bridge \"%s\" the address %s", want->name,
		       prefix_text(w->wanted));
}

static int ensure_gateway(struct bridge_host *b, const struct bridge_want *want,
			  const struct cni_result *ips, const struct prefix *gw, struct err *e)
{
	struct address_walk w = { .wanted = gw, .ips = ips };
	int r = 0;

	if (gw->addr.family == AF_INET6)
		r = err_ctx(e, forward_allow_ipv6(&b->link, e), "bridge \"%s\"", want->name);
	if (r == 0)
		r = find_address(b, want, &w, e);
	if (r == 0 && !w.present)
		r = add_address(b, want, &w, e);
	return r < 0 ? r : forward_enable(b->nl, &b->link, gw->addr.family, e);
}

static bool gateway_of(const struct cni_ip *ip, struct prefix *out)
{
	*out = (struct prefix){ .addr = ip->gateway, .len = ip->address.len };
	return addr_is_set(&out->addr);
}

/* Of several none is given where one is refused. */
static int find_conflicts(struct bridge_host *b, const struct bridge_want *want,
			  const struct cni_result *ips, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && ips->ip_count > 1 && i < ips->ip_count; i++) {
		struct prefix gw;
		struct address_walk w = { .wanted = &gw, .ips = ips };

		if (gateway_of(&ips->ips[i], &gw))
			r = find_address(b, want, &w, e);
	}
	return r;
}

static int set_promisc(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	if (!want->promisc || b->link.promisc)
		return 0;
	link_set_promisc(b->nl, b->link.index, true);
	return err_ctx(e, nl_commit(b->nl, NULL, e), "bridge \"%s\"", want->name);
}

int bridge_host_address(struct bridge_host *b, const struct bridge_want *want,
			const struct cni_result *ips, struct err *e)
{
	int r = want->gateway ? find_conflicts(b, want, ips, e) : 0;

	for (size_t i = 0; r == 0 && want->gateway && i < ips->ip_count; i++) {
		struct prefix gw;

		if (gateway_of(&ips->ips[i], &gw))
			r = ensure_gateway(b, want, ips, &gw, e);
	}
	return r < 0 ? r : set_promisc(b, want, e);
}

/* The bridge's carrier comes with its first port that forwards. */
static int await_carrier(struct bridge_host *b, const char *name, struct err *e)
{
	return b->link.ready ? 0 : link_await(b->nl, name, &b->link, e);
}

/* A pod that had the address before may be in the node's own memory. */
static int forget_neighbours(struct bridge_host *b, const struct cni_result *ips, struct err *e)
{
	struct err local = { 0 };
	int r = 0;

	for (size_t i = 0; i < ips->ip_count; i++)
		neigh_del(b->nl, b->link.index, &ips->ips[i].address.addr);
	r = nl_commit(b->nl, NULL, &local);
	return r == 0 || r == -ENOENT ? 0 : err_take(e, &local);
}

int bridge_host_ready(struct bridge_host *b, const struct bridge_want *want,
		      const struct cni_result *ips, struct err *e)
{
	const struct ifaddr_await w = { .nl = b->nl, .ns = -1, .home = -1, .index = b->link.index };
	int r = await_carrier(b, want->name, e);

	for (size_t i = 0; r == 0 && want->gateway && i < ips->ip_count; i++)
		r = ifaddr_await(&w, &ips->ips[i].gateway, e);
	if (r == 0)
		r = forget_neighbours(b, ips, e);
	return err_ctx(e, r, "bridge \"%s\"", want->name);
}

/* Has somebody given it this MAC? Unknown where /sys shows another namespace: then no. */
static bool mac_is_set(const char *name)
{
	char path[64], text[8] = "";
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s/addr_assign_type", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	return n > 0 && text[0] == '0' + NET_ADDR_SET;
}

/*
 * The MAC that it has as a bridge, if it has one. Before its first port it has none: its id is
 * zero, would stay so when a MAC is set that is there already, and no port would ever forward
 * (br_should_become_designated_port()).
 */
static int set_mac(struct bridge_host *b, const char *name, struct err *e)
{
	int r = mac_is_set(name) ? 0 : 1;

	if (r > 0 && memcmp(b->link.bridge_id, b->link.mac, sizeof(b->link.mac)) != 0)
		mac_random(b->link.mac);
	if (r > 0) {
		link_set_mac(b->nl, b->link.index, b->link.mac);
		r = nl_commit(b->nl, NULL, e);
	}
	return r;
}

static int check_gateway(struct nl *nl, const struct link *bridge, const struct cni_result *prev,
			 const struct prefix *gw, struct err *e)
{
	struct address_walk w = { .wanted = gw, .ips = prev };
	int r = ifaddr_each(nl, gw->addr.family, bridge->index, compare_address, &w, e);

	if (r == 0 && !w.present)
		r = err_set(e, ENOENT, "bridge \"%s\" has lost the gateway's address %s",
			    bridge->name, prefix_text(gw));
	return r < 0 ? r : forward_check(bridge, gw->addr.family, e);
}

int bridge_host_check(struct nl *nl, const struct link *bridge, const struct bridge_want *want,
		      const struct cni_result *prev, int iface, struct err *e)
{
	int r = 0;

	if (!bridge->up)
		return err_set(e, ENETDOWN, "bridge \"%s\" is down", bridge->name);
	if (want->promisc && !bridge->promisc)
		return err_set(e, EINVAL, "bridge \"%s\" is not promiscuous", bridge->name);
	for (size_t n = 0; r == 0 && want->gateway && n < prev->ip_count; n++) {
		const struct cni_ip *ip = &prev->ips[n];
		const struct prefix gw = { .addr = ip->gateway, .len = ip->address.len };

		if (ip->interface == iface && addr_is_set(&gw.addr))
			r = check_gateway(nl, bridge, prev, &gw, e);
	}
	return r;
}

/*
 * A bridge that others made takes the MAC of one of its ports, ever anew, until it is told one.
 * Under the lock, so that two first ADDs report the same.
 */
static int pin_mac(struct bridge_host *b, const char *name, struct err *e)
{
	int lock, r;

	if (b->lock >= 0 || strcmp(b->link.alias, BRIDGE_ALIAS) == 0 || mac_is_set(name))
		return 0;
	lock = take_lock(LOCK_TIMEOUT_MS, e);
	if (lock < 0)
		return lock;
	r = find(b, name, e);
	if (r > 0)
		r = set_mac(b, name, e);
	else if (r == 0)
		r = err_set(e, ENODEV, "it has vanished");
	close(lock);
	return r;
}

struct port_walk {
	int bridge;
	bool found;
	bool foreign; /* other than a veth */
};

static int note_port(const struct link *l, void *arg)
{
	struct port_walk *w = arg;

	if (l->master != w->bridge)
		return 0;
	w->found = true;
	w->foreign = w->foreign || strcmp(l->kind, "veth") != 0;
	return 0;
}

struct router_walk {
	int bridge;
	bool found;
};

static int note_advertised(const struct route *r, void *arg)
{
	struct router_walk *w = arg;

	w->found = w->found || r->index == w->bridge;
	return 0;
}

/*
 * A bridge with a port that leads out of the node is a network of others. While the node has its
 * way out from a router there, it goes on to hear it. Without one, the first who says to be a
 * router would be a pod: such a bridge is guarded as every other.
 */
static int guard(struct bridge_host *b, struct err *e)
{
	struct port_walk ports = { .bridge = b->link.index };
	struct router_walk router = { .bridge = b->link.index };
	int r;

	if (forward_is_guarded(&b->link))
		return 0;
	r = link_each(b->nl, NULL, note_port, &ports, e);
	if (r == 0 && ports.foreign)
		r = route_each(b->nl, AF_INET6, RTPROT_RA, 0, note_advertised, &router, e);
	return r < 0 || router.found ? r : forward_guard(&b->link, e);
}

static int ensure_up(struct bridge_host *b, struct err *e)
{
	if (b->link.up)
		return 0;
	link_up(b->nl, b->link.index);
	return nl_commit(b->nl, NULL, e);
}

static int prepare(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	int r = guard(b, e);

	if (r == 0)
		r = pin_mac(b, want->name, e);
	if (r == 0)
		r = ensure_up(b, e);
	return err_ctx(e, r, "bridge \"%s\"", want->name);
}

int bridge_host_open(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	int r;

	b->lock = -1;
	r = find_or_make(b, want, e);
	if (r > 0)
		r = prepare(b, want, e);
	if (r < 0)
		bridge_host_drop(b);
	return r;
}

int bridge_host_keep(struct bridge_host *b, struct err *e)
{
	int r;

	if (b->lock < 0)
		return 0;
	link_set_alias(b->nl, b->link.index, BRIDGE_ALIAS, 0);
	r = err_ctx(e, nl_commit(b->nl, NULL, e), "bridge \"%s\"", b->link.name);
	if (r < 0)
		return r;
	close(b->lock);
	b->lock = -1;
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
	if (link_each(nl, NULL, note_port, &w, &e) < 0 || w.found)
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
