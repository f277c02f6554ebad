/* Several questions about one table of nf_tables in one go: see nft.h. */
#include "net/nft.h"

#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nft_wire.h"

static void put_question(struct nl *nl, const struct nft_table *t, const struct nft_query *q)
{
	if (q->chain) {
		nft_request(nl, "find chain", NFT_MSG_GETCHAIN, 0, t);
		nl_put_str(nl, NFTA_CHAIN_NAME, q->chain->name);
	} else if (q->set && q->el) {
		nft_elem_get(nl, t, q->set, q->el);
	} else if (q->set) {
		nft_set_get(nl, t, q->set);
	} else if (q->generation) {
		nft_generation_get(nl);
	} else {
		nft_request(nl, "find table", NFT_MSG_GETTABLE, 0, t);
	}
}

static void read_table(const struct nlmsghdr *h, struct nft_query *q)
{
	const struct nlattr *a[NFTA_TABLE_USE + 1];

	if (!nft_is(h, NFT_MSG_NEWTABLE))
		return;
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_TABLE_USE);
	q->found = true;
	q->alike = !(nl_be32(a[NFTA_TABLE_FLAGS]) & NFT_TABLE_F_DORMANT);
	q->use = nl_be32(a[NFTA_TABLE_USE]);
}

static bool hook_is(const struct nlattr *hook, const struct nft_chain *c)
{
	const struct nlattr *a[NFTA_HOOK_PRIORITY + 1];

	nl_attrs_nested(hook, a, NFTA_HOOK_PRIORITY);
	return nl_be32(a[NFTA_HOOK_HOOKNUM]) == c->hook &&
	       (int32_t)nl_be32(a[NFTA_HOOK_PRIORITY]) == c->priority;
}

static bool base_is(const struct nlattr **a, const struct nft_chain *c)
{
	bool drop = a[NFTA_CHAIN_POLICY] && nl_be32(a[NFTA_CHAIN_POLICY]) == NF_DROP;
	char type[16];

	if (!c->type || !a[NFTA_CHAIN_HOOK])
		return !c->type && !a[NFTA_CHAIN_HOOK];
	return nl_str(a[NFTA_CHAIN_TYPE], type, sizeof(type)) && strcmp(type, c->type) == 0 &&
	       hook_is(a[NFTA_CHAIN_HOOK], c) && drop == c->drop;
}

static void read_chain(const struct nlmsghdr *h, struct nft_query *q)
{
	const struct nlattr *a[NFTA_CHAIN_TYPE + 1];

	if (!nft_is(h, NFT_MSG_NEWCHAIN))
		return;
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_CHAIN_TYPE);
	q->found = true;
	q->alike = base_is(a, q->chain);
	q->use = nl_be32(a[NFTA_CHAIN_USE]);
}

static bool data_are(const struct nft_set *s, const struct nft_elem *x, const struct nft_elem *y)
{
	const char *a = x->data[0].verdict.chain, *b = y->data[0].verdict.chain;
	uint8_t x_bytes[NFT_VALUES_BYTES], y_bytes[NFT_VALUES_BYTES];

	if (nft_set_has_verdicts(s))
		return x->data[0].verdict.code == y->data[0].verdict.code &&
		       strcmp(a ? a : "", b ? b : "") == 0;
	if (!nft_set_is_map(s))
		return true;
	nft_values_encode(s->data, x->data, x_bytes);
	nft_values_encode(s->data, y->data, y_bytes);
	return memcmp(x_bytes, y_bytes, sizeof(x_bytes)) == 0;
}

static void read_elem(const struct nlmsghdr *h, struct nft_query *q)
{
	struct nft_found f;

	q->found = nft_elem_answer(h, q->set, q->el, &f);
	if (!q->found)
		return;
	q->alike = data_are(q->set, q->el, &f.el);
	str_copy(q->comment, sizeof(q->comment), f.comment);
}

static void read_generation(const struct nlmsghdr *h, struct nft_query *q)
{
	q->use = nft_generation_answer(h);
	q->found = q->alike = q->use != 0;
}

static void read_answer(const struct nlmsghdr *h, struct nft_query *q)
{
	if (q->chain)
		read_chain(h, q);
	else if (q->set && q->el)
		read_elem(h, q);
	else if (q->set)
		q->found = nft_set_answer(h, q->set, &q->alike);
	else if (q->generation)
		read_generation(h, q);
	else
		read_table(h, q);
}

/*
 * Asked at once: so many answers fit into a socket's receive buffer, however small they are, since
 * each has a datagram of its own.
 */
#define PART 128

struct answers {
	const struct nft_table *table;
	struct nft_query *q;
	struct err *e;
};

static int answer(unsigned int request, const struct nlmsghdr *h, int errnum, void *arg)
{
	struct answers *a = arg;
	struct nft_query *q = &a->q[request];

	if (errnum == EINVAL) /* nfnetlink's answer for a subsystem that is not there */
		return err_set(a->e, EOPNOTSUPP,
			       "the kernel has no nftables (module nf_tables, CONFIG_NF_TABLES)");
	if (errnum && errnum != ENOENT)
		return err_sys(a->e, errnum, "nftables %s", a->table->name);
	if (h)
		read_answer(h, q);
	return 0;
}

static int ask_part(struct nl *nl, struct answers *a, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct nft_query *q = &a->q[i];

		q->found = q->alike = false;
		q->use = 0;
		q->comment[0] = '\0';
		put_question(nl, a->table, q);
	}
	return nl_ask(nl, answer, a, e);
}

int nft_query(struct nl *nl, const struct nft_table *t, struct nft_query *q, size_t count,
	      struct err *e)
{
	struct answers a = { .table = t, .q = q, .e = e };
	int r = 0;

	for (size_t n = 0; r == 0 && n < count; n += PART) {
		a.q = q + n;
		r = ask_part(nl, &a, count - n < PART ? count - n : PART, e);
	}
	return r;
}
