/*
 * firewall: see firewall.h.
 *
 *	table inet cnibox_firewall {
 *		set open4   { type ipv4_addr }		pods that anybody may call
 *		set fenced4 { type ipv4_addr }		pods with a policy: answers, and host ports
 *		set open6, fenced6
 *		set admin   { type ifname . ifname }	names of chains, in two pieces
 *		set fences  { type ifname }		bridges with a policy
 *		set inside  { type ifname . ifname }	each of them, twice
 *		set closed  { type ifname . ifname }	those whose pods are apart, twice
 *		chain forward { type filter hook forward priority -400
 *			iifname @fences oifname @fences iifname . oifname != @inside drop
 *			iifname . oifname @closed drop
 *			meta mark & 0x80000 == 0x80000 meta mark set meta mark & ~0x80000
 *			ip saddr @open4 fib saddr . iif oif exists (mark it)
 *			ip daddr @open4 (mark it)
 *			ip saddr @fenced4 fib saddr . iif oif exists (mark it)
 *			ip saddr @fenced4 ip daddr @fenced4 (mark it)
 *			ip daddr @fenced4 ct state established,related (mark it)
 *			ip daddr @fenced4 ct status dnat (mark it)
 *			the same for IPv6
 *		}
 *		chain behind { type filter hook forward priority 2147483647
 *			meta mark & 0x80000 == 0x80000 meta mark set meta mark & ~0x80000
 *		}
 *	}
 *
 * A source counts only where the way back to it is the link that the packet came in by: a stranger
 * who forges a pod's address passes nothing. Between two pods of a bridge without an address on the
 * node there is no such way, and br_netfilter may bring what they send here all the same.
 *
 * Before Linux 5.19 only prerouting may ask for the way back, so that chain asks, behind all others
 * of its hook, and gives the bit to what has none; forward takes it away and believes such a source
 * nothing. Pods' own packets are routed without the bit, as ever:
 *
 *		chain forward { type filter hook forward priority -400
 *			(the drops)
 *			meta mark & 0x80000 == 0x80000 (unmark it) goto to
 *			ip saddr @open4 (mark it)
 *			ip saddr @fenced4 (mark it)
 *			the same for IPv6
 *			goto to
 *		}
 *		chain to	{ what is asked above of others than a source alone }
 *		chain behind	{ as above }
 *		chain way { type filter hook prerouting priority 2147483647
 *			ip saddr @open4 fib saddr . iif oif missing (mark it)
 *			the same for the other sets
 *		}
 *		chain input { type filter hook input priority -400
 *			meta mark & 0x80000 == 0x80000 ip saddr @open4 (unmark it)
 *			the same for the other sets
 *		}
 *
 * A bit that others gave a pod's packet at prerouting then makes it a stranger's. What comes to
 * forward without prerouting, as only SRv6's decapsulation lets it, has no such test there.
 *
 * The last four sets are joint (fw.h). The kernel has no type for texts: names of chains are kept
 * as two of the names that it has a type for, the second of which begins with a sign, so that none
 * is empty.
 */
#include "fw/firewall.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "base/err.h"
#include "base/list.h"
#include "base/text.h"
#include "fw/foreign_accept.h"
#include "fw/foreign_closed.h"
#include "fw/legacy_accept.h"
#include "fw/fw_private.h"
#include "net/nl.h"

#define PIECE (IF_NAMESIZE - 1)
#define REST '+' /* before the second piece */

static const struct nft_set sets[] = {
	{ "open4", { NFT_TYPE_IPV4 } },
	{ "fenced4", { NFT_TYPE_IPV4 } },
	{ "open6", { NFT_TYPE_IPV6 } },
	{ "fenced6", { NFT_TYPE_IPV6 } },
	{ "admin", { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME } },
	{ "fences", { NFT_TYPE_IFNAME } },
	{ "inside", { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME } },
	{ "closed", { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME } },
};
#define OPEN(v6) (&sets[(v6) ? 2 : 0])
#define FENCED(v6) (&sets[(v6) ? 3 : 1])
#define ADMIN (&sets[4])
#define FENCES (&sets[5])
#define INSIDE (&sets[6])
#define CLOSED (&sets[7])
#define JOINT 4

static const struct nft_chain chains[] = {
	{ .name = "forward", .type = "filter", .hook = NF_INET_FORWARD, .priority = -400 },
	{ .name = "behind", .type = "filter", .hook = NF_INET_FORWARD, .priority = INT_MAX },
	{ .name = "way", .type = "filter", .hook = NF_INET_PRE_ROUTING, .priority = INT_MAX },
	{ .name = "input", .type = "filter", .hook = NF_INET_LOCAL_IN, .priority = -400 },
	{ .name = "to" },
};
enum { FORWARD, BEHIND, WAY, INPUT, TO };

/* Where the way back can be asked at forward, only the first two. */
static size_t count_chains(void)
{
	return nft_has_way_at_forward() ? WAY : sizeof(chains) / sizeof(chains[0]);
}

static void begin(struct nl *nl, int chain)
{
	nft_rule_begin(nl, &firewall.table, chains[chain].name, false);
}

static void put_fences(struct nl *nl)
{
	begin(nl, FORWARD);
	nft_match_set(nl, FENCES, NFT_OF(NFT_IIFNAME), false);
	nft_match_set(nl, FENCES, NFT_OF(NFT_OIFNAME), false);
	nft_match_set(nl, INSIDE, NFT_OF(NFT_IIFNAME, NFT_OIFNAME), true);
	nft_do_drop(nl);
	nft_rule_end(nl, "from another bridge");

	begin(nl, FORWARD);
	nft_match_set(nl, CLOSED, NFT_OF(NFT_IIFNAME, NFT_OIFNAME), false);
	nft_do_drop(nl);
	nft_rule_end(nl, "from the same bridge");
}

/* What others made of the bit, or we ourselves, ends here. */
static void put_unmark(struct nl *nl, int chain)
{
	begin(nl, chain);
	nft_match_mark(nl, FIREWALL_MARK, FIREWALL_MARK, false);
	nft_do_unmark(nl, FIREWALL_MARK);
	nft_rule_end(nl, "the mark is ours, and for this hook");
}

static void match_address(struct nl *nl, bool v6, const struct nft_set *set, enum nft_field field)
{
	nft_match_family(nl, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_match_set(nl, set, NFT_OF(field), false);
}

static void begin_mark(struct nl *nl, int chain, bool v6, const struct nft_set *set,
		       enum nft_field field)
{
	begin(nl, chain);
	match_address(nl, v6, set, field);
}

static void end_mark(struct nl *nl, const char *comment)
{
	nft_do_mark(nl, FIREWALL_MARK);
	nft_rule_end(nl, comment);
}

/* way: is the way back to be asked? */
static void put_from(struct nl *nl, bool v6, const struct nft_set *set, bool way)
{
	begin_mark(nl, FORWARD, v6, set, NFT_SADDR);
	if (way)
		nft_match_saddr_way(nl, false);
	end_mark(nl, "from a pod");
}

static void put_to_open(struct nl *nl, int chain, bool v6)
{
	begin_mark(nl, chain, v6, OPEN(v6), NFT_DADDR);
	end_mark(nl, "to a pod");
}

static void put_to_fenced(struct nl *nl, int chain, bool v6)
{
	begin_mark(nl, chain, v6, FENCED(v6), NFT_SADDR);
	nft_match_set(nl, FENCED(v6), NFT_OF(NFT_DADDR), false);
	end_mark(nl, "from pod to pod");
	begin_mark(nl, chain, v6, FENCED(v6), NFT_DADDR);
	nft_match_ct_state(nl, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	end_mark(nl, "an answer to a pod");
	begin_mark(nl, chain, v6, FENCED(v6), NFT_DADDR);
	nft_match_ct_status(nl, IPS_DST_NAT);
	end_mark(nl, "to a host port");
}

static void put_forward(struct nl *nl)
{
	put_unmark(nl, FORWARD);
	for (int v6 = 0; v6 < 2; v6++) {
		put_from(nl, v6, OPEN(v6), true);
		put_to_open(nl, FORWARD, v6);
		put_from(nl, v6, FENCED(v6), true);
		put_to_fenced(nl, FORWARD, v6);
	}
}

/* ---- before Linux 5.19 ---- */

static void put_forward_asked(struct nl *nl)
{
	begin(nl, FORWARD);
	nft_match_mark(nl, FIREWALL_MARK, FIREWALL_MARK, false);
	nft_do_unmark(nl, FIREWALL_MARK);
	nft_do_goto(nl, chains[TO].name);
	nft_rule_end(nl, "a stranger's");
	for (int v6 = 0; v6 < 2; v6++) {
		put_from(nl, v6, OPEN(v6), false);
		put_from(nl, v6, FENCED(v6), false);
	}
	begin(nl, FORWARD);
	nft_do_goto(nl, chains[TO].name);
	nft_rule_end(nl, "whoever sent it");
	for (int v6 = 0; v6 < 2; v6++) {
		put_to_open(nl, TO, v6);
		put_to_fenced(nl, TO, v6);
	}
}

static void put_way(struct nl *nl, bool v6, const struct nft_set *set)
{
	begin_mark(nl, WAY, v6, set, NFT_SADDR);
	nft_match_saddr_way(nl, true);
	end_mark(nl, "a stranger's");
	begin(nl, INPUT);
	nft_match_mark(nl, FIREWALL_MARK, FIREWALL_MARK, false);
	match_address(nl, v6, set, NFT_SADDR);
	nft_do_unmark(nl, FIREWALL_MARK);
	nft_rule_end(nl, "the mark is for what is forwarded");
}

static void put_ways(struct nl *nl)
{
	for (int v6 = 0; v6 < 2; v6++) {
		put_way(nl, v6, OPEN(v6));
		put_way(nl, v6, FENCED(v6));
	}
}

static void put_rules(struct nl *nl)
{
	put_fences(nl);
	if (nft_has_way_at_forward()) {
		put_forward(nl);
	} else {
		put_forward_asked(nl);
		put_ways(nl);
	}
	put_unmark(nl, BEHIND);
}

static const struct fw_outside outside = {
	.put = foreign_accept_put,
	.check = foreign_accept_check,
	.remove = foreign_accept_remove,
};

const struct fw_schema firewall = {
	.name = "firewall",
	.table = { .family = NFPROTO_INET, .name = "cnibox_firewall" },
	.sets = sets,
	.set_count = sizeof(sets) / sizeof(sets[0]),
	.chains = chains,
	.chain_count = sizeof(chains) / sizeof(chains[0]),
	.count_chains = count_chains,
	.put_rules = put_rules,
	.joint = JOINT,
	.outside = &outside,
};

/* ---- what is wanted, as elements ---- */

_Static_assert(CNI_IPS_MAX + JOINT <= FW_ELEMS_MAX, "one for each address, and some more");
static struct fw_elem elems[CNI_IPS_MAX + JOINT];

bool firewall_counts(const struct cni_result *prev, const struct cni_ip *ip)
{
	const char *sandbox;

	if (ip->interface < 0 || ip->interface >= (int64_t)prev->iface_count)
		return true;
	sandbox = prev->ifaces[ip->interface].sandbox;
	return sandbox && *sandbox;
}

static size_t put_addresses(const struct firewall_want *w, struct fw_elem *out)
{
	size_t n = 0;

	for (size_t i = 0; i < w->prev->ip_count; i++) {
		const struct addr *a = &w->prev->ips[i].address.addr;
		bool v6 = a->family == AF_INET6;

		if (!firewall_counts(w->prev, &w->prev->ips[i]))
			continue;
		out[n].set = w->ingress == INGRESS_OPEN ? OPEN(v6) : FENCED(v6);
		out[n++].el.key[0].addr = *a;
	}
	return n;
}

static size_t put_names(const struct nft_set *set, const char *first, const char *second,
			struct fw_elem *out)
{
	out->set = set;
	str_copy(out->el.key[0].ifname, IF_NAMESIZE, first);
	if (second)
		str_copy(out->el.key[1].ifname, IF_NAMESIZE, second);
	return 1;
}

static size_t put_admin(const char *chain, struct fw_elem *out)
{
	size_t len = strnlen(chain, PIECE);
	char first[IF_NAMESIZE] = "", second[IF_NAMESIZE];

	memcpy(first, chain, len);
	snprintf(second, sizeof(second), "%c%s", REST, chain + len);
	return put_names(ADMIN, first, second, out);
}

static size_t collect(const struct firewall_want *w)
{
	size_t n;

	memset(elems, 0, sizeof(elems));
	n = put_addresses(w, elems);
	if (n == 0)
		return 0;
	n += put_admin(w->admin_chain, &elems[n]);
	if (w->ingress == INGRESS_OPEN)
		return n;
	n += put_names(FENCES, w->bridge, NULL, &elems[n]);
	n += put_names(INSIDE, w->bridge, w->bridge, &elems[n]);
	if (w->ingress == INGRESS_ISOLATED)
		n += put_names(CLOSED, w->bridge, w->bridge, &elems[n]);
	return n;
}

int firewall_add(const struct fw_owner *o, const struct firewall_want *w, struct err *e)
{
	size_t n = collect(w);
	int r = n ? fw_change(&firewall, o, elems, n, e) : 0;
	struct nl *nl;

	if (r == 0 && n)
		r = fw_open(&nl, e);
	if (r == 0 && n)
		r = legacy_accept_settle(nl, e);
	return r < 0 ? r : 0;
}

int firewall_check(const struct firewall_want *w, struct err *e)
{
	size_t n = collect(w);

	return n ? fw_check(&firewall, elems, n, e) : 0;
}

int firewall_status(struct err *e)
{
	char chain[FW_MISSING_SIZE];
	const char *program = "";
	struct nl *nl;
	int r = fw_open(&nl, e);

	if (r == 0)
		r = foreign_accept_find_closed(nl, chain, e);
	if (r > 0)
		return err_set(e, EPERM,
			       "nftables %s drops the pods' packets, and only the running program "
			       "that owns its table may change it",
			       chain);
	if (r == 0) {
		program = "nftables";
		r = foreign_closed_find(nl, chain, e);
	}
	if (r == 0) {
		program = "legacy";
		r = legacy_accept_find_closed(chain, e);
	}
	if (r <= 0)
		return r;
	return err_set(e, EPERM,
		       "%s %s drops all packets, and no rule in FORWARD can let the pods' pass",
		       program, chain);
}

static int admin_found(const struct nft_elem *el, void *arg)
{
	struct list *l = arg;
	char chain[2 * IF_NAMESIZE];
	const char *name, **at = l->at;

	snprintf(chain, sizeof(chain), "%.*s%.*s", PIECE, el->key[0].ifname, PIECE - 1,
		 el->key[1].ifname[0] == REST ? el->key[1].ifname + 1 : "");
	for (size_t i = 0; i < l->count; i++) { /* a walk may have begun anew */
		if (strcmp(at[i], chain) == 0)
			return 0;
	}
	name = list_text(l, chain);
	list_add(l, &name);
	return 0;
}

int firewall_admins(struct nl *nl, struct list *out, struct err *e)
{
	return nft_elem_each(nl, &firewall.table, ADMIN, admin_found, out, e);
}
