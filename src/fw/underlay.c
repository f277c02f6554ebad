/*
 * Veths of pods on the wire: see underlay.h.
 *
 *	table inet cnibox_underlay {
 *		map ends { type ifname : mark }			the pods' host ends
 *		map ports { type ifname . inet_service : mark; flags interval }
 *								and NodePorts that lead there
 *		set own4 { type ifname . ipv4_addr }		host end . pod
 *		set pods4 { type ipv4_addr }			the pods
 *		set masq4 { type ipv4_addr }			and those with ipMasq
 *		map back4 { type ifname . ipv4_addr : ipv4_addr }
 *								host end . pod : the node
 *		set own6, pods6, masq6, map back6
 *		chain prerouting { type filter hook prerouting priority mangle
 *			ct direction original meta mark set iifname map @ends
 *			iifname . ip saddr != @own4 meta mark set iifname map @ends
 *			the same for IPv6
 *		}
 *		chain forward { type filter hook forward priority mangle
 *			ct state new ct status dnat
 *				ct mark set oifname . ct original proto-dst map @ports
 *		}
 *		chain output { type filter hook output priority mangle
 *			icmpv6 type nd-redirect fib saddr . oif type != local drop
 *			ip saddr @pods4 oifname . ip daddr != @own4
 *				meta mark set meta mark | 0x10000000
 *			the same for IPv6
 *		}
 *		chain postrouting { type nat hook postrouting priority srcnat - 3
 *			snat ip to oifname . ip saddr map @back4
 *			ct status dnat ip saddr @pods4 masquerade fully-random
 *			meta mark & 0x10000000 != 0 ip saddr @pods4 masquerade fully-random
 *			ip saddr @masq4 ip daddr != 224.0.0.0/4 masquerade fully-random
 *			the same for IPv6, ff00::/8
 *		}
 *	}
 *
 * What a pod sends by its veth goes back into the pod, which passes it on to the wire. An answer
 * does not: it belongs to a connection that came by another way, and takes that. So what begins at
 * the pod is marked, and the node's rule for what is not asks main. That it is this way round has a
 * reason: a strict reverse path filter of the link by which a request comes asks the rules, too, as
 * if for the answer, without a mark (__mkroute_input(), __fib_validate_source()).
 *
 * To the kernel what goes back where it came from calls for a redirect, and one for an answer would
 * go to who answers, far behind the pod: it would take the pod's veth for the pod.
 *
 * What goes back into the pod comes from the node's address: from its own the pod would take it for
 * forged, and the answer would end in the pod instead of coming back here, where its Service's
 * address is known. What has been translated and leaves by the node's own links comes from the
 * node's address for the same reason.
 *
 * IPVS takes a pod's packet where it comes in for the node, and sends it on as if the node had made
 * it: by no table of ours, and unknown to connection tracking. Nothing else leaves the node's
 *output with a pod's address. To a pod of this node it may go as it is; else it gets the node's.
 */
#include "fw/underlay.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "fw/fw_private.h"
#include "net/conntrack.h"
#include "net/nl.h"

#define MANGLE (-150)
#define PROXIED 0x10000000 /* a mark: IPVS sends a pod's packet to another machine */
#define SNAT_PRIORITY 97   /* before ipMasq of other plugins, and what proxies Services */

static const struct nft_set sets[] = {
	{ "ends", { NFT_TYPE_IFNAME }, { NFT_TYPE_MARK } },
	{ "ports", { NFT_TYPE_IFNAME, NFT_TYPE_PORT }, { NFT_TYPE_MARK }, .interval = true },
	{ "own4", { NFT_TYPE_IFNAME, NFT_TYPE_IPV4 } },
	{ "pods4", { NFT_TYPE_IPV4 } },
	{ "masq4", { NFT_TYPE_IPV4 } },
	{ "back4", { NFT_TYPE_IFNAME, NFT_TYPE_IPV4 }, { NFT_TYPE_IPV4 } },
	{ "own6", { NFT_TYPE_IFNAME, NFT_TYPE_IPV6 } },
	{ "pods6", { NFT_TYPE_IPV6 } },
	{ "masq6", { NFT_TYPE_IPV6 } },
	{ "back6", { NFT_TYPE_IFNAME, NFT_TYPE_IPV6 }, { NFT_TYPE_IPV6 } },
};
#define ENDS (&sets[0])
#define PORTS (&sets[1])
#define OWN(v6) (&sets[(v6) ? 6 : 2])
#define PODS(v6) (&sets[(v6) ? 7 : 3])
#define MASQ(v6) (&sets[(v6) ? 8 : 4])
#define BACK(v6) (&sets[(v6) ? 9 : 5])

static const struct nft_chain chains[] = {
	{ .name = "prerouting", .type = "filter", .hook = NF_INET_PRE_ROUTING, .priority = MANGLE },
	{ .name = "forward", .type = "filter", .hook = NF_INET_FORWARD, .priority = MANGLE },
	{ .name = "output", .type = "filter", .hook = NF_INET_LOCAL_OUT, .priority = MANGLE },
	{ .name = "postrouting",
	  .type = "nat",
	  .hook = NF_INET_POST_ROUTING,
	  .priority = SNAT_PRIORITY },
};

static const struct prefix multicast[] = {
	{ { AF_INET, { 224 } }, 4 },
	{ { AF_INET6, { 0xff } }, 8 },
};

static void put_marks(struct nl *nl)
{
	nft_rule_begin(nl, &underlay.table, chains[0].name, false);
	nft_match_ct_original(nl);
	nft_do_mark_map(nl, ENDS, NFT_OF(NFT_IIFNAME));
	nft_rule_end(nl, "of what the pod begins; answers have none");
	for (int v6 = 0; v6 < 2; v6++) {
		nft_rule_begin(nl, &underlay.table, chains[0].name, false);
		nft_match_family(nl, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
		nft_match_set(nl, OWN(v6), NFT_OF(NFT_IIFNAME, NFT_SADDR), true);
		nft_do_mark_map(nl, ENDS, NFT_OF(NFT_IIFNAME));
		nft_rule_end(nl, "and of what it passes on");
	}
	nft_rule_begin(nl, &underlay.table, chains[1].name, false);
	nft_match_ct_state(nl, NF_CT_STATE_BIT(IP_CT_NEW));
	nft_match_ct_status(nl, IPS_DST_NAT);
	nft_do_ct_mark_map(nl, PORTS, NFT_OF(NFT_OIFNAME, NFT_CT_DPORT));
	nft_rule_end(nl, "NodePorts");
}

static void put_redirects(struct nl *nl)
{
	nft_rule_begin(nl, &underlay.table, chains[2].name, false);
	nft_match_family(nl, NFPROTO_IPV6);
	nft_match_nd_redirect(nl);
	nft_match_saddr_of_oif(nl, true);
	nft_do_drop(nl);
	nft_rule_end(nl, "of one link's neighbours to another's");
}

static void put_proxied(struct nl *nl, bool v6)
{
	nft_rule_begin(nl, &underlay.table, chains[2].name, false);
	nft_match_family(nl, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_match_set(nl, PODS(v6), NFT_OF(NFT_SADDR), false);
	nft_match_set(nl, OWN(v6), NFT_OF(NFT_OIFNAME, NFT_DADDR), true);
	nft_do_mark(nl, PROXIED);
	nft_rule_end(nl, "what IPVS sends on for a pod");
}

static void put_sources(struct nl *nl, bool v6)
{
	const uint8_t family = v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	nft_rule_begin(nl, &underlay.table, chains[3].name, false);
	nft_match_family(nl, family);
	nft_do_snat_map(nl, BACK(v6), NFT_OF(NFT_OIFNAME, NFT_SADDR));
	nft_rule_end(nl, "back into the pod, and on by its own interface");
	nft_rule_begin(nl, &underlay.table, chains[3].name, false);
	nft_match_family(nl, family);
	nft_match_ct_status(nl, IPS_DST_NAT);
	nft_match_set(nl, PODS(v6), NFT_OF(NFT_SADDR), false);
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, "answers come back by this node");
	nft_rule_begin(nl, &underlay.table, chains[3].name, false);
	nft_match_family(nl, family);
	nft_match_mark(nl, PROXIED, PROXIED, false);
	nft_match_set(nl, PODS(v6), NFT_OF(NFT_SADDR), false);
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, "those to IPVS, too");
	nft_rule_begin(nl, &underlay.table, chains[3].name, false);
	nft_match_family(nl, family);
	nft_match_set(nl, MASQ(v6), NFT_OF(NFT_SADDR), false);
	nft_match_daddr(nl, &multicast[v6], true);
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, "ipMasq: leaves by the node");
}

static void put_rules(struct nl *nl)
{
	put_marks(nl);
	put_redirects(nl);
	for (int v6 = 0; v6 < 2; v6++) {
		put_proxied(nl, v6);
		put_sources(nl, v6);
	}
}

struct flush {
	const struct fw_elem *elems;
	size_t count;
};

static bool is_of_gone(const struct conntrack *c, void *arg)
{
	const struct flush *f = arg;

	for (size_t i = 0; i < f->count; i++) {
		const struct addr *pod = &f->elems[i].el.key[0].addr;

		if ((f->elems[i].set == PODS(0) || f->elems[i].set == PODS(1)) &&
		    (addr_equal(&c->src, pod) || addr_equal(&c->dst, pod) ||
		     addr_equal(&c->reply_src, pod)))
			return true;
	}
	return false;
}

static bool has_pod(const struct flush *f, const struct nft_set *pods)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->elems[i].set == pods)
			return true;
	}
	return false;
}

static int flush_pod(struct nl *nl, const struct addr *pod, struct err *e)
{
	const struct conntrack like[] = { { .src = *pod }, { .dst = *pod }, { .reply_src = *pod } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(like) / sizeof(like[0]); i++)
		r = conntrack_flush(nl, pod->family, &like[i], e);
	return r;
}

/* -EOPNOTSUPP: they are to be walked through. */
static int flush_pods(struct nl *nl, const struct flush *f, const struct nft_set *pods,
		      struct err *e)
{
	int r = f->count > CONNTRACK_FLUSHES ? -EOPNOTSUPP : 0;

	for (size_t i = 0; r == 0 && i < f->count; i++) {
		if (f->elems[i].set == pods)
			r = flush_pod(nl, &f->elems[i].el.key[0].addr, e);
	}
	return r;
}

/*
 * The next pod with this address is another. Without the kernel's filter each family is a walk
 * through all connections of the machine: not for one that the pod has not.
 */
static void gone(const struct fw_elem *elems, size_t count)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct flush f = { elems, count };
	struct err e = { 0 };
	struct nl *nl;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(families); i++) {
		if (!has_pod(&f, PODS(i)))
			continue;
		r = fw_open(&nl, &e);
		if (r == 0)
			r = flush_pods(nl, &f, PODS(i), &e);
		if (r == -EOPNOTSUPP) {
			err_clear(&e);
			r = conntrack_forget(nl, families[i], is_of_gone, &f, &e);
		}
	}
	if (r < 0)
		log_line(LOG_WARN, "connections of a pod that is gone may last: %s", e.text);
}

const struct fw_schema underlay = {
	.name = "underlay",
	.table = { .family = NFPROTO_INET, .name = "cnibox_underlay" },
	.sets = sets,
	.set_count = sizeof(sets) / sizeof(sets[0]),
	.chains = chains,
	.chain_count = sizeof(chains) / sizeof(chains[0]),
	.put_rules = put_rules,
	.gone = gone,
};

_Static_assert(4 * UNDERLAY_PODS_MAX + PORT_RANGES_MAX + 1 <= FW_ELEMS_MAX,
	       "four for each address, one for each range of ports, one for the host end");
static struct fw_elem elems[FW_ELEMS_MAX];

static struct fw_elem *next(size_t *count, const struct nft_set *s)
{
	struct fw_elem *el = &elems[(*count)++];

	memset(el, 0, sizeof(*el));
	el->set = s;
	return el;
}

static void put_name(union nft_value *v, const char *name)
{
	str_copy(v->ifname, sizeof(v->ifname), name);
}

static void push_pod(size_t *count, const struct underlay_want *w, const struct underlay_pod *p)
{
	bool v6 = p->pod.family == AF_INET6;
	struct fw_elem *el;

	el = next(count, OWN(v6));
	put_name(&el->el.key[0], w->host_end);
	el->el.key[1].addr = p->pod;
	next(count, PODS(v6))->el.key[0].addr = p->pod;
	if (w->ip_masq)
		next(count, MASQ(v6))->el.key[0].addr = p->pod;
	el = next(count, BACK(v6));
	put_name(&el->el.key[0], w->host_end);
	el->el.key[1].addr = p->pod;
	el->el.data[0].addr = p->node;
}

static void push_ports(size_t *count, const struct underlay_want *w, const struct port_range *p)
{
	struct fw_elem *el = next(count, PORTS);

	put_name(&el->el.key[0], w->host_end);
	el->el.last[0] = el->el.key[0];
	el->el.key[1].port = p->first;
	el->el.last[1].port = p->last;
	el->el.range = true;
	el->el.data[0].mark = w->mark;
}

static size_t collect(const struct underlay_want *w)
{
	struct fw_elem *end;
	size_t count = 0;

	end = next(&count, ENDS);
	put_name(&end->el.key[0], w->host_end);
	end->el.data[0].mark = w->mark;
	for (size_t i = 0; i < w->pod_count; i++)
		push_pod(&count, w, &w->pods[i]);
	for (size_t i = 0; i < w->port_count; i++)
		push_ports(&count, w, &w->ports[i]);
	return count;
}

int underlay_add(const struct fw_owner *o, const struct underlay_want *w, struct err *e)
{
	return err_ctx(e, fw_change(&underlay, o, elems, collect(w), e), "host end %s",
		       w->host_end);
}

int underlay_check(const struct underlay_want *w, struct err *e)
{
	return err_ctx(e, fw_check(&underlay, elems, collect(w), e), "host end %s", w->host_end);
}
