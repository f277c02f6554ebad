/*
 * Reading nf_tables: tables and chains by get and dump. See nft.h; rules are in nft_rule_read.c,
 * elements in nft_elem.c.
 */
#include "net/nft.h"

#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "base/err.h"
#include "net/nft_wire.h"
#include "net/nl.h"

#define UDATA_COMMENT 0 /* nft(8): of rules and of elements alike */

int nft_ask(struct nl *nl, nl_answer_fn *fn, void (*restart)(void *arg), struct nft_walk *w,
	    struct err *e)
{
	struct err mine = { 0 };
	int r = nl_dump(nl, fn, restart, w, &mine);

	if (w->stop < 0)
		return w->stop;
	if (r == -ENOENT)
		return 0;
	if (r == -EINVAL) /* nfnetlink's answer for a subsystem that is not there */
		return err_set(e, EOPNOTSUPP,
			       "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
	if (r < 0)
		return err_set(e, -r, "nftables %s%s%s: %s", w->table, w->name ? " " : "",
			       w->name ? w->name : "", mine.text);
	return w->found;
}

bool nft_is(const struct nlmsghdr *h, uint16_t msg)
{
	return h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | msg);
}

/* Userdata is a row of type, length, value; the text's NUL is counted in its length. */
void nft_comment(const struct nlattr *a, char *out, size_t size)
{
	const uint8_t *at = nl_data(a);
	size_t left = nl_size(a);

	out[0] = '\0';
	for (; left >= 2 && left - 2 >= at[1]; left -= 2u + at[1], at += 2u + at[1]) {
		size_t len = at[1];

		if (at[0] != UDATA_COMMENT)
			continue;
		if (len >= size)
			len = size - 1;
		memcpy(out, at + 2, len);
		out[len] = '\0';
		return;
	}
}

static int table_answer(const struct nlmsghdr *h, void *arg)
{
	struct nft_walk *w = arg;

	w->found = nft_is(h, NFT_MSG_NEWTABLE);
	return 0;
}

int nft_table_find(struct nl *nl, const struct nft_table *t, struct err *e)
{
	struct nft_walk w = { .table = t->name };

	nft_request(nl, "find table", NFT_MSG_GETTABLE, 0, t);
	return nft_ask(nl, table_answer, NULL, &w, e);
}

struct flag_walk {
	struct nft_walk w;
	uint32_t flag;
};

static int flag_answer(const struct nlmsghdr *h, void *arg)
{
	struct flag_walk *w = arg;
	const struct nlattr *a[NFTA_TABLE_FLAGS + 1];

	if (nft_is(h, NFT_MSG_NEWTABLE) &&
	    nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_TABLE_FLAGS))
		w->w.found = nl_be32(a[NFTA_TABLE_FLAGS]) & w->flag;
	return 0;
}

static int table_has(struct nl *nl, const struct nft_table *t, uint32_t flag, struct err *e)
{
	struct flag_walk w = { .w.table = t->name, .flag = flag };

	nft_request(nl, "find table", NFT_MSG_GETTABLE, 0, t);
	return nft_ask(nl, flag_answer, NULL, &w.w, e);
}

int nft_table_is_owned(struct nl *nl, const struct nft_table *t, struct err *e)
{
	return table_has(nl, t, NFT_TABLE_F_OWNER, e);
}

int nft_table_is_dormant(struct nl *nl, const struct nft_table *t, struct err *e)
{
	return table_has(nl, t, NFT_TABLE_F_DORMANT, e);
}

struct chain_walk {
	struct nft_walk w;
	nft_chain_fn *fn;
	void *arg;
};

static void chain_read_hook(const struct nlattr *hook, struct nft_chain_info *c)
{
	const struct nlattr *a[NFTA_HOOK_PRIORITY + 1];

	nl_attrs_nested(hook, a, NFTA_HOOK_PRIORITY);
	c->base = true;
	c->hook = nl_be32(a[NFTA_HOOK_HOOKNUM]);
	c->priority = (int32_t)nl_be32(a[NFTA_HOOK_PRIORITY]);
}

static int chain_answer(const struct nlmsghdr *h, void *arg)
{
	struct chain_walk *w = arg;
	const struct nlattr *a[NFTA_CHAIN_POLICY + 1];
	const struct nfgenmsg *g = (const void *)(h + 1);
	struct nft_chain_info c = { 0 };

	if (!nft_is(h, NFT_MSG_NEWCHAIN) || !nl_attrs(h, sizeof(*g), a, NFTA_CHAIN_POLICY))
		return 0;
	c.family = g->nfgen_family;
	if (!nl_str(a[NFTA_CHAIN_TABLE], c.table, sizeof(c.table)) ||
	    !nl_str(a[NFTA_CHAIN_NAME], c.name, sizeof(c.name)))
		return 0;
	if (a[NFTA_CHAIN_HOOK])
		chain_read_hook(a[NFTA_CHAIN_HOOK], &c);
	c.drop = a[NFTA_CHAIN_POLICY] && nl_be32(a[NFTA_CHAIN_POLICY]) == NF_DROP;
	w->w.found = true;
	w->w.stop = w->fn(&c, w->arg);
	return w->w.stop < 0 ? w->w.stop : 0;
}

int nft_chain_each(struct nl *nl, uint8_t family, nft_chain_fn *fn, void *arg, struct err *e)
{
	struct chain_walk w = { .w.table = "of all", .fn = fn, .arg = arg };
	struct nft_table any = { .family = family };

	nft_request(nl, "list chains", NFT_MSG_GETCHAIN, NLM_F_DUMP, &any);
	return nft_ask(nl, chain_answer, NULL, &w.w, e);
}
