/*
 * Isolated pods of a bridge: see isolated.h.
 *
 *	table bridge cnibox_isolated {
 *		set ends { type ifname }		their host ends
 *		chain forward { type filter hook forward priority filter (-200)
 *			iifname @ends oifname @ends drop
 *		}
 *	}
 */
#include "fw/isolated.h"

#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nl.h"

static const struct nft_set sets[] = {
	{ "ends", { NFT_TYPE_IFNAME } },
};

static const struct nft_chain chains[] = {
	{ .name = "forward", .type = "filter", .hook = NF_BR_FORWARD, .priority = -200 },
};

static void put_rules(struct nl *nl)
{
	nft_rule_begin(nl, &isolated.table, chains[0].name, false);
	nft_match_set(nl, &sets[0], NFT_OF(NFT_IIFNAME), false);
	nft_match_set(nl, &sets[0], NFT_OF(NFT_OIFNAME), false);
	nft_do_drop(nl);
	nft_rule_end(nl, "from the same bridge");
}

const struct fw_schema isolated = {
	.name = "isolated",
	.table = { .family = NFPROTO_BRIDGE, .name = "cnibox_isolated" },
	.sets = sets,
	.set_count = sizeof(sets) / sizeof(sets[0]),
	.chains = chains,
	.chain_count = sizeof(chains) / sizeof(chains[0]),
	.put_rules = put_rules,
};

static void make_element(const char *host_end, struct fw_elem *out)
{
	memset(out, 0, sizeof(*out));
	out->set = &sets[0];
	str_copy(out->el.key[0].ifname, sizeof(out->el.key[0].ifname), host_end);
}

int isolated_add(const struct fw_owner *o, const char *host_end, struct err *e)
{
	struct fw_elem el;

	make_element(host_end, &el);
	return fw_change(&isolated, o, &el, 1, e);
}

int isolated_check(const char *host_end, struct err *e)
{
	struct fw_elem el;

	make_element(host_end, &el);
	return fw_check(&isolated, &el, 1, e);
}
