/* A cluster parsed from text, for the tests of src/cluster. Include it behind cmocka.h. */
#ifndef UNIT_CLUSTER_H
#define UNIT_CLUSTER_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"

static _Alignas(16) char memory[1 << 20];
static struct arena arena;
static struct cluster c;
static struct err e;

static int parse(const char *text)
{
	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	return cluster_parse(&arena, text, strlen(text), &c, &e);
}

static inline void assert_parses(const char *text)
{
	int r = parse(text);

	if (r)
		print_error("%s\n", e.text);
	assert_int_equal(r, 0);
}

/* The whole text, so that key, value and reason stand there in this order. */
static inline void refuses(const char *text, const char *why)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(e.text, why);
}

static inline struct prefix prefix(const char *s)
{
	struct prefix p = { 0 };

	assert_true(prefix_parse(s, &p));
	return p;
}

static inline struct addr addr(const char *s)
{
	struct addr a = { 0 };

	assert_true(addr_parse(s, &a));
	return a;
}

static inline void assert_prefix(const struct prefix *p, const char *s)
{
	char text[PREFIX_TEXT];

	assert_string_equal(prefix_format(p, text), s);
}

#define MASTER                                                                                     \
	"{\"name\":\"master\",\"addresses\":[\"192.168.122.14\"],\"subnets\":[\"192.168.0.0/"      \
	"24\"]}"
#define NODES(more) "{\"nodes\":[" MASTER "," more "]}"

#endif
