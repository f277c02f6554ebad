/*
 * nf_tables transactions: the batch between its marks, and what the kernel says about it. See
 * nft.h.
 *
 * Theory of operation (net/netfilter/nfnetlink.c). The kernel works through a batch inside our
 * send(): every request is tried, also after one failed, and only when all went well the lot
 * becomes visible. So when send() returns, all answers lie in the socket, in the order of the
 * requests. The acknowledgement of the last request (the marks are acknowledged only since 6.10)
 * comes behind all errors, also when its batch has failed, and silence is an error. When a batch is
 * tried again from its start, after a module was loaded, the answers of the first try are
 * forgotten. An answer to the opening mark is about the batch as a whole, and comes before all
 * others.
 *
 * nf_tables says ENOENT for a missing table as well as for a missing module. What it means is told
 * by the attribute that the extended acknowledgement points to (NLMSGERR_ATTR_OFFS).
 */
#include "net/nft.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "base/err.h"
#include "net/nft_wire.h"
#include "net/nl.h"

/* What a kernel may be built without, or whose module may not be there. */
static const struct {
	const char *expr;
	const char *what;
} modules[] = {
	{ "meta",
	  "interfaces in tables of a bridge (module nft_meta_bridge, CONFIG_NFT_BRIDGE_META)" },
	{ "masq", "masquerade (module nft_masq, CONFIG_NFT_MASQ)" },
	{ "nat", "translation to an address that is given (module nft_nat, CONFIG_NFT_NAT)" },
	{ "fib", "kinds of addresses (module nft_fib_inet, CONFIG_NFT_FIB_INET)" },
	{ "ct", "connection tracking for nftables (module nft_ct, CONFIG_NFT_CT)" },
	{ "counter", "counters (module nft_counter, CONFIG_NFT_COUNTER)" },
};

static void put_mark(struct nl *nl, uint16_t type)
{
	struct nfgenmsg g = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	nl_request(nl, "nftables transaction", type, 0, &g, sizeof(g));
}

void nft_begin(struct nl *nl)
{
	assert(nl_count(nl) == 0);
	put_mark(nl, NFNL_MSG_BATCH_BEGIN);
}

/* The attribute that names the object beside its table, by the message's type; 0: none. */
static uint16_t name_attribute(const struct nlmsghdr *h)
{
	switch (h->nlmsg_type & 0xff) {
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
		return NFTA_CHAIN_NAME;
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		return NFTA_RULE_CHAIN;
	case NFT_MSG_NEWSET:
		return NFTA_SET_NAME;
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		return NFTA_SET_ELEM_LIST_SET;
	default:
		return 0;
	}
}

/* The name of the expression to which the kernel's error points; "" when it points elsewhere. */
static void blamed_expression(const struct nlmsghdr *h, const struct nlattr *list, uint32_t offset,
			      char *out, size_t size)
{
	const struct nlattr *at = NULL, *a[NFTA_EXPR_NAME + 1];

	out[0] = '\0';
	while (list && nl_attr_next(list, &at)) {
		if ((size_t)((const char *)at - (const char *)h) != offset)
			continue;
		nl_attrs_nested(at, a, NFTA_EXPR_NAME);
		nl_str(a[NFTA_EXPR_NAME], out, size);
	}
}

/*
 * What the kernel lacks, if that is what the error means. Linux 5.10 names no attribute when it is
 * a chain's type that it does not know; a table that is not there it does name.
 */
static const char *missing_module(const struct nlmsghdr *h, const struct nl_refusal *f)
{
	const struct nlattr *a[NFTA_CHAIN_TYPE + 1];
	char expr[16];

	if (f->errnum != ENOENT && f->errnum != EOPNOTSUPP)
		return NULL;
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_CHAIN_TYPE);
	if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWCHAIN) {
		if (!a[NFTA_CHAIN_TYPE] || (f->offset && (size_t)((const char *)a[NFTA_CHAIN_TYPE] -
								  (const char *)h) != f->offset))
			return NULL;
		nl_str(a[NFTA_CHAIN_TYPE], expr, sizeof(expr));
		return strcmp(expr, "nat") == 0
			       ? "nat chains (module nft_chain_nat, CONFIG_NFT_NAT)"
			       : "chains of this type";
	}
	if ((h->nlmsg_type & 0xff) != NFT_MSG_NEWRULE)
		return NULL;
	blamed_expression(h, a[NFTA_RULE_EXPRESSIONS], f->offset, expr, sizeof(expr));
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (strcmp(expr, modules[i].expr) == 0)
			return modules[i].what;
	return NULL;
}

static const char *family_name(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = (const void *)(h + 1);

	switch (g->nfgen_family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "inet";
	}
}

/* Turn the kernel's error into ours: "add rule in nftables inet cnibox nat: ...". */
static int explain(const struct nl_refusal *f, struct err *e)
{
	const struct nlmsghdr *h = f->sent;
	const struct nlattr *a[NFTA_CHAIN_TYPE + 1];
	char table[64] = "", name[64] = "";
	const char *missing;

	if (f->request == 0 && f->errnum == EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP,
			       "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
	if (f->request == 0)
		return err_sys(e, f->errnum, "nftables transaction");
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_CHAIN_TYPE);
	nl_str(a[NFTA_TABLE_NAME], table, sizeof(table));
	if (name_attribute(h))
		nl_str(a[name_attribute(h)], name, sizeof(name));
	missing = missing_module(h, f);
	if (missing)
		return err_set(e, EOPNOTSUPP, "%s in nftables %s %s%s%s: the kernel has no %s",
			       f->what, family_name(h), table, name[0] ? " " : "", name, missing);
	return err_sys(e, f->errnum, "%s in nftables %s %s%s%s%s%s", f->what, family_name(h), table,
		       name[0] ? " " : "", name, f->says[0] ? ": " : "", f->says);
}

int nft_commit(struct nl *nl, unsigned int *failed, struct err *e)
{
	static const struct nl_protocol transaction = { .marks = true,
							.batch = "nftables transaction",
							.explain = explain };
	unsigned int index;
	int r;

	put_mark(nl, NFNL_MSG_BATCH_END);
	r = nl_commit_as(nl, &transaction, &index, e);
	if (r < 0 && failed)
		*failed = index - 1; /* UINT_MAX: the transaction as a whole */
	return r;
}
