/* The difference between what should be and what is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "node/item.h"

static _Alignas(16) char memory[8 << 20];
static struct arena arena;
static struct list want, have;
static struct change changes[12000];

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	list_init(&want, &arena, sizeof(struct item));
	list_init(&have, &arena, sizeof(struct item));
	return 0;
}

static struct item route(const char *dst, const char *via)
{
	struct prefix p = { 0 };
	struct item it = { .kind = ITEM_ROUTE, .index = 2 };

	assert_true(prefix_parse(dst, &p));
	assert_true(addr_parse(via, &it.b));
	it.a = p.addr;
	it.len = p.len;
	return it;
}

static struct item named(enum item_kind kind, const char *name, const char *value)
{
	return (struct item){ .kind = kind, .name = name, .value = value };
}

static void add(struct list *l, struct item it)
{
	list_add(l, &it);
}

/* The changes as text: "+route ... -route ... ~route ... =route ...". */
static const char *diff(void)
{
	static const char sign[] = {
		[ITEM_OK] = '=', [ITEM_MISSING] = '+', [ITEM_STALE] = '-', [ITEM_DIFFERS] = '~'
	};
	static char buf[4096];
	struct text t;
	size_t n;

	items_sort(&want);
	items_sort(&have);
	n = items_diff(&want, &have, changes);
	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(changes[i].want == NULL, changes[i].verdict == ITEM_STALE);
		assert_int_equal(changes[i].have == NULL, changes[i].verdict == ITEM_MISSING);
		text_printf(&t, "%s%c", i ? "\n" : "", sign[changes[i].verdict]);
		item_describe(&t, changes[i].want ? changes[i].want : changes[i].have);
	}
	assert_false(t.bad);
	return buf;
}

static void test_empty(void **state)
{
	(void)state;
	assert_string_equal(diff(), "");
}

static void test_routes(void **state)
{
	(void)state;
	add(&want, route("10.0.2.0/24", "192.0.2.2"));
	add(&want, route("10.0.1.0/24", "192.0.2.1"));
	add(&want, route("fd00::/64", "2001:db8::1"));
	add(&want, route("10.0.4.0/24", "192.0.2.4"));
	add(&have, route("10.0.4.0/24", "192.0.2.9"));
	add(&have, route("10.0.3.0/24", "192.0.2.3"));
	add(&have, route("10.0.1.0/24", "192.0.2.1"));
	assert_string_equal(diff(),
			    "=route 10.0.1.0/24 via 192.0.2.1\n+route 10.0.2.0/24 via 192.0.2.2\n"
			    "-route 10.0.3.0/24 via 192.0.2.3\n~route 10.0.4.0/24 via 192.0.2.4\n"
			    "+route fd00::/64 via 2001:db8::1");
}

/* The key of a route is destination, length and metric; link and flags are values. */
static void test_route_keys(void **state)
{
	struct item other_len = route("10.0.0.0/25", "192.0.2.1"),
		    other_metric = route("10.0.0.0/24", "192.0.2.1");
	struct item other_link = route("10.1.0.0/24", "192.0.2.1"),
		    onlink = route("10.2.0.0/24", "192.0.2.1");

	(void)state;
	other_metric.metric = 7;
	other_link.index = 3;
	onlink.onlink = true;
	add(&want, route("10.0.0.0/24", "192.0.2.1"));
	add(&want, route("10.1.0.0/24", "192.0.2.1"));
	add(&want, route("10.2.0.0/24", "192.0.2.1"));
	add(&have, other_len);
	add(&have, other_metric);
	add(&have, other_link);
	add(&have, onlink);
	assert_string_equal(diff(),
			    "+route 10.0.0.0/24 via 192.0.2.1\n-route 10.0.0.0/24 via 192.0.2.1\n"
			    "-route 10.0.0.0/25 via 192.0.2.1\n~route 10.1.0.0/24 via 192.0.2.1\n"
			    "~route 10.2.0.0/24 via 192.0.2.1");
}

/* An interrupted dump shows things twice; they are one thing. */
static void test_repeated(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		add(&have, route("10.0.1.0/24", "192.0.2.1"));
		add(&have, named(ITEM_CONFIG, "/a", "x"));
	}
	add(&want, route("10.0.1.0/24", "192.0.2.1"));
	assert_string_equal(diff(), "=route 10.0.1.0/24 via 192.0.2.1\n-CNI configuration /a");
}

/* Two routes of ours to the same place: the like one stays, wherever it sorts. */
static void test_equal_keys(void **state)
{
	(void)state;
	add(&want, route("10.0.1.0/24", "192.0.2.2"));
	add(&have, route("10.0.1.0/24", "192.0.2.1"));
	add(&have, route("10.0.1.0/24", "192.0.2.2"));
	add(&have, route("10.0.1.0/24", "192.0.2.3"));
	assert_string_equal(diff(),
			    "-route 10.0.1.0/24 via 192.0.2.1\n=route 10.0.1.0/24 via 192.0.2.2\n"
			    "-route 10.0.1.0/24 via 192.0.2.3");
}

/* Sysctls that others depend on come by rank, kinds in the order of applying. */
static void test_order(void **state)
{
	struct item forwarding = named(ITEM_SYSCTL, "net/ipv4/ip_forward", "1"),
		    ra = named(ITEM_SYSCTL, "net/z", "2");

	(void)state;
	forwarding.rank = 1;
	add(&want, named(ITEM_CONFIG, "/c", "x"));
	add(&want, named(ITEM_FORWARD, "ip filter FORWARD", "from a"));
	add(&want, forwarding);
	add(&want, ra);
	add(&want, named(ITEM_TABLE, "inet cnibox_node", "ip"));
	add(&want, route("10.0.1.0/24", "192.0.2.2"));
	ra.value = "1";
	add(&have, ra);
	assert_string_equal(diff(), "~sysctl net/z = 2\n+sysctl net/ipv4/ip_forward = 1\n+route "
				    "10.0.1.0/24 via 192.0.2.2\n"
				    "+nftables inet cnibox_node: masquerade ip\n+nftables ip "
				    "filter FORWARD: accept from a\n"
				    "+CNI configuration /c");
}

static void test_elements(void **state)
{
	struct item x = { .kind = ITEM_ELEMENT, .rank = SET_CLUSTER4 }, y;

	(void)state;
	assert_true(addr_parse("10.0.0.0", &x.a));
	assert_true(addr_parse("10.0.0.255", &x.b));
	y = x;
	assert_true(addr_parse("10.0.1.255", &y.b));
	add(&have, x);
	add(&want, y);
	y.rank = SET_NODES4;
	y.b = y.a;
	add(&want, y);
	assert_string_equal(diff(), "-masquerade: cluster 10.0.0.0-10.0.0.255\n+masquerade: "
				    "cluster 10.0.0.0-10.0.1.255\n"
				    "+masquerade: node 10.0.0.0");
}

static void test_foreign_config_differs(void **state)
{
	struct item foreign = named(ITEM_CONFIG, "/c", "x");

	(void)state;
	foreign.foreign = true;
	add(&want, named(ITEM_CONFIG, "/c", "x"));
	add(&have, foreign);
	assert_string_equal(diff(), "~CNI configuration /c");
}

static size_t count(enum verdict v, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += changes[i].verdict == v;
	return found;
}

static void test_many(void **state)
{
	char dst[32];
	size_t n;

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(dst, sizeof(dst), "10.%u.%u.0/24", i / 256, i % 256);
		add(&want, route(dst, i == 77 ? "192.0.2.9" : "192.0.2.1"));
		if (i != 4242)
			add(&have, route(dst, "192.0.2.1"));
	}
	add(&have, route("10.99.0.0/24", "192.0.2.1"));
	items_sort(&want);
	items_sort(&have);
	n = items_diff(&want, &have, changes);
	assert_int_equal(n, 5001);
	assert_int_equal(count(ITEM_DIFFERS, n), 1);
	assert_int_equal(count(ITEM_MISSING, n), 1);
	assert_int_equal(count(ITEM_STALE, n), 1);
	assert_int_equal(count(ITEM_OK, n), 4998);
}

static void test_list_full(void **state)
{
	struct err e = { 0 };
	struct list l;
	struct arena small;

	(void)state;
	arena_init(&small, memory, 64 * sizeof(struct item));
	list_init(&l, &small, sizeof(struct item));
	for (int i = 0; i < 100; i++)
		add(&l, route("10.0.0.0/24", "192.0.2.1"));
	assert_true(l.bad);
	assert_true(l.count < 64);
	assert_int_equal(list_check(&l, "routes", &e), -ENOMEM);
	assert_string_equal(e.text, "routes: more than there is memory for");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, setup),
		cmocka_unit_test_setup(test_routes, setup),
		cmocka_unit_test_setup(test_route_keys, setup),
		cmocka_unit_test_setup(test_repeated, setup),
		cmocka_unit_test_setup(test_equal_keys, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_elements, setup),
		cmocka_unit_test_setup(test_foreign_config_differs, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_list_full, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
