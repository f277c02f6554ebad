/*
 * macspoofchk: see spoof.h.
 *
 *	table bridge cnibox_macs {
 *		set ends { type ifname }		host ends that are checked
 *		set macs { type ifname . ether_addr }	and what may come by them
 *		chain prerouting { type filter hook prerouting priority dstnat (-300)
 *			iifname @ends iifname . ether saddr != @macs drop
 *		}
 *	}
 */
#include "fw/spoof.h"

#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nl.h"

static const struct nft_set sets[] = {
	{ "ends", { NFT_TYPE_IFNAME } },
	{ "macs", { NFT_TYPE_IFNAME, NFT_TYPE_MAC } },
};

static const struct nft_chain chains[] = {
	{
		.name = "prerouting",
		.type = "filter",
		.hook = NF_BR_PRE_ROUTING,
		.priority = -300,
	},
};

static void put_rules(struct nl *nl)
{
	nft_rule_begin(nl, &spoof.table, chains[0].name, false);
	nft_match_set(nl, &sets[0], NFT_OF(NFT_IIFNAME), false);
	nft_match_set(nl, &sets[1], NFT_OF(NFT_IIFNAME, NFT_ETHER_SADDR), true);
	nft_do_drop(nl);
	nft_rule_end(nl, "not the pod's MAC");
}

const struct fw_schema spoof = {
	.name = "spoof",
	.table = { .family = NFPROTO_BRIDGE, .name = "cnibox_macs" },
	.sets = sets,
	.set_count = sizeof(sets) / sizeof(sets[0]),
	.chains = chains,
	.chain_count = sizeof(chains) / sizeof(chains[0]),
	.put_rules = put_rules,
};

static void make_elements(const char *host_end, const uint8_t mac[static 6],
			  struct fw_elem out[static 2])
{
	memset(out, 0, 2 * sizeof(*out));
	out[0].set = &sets[0];
	str_copy(out[0].el.key[0].ifname, sizeof(out[0].el.key[0].ifname), host_end);
	out[1].set = &sets[1];
	out[1].el.key[0] = out[0].el.key[0];
	memcpy(out[1].el.key[1].mac, mac, 6);
}

int spoof_add(const struct fw_owner *o, const char *host_end, const uint8_t mac[static 6],
	      struct err *e)
{
	struct fw_elem elems[2];

	make_elements(host_end, mac, elems);
	return err_ctx(e, fw_change(&spoof, o, elems, 2, e), "macspoofchk");
}

int spoof_check(const char *host_end, const uint8_t mac[static 6], struct err *e)
{
	struct fw_elem elems[2];

	make_elements(host_end, mac, elems);
	return err_ctx(e, fw_check(&spoof, elems, 2, e), "macspoofchk");
}
