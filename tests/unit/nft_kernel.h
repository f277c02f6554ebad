/*
 * What the tests of nf_tables against the running kernel share: a namespace of their own, a socket
 * in it, and looking at it through nft(8).
 */
#ifndef TESTS_NFT_KERNEL_H
#define TESTS_NFT_KERNEL_H

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "net/nft.h"
#include "net/nl.h"

static _Alignas(16) char room[1 << 20];
static struct nl nl;
static struct err e;
static const struct nft_table t = { NFPROTO_INET, "t" };
static inline struct addr A(const char *s) {
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static inline struct prefix
P(const char *s) {
	struct prefix p;

	assert_true(prefix_parse(s, &p));
	return p;
}

static inline struct nft_elem
single(const char *s, const char *comment)
{
	return (struct nft_elem){ .first = A(s), .comment = comment };
}

static inline struct nft_elem range(const char *s, const char *comment)
{
	struct prefix p = P(s);

	return (struct nft_elem){ .first = prefix_first(&p),
				  .last = prefix_last(&p),
				  .comment = comment };
}

static inline struct nft_elem pair(const char *a, const char *b, const char *comment)
{
	struct nft_elem el = range(a, comment), other = range(b, NULL);

	el.first2 = other.first;
	el.last2 = other.last;
	return el;
}

static inline void commit(void)
{
	if (nft_commit(&nl, NULL, &e) < 0)
		fail_msg("%s", e.text);
}

static inline void run(const char *command, char *out, size_t size)
{
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	if (pclose(f) != 0)
		fail_msg("%s: %s", command, out);
}

/* cmocka cuts long messages. */
static inline void fail_showing(const char *command, const char *want, const char *got)
{
	fprintf(stderr, "%s\n--- expected\n%s\n--- got\n%s", command, want, got);
	fail_msg("%s printed something else", command);
}

static inline void shows(const char *command, const char *want)
{
	static char out[32768];

	run(command, out, sizeof(out));
	if (strcmp(out, want) != 0)
		fail_showing(command, want, out);
}

static inline void shows_part(const char *command, const char *want)
{
	static char out[32768];

	run(command, out, sizeof(out));
	if (!strstr(out, want))
		fail_showing(command, want, out);
}

static inline int each_begin(void **state)
{
	(void)state;
	err_clear(&e);
	return nl_open(&nl, NETLINK_NETFILTER, room, sizeof(room), &e);
}

static inline int each_end(void **state)
{
	char out[256];

	(void)state;
	nl_close(&nl);
	run("nft flush ruleset", out, sizeof(out));
	return 0;
}

/* A network namespace of this program's own; false, with the reason, when that is not to be had. */
static inline bool enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		printf("SKIPPED: no network namespace of its own: %s\n", strerror(errno));
		return false;
	}
	if (system("command -v nft >/dev/null") != 0) {
		printf("SKIPPED: nft(8) is not installed\n");
		return false;
	}
	if (nl_open(&nl, NETLINK_NETFILTER, room, sizeof(room), &e) < 0 ||
	    nft_table_find(&nl, &t, &e) < 0) {
		printf("SKIPPED: %s\n", e.text);
		return false;
	}
	nl_close(&nl);
	return true;
}

#endif
