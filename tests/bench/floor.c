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
 *	floor collect GROUP FIRST COUNT		flrFIRST and its next are gone, as by a GC
 *	floor chain-node BRIDGE			sets for chain-add, after node
 *	floor chain-add PLUGIN flrN NETNS INDEX ADDRESS GATEWAY masq
 *	floor chain-del PLUGIN flrN ADDRESS NETNS masq	PLUGIN: one of floor_chain.c, or all
 *	floor veth-host-node NAME			sets for veth-host-add
 *	floor veth-host-add flrN NETNS ADDRESS NODE GATEWAY	behind wire; DEL with the same
 *	floor veth-host-del flrN NETNS ADDRESS NODE GATEWAY
 *	floor dhcp-add macvlan flrN NETNS INDEX		with a lease
 *	floor dhcp-del macvlan NETNS SERVER
 *	floor lo NETNS
 *	floor wire KIND flrN NETNS INDEX ADDRESS GATEWAY	floor_wire.c: what a plugin of this
 *	floor unwire KIND NETNS				name makes of that link
 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

static const struct nft_table table = { .family = NFPROTO_INET, .name = "floor" };
static const struct nft_set set = { "masq4", { NFT_TYPE_IPV4 } };
struct nl host, pod, nft;
/* The largest transaction and batch are those of collect(), of a thousand. */
static char host_buf[65536], pod_buf[4096], nft_buf[262144];
struct err err;
uint8_t mac[6] = { 2, 0, 0, 0, 2 };

void must(int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "floor: %s\n", err.text);
	_exit(1);
}

unsigned int number_of(const char *name)
{
	return (unsigned int)atoi(name + 3);
}

void open_host(void)
{
	must(nl_open(&host, NETLINK_ROUTE, host_buf, sizeof(host_buf), &err));
}

void open_nft(void)
{
	must(nl_open(&nft, NETLINK_NETFILTER, nft_buf, sizeof(nft_buf), &err));
}

void put_table(const struct nft_table *t, const struct nft_set *sets, int count)
{
	open_nft();
	nft_begin(&nft);
	nft_table_add(&nft, t);
	for (int i = 0; i < count; i++)
		nft_set_add(&nft, t, &sets[i]);
	must(nft_commit(&nft, NULL, &err));
}

void open_pod(const char *path)
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

void put_veth(const char *name, const char *in_pod, const char *ns_path, uint32_t bridge)
{
	const struct ifinfomsg up = { .ifi_index = (int)(HOST_INDEX + number_of(name)),
				      .ifi_flags = IFF_UP,
				      .ifi_change = IFF_UP };
	const struct ifinfomsg peer = { .ifi_index = POD_INDEX };
	int ns = open(ns_path, O_RDONLY | O_CLOEXEC);

	nl_request(&host, "create veth", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	nl_put_str(&host, IFLA_IFNAME, name);
	if (bridge)
		nl_put_u32(&host, IFLA_MASTER, bridge);
	nl_nest (&host, IFLA_LINKINFO) {
		nl_put_str(&host, IFLA_INFO_KIND, "veth");
		nl_nest (&host, IFLA_INFO_DATA) {
			nl_nest (&host, VETH_INFO_PEER) {
				nl_put_raw(&host, &peer, sizeof(peer));
				nl_put_str(&host, IFLA_IFNAME, in_pod);
				nl_put(&host, IFLA_ADDRESS, mac, sizeof(mac));
				nl_put_u32(&host, IFLA_NET_NS_FD, (uint32_t)ns);
			}
		}
	}
	must(nl_commit(&host, NULL, &err));
}

void guard(const char *name)
{
	const char *const keys[] = { "accept_ra", "autoconf", "accept_redirects" };
	char path[SYSCTL_LINK_PATH];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		must(sysctl_write(sysctl_link_path("ipv6", name, keys[i], path), "0", &err));
}

static void change_element(const struct addr *a, bool present)
{
	const struct nft_elem el = { .key[0].addr = *a, .comment = present ? "floor" : NULL };

	open_nft();
	nft_begin(&nft);
	(present ? nft_elem_add : nft_elem_del)(&nft, &table, &set, &el);
	must(nft_commit(&nft, NULL, &err));
}

void add(char **argv, bool masq)
{
	const struct route gateway_less = { .dst = { .addr = { .family = AF_INET } },
					    .index = POD_INDEX };
	struct route r = gateway_less;
	struct prefix p;
	struct link end;

	if (!prefix_parse(argv[3], &p) || !addr_parse(argv[4], &r.via))
		_exit(2);
	open_host();
	open_pod(argv[1]);
	mac[5] = (uint8_t)number_of(argv[0]);
	put_veth(argv[0], "eth0", argv[1], (uint32_t)atoi(argv[2]));
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
void del(char **argv, bool masq)
{
	struct addr a;

	if (!addr_parse(argv[1], &a))
		_exit(2);
	if (masq)
		change_element(&a, false);
	open_host();
	link_del_name(&host, argv[0]);
	must(nl_commit(&host, NULL, &err));
}

void mark(char **argv, bool masq)
{
	(void)masq;
	open_host();
	link_set_group_name(&host, argv[0], (uint32_t)atoi(argv[1]));
	must(nl_commit(&host, NULL, &err));
}

void reap(char **argv, bool masq)
{
	(void)masq;
	open_host();
	link_del_group(&host, (uint32_t)atoi(argv[0]));
	must(nl_commit(&host, NULL, &err));
}

/* As call_of() of the bench gives it. */
static struct addr address_of(unsigned int number)
{
	return (struct addr){ AF_INET,
			      { 10, 99, (uint8_t)(number / 250), (uint8_t)(number % 250 + 2) } };
}

static void drop_elements(unsigned int first, unsigned int count)
{
	open_nft();
	nft_begin(&nft);
	for (unsigned int i = 0; i < count; i++) {
		const struct nft_elem el = { .key[0].addr = address_of(first + i) };

		nft_elem_del(&nft, &table, &set, &el);
	}
	must(nft_commit(&nft, NULL, &err));
}

/* Links by index, as in set_group(). */
void collect(char **argv, bool masq)
{
	uint32_t group = (uint32_t)atoi(argv[0]);
	unsigned int first = (unsigned int)atoi(argv[1]), count = (unsigned int)atoi(argv[2]);

	if (masq)
		drop_elements(first, count);
	open_host();
	for (unsigned int i = 0; i < count; i++)
		link_set_group(&host, (int)(HOST_INDEX + first + i), group);
	must(nl_commit(&host, NULL, &err));
	link_del_group(&host, group);
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

	open_nft();
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

void node(char **argv, bool masq)
{
	const struct bridge b = { .name = argv[0], .mac = { 2, 0, 0, 0, 0, 1 } };
	struct link l;
	int r;

	open_host();
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

void lo(char **argv, bool masq)
{
	(void)masq;
	open_pod(argv[0]);
	link_up(&pod, 1);
	must(nl_commit(&pod, NULL, &err));
}

static const struct {
	const char *name;
	int args; /* at least */
	mode_fn *run;
} modes[] = {
	{ "node", 1, node },
	{ "add", 5, add },
	{ "del", 2, del },
	{ "mark", 2, mark },
	{ "reap", 1, reap },
	{ "collect", 3, collect },
	{ "chain-node", 1, chain_node },
	{ "chain-add", 6, chain_add },
	{ "chain-del", 4, chain_del },
	{ "veth-host-node", 1, veth_host_node },
	{ "veth-host-add", 5, veth_host_add },
	{ "veth-host-del", 5, veth_host_del },
	{ "dhcp-add", 4, dhcp_add },
	{ "dhcp-del", 3, dhcp_del },
	{ "lo", 1, lo },
	{ "wire", 6, wire },
	{ "unwire", 2, unwire },
};

int main(int argc, char **argv)
{
	bool masq = argc > 2 && strcmp(argv[argc - 1], "masq") == 0;
	const char *what = argc > 2 ? argv[1] : "";

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(what, modes[i].name) != 0 || argc - 2 < modes[i].args)
			continue;
		modes[i].run(argv + 2, masq);
		_exit(0);
	}
	return 2;
}
