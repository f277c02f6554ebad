/*
 * Namespaces that play nodes, pods and the world outside: see bench.h. A node has its own
 * /run/cnibox as well, for what is in there describes one kernel's ruleset; all see the same
 * /run/netns.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/nl.h"

#define NODES_MAX 96
#define PODS_DIR "/run/netns"
#define STATE_DIR "/run/cnibox"

static struct node nodes[NODES_MAX];
static unsigned int node_count, pod_count;
static int home = -1, home_mounts, home_dir;

static void ok(int r, const struct err *e)
{
	if (r < 0)
		die("%s", e->text);
}

static void enter(int ns)
{
	struct err e = { 0 };

	ok(netns_enter(ns, &e), &e);
}

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void make_home(void)
{
	struct err e = { 0 };

	home = netns_open_self(&e);
	ok(home, &e);
	if (mount(PODS_DIR, PODS_DIR, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, PODS_DIR, NULL, MS_SHARED, NULL) < 0)
		die("share %s among the nodes: %s", PODS_DIR, strerror(errno));
	home_mounts = open_path("/proc/self/ns/mnt");
	home_dir = open_path(".");
}

static int open_home(void)
{
	if (home < 0)
		make_home();
	return home;
}

static void enter_mounts(int fd)
{
	if (setns(fd, CLONE_NEWNS) < 0)
		die("enter a mount namespace: %s", strerror(errno));
}

static struct nl *rtnl(const struct node *n)
{
	static char buf[4096];
	static struct nl nl;
	struct err e = { 0 };

	ok(nl_open_in(&nl, n->ns, open_home(), NETLINK_ROUTE, buf, sizeof(buf), &e), &e);
	return &nl;
}

static void commit(struct nl *nl)
{
	struct err e = { 0 };

	ok(nl_commit(nl, NULL, &e), &e);
	nl_close(nl);
}

struct node *node_new(const char *name)
{
	struct node *n = &nodes[node_count];
	struct err e = { 0 };
	struct nl *nl;

	if (node_count++ == NODES_MAX)
		die("more than %d nodes", NODES_MAX);
	open_home();
	snprintf(n->name, sizeof(n->name), "%s", name);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		die("unshare: %s", strerror(errno));
	if ((mkdir(STATE_DIR, 0755) < 0 && errno != EEXIST) ||
	    mount("tmpfs", STATE_DIR, "tmpfs", 0, "mode=755") < 0)
		die("mount %s of node %s: %s", STATE_DIR, name, strerror(errno));
	n->ns = netns_open_self(&e);
	ok(n->ns, &e);
	n->mounts = open_path("/proc/self/ns/mnt");
	node_leave();
	nl = rtnl(n);
	link_up(nl, 1);
	commit(nl);
	return n;
}

void node_enter(const struct node *n)
{
	enter_mounts(n->mounts);
	enter(n->ns);
}

void node_leave(void)
{
	enter(open_home());
	enter_mounts(home_mounts);
	if (fchdir(home_dir) < 0)
		die("back to where the bench began: %s", strerror(errno));
}

/* The ends are called after the node at the other end. */
void node_join(const struct node *a, const char *a_addr, const struct node *b, const char *b_addr)
{
	const struct veth v = { .host = b->name,
				.pod = a->name,
				.pod_ns = b->ns,
				.host_mac = { 2, 0, 0, 0, 1, 1 },
				.pod_mac = { 2, 0, 0, 0, 1, 2 } };
	const struct node *ends[] = { a, b };
	const char *names[] = { b->name, a->name }, *addrs[] = { a_addr, b_addr };
	struct nl *nl = rtnl(a);

	link_add_veth(nl, &v);
	link_join_veth(nl, &v, false);
	commit(nl);
	for (int i = 0; i < 2; i++) {
		struct err e = { 0 };
		struct prefix p;
		struct link l;

		nl = rtnl(ends[i]);
		ok(link_find(nl, names[i], &l, &e), &e);
		if (!prefix_parse(addrs[i], &p))
			die("%s is no prefix", addrs[i]);
		link_up(nl, l.index);
		ifaddr_add(nl, l.index, &p);
		commit(nl);
	}
}

void node_wire(const struct node *n)
{
	const struct veth v = { .host = "w0",
				.pod = "w1",
				.pod_ns = n->ns,
				.host_mac = { 2, 0, 0, 0, 3, 1 },
				.pod_mac = { 2, 0, 0, 0, 3, 2 } };
	struct nl *nl = rtnl(n);
	struct err e = { 0 };
	struct link l;

	link_add_veth(nl, &v);
	link_join_veth(nl, &v, false);
	commit(nl);
	nl = rtnl(n);
	ok(link_find(nl, v.pod, &l, &e), &e);
	link_up(nl, l.index);
	commit(nl);
}

void node_address(const struct node *n, const char *link, const char *address)
{
	struct nl *nl = rtnl(n);
	struct err e = { 0 };
	struct prefix p;
	struct link l;

	ok(link_find(nl, link, &l, &e), &e);
	if (!prefix_parse(address, &p))
		die("%s is no prefix", address);
	ifaddr_add(nl, l.index, &p);
	commit(nl);
}

/* false: the kernel refuses it. */
static bool probe_child(const struct node *n, const char *kind)
{
	const struct macvlan m = { .mode = MACVLAN_MODE_BRIDGE };
	struct child_link child = { .name = "probe0" };
	struct nl *nl = rtnl(n);
	struct err e = { 0 };
	struct link l;
	int r;

	ok(link_find(nl, "w0", &l, &e), &e);
	child.parent = l.index;
	if (strcmp(kind, "macvlan") == 0)
		link_add_macvlan(nl, &child, &m);
	else if (strcmp(kind, "ipvlan") == 0)
		link_add_ipvlan(nl, &child, IPVLAN_MODE_L2);
	else
		link_add_vlan(nl, &child, 7);
	r = nl_commit(nl, NULL, &e);
	if (r == 0)
		link_del_name(nl, child.name);
	commit(nl);
	return r == 0;
}

bool node_has_kind(const struct node *n, const char *kind)
{
	if (strcmp(kind, "host-device") == 0)
		return true;
	return strcmp(kind, "tap") == 0 ? access("/dev/net/tun", F_OK) == 0 : probe_child(n, kind);
}

void node_route(const struct node *n, const char *dst, const char *via)
{
	struct route r = { 0 };
	struct nl *nl = rtnl(n);

	if (!prefix_parse(dst, &r.dst) || !addr_parse(via, &r.via))
		die("%s via %s is no route", dst, via);
	route_replace(nl, &r);
	commit(nl);
}

static int count_port(const struct link *l, void *arg)
{
	*(unsigned int *)arg += l->master != 0;
	return 0;
}

unsigned int node_ports(const struct node *n)
{
	struct nl *nl = rtnl(n);
	unsigned int count = 0;
	struct err e = { 0 };

	ok(link_each(nl, "veth", count_port, &count, &e), &e);
	nl_close(nl);
	return count;
}

static void pod_new(unsigned int pod)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), PODS_DIR "/pod%u", pod);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
	if (unshare(CLONE_NEWNET) < 0 || mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		die("make the namespace %s: %s", path, strerror(errno));
}

unsigned int pods_new(unsigned int count)
{
	unsigned int first = pod_count;

	open_home();
	for (pod_count += count; first < pod_count; first++)
		pod_new(first);
	node_leave();
	return pod_count - count;
}

static int pod_open(unsigned int pod)
{
	struct err e = { 0 };
	char path[64];
	int ns;

	snprintf(path, sizeof(path), PODS_DIR "/pod%u", pod);
	ns = netns_open(path, &e);
	ok(ns, &e);
	return ns;
}

void pod_enter(unsigned int pod)
{
	int ns = pod_open(pod);

	enter(ns);
	close(ns);
}

/* One end of a conversation: a link and its first IPv4 address. */
struct end {
	struct node at;
	const char *name;
	struct link link;
	struct addr addr;
};

static int take_first(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct addr *a = arg;

	(void)index;
	(void)scope;
	if (!addr_is_set(a))
		*a = p->addr;
	return 0;
}

static void end_read(struct end *end)
{
	struct nl *nl = rtnl(&end->at);
	struct err e = { 0 };

	if (link_find(nl, end->name, &end->link, &e) <= 0)
		die("no link %s: %s", end->name, e.text);
	ok(ifaddr_each(nl, AF_INET, end->link.index, take_first, &end->addr, &e), &e);
	nl_close(nl);
}

static void put_neighbour(const struct end *here, const struct end *there)
{
	const struct ndmsg m = { .ndm_family = AF_INET,
				 .ndm_ifindex = here->link.index,
				 .ndm_state = NUD_PERMANENT };
	struct nl *nl = rtnl(&here->at);

	nl_request(nl, "add neighbour", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m));
	nl_put_addr(nl, NDA_DST, &there->addr);
	nl_put(nl, NDA_LLADDR, there->link.mac, sizeof(there->link.mac));
	commit(nl);
}

/*
 * A question by ARP goes to all ports of the bridge. With a thousand that is more than a CPU's
 * queue of received packets holds (net.core.netdev_max_backlog, 1000), and the answer is among what
 * is dropped.
 */
void pod_introduce(const struct node *n, unsigned int pod)
{
	struct end inside = { .at.ns = pod_open(pod), .name = "eth0" },
		   outside = { .at.ns = n->ns, .name = "br0" };

	end_read(&inside);
	end_read(&outside);
	put_neighbour(&inside, &outside);
	put_neighbour(&outside, &inside);
	close(inside.at.ns);
}
