/*
 * The legacy tables of iptables and ip6tables, read and replaced whole by socket options, as there
 * is no other way. Only one thing is done to them: an accept by a mark in the chain FORWARD of the
 * table filter, known by its comment.
 *
 * Follows linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h and
 * linux/netfilter/x_tables.h. A table is one block of entries; a jump's verdict is an offset in it.
 * Whoever changes a table holds iptables' own lock, /run/xtables.lock: the kernel has none, and the
 * last one to write wins.
 */
#ifndef NET_XTABLES_H
#define NET_XTABLES_H

#include <stdbool.h>
#include <stdint.h>

struct err;

struct xtables_accept {
	uint32_t mark;	     /* all of these bits */
	const char *comment; /* at most 255 bytes; it makes the rule ours */
};

/* Has the kernel the table filter of this family (AF_INET, AF_INET6) in use? Asking makes none. */
bool xtables_in_use(uint8_t family);

/*
 * Is FORWARD as it should be: the accept where it drops what nobody has accepted, by its policy or
 * by a last rule, once and as late as it works; none where it does not, or where it is not wanted.
 * 1, 0, -errno.
 */
int xtables_check_accept(uint8_t family, const struct xtables_accept *a, bool wanted,
			 struct err *e);

/* Make it so, under the caller's lock; counters are kept. 1: that was a change, 0. */
int xtables_put_accept(uint8_t family, const struct xtables_accept *a, bool wanted, struct err *e);

#endif
