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
#include "iface/bridge_vlan.h"
#include "iface/forward.h"
#include "iface/gateway.h"
#include "net/ip.h"
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
	struct bridge add = {
		.name = want->name,
		.group = BRIDGE_UNFINISHED,
		.mtu = want->mtu,
		.vlan_filtering = want->vlan != NULL,
	};
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

static bool has_vlan_gateway(const struct bridge_want *want)
{
	return want->gateway && want->vlan && want->vlan->id;
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

static int set_promisc(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	if (!want->promisc || b->link.promisc)
		return 0;
	link_set_promisc(b->nl, b->link.index, true);
	return err_ctx(e, nl_commit(b->nl, NULL, e), "bridge \"%s\"", want->name);
}

/* The link that is the pods' gateway. */
static const struct link *gateway_link(const struct bridge_host *b)
{
	return b->gateway.index ? &b->gateway : &b->link;
}

/* A bridge that was there may not filter yet; its ports are all in its default VLAN. */
static int filter_vlans(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	if (!want->vlan || b->link.vlan_filtering)
		return 0;
	bridge_filter_vlans(b->nl, b->link.index);
	return err_ctx(e, nl_commit(b->nl, NULL, e), "bridge \"%s\"", want->name);
}

int bridge_host_address(struct bridge_host *b, const struct bridge_want *want,
			const struct cni_result *ips, struct err *e)
{
	int r = 0;

	if (want->gateway)
		r = gateway_address(b->nl, gateway_link(b), want->force_address, ips, e);
	if (r == 0)
		r = filter_vlans(b, want, e);
	return r < 0 ? r : set_promisc(b, want, e);
}

/* A carrier comes to the bridge with its first port that forwards. */
static int await_carrier(struct bridge_host *b, const char *name, struct err *e)
{
	int r = b->link.ready ? 0 : link_await(b->nl, name, &b->link, e);

	if (r >= 0 && b->gateway.index && !b->gateway.ready)
		r = link_await(b->nl, b->gateway_name, &b->gateway, e);
	return r;
}

int bridge_host_ready(struct bridge_host *b, const struct bridge_want *want,
		      const struct cni_result *ips, struct err *e)
{
	int r = await_carrier(b, want->name, e);

	if (r >= 0 && want->gateway)
		r = gateway_await(b->nl, gateway_link(b), ips, e);
	if (r >= 0)
		r = gateway_forget(b->nl, gateway_link(b), ips, e);
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

/* The link that has the gateway addresses, found again. */
static int check_vlan_gateway(struct nl *nl, const struct link *bridge,
			      const struct bridge_want *want, struct link *out, struct err *e)
{
	char name[IF_NAMESIZE];
	int r;

	(void)vlan_gateway_name(want->name, want->vlan->id, name);
	r = link_find(nl, name, out, e);
	if (r == 0)
		r = err_set(e, ENODEV, "interface %s of bridge \"%s\" is not there", name,
			    want->name);
	return r < 0 ? r : vlan_gateway_check(nl, out, bridge, want->vlan->id, e);
}

int bridge_host_check(struct nl *nl, const struct link *bridge, const struct bridge_want *want,
		      const struct cni_result *prev, int iface, struct err *e)
{
	struct link gateway = *bridge;
	int r = 0;

	if (!bridge->up)
		return err_set(e, ENETDOWN, "bridge \"%s\" is down", bridge->name);
	if (want->promisc && !bridge->promisc)
		return err_set(e, EINVAL, "bridge \"%s\" is not promiscuous", bridge->name);
	if (!want->gateway)
		return 0;
	if (has_vlan_gateway(want))
		r = check_vlan_gateway(nl, bridge, want, &gateway, e);
	return r < 0 ? r : gateway_check(nl, &gateway, prev, iface, e);
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

int bridge_host_inspect(struct nl *nl, const struct bridge_want *want, struct err *e)
{
	struct port_walk ports = { 0 };
	struct link l;
	int r = want->vlan ? link_find(nl, want->name, &l, e) : 0;

	if (r <= 0 || l.vlan_filtering || strcmp(l.kind, "bridge") != 0)
		return r < 0 ? r : 0;
	ports.bridge = l.index;
	r = link_each(nl, NULL, note_port, &ports, e);
	if (r == 0 && ports.foreign)
		r = err_code(e,
			     err_set(e, EINVAL,
				     "vlan: bridge \"%s\" does not filter VLANs, and a port of it "
				     "leads to others; turn its vlan_filtering on",
				     want->name),
			     CNI_ERR_CONFIG);
	return r;
}

struct router_walk {
	int own;
	bool found;
};

static int note_advertised(const struct route *r, void *arg)
{
	struct router_walk *w = arg;

	w->found = w->found || r->index == w->own;
	return 0;
}

/*
 * own: the bridge, or the node's interface in a VLAN of it. A bridge with a port that leads out of
 * the node is a network of others. While the node has its way out from a router there, it goes on
 * to hear it. Without one, the first who says to be a router would be a pod: such a bridge is
 * guarded as every other.
 */
static int guard(struct bridge_host *b, const struct link *own, struct err *e)
{
	struct port_walk ports = { .bridge = b->link.index };
	struct router_walk router = { .own = own->index };
	int r;

	if (forward_is_guarded(own))
		return 0;
	r = link_each(b->nl, NULL, note_port, &ports, e);
	if (r == 0 && ports.foreign)
		r = route_each(b->nl, AF_INET6, RTPROT_RA, 0, note_advertised, &router, e);
	return r < 0 || router.found ? r : forward_guard(own, e);
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
	int r = guard(b, &b->link, e);

	if (r == 0)
		r = pin_mac(b, want->name, e);
	if (r == 0)
		r = ensure_up(b, e);
	return err_ctx(e, r, "bridge \"%s\"", want->name);
}

/* The node's interface in the VLAN, of a dead maker's what is left. */
static int make_gateway(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	if (b->gateway.index) {
		link_del(b->nl, b->gateway.index);
		(void)nl_commit(b->nl, NULL, err_ignored());
		b->gateway = (struct link){ 0 };
	}
	return vlan_gateway_make(b->nl, &b->link, want->vlan, BRIDGE_UNFINISHED, &b->gateway, e);
}

static int find_gateway(struct bridge_host *b, struct err *e)
{
	int r = link_find(b->nl, b->gateway_name, &b->gateway, e);

	if (r == 0)
		b->gateway = (struct link){ 0 };
	return r;
}

/* Somebody else may have made it, or opened it since. */
static int prepare_gateway(struct bridge_host *b, struct err *e)
{
	int r = guard(b, &b->gateway, e);

	if (r == 0 && !b->gateway.up) {
		link_up(b->nl, b->gateway.index);
		r = nl_commit(b->nl, NULL, e);
	}
	return err_ctx(e, r, "interface %s", b->gateway_name);
}

/* As find_or_make(), under the same lock. */
static int open_gateway(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	bool alone = b->lock < 0;
	int r;

	(void)vlan_gateway_name(want->name, want->vlan->id, b->gateway_name);
	r = find_gateway(b, e);
	if (r < 0)
		return r;
	if (r > 0 && !is_unfinished(&b->gateway))
		return prepare_gateway(b, e);
	if (alone)
		b->lock = take_lock(LOCK_TIMEOUT_MS, e);
	if (b->lock < 0)
		return b->lock;
	b->name = want->name;
	r = find_gateway(b, e);
	if (r < 0)
		return r;
	if (r == 0 || is_unfinished(&b->gateway))
		return make_gateway(b, want, e);
	if (alone) {
		close(b->lock);
		b->lock = -1;
	}
	return prepare_gateway(b, e);
}

int bridge_host_open(struct bridge_host *b, const struct bridge_want *want, struct err *e)
{
	int r;

	b->lock = -1;
	r = find_or_make(b, want, e);
	if (r > 0)
		r = prepare(b, want, e);
	if (r >= 0 && has_vlan_gateway(want))
		r = open_gateway(b, want, e);
	if (r < 0)
		bridge_host_drop(b);
	return r;
}

int bridge_host_keep(struct bridge_host *b, struct err *e)
{
	int r;

	if (b->lock < 0)
		return 0;
	if (is_unfinished(&b->link))
		link_set_alias(b->nl, b->link.index, BRIDGE_ALIAS, 0);
	if (is_unfinished(&b->gateway))
		link_set_alias(b->nl, b->gateway.index, BRIDGE_ALIAS, 0);
	r = err_ctx(e, nl_commit(b->nl, NULL, e), "bridge \"%s\"", b->link.name);
	if (r < 0)
		return r;
	close(b->lock);
	b->lock = -1;
	return 0;
}

static void remove_link(struct nl *nl, const struct link *l)
{
	struct err e = { 0 };

	link_del(nl, l->index);
	if (nl_commit(nl, NULL, &e) < 0)
		log_line(LOG_WARN, "the unfinished %s %s stays: %s", l->kind, l->name, e.text);
}

static bool find_unfinished(struct nl *nl, const char *name, struct link *out)
{
	return *name && link_find(nl, name, out, err_ignored()) > 0 && is_unfinished(out);
}

/* The gateway's other end is a port of the bridge. */
static void remove_unfinished(struct nl *nl, const char *name, const char *gateway)
{
	struct port_walk w = { 0 };
	struct link l;

	if (find_unfinished(nl, gateway, &l))
		remove_link(nl, &l);
	if (!find_unfinished(nl, name, &l) || strcmp(l.kind, "bridge") != 0)
		return;
	w.bridge = l.index;
	if (link_each(nl, NULL, note_port, &w, err_ignored()) >= 0 && !w.found)
		remove_link(nl, &l);
}

void bridge_host_drop(struct bridge_host *b)
{
	if (b->lock < 0)
		return;
	remove_unfinished(b->nl, b->name, b->gateway_name);
	close(b->lock);
	b->lock = -1;
}

void bridge_host_sweep(struct nl *nl, const struct bridge_want *want)
{
	char gateway[IF_NAMESIZE] = "";
	struct link l;
	int lock;

	if (want->vlan && want->vlan->id)
		(void)vlan_gateway_name(want->name, want->vlan->id, gateway);
	if (!find_unfinished(nl, want->name, &l) && !find_unfinished(nl, gateway, &l))
		return;
	lock = take_lock(0, err_ignored());
	if (lock < 0)
		return;
	remove_unfinished(nl, want->name, gateway);
	close(lock);
}
