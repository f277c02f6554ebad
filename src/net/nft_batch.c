/*
 * nf_tables transactions: the batch between its marks, and what the kernel says about it. See
 * nft.h.
 *
 * Theory of operation (net/netfilter/nfnetlink.c). The kernel works through a batch inside our
 * sendmsg(): every request is tried, also after one failed, and only when all went well the lot
 * becomes visible. So when sendmsg() returns, all answers lie in the socket, in the order of the
 * requests. We ask for the acknowledgement of the last request (the marks are acknowledged only
 * since 6.10): it comes behind all errors, also when its batch has failed, and silence is an error.
 * When a batch is tried again from its start, after a module was loaded, the answers of the first
 * try are forgotten. An answer to the opening mark is about the batch as a whole, and comes before
 * all others.
 *
 * nf_tables says ENOENT for a missing table as well as for a missing module. What it means is told
 * by the attribute that the extended acknowledgement points to (NLMSGERR_ATTR_OFFS).
 */
#include "net/nft.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "base/err.h"
#include "net/nft_wire.h"
#include "net/nl.h"

/* The kernel's first error. */
struct refusal {
	int errnum;	    /* 0: none */
	bool answered;	    /* the last request is acknowledged: there is nothing more to come */
	unsigned int index; /* of the request in the batch, the opening mark included */
	uint32_t offset;    /* of the attribute that is to blame in its request; 0: none named */
	char text[128];
};

/* What a kernel may be built without, or whose module may not be there. */
static const struct {
	const char *expr;
	const char *what;
} modules[] = {
	{ "masq", "masquerade (module nft_masq, CONFIG_NFT_MASQ)" },
	{ "fib", "fib expression (modules nft_fib_ipv4, nft_fib_ipv6, nft_fib_inet)" },
	{ "ct", "connection tracking for nftables (module nft_ct, CONFIG_NFT_CT)" },
};

static void put_mark(struct nl *nl, uint16_t type)
{
	struct nfgenmsg g = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	nl_request(nl, "nftables transaction", type, 0, &g, sizeof(g));
}

void nft_begin(struct nl *nl)
{
	assert(nl->count == 0);
	put_mark(nl, NFNL_MSG_BATCH_BEGIN);
}

/*
 * The attributes behind an error. Its request is repeated in it, whole unless NETLINK_CAP_ACK cut
 * it to its header.
 */
static void read_ext_ack(const struct nlmsghdr *h, struct refusal *why)
{
	const struct nlmsgerr *answer = (const void *)(h + 1);
	size_t at = sizeof(*h) + sizeof(*answer);
	const struct nlattr *a[NLMSGERR_ATTR_OFFS + 1];

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED) && answer->msg.nlmsg_len > sizeof(answer->msg))
		at += NLMSG_ALIGN(answer->msg.nlmsg_len) - sizeof(answer->msg);
	if (at > h->nlmsg_len)
		return;
	nl_attrs(h, at - sizeof(*h), a, NLMSGERR_ATTR_OFFS);
	why->offset = nl_u32(a[NLMSGERR_ATTR_OFFS]);
	nl_str(a[NLMSGERR_ATTR_MSG], why->text, sizeof(why->text));
}

static void read_answer(const struct nlmsghdr *h, const struct nl *nl, struct refusal *why)
{
	const struct nlmsgerr *answer = (const void *)(h + 1);
	uint32_t index = h->nlmsg_seq - (nl->seq - nl->count + 1);

	if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)) ||
	    index >= nl->count)
		return;
	why->answered |= index == nl->count - 2;
	if (why->errnum || answer->error >= 0)
		return;
	why->errnum = answer->error < -NL_ERRNO_MAX ? EPROTO : -answer->error;
	why->index = index;
	read_ext_ack(h, why);
}

/* One datagram: 1, or 0 when there is none, or -errno. Only the kernel's word counts. */
static int read_datagram(const struct nl *nl, struct refusal *why)
{
	_Alignas(struct nlmsghdr) char buf[8192];
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(nl->fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len);
	const struct nlmsghdr *h;

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (from.nl_pid != 0)
		return 1;
	for (size_t at = 0, end = (size_t)n; at + sizeof(*h) <= end;
	     at += NLMSG_ALIGN(h->nlmsg_len)) {
		h = (const void *)(buf + at);
		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > end - at)
			break;
		read_answer(h, nl, why);
	}
	return 1;
}

static int drain(const struct nl *nl, struct refusal *why, struct err *e)
{
	int lost = EPROTO, r = 1;

	/*
	 * ENOBUFS: errors so many that the last found no room; it is said before the first ones can
	 * be read.
	 */
	while (!why->answered && r != 0) {
		r = read_datagram(nl, why);
		if (r == -ENOBUFS)
			lost = ENOBUFS;
		else if (r < 0 && r != -EINTR)
			return err_sys(e, -r, "read the answer to an nftables transaction");
	}
	if (why->answered || why->errnum)
		return 0;
	return err_sys(e, lost, "read the answer to an nftables transaction");
}

/*
 * A message larger than the socket's send buffer is EMSGSIZE, whatever room the kernel has; root
 * may enlarge it.
 */
static int send_batch(struct nl *nl, struct refusal *why, struct err *e)
{
	int size = nl->len > INT_MAX / 2 ? INT_MAX : (int)nl->len * 2;
	ssize_t n = send(nl->fd, nl->buf, nl->len, 0);

	if (n < 0 && errno == EMSGSIZE &&
	    setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) == 0)
		n = send(nl->fd, nl->buf, nl->len, 0);
	if (n < 0)
		return err_sys(e, errno, "send nftables transaction");
	return drain(nl, why, e);
}

/*
 * A request as it was sent, in memory aligned as the caller's buffer need not be. None of ours
 * comes near that size.
 */
struct copy {
	_Alignas(struct nlmsghdr) char bytes[4096];
};

/* A message begins with its length. */
static uint32_t length_at(const struct nl *nl, size_t at)
{
	uint32_t len;

	memcpy(&len, nl->buf + at, sizeof(len));
	return len;
}

static const struct nlmsghdr *copy_request(const struct nl *nl, unsigned int index, struct copy *c)
{
	size_t at = 0;
	uint32_t len;

	for (; index > 0; index--)
		at += NLMSG_ALIGN(length_at(nl, at));
	len = length_at(nl, at);
	if (len > sizeof(c->bytes))
		len = sizeof(c->bytes);
	memcpy(c->bytes, nl->buf + at, len);
	memcpy(c->bytes, &len, sizeof(len));
	return (const void *)c->bytes;
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

/* What the kernel lacks, if that is what the error means. */
static const char *missing_module(const struct nlmsghdr *h, const struct refusal *why)
{
	const struct nlattr *a[NFTA_CHAIN_TYPE + 1];
	char expr[16];

	if ((why->errnum != ENOENT && why->errnum != EOPNOTSUPP) || !why->offset)
		return NULL;
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_CHAIN_TYPE);
	if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWCHAIN) {
		if (!a[NFTA_CHAIN_TYPE] ||
		    (size_t)((const char *)a[NFTA_CHAIN_TYPE] - (const char *)h) != why->offset)
			return NULL;
		nl_str(a[NFTA_CHAIN_TYPE], expr, sizeof(expr));
		return strcmp(expr, "nat") == 0
			       ? "nat chains (module nft_chain_nat, CONFIG_NFT_NAT)"
			       : "chains of this type";
	}
	if ((h->nlmsg_type & 0xff) != NFT_MSG_NEWRULE)
		return NULL;
	blamed_expression(h, a[NFTA_RULE_EXPRESSIONS], why->offset, expr, sizeof(expr));
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (strcmp(expr, modules[i].expr) == 0)
			return modules[i].what;
	return NULL;
}

static const char *family_name(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = (const void *)(h + 1);

	return g->nfgen_family == NFPROTO_IPV4	 ? "ip"
	       : g->nfgen_family == NFPROTO_IPV6 ? "ip6"
						 : "inet";
}

/* Turn the kernel's error into ours: "add rule: nftables inet cnibox nat: ...". */
static int explain(const struct nl *nl, const struct refusal *why, struct err *e)
{
	const struct nlattr *a[NFTA_CHAIN_TYPE + 1];
	char table[64] = "", name[64] = "";
	const struct nlmsghdr *h;
	const char *missing;
	struct copy copy;

	if (why->index == 0 && why->errnum == EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP,
			       "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
	if (why->index == 0)
		return err_sys(e, why->errnum, "nftables transaction");
	h = copy_request(nl, why->index, &copy);
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_CHAIN_TYPE);
	nl_str(a[NFTA_TABLE_NAME], table, sizeof(table));
	if (name_attribute(h))
		nl_str(a[name_attribute(h)], name, sizeof(name));
	missing = missing_module(h, why);
	if (missing)
		return err_set(e, EOPNOTSUPP, "%s in nftables %s %s%s%s: the kernel has no %s",
			       nl->what[why->index], family_name(h), table, name[0] ? " " : "",
			       name, missing);
	return err_sys(e, why->errnum, "%s in nftables %s %s%s%s%s%s", nl->what[why->index],
		       family_name(h), table, name[0] ? " " : "", name, why->text[0] ? ": " : "",
		       why->text);
}

/* Of the last request. */
static void ask_answer(struct nl *nl)
{
	struct nlmsghdr h;

	if (nl->bad || nl->count < 2)
		return;
	memcpy(&h, nl->buf + nl->msg, sizeof(h));
	h.nlmsg_flags |= NLM_F_ACK;
	memcpy(nl->buf + nl->msg, &h, sizeof(h));
}

int nft_commit(struct nl *nl, unsigned int *failed, struct err *e)
{
	struct refusal why = { 0 };
	int r = 0;

	ask_answer(nl);
	put_mark(nl, NFNL_MSG_BATCH_END);
	if (nl->bad)
		r = err_set(e, EMSGSIZE,
			    "nftables transaction: it does not fit its buffer, or a name or "
			    "comment is too long");
	else if (nl->count > 2)
		r = send_batch(nl, &why, e);
	if (why.errnum) {
		r = explain(nl, &why, e);
		if (failed)
			*failed = why.index - 1; /* UINT_MAX for the opening mark */
	}
	nl_discard(nl);
	return r;
}
