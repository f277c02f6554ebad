/*
 * Host ports: see ports.h.
 *
 *	table inet cnibox_ports {
 *		map any4 { type inet_proto . inet_service : ipv4_addr . inet_service }
 *		map at4	 { type inet_proto . ipv4_addr . inet_service : the same }
 *		set near4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval }
 *							 who . pod . its ports: comes with the
 *							 node's address
 *		map any6, at6, set near6
 *		set loop { type ifname . ipv4_addr }	 links with route_localnet, for a pod
 *		chain prerouting { type nat hook prerouting priority dstnat - 1
 *			fib daddr type local dnat ip to meta l4proto . ip daddr . th dport map @at4
 *			fib daddr type local dnat ip to meta l4proto . th dport map @any4
 *			the same for IPv6, but for ::1
 *		}
 *		chain output { type nat hook output; the same }
 *		chain postrouting { type nat hook postrouting priority srcnat - 2
 *			ct status dnat ip saddr . ip daddr . meta l4proto . th dport @near4
 *				masquerade
 *			the same for IPv6
 *			ct status dnat ip saddr 127.0.0.0/8 oifname != "lo" masquerade
 *		}
 *		chain guard { type filter hook prerouting priority raw
 *			iifname != "lo" ip daddr 127.0.0.0/8 drop
 *		}
 *	}
 *
 * Nothing is marked: connections of a pod to itself or to its neighbours, whose answers would not
 * pass the node, are found again behind the translation by their status and their two ends. The
 * guard stands before connection tracking: an answer has the node's own address there.
 *
 * ::1 cannot be had: for it the kernel takes no route but that of the link a packet came in by
 * (rt6_need_strict() of the kernel), and IPv6 has no route_localnet. It is left alone, so that
 * who tries it first is refused at once and goes on to 127.0.0.1.
 */
#include "fw/ports.h"

#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/cni.h"
#include "fw/ports_flush.h"
#include "fw/ports_loop.h"
#include "net/nl.h"

#define TARGET4                                                                                    \
	{                                                                                          \
		NFT_TYPE_IPV4, NFT_TYPE_PORT                                                       \
	}
#define TARGET6                                                                                    \
	{                                                                                          \
		NFT_TYPE_IPV6, NFT_TYPE_PORT                                                       \
	}

static const struct nft_set sets[] = {
	{ "any4", { NFT_TYPE_PROTO, NFT_TYPE_PORT }, TARGET4 },
	{ "at4", { NFT_TYPE_PROTO, NFT_TYPE_IPV4, NFT_TYPE_PORT }, TARGET4 },
	{ "any6", { NFT_TYPE_PROTO, NFT_TYPE_PORT }, TARGET6 },
	{ "at6", { NFT_TYPE_PROTO, NFT_TYPE_IPV6, NFT_TYPE_PORT }, TARGET6 },
	{ "near4",
	  { NFT_TYPE_IPV4, NFT_TYPE_IPV4, NFT_TYPE_PROTO, NFT_TYPE_PORT },
	  .interval = true },
	{ "near6",
	  { NFT_TYPE_IPV6, NFT_TYPE_IPV6, NFT_TYPE_PROTO, NFT_TYPE_PORT },
	  .interval = true },
	{ "loop", { NFT_TYPE_IFNAME, NFT_TYPE_IPV4 } },
};
#define ANY(v6) (&sets[(v6) ? 2 : 0])
#define AT(v6) (&sets[(v6) ? 3 : 1])
#define MAPS 4 /* any and at of both families */
#define NEAR(v6) (&sets[(v6) ? 5 : 4])
#define LOOP (&sets[6])

static const struct prefix loopback[] = {
	{ { AF_INET, { 127 } }, 8 },
	{ { AF_INET6, { [15] = 1 } }, 128 },
};

static const struct nft_chain chains[] = {
	{ .name = "prerouting", .type = "nat", .hook = NF_INET_PRE_ROUTING, .priority = -101 },
	{ .name = "output", .type = "nat", .hook = NF_INET_LOCAL_OUT, .priority = -101 },
	{ .name = "postrouting", .type = "nat", .hook = NF_INET_POST_ROUTING, .priority = 98 },
	{ .name = "guard", .type = "filter", .hook = NF_INET_PRE_ROUTING, .priority = -300 },
};

static void put_dnat(struct nl *nl, const char *chain, const struct nft_set *map, bool v6)
{
	nft_rule_begin(nl, &ports.table, chain, false);
	nft_match_family(nl, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_match_daddr_local(nl, false);
	if (v6)
		nft_match_daddr(nl, &loopback[1], true);
	nft_do_dnat_map(nl, map,
			map == AT(v6) ? NFT_OF(NFT_L4PROTO, NFT_DADDR, NFT_DPORT)
				      : NFT_OF(NFT_L4PROTO, NFT_DPORT));
	nft_rule_end(nl, "host ports");
}

static void put_near(struct nl *nl, bool v6)
{
	nft_rule_begin(nl, &ports.table, "postrouting", false);
	nft_match_family(nl, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_match_ct_status(nl, IPS_DST_NAT);
	nft_match_set(nl, NEAR(v6), NFT_OF(NFT_SADDR, NFT_DADDR, NFT_L4PROTO, NFT_DPORT), false);
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, "answers come back by this node");
}

static void put_loopback(struct nl *nl)
{
	nft_rule_begin(nl, &ports.table, "postrouting", false);
	nft_match_family(nl, NFPROTO_IPV4);
	nft_match_ct_status(nl, IPS_DST_NAT);
	nft_match_saddr(nl, &loopback[0], false);
	nft_match_oif(nl, "lo", true);
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, "from this node's loopback");
}

static void put_guard(struct nl *nl)
{
	nft_rule_begin(nl, &ports.table, "guard", false);
	nft_match_family(nl, NFPROTO_IPV4);
	nft_match_iif(nl, "lo", true);
	nft_match_daddr(nl, &loopback[0], false);
	nft_do_drop(nl);
	nft_rule_end(nl, "loopback is not for others");
}

static void put_rules(struct nl *nl)
{
	for (size_t c = 0; c < 2; c++) {
		for (int v6 = 0; v6 < 2; v6++) {
			put_dnat(nl, chains[c].name, AT(v6), v6);
			put_dnat(nl, chains[c].name, ANY(v6), v6);
		}
	}
	put_near(nl, false);
	put_near(nl, true);
	put_loopback(nl);
	put_guard(nl);
}

const char *ports_proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp";
}

static bool is_map(const struct fw_elem *el)
{
	return el->set < sets + MAPS;
}

/* A map's element: where it is for, and who gets it. */
static struct port_flow flow_of(const struct fw_elem *el)
{
	bool at = el->set == AT(0) || el->set == AT(1);

	return (struct port_flow){
		.proto = el->el.key[0].proto,
		.address = at ? el->el.key[1].addr : (struct addr){ 0 },
		.port = el->el.key[at ? 2 : 1].port,
		.pod = el->el.data[0].addr,
		.pod_port = el->el.data[1].port,
	};
}

static void describe(const struct fw_elem *el, struct text *t)
{
	const struct port_flow f = flow_of(el);
	char buf[ADDR_TEXT];

	text_printf(t, "host port %u/%s", f.port, ports_proto_name(f.proto));
	if (f.address.family)
		text_printf(t, " of %s", addr_format(&f.address, buf));
}

static struct port_flow flows[FW_ELEMS_MAX];

static size_t collect_udp(const struct fw_elem *elems, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count && n < FW_ELEMS_MAX; i++) {
		if (is_map(&elems[i]) && elems[i].el.key[0].proto == IPPROTO_UDP)
			flows[n++] = flow_of(&elems[i]);
	}
	return n;
}

static void gone(const struct fw_elem *elems, size_t count)
{
	ports_flush(flows, collect_udp(elems, count), true);
	for (size_t i = 0; i < count; i++) {
		if (elems[i].set == LOOP)
			ports_loop_close(&ports, LOOP, elems[i].el.key[0].ifname);
	}
}

const struct fw_schema ports = {
	.name = "ports",
	.table = { .family = NFPROTO_INET, .name = "cnibox_ports" },
	.sets = sets,
	.set_count = sizeof(sets) / sizeof(sets[0]),
	.chains = chains,
	.chain_count = sizeof(chains) / sizeof(chains[0]),
	.put_rules = put_rules,
	.kept = MAPS,
	.describe = describe,
	.gone = gone,
};

/* ---- what is wanted, as elements ---- */

struct elems {
	struct fw_elem at[FW_ELEMS_MAX];
	size_t count;
	bool full;
};
static struct elems elems;

/* The same asked for twice is one. */
static void push(struct elems *els, const struct fw_elem *el)
{
	for (size_t i = 0; i < els->count; i++) {
		if (fw_elem_equal(&els->at[i], el))
			return;
	}
	els->full = els->full || els->count == FW_ELEMS_MAX;
	if (!els->full)
		els->at[els->count++] = *el;
}

/* 0.0.0.0 and :: are any address of their family. */
static bool is_one_address(const struct addr *a)
{
	static const uint8_t any[sizeof(a->bytes)];

	return a->family && memcmp(a->bytes, any, sizeof(any)) != 0;
}

static bool is_for(const struct port_mapping *m, bool v6)
{
	return !m->address.family || m->address.family == (v6 ? AF_INET6 : AF_INET);
}

static void push_mapping(struct elems *els, const struct port_mapping *m, const struct addr *pod)
{
	bool v6 = pod->family == AF_INET6, at = is_one_address(&m->address);
	struct fw_elem el;
	size_t n = 0;

	memset(&el, 0, sizeof(el));
	el.set = at ? AT(v6) : ANY(v6);
	el.el.key[n++].proto = m->proto;
	if (at)
		el.el.key[n++].addr = m->address;
	el.el.key[n].port = m->host;
	el.el.data[0].addr = *pod;
	el.el.data[1].port = m->pod;
	push(els, &el);
}

/* One element for each protocol: from the first of the pod's ports to the last. */
static void push_near(struct elems *els, const struct ports_want *w, bool v6, uint8_t proto)
{
	const struct prefix all = { .addr.family = v6 ? AF_INET6 : AF_INET };
	const struct prefix *pod = &w->pod[v6], *from = w->masquerade_all ? &all : pod;
	uint16_t first = UINT16_MAX, last = 0;
	struct fw_elem el;

	for (size_t i = 0; i < w->count; i++) {
		const struct port_mapping *m = &w->maps[i];

		if (m->proto != proto || !is_for(m, v6))
			continue;
		first = m->pod < first ? m->pod : first;
		last = m->pod > last ? m->pod : last;
	}
	if (last == 0)
		return;
	memset(&el, 0, sizeof(el));
	el.set = NEAR(v6);
	el.el.range = true;
	el.el.key[0].addr = prefix_first(from);
	el.el.last[0].addr = prefix_last(from);
	el.el.key[1].addr = el.el.last[1].addr = pod->addr;
	el.el.key[2].proto = el.el.last[2].proto = proto;
	el.el.key[3].port = first;
	el.el.last[3].port = last;
	push(els, &el);
}

static bool is_loopback_port(const struct port_mapping *m)
{
	return is_for(m, false) &&
	       (!is_one_address(&m->address) || prefix_contains(&loopback[0], &m->address));
}

static void push_loop(struct elems *els, const struct ports_want *w)
{
	bool wanted = false;
	struct fw_elem el;

	for (size_t i = 0; i < w->count; i++)
		wanted = wanted || is_loopback_port(&w->maps[i]);
	if (!wanted || !*w->link || !w->pod[0].addr.family)
		return;
	memset(&el, 0, sizeof(el));
	el.set = LOOP;
	str_copy(el.el.key[0].ifname, sizeof(el.el.key[0].ifname), w->link);
	el.el.key[1].addr = w->pod[0].addr;
	push(els, &el);
}

static int collect(struct elems *els, const struct ports_want *w, struct err *e)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	els->count = 0;
	els->full = false;
	for (int v6 = 0; v6 < 2; v6++) {
		if (!w->pod[v6].addr.family)
			continue;
		for (size_t i = 0; i < w->count; i++) {
			if (is_for(&w->maps[i], v6))
				push_mapping(els, &w->maps[i], &w->pod[v6].addr);
		}
		for (size_t p = 0; (w->snat || w->masquerade_all) && p < sizeof(protos); p++)
			push_near(els, w, v6, protos[p]);
	}
	push_loop(els, w);
	if (!els->full)
		return 0;
	return err_code(e,
			err_set(e, E2BIG,
				"%zu port mappings need more than the %d elements of one "
				"attachment (one for each port and family, and some more)",
				w->count, FW_ELEMS_MAX),
			CNI_ERR_CONFIG);
}

int ports_add(const struct fw_owner *o, const struct ports_want *w, struct err *e)
{
	int r = collect(&elems, w, e);

	if (r == 0)
		r = fw_change(&ports, o, elems.at, elems.count, e);
	if (r < 0)
		return r;
	if (elems.count && elems.at[elems.count - 1].set == LOOP)
		r = ports_loop_open(w->link, e);
	ports_flush(flows, collect_udp(elems.at, elems.count), false);
	return r;
}

int ports_check(const struct ports_want *w, struct err *e)
{
	int r = collect(&elems, w, e);

	if (r == 0)
		r = fw_check(&ports, elems.at, elems.count, e);
	if (r == 0 && elems.count && elems.at[elems.count - 1].set == LOOP)
		r = ports_loop_check(w->link, e);
	return r;
}
