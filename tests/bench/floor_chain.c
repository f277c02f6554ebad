/*
 * The floor of a chain: what bridge, portmap, firewall, bandwidth and tuning ask of the kernel for
 * one attachment, each from a program of its own, as a runtime calls them, or in their order from
 * one: see floor.c.
 */
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>

#include "net/qdisc.h"

#define IFB_INDEX 200000 /* and the number of the attachment */
#define FIRST_PORT 20000
#define PORTS 2
#define KNOB "net/core/somaxconn"

static const struct nft_table table = { .family = NFPROTO_INET, .name = "floor_chain" };
static const struct nft_set sets[] = {
	{ "ports", { NFT_TYPE_PROTO, NFT_TYPE_PORT }, { NFT_TYPE_IPV4, NFT_TYPE_PORT } },
	{ "near",
	  { NFT_TYPE_IPV4, NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT },
	  .interval = true },
	{ "loop", { NFT_TYPE_IFNAME, NFT_TYPE_IPV4 } },
	{ "open", { NFT_TYPE_IPV4 } },
};
enum { TO_POD, NEAR, LOOP, OPEN, SETS };

static const struct tc_limit limit = { .rate = 100000000 / 8, .burst = 10000000 / 8 };

void chain_node(char **argv, bool masq)
{
	(void)argv;
	(void)masq;
	put_table(&table, sets, SETS);
}

static void put(int set, const struct nft_elem *el, bool present)
{
	(present ? nft_elem_add : nft_elem_del)(&nft, &table, &sets[set], el);
}

static void put_near(const struct addr *a, bool present)
{
	const struct prefix subnet = { *a, 16 };
	struct nft_elem el = { .range = true };

	el.key[0].addr = prefix_first(&subnet);
	el.last[0].addr = prefix_last(&subnet);
	el.key[1].addr = el.last[1].addr = *a;
	el.key[2].proto = el.last[2].proto = IPPROTO_TCP;
	el.key[3].port = 80;
	el.last[3].port = 80 + PORTS - 1;
	put(NEAR, &el, present);
}

static void change_ports(unsigned int number, const struct addr *a, bool present)
{
	const struct nft_elem loop = { .key = { { .ifname = "br0" }, { .addr = *a } } };

	open_nft();
	nft_begin(&nft);
	for (uint16_t i = 0; i < PORTS; i++) {
		struct nft_elem el = { .comment = present ? "floor" : NULL };

		el.key[0].proto = IPPROTO_TCP;
		el.key[1].port = (uint16_t)(FIRST_PORT + PORTS * number + i);
		el.data[0].addr = *a;
		el.data[1].port = (uint16_t)(80 + i);
		put(TO_POD, &el, present);
	}
	put_near(a, present);
	put(LOOP, &loop, present);
	must(nft_commit(&nft, NULL, &err));
}

static void change_open(const struct addr *a, bool present)
{
	const struct nft_elem el = { .key[0].addr = *a, .comment = present ? "floor" : NULL };

	open_nft();
	nft_begin(&nft);
	put(OPEN, &el, present);
	must(nft_commit(&nft, NULL, &err));
}

static void put_ifb(unsigned int number)
{
	const struct ifinfomsg up = { .ifi_index = (int)(IFB_INDEX + number),
				      .ifi_flags = IFF_UP,
				      .ifi_change = IFF_UP };
	char name[IF_NAMESIZE] = "ifb";

	snprintf(name + 3, sizeof(name) - 3, "%u", number);
	nl_request(&host, "create ifb", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	nl_put_str(&host, IFLA_IFNAME, name);
	nl_nest (&host, IFLA_LINKINFO)
		nl_put_str(&host, IFLA_INFO_KIND, "ifb");
}

static void shape(unsigned int number)
{
	int end = (int)(HOST_INDEX + number), ifb = (int)(IFB_INDEX + number);

	open_host();
	qdisc_add_tbf(&host, end, &limit);
	put_ifb(number);
	qdisc_add_tbf(&host, ifb, &limit);
	qdisc_add_ingress(&host, end);
	filter_add_redirect(&host, end, ifb);
	must(nl_commit(&host, NULL, &err));
}

/* What the host's end has goes with it. */
static void unshape(unsigned int number)
{
	open_host();
	link_del(&host, (int)(IFB_INDEX + number));
	must(nl_commit(&host, NULL, &err));
}

static void tune(const char *ns_path, const char *value)
{
	int ns = open(ns_path, O_RDONLY | O_CLOEXEC),
	    home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (ns < 0 || home < 0 || setns(ns, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "enter %s", ns_path));
	must(sysctl_write(KNOB, value, &err));
	if (setns(home, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "come back"));
}

/* A plugin's name, or "all". */
static bool is_part(const char *asked, const char *part)
{
	return strcmp(asked, part) == 0 || strcmp(asked, "all") == 0;
}

void chain_add(char **argv, bool masq)
{
	const char *part = *argv++;
	unsigned int number = number_of(argv[0]);
	struct prefix p;

	if (!prefix_parse(argv[3], &p))
		_exit(2);
	if (is_part(part, "bridge"))
		add(argv, masq);
	if (is_part(part, "portmap"))
		change_ports(number, &p.addr, true);
	if (is_part(part, "firewall"))
		change_open(&p.addr, true);
	if (is_part(part, "bandwidth"))
		shape(number);
	if (is_part(part, "tuning"))
		tune(argv[1], "512");
}

void chain_del(char **argv, bool masq)
{
	const char *part = *argv++;
	unsigned int number = number_of(argv[0]);
	struct addr a;

	if (!addr_parse(argv[1], &a))
		_exit(2);
	if (is_part(part, "tuning"))
		tune(argv[2], "4096");
	if (is_part(part, "bandwidth"))
		unshape(number);
	if (is_part(part, "firewall"))
		change_open(&a, false);
	if (is_part(part, "portmap"))
		change_ports(number, &a, false);
	if (is_part(part, "bridge"))
		del(argv, masq);
}
