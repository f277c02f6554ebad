/* A machine that exists only here, and what each kind wants of it. Include it behind cmocka.h. */
#ifndef UNIT_KINDS_H
#define UNIT_KINDS_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "fw/foreign_chain.h"
#include "json/json.h"
#include "node/kind.h"
#include "node/kinds/kinds.h"
#include "node/saved.h"
#include "node/site.h"

static _Alignas(16) char memory[4 << 20];
static struct arena arena;
static struct cluster cluster;
static struct site site;
static struct work work;
static struct list warnings;
static struct err e;
static char out[16384];

static inline int setup(void **state)
{
	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	memset(&site, 0, sizeof(site));
	site.arena = &arena;
	site.cluster = &cluster;
	strcpy(site.forwarding6, "0");
	list_init(&site.addrs, &arena, sizeof(struct site_addr));
	list_init(&site.links, &arena, sizeof(struct site_link));
	list_init(&site.saved, &arena, sizeof(struct saved_sysctl));
	list_init(&site.chains, &arena, sizeof(struct foreign_chain));
	list_init(&warnings, &arena, sizeof(const char *));
	err_clear(&e);
	return 0;
}

static inline void address(int index, const char *s)
{
	struct site_addr a = { .index = index };

	assert_true(prefix_parse(s, &a.prefix));
	list_add(&site.addrs, &a);
}

static inline void link_here(const char *name, bool uplink, bool ra_default, const char *accept_ra)
{
	struct site_link l = { .index = 9, .uplink = uplink, .ra_default = ra_default };

	strcpy(l.name, name);
	strcpy(l.accept_ra, accept_ra);
	list_add(&site.links, &l);
}

static inline void changed_before(const char *path, const char *before, const char *ours)
{
	struct saved_sysctl s = { path, before, ours };

	list_add(&site.saved, &s);
}

static inline void chain(uint8_t family, const char *text, enum chain_verdict verdict)
{
	struct foreign_chain c = { .table.family = family,
				   .text = text,
				   .end = { { .verdict = verdict }, { .verdict = verdict } } };

	c.end[family == NFPROTO_IPV4].verdict = family == NFPROTO_INET ? verdict : CHAIN_PASSES;
	list_add(&site.chains, &c);
}

/* The wanted items of the kind, sorted, in work. */
static inline int want(const struct kind *k)
{
	int r;

	work = (struct work){ .kind = k, .site = &site, .warnings = &warnings };
	list_init(&work.want, &arena, k->size);
	r = k->want(&work, &e);
	if (r == 0)
		items_sort(k, &work.want);
	assert_false(work.want.bad);
	return r;
}

static inline int build(const char *text, const char *name)
{
	int r = cluster_parse(&arena, text, strlen(text), &cluster, &e);

	if (r == 0)
		r = site_find_self(&site, name, &e);
	for (size_t i = 0; i < kind_count && r == 0; i++)
		r = want(kinds[i]);
	return r;
}

static inline void describe(struct text *t, const struct kind *k, const void *item)
{
	const struct route *r = item;

	text_str(t, t->len ? "\n" : "");
	k->describe(t, item);
	if (k == &route_kind)
		text_printf(t, " dev %d metric %u", r->index, r->metric);
}

/* Everything wanted of this kind, a line each. */
static inline const char *wanted(const struct kind *k)
{
	struct text t;

	text_init(&t, out, sizeof(out));
	assert_int_equal(want(k), 0);
	for (size_t i = 0; i < work.want.count; i++)
		describe(&t, k, (const char *)work.want.at + i * k->size);
	assert_false(t.bad);
	return out;
}

static inline bool warned(const char *text)
{
	const char *const *at = warnings.at;
	size_t i = 0;

	while (i < warnings.count && !strstr(at[i], text))
		i++;
	return i < warnings.count;
}

/* Of the masquerade: the rules, or the elements. */
static inline const char *rules(void)
{
	char *end;

	wanted(&masquerade_kind);
	end = strchr(out, '\n');
	if (end)
		*end = '\0';
	return out;
}

static inline const char *elements(void)
{
	char *end;

	wanted(&masquerade_kind);
	end = strchr(out, '\n');
	return end ? end + 1 : "";
}

static inline const char *config(void)
{
	const struct config_item *it;

	assert_int_equal(want(&config_kind), 0);
	assert_int_equal(work.want.count, 1);
	it = work.want.at;
	return it->text;
}

static inline void builds(const char *text, const char *name)
{
	int r = build(text, name);

	if (r)
		print_error("%s\n", e.text);
	assert_int_equal(r, 0);
}

static inline void refuses(const char *text, const char *name, const char *why)
{
	assert_true(build(text, name) < 0);
	assert_string_equal(e.text, why);
}

#define THREE(more)                                                                                \
	"{" more "\"nodes\":[{\"name\":\"m\",\"addresses\":[\"192.168.122.14\"],\"subnets\":["     \
	"\"192.168.0.0/24\"]},"                                                                    \
	"{\"name\":\"n1\",\"addresses\":[\"192.168.122.15\"],\"subnets\":[\"192.168.1.0/24\"]},"   \
	"{\"name\":\"n2\",\"addresses\":[\"192.168.122.16\"],\"subnets\":[\"192.168.2.0/24\"]}]}"
#define NET "\"networks\":[\"192.168.0.0/16\"],"

#endif
