/* A schema with sets of every type that a record can hold, for those who read records without a
 * kernel. */
#ifndef RECORD_SCHEMA_H
#define RECORD_SCHEMA_H

#include "fw/record.h"

static const struct nft_set sets[] = {
	{ "a4", { NFT_TYPE_IPV4 } },
	{ "r4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true },
	{ "ports", { NFT_TYPE_PROTO, NFT_TYPE_PORT }, { NFT_TYPE_IPV6, NFT_TYPE_PORT } },
	{ "spoof", { NFT_TYPE_IFNAME, NFT_TYPE_MAC } },
	{ "marks", { NFT_TYPE_IFNAME }, { NFT_TYPE_MARK } },
	{ "verdicts", { NFT_TYPE_IPV6 }, { NFT_TYPE_VERDICT } },
};
static const struct fw_schema schema = { .name = "s", .sets = sets, .set_count = 6 };

#endif
