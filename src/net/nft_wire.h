/*
 * What the files of nft share: how a key lies in a set, and how requests, keys and comments go onto
 * the wire. Private to nft*.c.
 */
#ifndef NET_NFT_WIRE_H
#define NET_NFT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netfilter/nf_tables.h>

#include "net/nft.h"
#include "net/nl.h"

#define NFT_VALUES_BYTES 64 /* NFT_DATA_VALUE_MAXLEN: of all registers */
#define NFT_COMMENT_MAX 120 /* nft(8) itself takes 128 with the NUL */

/* Parts of a key or of data, and the bytes they are: one part has its own size, several are padded.
 */
unsigned int nft_parts(const enum nft_type type[static NFT_PARTS_MAX]);
size_t nft_type_size(enum nft_type type); /* of one part, without padding */
size_t nft_part_size(enum nft_type type); /* with padding */
size_t nft_values_size(const enum nft_type type[static NFT_PARTS_MAX]);
size_t nft_values_encode(const enum nft_type type[static NFT_PARTS_MAX],
			 const union nft_value v[static NFT_PARTS_MAX],
			 uint8_t out[static NFT_VALUES_BYTES]);
void nft_values_decode(const enum nft_type type[static NFT_PARTS_MAX], const uint8_t *bytes,
		       union nft_value v[static NFT_PARTS_MAX]);

bool nft_set_is_map(const struct nft_set *s);
bool nft_set_has_verdicts(const struct nft_set *s);

/* Intervals lie in the kernel as bounds or as whole ranges: see nft_elem.c. */
static inline bool nft_holds_bounds(const struct nft_set *s)
{
	return s->interval && nft_parts(s->key) == 1;
}
static inline bool nft_holds_ranges(const struct nft_set *s)
{
	return s->interval && nft_parts(s->key) > 1;
}

/* Begin a request with its table's name, which is attribute 1 in every nf_tables message. */
void nft_request(struct nl *nl, const char *what, uint16_t msg, uint16_t flags,
		 const struct nft_table *t);

/* An nft_data attribute that holds a value. */
void nft_put_value(struct nl *nl, uint16_t type, const void *data, size_t size);

/* A verdict for register 0 or as a map's data; chain may be NULL. */
void nft_put_verdict(struct nl *nl, uint16_t type, int code, const char *chain);

/* Expressions of a rule. */
void nft_expr_open(struct nl *nl, const char *name);
void nft_expr_close(struct nl *nl);
void nft_put_meta(struct nl *nl, enum nft_meta_keys key, uint32_t reg);

void nft_put_ct(struct nl *nl, enum nft_ct_keys key);

/* Load a packet's field, which is of this type, into a register. */
void nft_put_field(struct nl *nl, enum nft_field field, enum nft_type type, uint32_t reg);

/*
 * A comment in userdata, where nft(8) and iptables-nft look for it; too long a one marks the batch
 * bad. NULL and "" write nothing.
 */
void nft_put_comment(struct nl *nl, uint16_t type, const char *comment);

/* What every walk keeps; the first member of its own state. */
struct nft_walk {
	const char *table, *name; /* for errors; name may be NULL */
	bool found;
	int stop; /* what the caller's function ended the walk with */
};

/* Send the get or dump and give its answers to fn with w; returns as nft.h says of reading. */
int nft_ask(struct nl *nl, nl_answer_fn *fn, void (*restart)(void *arg), struct nft_walk *w,
	    struct err *e);

/* Is it this message of nf_tables? */
bool nft_is(const struct nlmsghdr *h, uint16_t msg);

/* The comment of a userdata attribute; "" when there is none. */
void nft_comment(const struct nlattr *a, char *out, size_t size);

/* The messages of nft_generation(): its request, and the answer, 0 when h is none. */
void nft_generation_get(struct nl *nl);
uint32_t nft_generation_answer(const struct nlmsghdr *h);

/* Ask for a set; is h the answer that it is there, with these flags, types and sizes, unlimited? */
void nft_set_get(struct nl *nl, const struct nft_table *t, const struct nft_set *s);
bool nft_set_answer(const struct nlmsghdr *h, const struct nft_set *s, bool *alike);

/* Ask for one element; is h the answer that it is there? */
void nft_elem_get(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el);
bool nft_elem_answer(const struct nlmsghdr *h, const struct nft_set *s, const struct nft_elem *el,
		     struct nft_found *out);

#endif
