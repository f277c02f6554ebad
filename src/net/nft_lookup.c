/*
 * nf_tables rules that look packets up in sets and maps: the fields of a packet are loaded into
 * registers side by side, as the parts of the set's key lie. See nft.h; other expressions are in
 * nft_expr.c.
 *
 * Registers. 16 registers of 32 bits, which are also four of 128. nft(8) names a register by the
 * larger kind where it begins there, and only so does every kernel and iptables-nft print rules
 * well.
 */
#include "net/nft.h"

#include <assert.h>
#include <sys/socket.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#include "net/nft_wire.h"
#include "net/nl.h"

/* Where fields are; those of the IP header depend on the address family (RFC 791, RFC 8200). */
static const struct field {
	bool payload;
	uint32_t key; /* of meta; of payload: the base */
	uint32_t offset, offset6;
} fields[] = {
	[NFT_SADDR] = { true, NFT_PAYLOAD_NETWORK_HEADER, 12, 8 },
	[NFT_DADDR] = { true, NFT_PAYLOAD_NETWORK_HEADER, 16, 24 },
	[NFT_ETHER_SADDR] = { true, NFT_PAYLOAD_LL_HEADER, 6, 6 },
	[NFT_L4PROTO] = { false, NFT_META_L4PROTO, 0, 0 },
	[NFT_SPORT] = { true, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 0 },
	[NFT_DPORT] = { true, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2 },
	[NFT_MARK] = { false, NFT_META_MARK, 0, 0 },
	[NFT_IIFNAME] = { false, NFT_META_IIFNAME, 0, 0 },
	[NFT_OIFNAME] = { false, NFT_META_OIFNAME, 0, 0 },
};

void nft_put_meta(struct nl *nl, enum nft_meta_keys key, uint32_t reg)
{
	nft_expr_open(nl, "meta");
	nl_put_be32(nl, NFTA_META_KEY, key);
	nl_put_be32(nl, NFTA_META_DREG, reg);
	nft_expr_close(nl);
}

static void put_ct_dport(struct nl *nl, uint32_t reg)
{
	nft_expr_open(nl, "ct");
	nl_put_be32(nl, NFTA_CT_KEY, NFT_CT_PROTO_DST);
	nl_put_u8(nl, NFTA_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
	nl_put_be32(nl, NFTA_CT_DREG, reg);
	nft_expr_close(nl);
}

void nft_put_field(struct nl *nl, enum nft_field field, enum nft_type type, uint32_t reg)
{
	const struct field *f = &fields[field];

	if (field == NFT_CT_DPORT) {
		put_ct_dport(nl, reg);
		return;
	}
	if (!f->payload) {
		nft_put_meta(nl, (enum nft_meta_keys)f->key, reg);
		return;
	}
	nft_expr_open(nl, "payload");
	nl_put_be32(nl, NFTA_PAYLOAD_DREG, reg);
	nl_put_be32(nl, NFTA_PAYLOAD_BASE, f->key);
	nl_put_be32(nl, NFTA_PAYLOAD_OFFSET, type == NFT_TYPE_IPV6 ? f->offset6 : f->offset);
	nl_put_be32(nl, NFTA_PAYLOAD_LEN, (uint32_t)nft_type_size(type));
	nft_expr_close(nl);
}

/* The register that begins so many bytes behind the first. */
static uint32_t reg_at(size_t bytes)
{
	return (uint32_t)(bytes % 16 == 0 ? NFT_REG_1 + bytes / 16 : NFT_REG32_00 + bytes / 4);
}

static void put_key(struct nl *nl, const struct nft_set *s, const enum nft_field *of)
{
	size_t at = 0;

	for (unsigned int i = 0; i < nft_parts(s->key); i++) {
		nft_put_field(nl, of[i], s->key[i], reg_at(at));
		at += nft_part_size(s->key[i]);
	}
}

static void lookup_open(struct nl *nl, const struct nft_set *s)
{
	nft_expr_open(nl, "lookup");
	nl_put_str(nl, NFTA_LOOKUP_SET, s->name);
	nl_put_be32(nl, NFTA_LOOKUP_SREG, NFT_REG_1);
}

/* The data go where the key was. */
static void put_map(struct nl *nl, const struct nft_set *map, const enum nft_field *of,
		    uint32_t reg)
{
	assert(nft_set_is_map(map));
	put_key(nl, map, of);
	lookup_open(nl, map);
	nl_put_be32(nl, NFTA_LOOKUP_DREG, reg);
	nft_expr_close(nl);
}

void nft_match_set(struct nl *nl, const struct nft_set *s, const enum nft_field *of, bool negate)
{
	assert(!nft_set_is_map(s));
	put_key(nl, s, of);
	lookup_open(nl, s);
	if (negate)
		nl_put_be32(nl, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	nft_expr_close(nl);
}

void nft_do_vmap(struct nl *nl, const struct nft_set *map, const enum nft_field *of)
{
	assert(nft_set_has_verdicts(map));
	put_map(nl, map, of, NFT_REG_VERDICT);
}

static void put_mark_set(struct nl *nl)
{
	nft_expr_open(nl, "meta");
	nl_put_be32(nl, NFTA_META_KEY, NFT_META_MARK);
	nl_put_be32(nl, NFTA_META_SREG, NFT_REG_1);
	nft_expr_close(nl);
}

void nft_do_mark_map(struct nl *nl, const struct nft_set *map, const enum nft_field *of)
{
	assert(map->data[0] == NFT_TYPE_MARK);
	put_map(nl, map, of, NFT_REG_1);
	put_mark_set(nl);
}

static void put_ct_mark_set(struct nl *nl)
{
	nft_expr_open(nl, "ct");
	nl_put_be32(nl, NFTA_CT_KEY, NFT_CT_MARK);
	nl_put_be32(nl, NFTA_CT_SREG, NFT_REG_1);
	nft_expr_close(nl);
}

void nft_do_ct_mark_map(struct nl *nl, const struct nft_set *map, const enum nft_field *of)
{
	assert(map->data[0] == NFT_TYPE_MARK);
	put_map(nl, map, of, NFT_REG_1);
	put_ct_mark_set(nl);
}

/* In the register: value & keep ^ bits. */
static void put_bits(struct nl *nl, uint32_t keep, uint32_t bits)
{
	nft_expr_open(nl, "bitwise");
	nl_put_be32(nl, NFTA_BITWISE_SREG, NFT_REG_1);
	nl_put_be32(nl, NFTA_BITWISE_DREG, NFT_REG_1);
	nl_put_be32(nl, NFTA_BITWISE_LEN, sizeof(bits));
	nft_put_value(nl, NFTA_BITWISE_MASK, &keep, sizeof(keep));
	nft_put_value(nl, NFTA_BITWISE_XOR, &bits, sizeof(bits));
	nft_expr_close(nl);
}

void nft_do_mark(struct nl *nl, uint32_t bits)
{
	nft_put_meta(nl, NFT_META_MARK, NFT_REG_1);
	put_bits(nl, ~bits, bits);
	put_mark_set(nl);
}

void nft_do_unmark(struct nl *nl, uint32_t bits)
{
	nft_put_meta(nl, NFT_META_MARK, NFT_REG_1);
	put_bits(nl, ~bits, 0);
	put_mark_set(nl);
}

void nft_do_ct_mark(struct nl *nl, uint32_t bits)
{
	nft_put_ct(nl, NFT_CT_MARK);
	put_bits(nl, ~bits, bits);
	put_ct_mark_set(nl);
}

static void put_nat_map(struct nl *nl, enum nft_nat_types type, const struct nft_set *map,
			const enum nft_field *of)
{
	bool v6 = map->data[0] == NFT_TYPE_IPV6;

	assert(v6 || map->data[0] == NFT_TYPE_IPV4);
	put_map(nl, map, of, NFT_REG_1);
	nft_expr_open(nl, "nat");
	nl_put_be32(nl, NFTA_NAT_TYPE, type);
	nl_put_be32(nl, NFTA_NAT_FAMILY, v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nl_put_be32(nl, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	if (map->data[1] == NFT_TYPE_PORT)
		nl_put_be32(nl, NFTA_NAT_REG_PROTO_MIN, reg_at(nft_part_size(map->data[0])));
	nft_expr_close(nl);
}

void nft_do_dnat_map(struct nl *nl, const struct nft_set *map, const enum nft_field *of)
{
	put_nat_map(nl, NFT_NAT_DNAT, map, of);
}

void nft_do_snat_map(struct nl *nl, const struct nft_set *map, const enum nft_field *of)
{
	put_nat_map(nl, NFT_NAT_SNAT, map, of);
}
