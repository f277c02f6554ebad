/*
 * The floor of veth-host behind a plugin that has put the pod on the node's wire: a veth between
 * pod and node, and which packets take it: see floor.c. For IPv4, without ipMasq; what the plugin
 * looks for first, and connections that it forgets, are its own.
 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "net/rule.h"

#define END "veth0"
#define MARKED 257 /* tables of the pod */
#define WIRE 258
#define MARK 0x2000
#define TABLE 1000 /* of the host, and the number of the attachment */

static const struct nft_table table = { .family = NFPROTO_INET, .name = "floor_veth_host" };
static const struct nft_set sets[] = {
	{ "ends", { NFT_TYPE_IFNAME }, { NFT_TYPE_MARK } },
	{ "ports", { NFT_TYPE_IFNAME, NFT_TYPE_PORT }, { NFT_TYPE_MARK }, .interval = true },
	{ "own", { NFT_TYPE_IFNAME, NFT_TYPE_IPV4 } },
	{ "pods", { NFT_TYPE_IPV4 } },
	{ "back", { NFT_TYPE_IFNAME, NFT_TYPE_IPV4 }, { NFT_TYPE_IPV4 } },
};
enum { ENDS, PORTS, OWN, PODS, BACK, SETS };

struct wanted {
	const char *name, *ns;
	unsigned int number;
	struct addr pod, node, gateway;
	int eth0, end; /* indexes; end: the host's */
};

void veth_host_node(char **argv, bool masq)
{
	(void)argv;
	(void)masq;
	put_table(&table, sets, SETS);
}

static void put_elements(const struct wanted *w, bool present)
{
	struct nft_elem el[SETS];

	memset(el, 0, sizeof(el));
	for (int i = 0; i < SETS; i++) {
		if (i != PODS)
			memcpy(el[i].key[0].ifname, w->name, strlen(w->name));
		el[i].key[i == PODS ? 0 : 1].addr = w->pod;
	}
	memset(&el[ENDS].key[1], 0, sizeof(el[ENDS].key[1]));
	memset(&el[PORTS].key[1], 0, sizeof(el[PORTS].key[1]));
	memcpy(el[PORTS].last[0].ifname, w->name, strlen(w->name));
	el[PORTS].range = true;
	el[PORTS].key[1].port = 30000;
	el[PORTS].last[1].port = 32767;
	el[ENDS].data[0].mark = el[PORTS].data[0].mark = MARK;
	el[BACK].data[0].addr = w->node;
	open_nft();
	nft_begin(&nft);
	for (int i = 0; i < SETS; i++)
		(present ? nft_elem_add : nft_elem_del)(&nft, &table, &sets[i], &el[i]);
	must(nft_commit(&nft, NULL, &err));
}

static struct prefix alone(const struct addr *a)
{
	return (struct prefix){ *a, 32 };
}

static const struct prefix any = { .addr.family = AF_INET };

/* As the plugin's, by the same priorities. */
static void put_rules(struct nl *nl, const struct rule *rules, size_t count, bool present)
{
	for (size_t i = 0; i < count; i++) {
		struct rule r = rules[i];

		r.family = AF_INET;
		r.action = FR_ACT_TO_TBL;
		(present ? rule_add : rule_del)(nl, &r);
	}
}

static void put_pod_rules(bool present)
{
	const struct rule rules[] = {
		{ .priority = 512,
		  .mark = MARK,
		  .mask = MARK,
		  .iif = "lo",
		  .table = MARKED,
		  .suppress = -1 },
		{ .priority = 513,
		  .mark = 0x1000,
		  .mask = 0x1000,
		  .table = RT_TABLE_MAIN,
		  .iif = "lo" },
		{ .priority = 514,
		  .mark = 0x1000,
		  .mask = 0x1000,
		  .iif = "lo",
		  .table = WIRE,
		  .suppress = -1 },
		{ .priority = 1024, .iif = END, .table = RT_TABLE_MAIN },
		{ .priority = 1025, .iif = END, .table = WIRE, .suppress = -1 },
	};

	put_rules(&pod, rules, sizeof(rules) / sizeof(rules[0]), present);
}

static void put_host_rules(const struct wanted *w, bool present)
{
	struct rule rules[] = {
		{ .priority = 512, .mask = MARK, .table = RT_TABLE_MAIN, .suppress = -1 },
		{ .priority = 1024, .table = TABLE + w->number, .suppress = -1 },
	};

	for (int i = 0; i < 2; i++)
		memcpy(rules[i].iif, w->name, strlen(w->name));
	put_rules(&host, rules, 2, present);
}

static void set_knobs(const struct wanted *w)
{
	static const char *const knobs[][2] = {
		{ "net/ipv4/conf/eth0/src_valid_mark", "1" },
		{ "net/ipv4/conf/" END "/src_valid_mark", "1" },
		{ "net/ipv4/conf/" END "/accept_redirects", "0" },
		{ "net/ipv4/conf/eth0/forwarding", "1" },
	};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
	    ns = open(w->ns, O_RDONLY | O_CLOEXEC);

	if (setns(ns, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "enter %s", w->ns));
	for (size_t i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++)
		must(sysctl_write(knobs[i][0], knobs[i][1], &err));
	if (setns(home, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "come back"));
}

static void lead_pod(const struct wanted *w, const uint8_t node_mac[static 6])
{
	const struct route to_node = { .dst = alone(&w->node), .index = POD_INDEX, .src = w->pod };
	struct route r = { .dst = any, .via = w->node, .index = POD_INDEX, .src = w->pod };

	link_up(&pod, POD_INDEX);
	neigh_set(&pod, POD_INDEX, &w->node, node_mac);
	route_add(&pod, &to_node);
	route_replace(&pod, &r);
	r.table = MARKED;
	route_add(&pod, &r);
	r = (struct route){ .dst = any, .via = w->gateway, .index = w->eth0, .table = WIRE };
	route_add(&pod, &r);
	put_pod_rules(true);
	must(nl_commit(&pod, NULL, &err));
}

static void lead_host(const struct wanted *w)
{
	const struct addr peer = { AF_INET, { 192, 0, 0, 8 } };
	const struct prefix subnet = { { AF_INET, { 10, 99 } }, 16 };
	struct route r = { .dst = alone(&w->pod), .index = w->end };
	char path[SYSCTL_LINK_PATH];

	must(sysctl_write(sysctl_link_path("ipv4", w->name, "src_valid_mark", path), "1", &err));
	neigh_set(&host, w->end, &w->pod, mac);
	route_add(&host, &r);
	r.table = TABLE + w->number;
	r.dst = alone(&peer);
	route_add(&host, &r);
	r.via = w->pod;
	r.onlink = true;
	r.dst = subnet;
	route_add(&host, &r);
	r.dst = any;
	route_add(&host, &r);
	put_host_rules(w, true);
	must(nl_commit(&host, NULL, &err));
}

static struct wanted read_wanted(char **argv)
{
	struct wanted w = {
		.name = argv[0],
		.ns = argv[1],
		.number = number_of(argv[0]),
		.end = (int)(HOST_INDEX + number_of(argv[0])),
	};
	struct link l;

	if (!addr_parse(argv[2], &w.pod) || !addr_parse(argv[3], &w.node) ||
	    !addr_parse(argv[4], &w.gateway))
		_exit(2);
	mac[5] = (uint8_t)w.number;
	open_host();
	open_pod(w.ns);
	must(link_find(&pod, "eth0", &l, &err));
	w.eth0 = l.index;
	return w;
}

void veth_host_add(char **argv, bool masq)
{
	struct wanted w = read_wanted(argv);
	struct link end;

	(void)masq;
	put_veth(w.name, END, w.ns, 0);
	guard(w.name);
	must(link_find(&host, w.name, &end, &err));
	set_knobs(&w);
	lead_pod(&w, end.mac);
	lead_host(&w);
	put_elements(&w, true);
}

/* What was led by the veth goes with it. */
void veth_host_del(char **argv, bool masq)
{
	struct wanted w = read_wanted(argv);
	struct route r = { .dst = any, .table = WIRE };

	(void)masq;
	put_elements(&w, false);
	route_del(&pod, &r);
	put_pod_rules(false);
	r = (struct route){ .dst = any, .via = w.gateway, .index = w.eth0 };
	route_replace(&pod, &r);
	must(nl_commit(&pod, NULL, &err));
	put_host_rules(&w, false);
	link_del(&host, w.end);
	must(nl_commit(&host, NULL, &err));
}
