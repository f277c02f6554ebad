/*
 * nf_tables sets and maps: how keys and data lie in the kernel's registers. See nft.h; elements are
 * in nft_elem.c.
 *
 * A value fills 32-bit registers from their first byte on, zeroes behind it. So parts of a
 * concatenation begin at multiples of four bytes and its size is their padded sum, while a part
 * alone has its own size. Addresses and ports are in network order, marks and verdicts in the
 * host's.
 */
#include "net/nft.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

#include "net/nft_wire.h"
#include "net/nl.h"

/* Userdata types and byte orders of nft(8). */
#define UDATA_KEYBYTEORDER 0
#define UDATA_DATABYTEORDER 1
#define BYTEORDER_NONE 0 /* a byte, or a concatenation */
#define BYTEORDER_HOST 1
#define BYTEORDER_BIG 2

/* nft(8)'s type numbers. The kernel only stores them; nft(8) prints sets by them. */
static const struct type {
	uint32_t number;
	uint8_t size;
	uint8_t order;
} types[] = {
	[NFT_TYPE_IPV4] = { 7, 4, BYTEORDER_BIG },
	[NFT_TYPE_IPV6] = { 8, 16, BYTEORDER_BIG },
	[NFT_TYPE_MAC] = { 9, 6, BYTEORDER_BIG },
	[NFT_TYPE_PROTO] = { 12, 1, BYTEORDER_NONE },
	[NFT_TYPE_PORT] = { 13, 2, BYTEORDER_BIG },
	[NFT_TYPE_MARK] = { 19, 4, BYTEORDER_HOST },
	[NFT_TYPE_IFNAME] = { 41, 16, BYTEORDER_HOST },
	[NFT_TYPE_VERDICT] = { NFT_DATA_VERDICT, 0, BYTEORDER_NONE },
};

unsigned int nft_parts(const enum nft_type type[static NFT_PARTS_MAX])
{
	unsigned int n = 0;

	while (n < NFT_PARTS_MAX && type[n] != NFT_TYPE_NONE)
		n++;
	return n;
}

bool nft_set_is_map(const struct nft_set *s)
{
	return s->data[0] != NFT_TYPE_NONE;
}

bool nft_set_has_verdicts(const struct nft_set *s)
{
	return s->data[0] == NFT_TYPE_VERDICT;
}

size_t nft_type_size(enum nft_type type)
{
	return types[type].size;
}

size_t nft_part_size(enum nft_type type)
{
	return (types[type].size + 3u) & ~3u;
}

size_t nft_values_size(const enum nft_type type[static NFT_PARTS_MAX])
{
	unsigned int n = nft_parts(type);
	size_t size = 0;

	if (n == 1)
		return types[type[0]].size;
	for (unsigned int i = 0; i < n; i++)
		size += nft_part_size(type[i]);
	assert(size <= NFT_VALUES_BYTES);
	return size;
}

/* Each part's number in 6 bits. */
static uint32_t type_number(const enum nft_type type[static NFT_PARTS_MAX])
{
	uint32_t number = 0;

	for (unsigned int i = 0; i < nft_parts(type); i++)
		number = number << 6 | types[type[i]].number;
	return number;
}

static void part_encode(enum nft_type type, const union nft_value *v, uint8_t *out)
{
	uint16_t port = htons(v->port);

	switch (type) {
	case NFT_TYPE_IPV4:
	case NFT_TYPE_IPV6:
		assert(addr_size(&v->addr) == types[type].size);
		memcpy(out, v->addr.bytes, types[type].size);
		break;
	case NFT_TYPE_MAC:
		memcpy(out, v->mac, sizeof(v->mac));
		break;
	case NFT_TYPE_PROTO:
		*out = v->proto;
		break;
	case NFT_TYPE_PORT:
		memcpy(out, &port, sizeof(port));
		break;
	case NFT_TYPE_MARK:
		memcpy(out, &v->mark, sizeof(v->mark));
		break;
	case NFT_TYPE_IFNAME:
		memcpy(out, v->ifname, strnlen(v->ifname, sizeof(v->ifname)));
		break;
	case NFT_TYPE_VERDICT:
	case NFT_TYPE_NONE:
		break;
	}
}

size_t nft_values_encode(const enum nft_type type[static NFT_PARTS_MAX],
			 const union nft_value v[static NFT_PARTS_MAX],
			 uint8_t out[static NFT_VALUES_BYTES])
{
	size_t at = 0;

	memset(out, 0, NFT_VALUES_BYTES);
	for (unsigned int i = 0; i < nft_parts(type); i++) {
		part_encode(type[i], &v[i], out + at);
		at += nft_part_size(type[i]);
	}
	return nft_values_size(type);
}

static void part_decode(enum nft_type type, const uint8_t *at, union nft_value *v)
{
	uint16_t port;

	switch (type) {
	case NFT_TYPE_IPV4:
	case NFT_TYPE_IPV6:
		v->addr.family = type == NFT_TYPE_IPV4 ? AF_INET : AF_INET6;
		memcpy(v->addr.bytes, at, types[type].size);
		break;
	case NFT_TYPE_MAC:
		memcpy(v->mac, at, sizeof(v->mac));
		break;
	case NFT_TYPE_PROTO:
		v->proto = *at;
		break;
	case NFT_TYPE_PORT:
		memcpy(&port, at, sizeof(port));
		v->port = ntohs(port);
		break;
	case NFT_TYPE_MARK:
		memcpy(&v->mark, at, sizeof(v->mark));
		break;
	case NFT_TYPE_IFNAME:
		memcpy(v->ifname, at, sizeof(v->ifname) - 1);
		break;
	case NFT_TYPE_VERDICT:
	case NFT_TYPE_NONE:
		break;
	}
}

void nft_values_decode(const enum nft_type type[static NFT_PARTS_MAX], const uint8_t *bytes,
		       union nft_value v[static NFT_PARTS_MAX])
{
	memset(v, 0, sizeof(*v) * NFT_PARTS_MAX);
	for (unsigned int i = 0; i < nft_parts(type); i++) {
		part_decode(type[i], bytes, &v[i]);
		bytes += nft_part_size(type[i]);
	}
}

/* Without it nft(8) takes a key of one part for a number of unknown byte order. */
static size_t put_order(uint8_t *out, uint8_t udata, const enum nft_type type[static NFT_PARTS_MAX])
{
	uint32_t order = nft_parts(type) == 1 ? types[type[0]].order : BYTEORDER_NONE;

	out[0] = udata;
	out[1] = sizeof(order);
	memcpy(out + 2, &order, sizeof(order)); /* in the host's order, unlike the attributes */
	return 2 + sizeof(order);
}

static void put_userdata(struct nl *nl, const struct nft_set *s)
{
	uint8_t tlvs[2 * (2 + sizeof(uint32_t))];
	size_t size = put_order(tlvs, UDATA_KEYBYTEORDER, s->key);

	if (nft_set_is_map(s))
		size += put_order(tlvs + size, UDATA_DATABYTEORDER, s->data);
	else if (nft_parts(s->key) > 1)
		return;
	nl_put(nl, NFTA_SET_USERDATA, tlvs, size);
}

static void put_fields(struct nl *nl, const struct nft_set *s)
{
	nl_nest (nl, NFTA_SET_DESC) {
		nl_nest (nl, NFTA_SET_DESC_CONCAT) {
			for (unsigned int i = 0; i < nft_parts(s->key); i++) {
				nl_nest (nl, NFTA_LIST_ELEM)
					nl_put_be32(nl, NFTA_SET_FIELD_LEN, types[s->key[i]].size);
			}
		}
	}
}

static uint32_t set_flags(const struct nft_set *s)
{
	uint32_t flags = nft_set_is_map(s) ? NFT_SET_MAP : 0;

	if (s->interval)
		flags |= NFT_SET_INTERVAL;
	if (nft_holds_ranges(s))
		flags |= NFT_SET_CONCAT;
	return flags;
}

void nft_set_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s)
{
	/* Bounds are compared as numbers of network order. */
	assert(!nft_holds_bounds(s) || types[s->key[0]].order != BYTEORDER_HOST);
	nft_request(nl, "create set", NFT_MSG_NEWSET, NLM_F_CREATE, t);
	nl_put_str(nl, NFTA_SET_NAME, s->name);
	nl_put_be32(nl, NFTA_SET_FLAGS, set_flags(s));
	nl_put_be32(nl, NFTA_SET_KEY_TYPE, type_number(s->key));
	nl_put_be32(nl, NFTA_SET_KEY_LEN, (uint32_t)nft_values_size(s->key));
	if (nft_set_is_map(s)) {
		nl_put_be32(nl, NFTA_SET_DATA_TYPE, type_number(s->data));
		nl_put_be32(nl, NFTA_SET_DATA_LEN, (uint32_t)nft_values_size(s->data));
	}
	/* The kernel insists on one, unique in the transaction; we find sets by name. */
	nl_put_be32(nl, NFTA_SET_ID, nl_sequence(nl));
	if (nft_holds_ranges(s))
		put_fields(nl, s);
	put_userdata(nl, s);
}

void nft_set_get(struct nl *nl, const struct nft_table *t, const struct nft_set *s)
{
	nft_request(nl, "find set", NFT_MSG_GETSET, 0, t);
	nl_put_str(nl, NFTA_SET_NAME, s->name);
}

/* The kernel gives verdicts a size of its own. */
static bool data_alike(const struct nlattr **a, const struct nft_set *s)
{
	if (!nft_set_is_map(s))
		return true;
	return nl_be32(a[NFTA_SET_DATA_TYPE]) == type_number(s->data) &&
	       (nft_set_has_verdicts(s) ||
		nl_be32(a[NFTA_SET_DATA_LEN]) == nft_values_size(s->data));
}

bool nft_set_answer(const struct nlmsghdr *h, const struct nft_set *s, bool *alike)
{
	const struct nlattr *a[NFTA_SET_DESC + 1], *desc[NFTA_SET_DESC_SIZE + 1];

	if (!nft_is(h, NFT_MSG_NEWSET))
		return false;
	nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_SET_DESC);
	nl_attrs_nested(a[NFTA_SET_DESC], desc, NFTA_SET_DESC_SIZE);
	*alike = nl_be32(a[NFTA_SET_FLAGS]) == set_flags(s) &&
		 nl_be32(a[NFTA_SET_KEY_TYPE]) == type_number(s->key) &&
		 nl_be32(a[NFTA_SET_KEY_LEN]) == nft_values_size(s->key) && data_alike(a, s) &&
		 nl_be32(desc[NFTA_SET_DESC_SIZE]) == 0;
	return true;
}
