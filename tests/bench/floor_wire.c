/*
 * The floor of what stands on the node's own wire, and of a tap: see floor.c. KIND is the plugin's
 * name.
 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>

#include "net/tap.h"

#define VLAN 7
#define WIRE "w0"
#define NAME "eth0"

struct wanted {
	const char *kind, *name; /* the name that it has at first, of no other */
	int ns, parent;
};

static bool is(const struct wanted *w, const char *kind)
{
	return strcmp(w->kind, kind) == 0;
}

static void put_child(const struct wanted *w)
{
	const struct child_link l = {
		.name = w->name,
		.parent = w->parent,
		.ns = w->ns,
		.mac = is(w, "macvlan") ? mac : NULL,
	};
	const struct macvlan m = { .mode = MACVLAN_MODE_BRIDGE };

	if (is(w, "macvlan"))
		link_add_macvlan(&host, &l, &m);
	else if (is(w, "ipvlan"))
		link_add_ipvlan(&host, &l, IPVLAN_MODE_L2);
	else
		link_add_vlan(&host, &l, VLAN);
	must(nl_commit(&host, NULL, &err));
}

static void put_device(const struct wanted *w)
{
	link_down(&host, w->parent);
	link_move(&host, w->parent, w->ns, w->name);
	must(nl_commit(&host, NULL, &err));
}

static void put_tap(const struct wanted *w)
{
	const struct tap t = { .name = w->name, .owner = TAP_ANYBODY, .group = TAP_ANYBODY };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	fd = tap_make(&t, w->ns, home, &err);
	must(fd);
	must(tap_persist(fd, &err));
	close(fd);
}

static void put(const struct wanted *w)
{
	if (is(w, "tap"))
		put_tap(w);
	else if (is(w, "host-device"))
		put_device(w);
	else
		put_child(w);
}

bool put_wire(char **argv, struct link *out)
{
	const struct wanted w = {
		.kind = argv[0],
		.name = argv[1],
		.ns = open(argv[2], O_RDONLY | O_CLOEXEC),
		.parent = atoi(argv[3]),
	};

	mac[5] = (uint8_t)number_of(w.name);
	open_pod(argv[2]);
	open_host();
	put(&w);
	must(link_find(&pod, w.name, out, &err));
	link_set_name(&pod, out->index, NAME);
	neigh_notify(&pod, out->index);
	link_up(&pod, 1);
	link_up(&pod, out->index);
	return is(&w, "macvlan");
}

void wire(char **argv, bool masq)
{
	struct route r = { .dst = { .addr = { .family = AF_INET } } };
	struct prefix p;
	struct link l;
	bool announced;

	(void)masq;
	if (!prefix_parse(argv[4], &p) || !addr_parse(argv[5], &r.via))
		_exit(2);
	announced = put_wire(argv, &l);
	r.index = l.index;
	ifaddr_add(&pod, l.index, &p);
	route_add(&pod, &r);
	must(nl_commit(&pod, NULL, &err));
	if (announced)
		neigh_announce(&pod, l.index, l.mac);
	must(nl_commit(&pod, NULL, &err));
}

/* It comes back as it was: up. */
static void give_back(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct link l;

	must(link_find(&pod, NAME, &l, &err));
	link_down(&pod, l.index);
	link_move(&pod, l.index, home, WIRE);
	must(nl_commit(&pod, NULL, &err));
	open_host();
	must(link_find(&host, WIRE, &l, &err));
	link_up(&host, l.index);
	must(nl_commit(&host, NULL, &err));
}

void unwire(char **argv, bool masq)
{
	(void)masq;
	open_pod(argv[1]);
	if (strcmp(argv[0], "host-device") == 0) {
		give_back();
		return;
	}
	link_del_name(&pod, NAME);
	must(nl_commit(&pod, NULL, &err));
}
