/*
 * nf_tables objects: tables, chains, sets, elements. See nft.h; transactions are in nft_batch.c,
 * rules in nft_expr.c.
 *
 * How intervals lie in the kernel. A set of one field keeps bounds in a tree: an element where the
 * range starts and another one past its end, marked NFT_SET_ELEM_INTERVAL_END; a range that ends
 * with the last address of its family has no second one. A set of concatenated fields
 * (net/netfilter/nft_set_pipapo.c, since 5.6) keeps whole ranges instead: one element with KEY and
 * KEY_END, both inclusive, and the set must tell the size of each field in its description.
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

/*
 * Data type numbers and userdata types of nft(8). The kernel only stores them; nft(8) prints sets
 * by them.
 */
#define TYPE_IPADDR 7u
#define TYPE_IP6ADDR 8u
#define TYPE_IFNAME 41u
#define TYPE_PAIR(a, b) ((a) << 6 | (b))
#define UDATA_KEYBYTEORDER 0
#define UDATA_COMMENT 0
#define BYTEORDER_HOST 1
#define BYTEORDER_BIG 2

static const struct nft_layout layouts[] = {
	[NFT_KEY_IPV4] = { TYPE_IPADDR, AF_INET, 4, 1 },
	[NFT_KEY_IPV6] = { TYPE_IP6ADDR, AF_INET6, 16, 1 },
	[NFT_KEY_IPV4_IPV4] = { TYPE_PAIR(TYPE_IPADDR, TYPE_IPADDR), AF_INET, 4, 2 },
	[NFT_KEY_IPV6_IPV6] = { TYPE_PAIR(TYPE_IP6ADDR, TYPE_IP6ADDR), AF_INET6, 16, 2 },
	[NFT_KEY_IFNAME] = { TYPE_IFNAME, 0, 16, 1 },
};

const struct nft_layout *nft_layout(enum nft_key key)
{
	return &layouts[key];
}

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

/*
 * Without it nft(8) takes keys for numbers of unknown byte order. A concatenation has none of its
 * own.
 */
static void put_set_userdata(struct nl *nl, const struct nft_layout *l)
{
	uint32_t order = l->family ? BYTEORDER_BIG : BYTEORDER_HOST;
	uint8_t tlv[2 + sizeof(order)] = { UDATA_KEYBYTEORDER, sizeof(order) };

	memcpy(tlv + 2, &order, sizeof(order)); /* in the host's order, unlike the attributes */
	nl_put(nl, NFTA_SET_USERDATA, tlv, sizeof(tlv));
}

static void put_set_fields(struct nl *nl, const struct nft_layout *l)
{
	nl_nest (nl, NFTA_SET_DESC) {
		nl_nest (nl, NFTA_SET_DESC_CONCAT) {
			for (unsigned int i = 0; i < l->fields; i++) {
				nl_nest (nl, NFTA_LIST_ELEM)
					nl_put_be32(nl, NFTA_SET_FIELD_LEN, l->size);
			}
		}
	}
}

void nft_set_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s)
{
	const struct nft_layout *l = nft_layout(s->key);
	bool ranges = s->interval && l->fields > 1;

	assert(l->family || !s->interval);
	nft_request(nl, "create set", NFT_MSG_NEWSET, NLM_F_CREATE, t);
	nl_put_str(nl, NFTA_SET_NAME, s->name);
	nl_put_be32(nl, NFTA_SET_FLAGS,
		    (s->interval ? NFT_SET_INTERVAL : 0u) | (ranges ? NFT_SET_CONCAT : 0u));
	nl_put_be32(nl, NFTA_SET_KEY_TYPE, l->type);
	nl_put_be32(nl, NFTA_SET_KEY_LEN, (uint32_t)l->size * l->fields);
	/* The kernel insists on one, unique in the transaction; we find sets by name. */
	nl_put_be32(nl, NFTA_SET_ID, nl_sequence(nl));
	if (ranges)
		put_set_fields(nl, l);
	if (l->fields == 1)
		put_set_userdata(nl, l);
}

void nft_set_flush(struct nl *nl, const struct nft_table *t, const char *set)
{
	nft_request(nl, "flush set", NFT_MSG_DELSETELEM, 0, t);
	nl_put_str(nl, NFTA_SET_ELEM_LIST_SET, set);
}

static void put_field(const struct nft_layout *l, const struct addr *first, const struct addr *last,
		      uint8_t *out)
{
	const struct addr *a = last && addr_is_set(last) ? last : first;

	assert(a->family == l->family);
	memcpy(out, a->bytes, l->size);
}

size_t nft_elem_key(const struct nft_layout *l, const struct nft_elem *el, bool upper,
		    uint8_t out[static NFT_KEY_BYTES])
{
	if (!l->family) {
		memset(out, 0, l->size);
		memcpy(out, el->ifname, strnlen(el->ifname, l->size - 1u));
		return l->size;
	}
	put_field(l, &el->first, upper ? &el->last : NULL, out);
	if (l->fields > 1)
		put_field(l, &el->first2, upper ? &el->last2 : NULL, out + l->size);
	return (size_t)l->size * l->fields;
}

void nft_put_elem_key(struct nl *nl, const struct nft_set *s, const struct nft_elem *el)
{
	const struct nft_layout *l = nft_layout(s->key);
	uint8_t key[NFT_KEY_BYTES];
	size_t size = nft_elem_key(l, el, false, key);

	nft_put_value(nl, NFTA_SET_ELEM_KEY, key, size);
	if (s->interval && l->fields > 1) {
		nft_elem_key(l, el, true, key);
		nft_put_value(nl, NFTA_SET_ELEM_KEY_END, key, size);
	}
}

static void put_interval_end(struct nl *nl, const struct nft_elem *el)
{
	struct addr end = addr_next(addr_is_set(&el->last) ? &el->last : &el->first);
	static const struct addr zero;

	if (memcmp(end.bytes, zero.bytes, sizeof(end.bytes)) == 0)
		return; /* past the last address of the family there is nothing to end at */
	nl_nest (nl, NFTA_LIST_ELEM) {
		nl_put_be32(nl, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
		nft_put_value(nl, NFTA_SET_ELEM_KEY, end.bytes, addr_size(&end));
	}
}

static void put_elem(struct nl *nl, const struct nft_set *s, const struct nft_elem *el,
		     const char *comment)
{
	nl_put_str(nl, NFTA_SET_ELEM_LIST_SET, s->name);
	nl_nest (nl, NFTA_SET_ELEM_LIST_ELEMENTS) {
		nl_nest (nl, NFTA_LIST_ELEM) {
			nft_put_elem_key(nl, s, el);
			nft_put_comment(nl, NFTA_SET_ELEM_USERDATA, comment);
		}
		if (s->interval && nft_layout(s->key)->fields == 1)
			put_interval_end(nl, el);
	}
}

void nft_elem_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el)
{
	nft_request(nl, "add element", NFT_MSG_NEWSETELEM, NLM_F_CREATE, t);
	put_elem(nl, s, el, el->comment);
}

void nft_elem_del(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el)
{
	nft_request(nl, "delete element", NFT_MSG_DELSETELEM, 0, t);
	put_elem(nl, s, el, NULL);
}
