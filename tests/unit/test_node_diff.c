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
#include "base/list.h"
#include "base/text.h"
#include "fw/foreign_chain.h"
#include "node/diff.h"
#include "node/kind.h"
#include "node/kinds/kinds.h"

static _Alignas(16) char memory[8 << 20];
static struct arena arena;
static const struct kind *kind;
static struct list want, have;
static struct change changes[12000];

static void begin(const struct kind *k)
{
	kind = k;
	arena_init(&arena, memory, sizeof(memory));
	list_init(&want, &arena, k->size);
	list_init(&have, &arena, k->size);
}

static int setup(void **state)
{
	(void)state;
	begin(&route_kind);
	return 0;
}

static struct route route(const char *dst, const char *via)
{
	struct route r = { .index = 2 };

	assert_true(prefix_parse(dst, &r.dst));
	assert_true(addr_parse(via, &r.via));
	return r;
}

static void add(struct list *l, struct route r)
{
	const struct route_item item = { .route = r };

	list_add(l, &item);
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

	items_sort(kind, &want);
	items_sort(kind, &have);
	n = items_diff(kind, &want, &have, changes);
	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < n; i++) {
		const struct change *c = &changes[i];

		assert_ptr_equal(c->kind, kind);
		assert_int_equal(c->want == NULL, c->verdict == ITEM_STALE);
		assert_int_equal(c->have == NULL, c->verdict == ITEM_MISSING);
		assert_ptr_equal(c->item, c->want ? c->want : c->have);
		text_printf(&t, "%s%c", i ? "\n" : "", sign[c->verdict]);
		kind->describe(&t, c->item);
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
	struct route other_len = route("10.0.0.0/25", "192.0.2.1"),
		     other_metric = route("10.0.0.0/24", "192.0.2.1");
	struct route other_link = route("10.1.0.0/24", "192.0.2.1"),
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
		add(&have, route("10.0.9.0/24", "192.0.2.1"));
	}
	add(&want, route("10.0.1.0/24", "192.0.2.1"));
	assert_string_equal(diff(),
			    "=route 10.0.1.0/24 via 192.0.2.1\n-route 10.0.9.0/24 via 192.0.2.1");
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

/* Sysctls that others depend on come by rank. */
static void test_rank(void **state)
{
	struct sysctl_item forwarding = { 1, "net/ipv4/ip_forward", "1", NULL },
			   ra = { 0, "net/z", "2", NULL };

	(void)state;
	begin(&sysctl_kind);
	list_add(&want, &forwarding);
	list_add(&want, &ra);
	ra.value = "1";
	list_add(&have, &ra);
	assert_string_equal(diff(), "~sysctl net/z = 2\n+sysctl net/ipv4/ip_forward = 1");
}

/* Kinds come in the order of applying. */
static void test_kinds(void **state)
{
	static const struct kind *const order[] = {
		&sysctl_kind,	     &bridge_address_kind, &vxlan_kind,
		&wireguard_kind,     &tunnel_address_kind, &fdb_kind,
		&neighbour_kind,     &wireguard_peer_kind, &route_kind,
		&former_tunnel_kind, &masquerade_kind,	   &forward_kind,
		&attachments_kind,   &config_kind,
	};

	(void)state;
	assert_int_equal(kind_count, sizeof(order) / sizeof(order[0]));
	for (size_t i = 0; i < kind_count; i++)
		assert_ptr_equal(kinds[i], order[i]);
}

static void test_elements(void **state)
{
	struct masquerade_item x = { .part = MASQ_CLUSTER4 }, y;

	(void)state;
	begin(&masquerade_kind);
	assert_true(addr_parse("10.0.0.0", &x.first));
	assert_true(addr_parse("10.0.0.255", &x.last));
	y = x;
	assert_true(addr_parse("10.0.1.255", &y.last));
	list_add(&have, &x);
	list_add(&want, &y);
	y.part = MASQ_NODES4;
	y.last = y.first;
	list_add(&want, &y);
	assert_string_equal(diff(), "-masquerade: cluster 10.0.0.0-10.0.0.255\n+masquerade: "
				    "cluster 10.0.0.0-10.0.1.255\n"
				    "+masquerade: node 10.0.0.0");
}

/* Our table comes before the elements of its sets; other rules are another table. */
static void test_table(void **state)
{
	struct masquerade_item table = { .part = MASQ_TABLE, .rules = "ip" },
			       pods = { .part = MASQ_PODS4 };

	(void)state;
	begin(&masquerade_kind);
	assert_true(addr_parse("10.0.0.0", &pods.first));
	assert_true(addr_parse("10.0.0.255", &pods.last));
	list_add(&want, &pods);
	list_add(&want, &table);
	table.rules = "nothing";
	list_add(&have, &table);
	assert_string_equal(diff(), "~nftables inet cnibox_node: masquerade ip\n"
				    "+masquerade: pods here 10.0.0.0-10.0.0.255");
}

static void test_forward(void **state)
{
	struct foreign_chain a = { .text = "ip filter FORWARD" }, b = { .text = "inet fw f" };
	struct forward_item x = { .chain = &a, .rules = "from a" },
			    y = { .chain = &b, .rules = "from a" };

	(void)state;
	begin(&forward_kind);
	list_add(&want, &x);
	list_add(&want, &y);
	x.rules = "from a, behind other rules";
	list_add(&have, &x);
	assert_string_equal(diff(), "+nftables inet fw f: accept from a\n"
				    "~nftables ip filter FORWARD: accept from a");
}

static void test_foreign_config_differs(void **state)
{
	struct config_item it = { "/c", "x", false };
	struct err e = { 0 };

	(void)state;
	begin(&config_kind);
	list_add(&want, &it);
	assert_int_equal(kind->check_owner(&it, &e), 0);
	it.foreign = true;
	list_add(&have, &it);
	assert_int_equal(kind->check_owner(&it, &e), -EEXIST);
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
	items_sort(kind, &want);
	items_sort(kind, &have);
	n = items_diff(kind, &want, &have, changes);
	assert_int_equal(n, 5001);
	assert_int_equal(count(ITEM_DIFFERS, n), 1);
	assert_int_equal(count(ITEM_MISSING, n), 1);
	assert_int_equal(count(ITEM_STALE, n), 1);
	assert_int_equal(count(ITEM_OK, n), 4998);
}

/* Room that was reserved cannot be lacking later. */
static void test_list_reserved(void **state)
{
	struct list l;
	struct arena small;

	(void)state;
	arena_init(&small, memory, 64 * sizeof(struct route));
	list_init(&l, &small, sizeof(struct route));
	add(&l, route("10.0.0.0/24", "192.0.2.1"));
	list_reserve(&l, 40);
	assert_false(l.bad);
	assert_non_null(arena_alloc(&small, small.cap - small.used - 16));
	for (int i = 1; i < 40; i++)
		add(&l, route("10.0.0.0/24", "192.0.2.1"));
	assert_false(l.bad);
	add(&l, route("10.0.0.0/24", "192.0.2.1"));
	assert_true(l.bad);
	assert_int_equal(l.count, 40);
}

static void test_list_full(void **state)
{
	struct err e = { 0 };
	struct list l;
	struct arena small;

	(void)state;
	arena_init(&small, memory, 64 * sizeof(struct route));
	list_init(&l, &small, sizeof(struct route));
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
		cmocka_unit_test_setup(test_rank, setup),
		cmocka_unit_test_setup(test_kinds, setup),
		cmocka_unit_test_setup(test_elements, setup),
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_forward, setup),
		cmocka_unit_test_setup(test_foreign_config_differs, setup),
		cmocka_unit_test_setup(test_many, setup),
		cmocka_unit_test_setup(test_list_full, setup),
		cmocka_unit_test_setup(test_list_reserved, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
