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
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nft.h"
#include "net/nl.h"
#include "../netns_new.h"

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
	return (struct nft_elem){ .key[0].addr = A(s), .comment = comment };
}

static inline struct nft_elem range(const char *s, const char *comment)
{
	struct prefix p = P(s);

	return (struct nft_elem){ .key[0].addr = prefix_first(&p),
				  .last[0].addr = prefix_last(&p),
				  .range = true,
				  .comment = comment };
}

static inline struct nft_elem pair(const char *a, const char *b, const char *comment)
{
	struct nft_elem el = range(a, comment), other = range(b, NULL);

	el.key[1] = other.key[0];
	el.last[1] = other.last[0];
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

struct collected {
	const struct nft_set *set;
	struct text out;
};

static inline const char *part(enum nft_type type, const union nft_value *v,
			       char out[static ADDR_TEXT])
{
	switch (type) {
	case NFT_TYPE_IPV4:
	case NFT_TYPE_IPV6:
		return addr_format(&v->addr, out);
	case NFT_TYPE_MAC:
		snprintf(out, ADDR_TEXT, "%02x:%02x", v->mac[0], v->mac[5]);
		break;
	case NFT_TYPE_PROTO:
		snprintf(out, ADDR_TEXT, "proto %u", v->proto);
		break;
	case NFT_TYPE_PORT:
		snprintf(out, ADDR_TEXT, "port %u", v->port);
		break;
	case NFT_TYPE_MARK:
		snprintf(out, ADDR_TEXT, "mark %x", v->mark);
		break;
	case NFT_TYPE_IFNAME:
		snprintf(out, ADDR_TEXT, "%s", v->ifname);
		break;
	case NFT_TYPE_VERDICT:
		snprintf(out, ADDR_TEXT, "verdict %d %s", v->verdict.code,
			 v->verdict.chain ? v->verdict.chain : "-");
		break;
	case NFT_TYPE_NONE:
		return "";
	}
	return out;
}

/* key-last.key-last: data "comment" */
static inline int collect(const struct nft_elem *el, void *arg)
{
	struct collected *c = arg;
	char buf[ADDR_TEXT];

	for (int i = 0; i < NFT_PARTS_MAX && c->set->key[i]; i++) {
		text_printf(&c->out, "%s%s", i ? "." : "", part(c->set->key[i], &el->key[i], buf));
		if (el->range)
			text_printf(&c->out, "-%s", part(c->set->key[i], &el->last[i], buf));
	}
	for (int i = 0; i < NFT_PARTS_MAX && c->set->data[i]; i++)
		text_printf(&c->out, "%s%s", i ? "." : ": ",
			    part(c->set->data[i], &el->data[i], buf));
	text_printf(&c->out, " \"%s\" ", el->comment);
	return 0;
}

/* The dump holds exactly these elements, in whatever order. */
static inline void holds(const struct nft_set *s, unsigned int count, const char *const want[])
{
	static char buf[8192];
	struct collected c = { .set = s };
	size_t len = 0;

	text_init(&c.out, buf, sizeof(buf));
	assert_int_equal(nft_elem_each(&nl, &t, s, collect, &c, &e), count > 0);
	for (unsigned int i = 0; i < count; i++) {
		if (!strstr(buf, want[i]))
			fail_msg("%s is not in: %s", want[i], buf);
		len += strlen(want[i]) + 1;
	}
	assert_int_equal(len, c.out.len);
}

/* A network namespace of this program's own; false, with the reason, when that is not to be had. */
static inline bool enter_namespace(void)
{
	if (netns_new() < 0) {
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
