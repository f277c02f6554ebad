/*
 * The floor of the bench: the kernel's work of an attachment and nothing else. When it is over the
 * first packet passes, the neighbours have heard whose the address is now, and the host's end heeds
 * no router advertisement and no redirect. Apart from that nothing is parsed, checked, found out or
 * stored; addresses, index and names come ready from the bench. What a plugin takes longer than
 * this is its own.
 *
 * usage:
 *	floor node BRIDGE [masq]	a bridge (made if missing) and a table; prints its index
 *	floor add flrN NETNS INDEX ADDRESS GATEWAY [masq]
 *	floor del flrN ADDRESS [masq]
 *	floor mark flrN GROUP			one of a crowd's deletions ...
 *	floor reap GROUP			... and the one request that deletes them all
 *	floor lo NETNS
 *	floor wire KIND flrN NETNS INDEX ADDRESS GATEWAY	a macvlan or ipvlan on that link
 *	floor unwire NETNS
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "base/addr.h"
#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/neigh.h"
#include "net/nft.h"
#include "net/nl.h"
#include "net/sysctl.h"

/*
 * The pod's end gets an index of our choice, so that nobody has to ask for it. The kernel heeds
 * that only if the host's end has one, too (veth_newlink()).
 */
#define POD_INDEX 1000
#define HOST_INDEX 100000 /* and the number in its name */

static const struct nft_table table = { .family = NFPROTO_INET, .name = "floor" };
static const struct nft_set set = { "masq4", { NFT_TYPE_IPV4 } };
static struct nl host, pod, nft;
static char host_buf[4096], pod_buf[4096], nft_buf[8192];
static struct err err;
static uint8_t mac[6] = { 2, 0, 0, 0, 2 }; /* of the pod's end */

static void must(int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "floor: %s\n", err.text);
	_exit(1);
}

static void open_pod(const char *path)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
	    ns = open(path, O_RDONLY | O_CLOEXEC);

	if (home < 0 || ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "enter %s", path));
	must(nl_open(&pod, NETLINK_ROUTE, pod_buf, sizeof(pod_buf), &err));
	if (setns(home, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "come back"));
	close(home);
	close(ns);
}

static void put_veth(const char *name, const char *ns_path, uint32_t bridge)
{
	const struct ifinfomsg up = { .ifi_index = HOST_INDEX + atoi(name + 3),
				      .ifi_flags = IFF_UP,
				      .ifi_change = IFF_UP };
	const struct ifinfomsg peer = { .ifi_index = POD_INDEX };
	int ns = open(ns_path, O_RDONLY | O_CLOEXEC);

	nl_request(&host, "create veth", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	nl_put_str(&host, IFLA_IFNAME, name);
	nl_put_u32(&host, IFLA_MASTER, bridge);
	nl_nest (&host, IFLA_LINKINFO) {
		nl_put_str(&host, IFLA_INFO_KIND, "veth");
		nl_nest (&host, IFLA_INFO_DATA) {
			nl_nest (&host, VETH_INFO_PEER) {
				nl_put_raw(&host, &peer, sizeof(peer));
				nl_put_str(&host, IFLA_IFNAME, "eth0");
				nl_put(&host, IFLA_ADDRESS, mac, sizeof(mac));
				nl_put_u32(&host, IFLA_NET_NS_FD, (uint32_t)ns);
			}
		}
	}
	must(nl_commit(&host, NULL, &err));
}

static void guard(const char *name)
{
	const char *const keys[] = { "accept_ra", "autoconf", "accept_redirects" };
	char path[SYSCTL_LINK_PATH];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		must(sysctl_write(sysctl_link_path("ipv6", name, keys[i], path), "0", &err));
}

static void change_element(const struct addr *a, bool add)
{
	const struct nft_elem el = { .key[0].addr = *a, .comment = add ? "floor" : NULL };

	must(nl_open(&nft, NETLINK_NETFILTER, nft_buf, sizeof(nft_buf), &err));
	nft_begin(&nft);
	(add ? nft_elem_add : nft_elem_del)(&nft, &table, &set, &el);
	must(nft_commit(&nft, NULL, &err));
}

static void add(char **argv, bool masq)
{
	const struct route gateway_less = { .dst = { .addr = { .family = AF_INET } },
					    .index = POD_INDEX };
	struct route r = gateway_less;
	struct prefix p;
	struct link end;

	if (!prefix_parse(argv[3], &p) || !addr_parse(argv[4], &r.via))
		_exit(2);
	must(nl_open(&host, NETLINK_ROUTE, host_buf, sizeof(host_buf), &err));
	open_pod(argv[1]);
	mac[5] = (uint8_t)atoi(argv[0] + 3);
	put_veth(argv[0], argv[1], (uint32_t)atoi(argv[2]));
	guard(argv[0]);
	neigh_notify(&pod, POD_INDEX);
	link_up(&pod, 1);
	link_up(&pod, POD_INDEX);
	ifaddr_add(&pod, POD_INDEX, &p);
	route_add(&pod, &r);
	must(nl_commit(&pod, NULL, &err));
	must(link_await(&host, argv[0], &end, &err));
	neigh_announce(&pod, POD_INDEX, mac);
	must(nl_commit(&pod, NULL, &err));
	if (masq)
		change_element(&p.addr, true);
}

/*
 * The transaction first and its socket left open: nf_tables frees a deleted element after a grace
 * period, and closing a netfilter socket waits for that (nft_rcv_nl_event()). The link's deletion,
 * which waits for grace periods of its own, covers it.
 */
static void del(char **argv, bool masq)
{
	struct addr a;

	if (!addr_parse(argv[1], &a))
		_exit(2);
	if (masq)
		change_element(&a, false);
	must(nl_open(&host, NETLINK_ROUTE, host_buf, sizeof(host_buf), &err));
	link_del_name(&host, argv[0]);
	must(nl_commit(&host, NULL, &err));
}

static void group(char **argv, bool reap)
{
	must(nl_open(&host, NETLINK_ROUTE, host_buf, sizeof(host_buf), &err));
	if (reap)
		link_del_group(&host, (uint32_t)atoi(argv[0]));
	else
		link_set_group_name(&host, argv[0], (uint32_t)atoi(argv[1]));
	must(nl_commit(&host, NULL, &err));
}

static void make_table(void)
{
	const struct nft_chain chain = {
		.name = "postrouting",
		.type = "nat",
		.hook = NF_INET_POST_ROUTING,
		.priority = 101,
	};

	must(nl_open(&nft, NETLINK_NETFILTER, nft_buf, sizeof(nft_buf), &err));
	nft_begin(&nft);
	nft_table_add(&nft, &table);
	nft_set_add(&nft, &table, &set);
	nft_chain_add(&nft, &table, &chain);
	nft_rule_begin(&nft, &table, chain.name, false);
	nft_match_family(&nft, NFPROTO_IPV4);
	nft_match_set(&nft, &set, NFT_OF(NFT_SADDR), false);
	nft_do_masquerade(&nft, false);
	nft_rule_end(&nft, NULL);
	must(nft_commit(&nft, NULL, &err));
}

static void node(char **argv, bool masq)
{
	const struct bridge b = { .name = argv[0], .mac = { 2, 0, 0, 0, 0, 1 } };
	struct link l;
	int r;

	must(nl_open(&host, NETLINK_ROUTE, host_buf, sizeof(host_buf), &err));
	r = link_find(&host, argv[0], &l, &err);
	if (r == 0) {
		link_add_bridge(&host, &b);
		must(nl_commit(&host, NULL, &err));
		r = link_find(&host, argv[0], &l, &err);
	}
	must(r);
	if (masq)
		make_table();
	printf("%d\n", l.index);
	fflush(stdout);
}

static void lo(char **argv)
{
	open_pod(argv[0]);
	link_up(&pod, 1);
	must(nl_commit(&pod, NULL, &err));
}

static void put_child(const char *kind, char **argv)
{
	const struct child_link l = {
		.name = argv[0],
		.parent = atoi(argv[2]),
		.ns = open(argv[1], O_RDONLY | O_CLOEXEC),
		.mac = mac,
	};
	const struct macvlan m = { .mode = MACVLAN_MODE_BRIDGE };

	must(nl_open(&host, NETLINK_ROUTE, host_buf, sizeof(host_buf), &err));
	if (strcmp(kind, "macvlan") == 0)
		link_add_macvlan(&host, &l, &m);
	else
		link_add_ipvlan(&host, &l, IPVLAN_MODE_L2);
	must(nl_commit(&host, NULL, &err));
}

static void wire(const char *kind, char **argv)
{
	struct route r = { .dst = { .addr = { .family = AF_INET } } };
	struct prefix p;
	struct link l;

	if (!prefix_parse(argv[3], &p) || !addr_parse(argv[4], &r.via))
		_exit(2);
	mac[5] = (uint8_t)atoi(argv[0] + 3);
	open_pod(argv[1]);
	put_child(kind, argv);
	must(link_find(&pod, argv[0], &l, &err));
	r.index = l.index;
	link_set_name(&pod, l.index, "eth0");
	neigh_notify(&pod, l.index);
	link_up(&pod, 1);
	link_up(&pod, l.index);
	ifaddr_add(&pod, l.index, &p);
	route_add(&pod, &r);
	must(nl_commit(&pod, NULL, &err));
	if (strcmp(kind, "macvlan") == 0)
		neigh_announce(&pod, l.index, l.mac);
	must(nl_commit(&pod, NULL, &err));
}

static void unwire(const char *ns)
{
	open_pod(ns);
	link_del_name(&pod, "eth0");
	must(nl_commit(&pod, NULL, &err));
}

int main(int argc, char **argv)
{
	bool masq = argc > 2 && strcmp(argv[argc - 1], "masq") == 0;
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "add") == 0 && argc > 6)
		add(argv + 2, masq);
	else if (strcmp(what, "del") == 0 && argc > 3)
		del(argv + 2, masq);
	else if (strcmp(what, "mark") == 0 && argc > 3)
		group(argv + 2, false);
	else if (strcmp(what, "reap") == 0)
		group(argv + 2, true);
	else if (strcmp(what, "node") == 0)
		node(argv + 2, masq);
	else if (strcmp(what, "wire") == 0 && argc > 7)
		wire(argv[2], argv + 3);
	else if (strcmp(what, "unwire") == 0)
		unwire(argv[2]);
	else if (strcmp(what, "lo") == 0)
		lo(argv + 2);
	else
		return 2;
	_exit(0);
}
