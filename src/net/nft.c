/*
 * nf_tables objects: tables and chains. See nft.h; sets are in nft_set.c, transactions in
 * nft_batch.c, rules in nft_expr.c.
 */
#include "net/nft.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "net/nft_wire.h"
#include "net/nl.h"

#define UDATA_COMMENT 0 /* nft(8): of rules and of elements alike */

void nft_request(struct nl *nl, const char *what, uint16_t msg, uint16_t flags,
		 const struct nft_table *t)
{
	struct nfgenmsg g = { .nfgen_family = t->family, .version = NFNETLINK_V0 };

	nl_request(nl, what, NFNL_SUBSYS_NFTABLES << 8 | msg, flags, &g, sizeof(g));
	if (t->name)
		nl_put_str(nl, NFTA_TABLE_NAME, t->name);
}

void nft_put_value(struct nl *nl, uint16_t type, const void *data, size_t size)
{
	nl_nest (nl, type)
		nl_put(nl, NFTA_DATA_VALUE, data, size);
}

void nft_put_verdict(struct nl *nl, uint16_t type, int code, const char *chain)
{
	nl_nest (nl, type) {
		nl_nest (nl, NFTA_DATA_VERDICT) {
			nl_put_be32(nl, NFTA_VERDICT_CODE, (uint32_t)code);
			if (chain)
				nl_put_str(nl, NFTA_VERDICT_CHAIN, chain);
		}
	}
}

void nft_put_comment(struct nl *nl, uint16_t type, const char *comment)
{
	uint8_t tlv[2 + NFT_COMMENT_MAX + 1] = { UDATA_COMMENT };
	size_t len = comment ? strlen(comment) : 0;

	if (!len)
		return;
	if (len > NFT_COMMENT_MAX) {
		/* It says whose it is: half of one would be a lie. */
		nl_refuse(nl, "a comment is too long");
		return;
	}
	tlv[1] = (uint8_t)(len + 1);
	memcpy(tlv + 2, comment, len + 1);
	nl_put(nl, type, tlv, 2 + len + 1);
}

void nft_table_add(struct nl *nl, const struct nft_table *t)
{
	nft_request(nl, "create table", NFT_MSG_NEWTABLE, 0, t);
	nl_put_be32(nl, NFTA_TABLE_FLAGS, 0); /* wakes a table that somebody put to sleep */
}

void nft_table_del(struct nl *nl, const struct nft_table *t)
{
	nft_request(nl, "delete table", NFT_MSG_DELTABLE, 0, t);
}

void nft_chain_add(struct nl *nl, const struct nft_table *t, const struct nft_chain *c)
{
	nft_request(nl, "create chain", NFT_MSG_NEWCHAIN, NLM_F_CREATE, t);
	nl_put_str(nl, NFTA_CHAIN_NAME, c->name);
	if (!c->type)
		return;
	nl_put_str(nl, NFTA_CHAIN_TYPE, c->type);
	nl_put_be32(nl, NFTA_CHAIN_POLICY, c->drop ? NF_DROP : NF_ACCEPT);
	nl_nest (nl, NFTA_CHAIN_HOOK) {
		nl_put_be32(nl, NFTA_HOOK_HOOKNUM, c->hook);
		nl_put_be32(nl, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	}
}

void nft_chain_flush(struct nl *nl, const struct nft_table *t, const char *chain)
{
	nft_request(nl, "flush chain", NFT_MSG_DELRULE, 0, t);
	nl_put_str(nl, NFTA_RULE_CHAIN, chain);
}

void nft_chain_del(struct nl *nl, const struct nft_table *t, const char *chain)
{
	nft_request(nl, "delete chain", NFT_MSG_DELCHAIN, 0, t);
	nl_put_str(nl, NFTA_CHAIN_NAME, chain);
}
