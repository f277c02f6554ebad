/*
 * ipMasq: see ip_masq.h.
 *
 *	table inet cnibox {
 *		set masq4 { type ipv4_addr }			 pods that are masqueraded
 *		set home4 { type ipv4_addr . ipv4_addr }	 pod . its subnet: nothing is
 *								 translated in there
 *		set masq6, home6
 *		chain postrouting { type nat hook postrouting priority srcnat - 1
 *			ip saddr @masq4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4
 *				masquerade fully-random
 *			the same for IPv6, ff00::/8
 *		}
 *	}
 *
 * One step before srcnat, so that it is not chance whether a chain of others is asked first. An
 * earlier version stood at srcnat and had subnets instead of pods in its sets: as a table with
 * another chain it is made anew by the first ADD.
 */
#include "fw/ip_masq.h"

#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/err.h"
#include "net/nl.h"

#define PRIORITY 99 /* srcnat is 100 */

static const struct nft_set sets[] = {
	{ "masq4", { NFT_TYPE_IPV4 } },
	{ "home4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true },
	{ "masq6", { NFT_TYPE_IPV6 } },
	{ "home6", { NFT_TYPE_IPV6, NFT_TYPE_IPV6 }, .interval = true },
};
#define MASQ(v6) (&sets[(v6) ? 2 : 0])
#define HOME(v6) (&sets[(v6) ? 3 : 1])

static const struct prefix multicast[] = {
	{ { AF_INET, { 224 } }, 4 },
	{ { AF_INET6, { 0xff } }, 8 },
};

static const struct nft_chain chains[] = {
	{
		.name = "postrouting",
		.type = "nat",
		.hook = NF_INET_POST_ROUTING,
		.priority = PRIORITY,
	},
};

static void put_rules(struct nl *nl)
{
	for (int v6 = 0; v6 < 2; v6++) {
		nft_rule_begin(nl, &masquerade.table, chains[0].name, false);
		nft_match_family(nl, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
		nft_match_set(nl, MASQ(v6), NFT_OF(NFT_SADDR), false);
		nft_match_set(nl, HOME(v6), NFT_OF(NFT_SADDR, NFT_DADDR), true);
		nft_match_daddr(nl, &multicast[v6], true);
		nft_do_masquerade(nl, true);
		nft_rule_end(nl, "leaves its network");
	}
}

const struct fw_schema masquerade = {
	.name = "masquerade",
	.table = { .family = NFPROTO_INET, .name = "cnibox" },
	.sets = sets,
	.set_count = sizeof(sets) / sizeof(sets[0]),
	.chains = chains,
	.chain_count = sizeof(chains) / sizeof(chains[0]),
	.put_rules = put_rules,
};

static void make_elements(const struct cni_ip *ip, struct fw_elem out[static 2])
{
	const struct prefix *p = &ip->address;
	bool v6 = p->addr.family == AF_INET6;

	out[0] = (struct fw_elem){ MASQ(v6), { .key[0].addr = p->addr } };
	out[1] = (struct fw_elem){
		HOME(v6),
		{ .key = { { p->addr }, { prefix_first(p) } },
		  .last = { { p->addr }, { prefix_last(p) } },
		  .range = true },
	};
}

_Static_assert(2 * CNI_IPS_MAX <= FW_ELEMS_MAX, "two elements for each address");
static struct fw_elem elems[2 * CNI_IPS_MAX];

int masquerade_add(const struct fw_owner *o, const struct cni_result *r, struct err *e)
{
	for (size_t i = 0; i < r->ip_count; i++)
		make_elements(&r->ips[i], &elems[2 * i]);
	return err_ctx(e, fw_change(&masquerade, o, elems, 2 * r->ip_count, e), "ipMasq");
}

static bool is_of_another(const struct cni_attachment *at, const struct cni_result *r, int64_t n)
{
	if (n < 0 || n >= (int64_t)r->iface_count)
		return false;
	return !r->ifaces[n].sandbox || strcmp(r->ifaces[n].name, at->ifname) != 0;
}

int masquerade_check(const struct cni_attachment *at, const struct cni_result *r, struct err *e)
{
	size_t count = 0;

	for (size_t i = 0; i < r->ip_count; i++) {
		if (is_of_another(at, r, r->ips[i].interface))
			continue;
		make_elements(&r->ips[i], &elems[count]);
		count += 2;
	}
	if (count == 0)
		return 0; /* as ADD, which then makes no table */
	return err_ctx(e, fw_check(&masquerade, elems, count, e), "ipMasq");
}
