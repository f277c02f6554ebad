/* The ruleset's generation: transactions on condition that nobody was faster. See nft.h. */
#include "net/nft.h"

#include <errno.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "base/err.h"
#include "net/nft_wire.h"
#include "net/nl.h"

void nft_generation_get(struct nl *nl)
{
	struct nfgenmsg g = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };

	nl_request(nl, "read the ruleset's generation",
		   (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN, 0, &g, sizeof(g));
}

uint32_t nft_generation_answer(const struct nlmsghdr *h)
{
	const struct nlattr *a[NFTA_GEN_ID + 1];

	if (!nft_is(h, NFT_MSG_NEWGEN) || !nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_GEN_ID))
		return 0;
	return nl_be32(a[NFTA_GEN_ID]);
}

static int read_generation(const struct nlmsghdr *h, void *arg)
{
	uint32_t *out = arg;

	*out = nft_generation_answer(h);
	return 0;
}

int nft_generation(struct nl *nl, uint32_t *out, struct err *e)
{
	*out = 0;
	nft_generation_get(nl);
	return nl_dump(nl, read_generation, NULL, out, e);
}

void nft_begin_at(struct nl *nl, uint32_t generation)
{
	nft_begin(nl);
	nl_put_be32(nl, NFNL_BATCH_GENID, generation);
}
