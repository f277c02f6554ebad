/*
 * IPv4 and IPv6 addresses and prefixes as values. Bytes are in network order, so that they go into
 * netlink messages as they are and compare with memcmp. No allocation, no system call.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_TEXT 46   /* INET6_ADDRSTRLEN */
#define PREFIX_TEXT 50 /* ADDR_TEXT and "/128" */

struct addr {
	uint8_t family;	   /* AF_INET, AF_INET6, or 0: none */
	uint8_t bytes[16]; /* network byte order; IPv4 uses the first 4, the rest is zero */
};

struct prefix {
	struct addr addr; /* host bits kept as given */
	uint8_t len;	  /* bits */
};

/*
 * Text parsers: the whole string must match; *out is untouched on failure. No leading zeros in IPv4
 * octets, no zone.
 */
bool addr_parse(const char *s, struct addr *out);
bool addr_parse_host(const char *s, struct addr *out); /* an address ::ffff:0:0/96 is IPv4 */
bool prefix_parse(const char *s, struct prefix *out);  /* "10.0.0.0/8": the length is required */

/* Canonical text (RFC 5952 for IPv6), NUL-terminated; returns out. */
const char *addr_format(const struct addr *a, char out[static ADDR_TEXT]);
const char *prefix_format(const struct prefix *p, char out[static PREFIX_TEXT]);

/* The same in one of eight static buffers, for a message: valid until eight calls later. */
const char *addr_text(const struct addr *a);
const char *prefix_text(const struct prefix *p);

size_t addr_size(const struct addr *a);	      /* 4 or 16; 0 for none */
unsigned int addr_bits(const struct addr *a); /* 32 or 128; 0 for none */
bool addr_is_set(const struct addr *a);	      /* a family is set */
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_cmp(const struct addr *a, const struct addr *b); /* as memcmp; IPv4 sorts before IPv6 */

/* a + 1 and a - 1, wrapping inside the family. */
struct addr addr_next(const struct addr *a);
struct addr addr_prev(const struct addr *a);

struct addr prefix_first(const struct prefix *p); /* all host bits 0: the network address */
struct addr
prefix_last(const struct prefix *p); /* all host bits 1: the broadcast address in IPv4 */
struct prefix prefix_masked(const struct prefix *p); /* the same prefix with host bits 0 */
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b); /* host bits included */

#endif
