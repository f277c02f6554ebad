/*
 * What the files of nft share: how a key lies in a set, and how requests, keys and comments go onto
 * the wire. Private to nft*.c.
 */
#ifndef NET_NFT_WIRE_H
#define NET_NFT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/nft.h"
#include "net/nl.h"

#define NFT_KEY_BYTES 32     /* two IPv6 addresses */
#define NFT_COMMENT_MAX 120  /* nft(8) itself takes 128 with the NUL */
#define NFT_COMMENT_SIZE 256 /* of any comment read: the length of userdata's TLVs is one byte */

/*
 * A set's key: one field or the concatenation of two equal ones. Fields fill whole 32-bit
 * registers, so nothing is padded.
 */
struct nft_layout {
	uint32_t type;	/* nft(8)'s number, two of them 6 bits apart for a concatenation */
	uint8_t family; /* of the addresses; 0: an interface name */
	uint8_t size;	/* of one field */
	uint8_t fields;
};

const struct nft_layout *nft_layout(enum nft_key key);

/* Begin a request with its table's name, which is attribute 1 in every nf_tables message. */
void nft_request(struct nl *nl, const char *what, uint16_t msg, uint16_t flags,
		 const struct nft_table *t);

/* An nft_data attribute that holds a value. */
void nft_put_value(struct nl *nl, uint16_t type, const void *data, size_t size);

/* The lower or the upper bound of the element as key; returns its size. */
size_t nft_elem_key(const struct nft_layout *l, const struct nft_elem *el, bool upper,
		    uint8_t out[static NFT_KEY_BYTES]);

/* The element as it is looked up: its lower bound, and with intervals of concatenations its upper
 * one too. No comment.
 */
void nft_put_elem_key(struct nl *nl, const struct nft_set *s, const struct nft_elem *el);

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

#endif
