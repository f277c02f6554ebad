/* The stored nodes of a watch: what is told on, what is swept, what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cluster/node_store.h"

static _Alignas(16) char memory[1 << 16], scratch_memory[1 << 18], arena_memory[1 << 20];
static struct arena scratch, arena;
static struct node_store store;
static char heard_buf[1 << 16];
static struct text heard;
static struct err e;

static void on_change(void *arg, enum node_change change, const struct stored_node *n)
{
	(void)arg;
	text_printf(&heard, "%c%s@%zu ", "+~-"[change], n -> node.name, n->node.index);
}

static void on_complete(void *arg)
{
	(void)arg;
	text_str(&heard, "complete ");
}

static const struct node_sink sink = { .change = on_change, .complete = on_complete };

static void begin(size_t cap)
{
	arena_init(&scratch, scratch_memory, sizeof(scratch_memory));
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	node_store_init(&store, memory, cap, &scratch, &sink);
	text_init(&heard, heard_buf, sizeof(heard_buf));
	err_clear(&e);
}

static int setup(void **state)
{
	(void)state;
	begin(sizeof(memory));
	return 0;
}

static int give(enum watch_event event, const char *object)
{
	struct json_raw raw = { object, object ? strlen(object) : 0 };

	return store.watch.object(store.watch.arg, event, raw, &e);
}

static int give_node(enum watch_event event, const char *name, const char *address,
		     const char *cidr)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\",\"annotations\":{\"flannel.alpha.coreos.com/"
		 "backend-type\":\"vxlan\",\"other/x\":\"y\"}},\"spec\":{\"podCIDRs\":[\"%s\"]},"
		 "\"status\":{\"addresses\":[{\"type\":\"Hostname\",\"address\":\"h\"},"
		 "{\"type\":\"InternalIP\",\"address\":\"%s\"}]}}",
		 name, cidr, address);
	return give(event, text);
}

static void list(const char *const *names)
{
	char cidr[32], address[32];

	store.watch.begin(store.watch.arg);
	for (unsigned int i = 0; names[i]; i++) {
		snprintf(cidr, sizeof(cidr), "10.42.%d.0/24", names[i][0]);
		snprintf(address, sizeof(address), "10.0.0.%d", names[i][0]);
		assert_int_equal(give_node(WATCH_LISTED, names[i], address, cidr), 0);
	}
	store.watch.complete(store.watch.arg);
}

static void hears(const char *wanted)
{
	assert_string_equal(heard.at, wanted);
	text_init(&heard, heard_buf, sizeof(heard_buf));
}

static void test_mark_and_sweep(void **state)
{
	(void)state;
	list((const char *[]){ "a", "b", "c", NULL });
	hears("+a@0 +b@1 +c@2 complete ");
	list((const char *[]){ "c", "a", "d", NULL });
	hears("+d@3 -b@1 complete ");
	list((const char *[]){ "c", "a", "d", NULL });
	hears("complete ");
	list((const char *[]){ "a", "c", NULL });
	hears("-d@2 complete ");
	for (int i = 0; i < 600; i++) { /* the mark is a byte */
		list((const char *[]){ "a", "c", NULL });
		hears("complete ");
	}
}

static void test_only_differences(void **state)
{
	(void)state;
	list((const char *[]){ "a", "b", NULL });
	hears("+a@0 +b@1 complete ");
	assert_int_equal(give_node(WATCH_MODIFIED, "a", "10.0.0.97", "10.42.97.0/24"), 0);
	hears("");
	assert_int_equal(give_node(WATCH_MODIFIED, "a", "10.0.0.1", "10.42.97.0/24"), 0);
	assert_int_equal(give_node(WATCH_MODIFIED, "a", "2001:db8::1", "fd00::/64"), 0);
	assert_int_equal(give_node(WATCH_ADDED, "b", "10.0.0.98", "10.42.1.0/24"), 0);
	hears("~a@0 ~a@0 ~b@1 ");
	assert_int_equal(give_node(WATCH_DELETED, "a", "10.0.0.1", "10.42.97.0/24"), 0);
	assert_int_equal(give_node(WATCH_DELETED, "a", "10.0.0.1", "10.42.97.0/24"), 0);
	hears("-a@0 ");
	assert_int_equal(store.count, 1);
}

static void test_begun_anew(void **state)
{
	(void)state;
	list((const char *[]){ "a", "b", NULL });
	store.watch.begin(store.watch.arg);
	assert_int_equal(give_node(WATCH_LISTED, "a", "10.0.0.97", "10.42.97.0/24"), 0);
	list((const char *[]){ "b", NULL });
	hears("+a@0 +b@1 complete -a@0 complete ");
}

static void test_left_out(void **state)
{
	(void)state;
	list((const char *[]){ "a", "b", NULL });
	hears("+a@0 +b@1 complete ");
	/* a's new form cannot be read: it stays. A stranger's neither: nothing is lost by that. */
	store.watch.begin(store.watch.arg);
	assert_int_equal(give_node(WATCH_LISTED, "a", "10.0.0.97", "10.42.97.0/99"), 0);
	assert_int_equal(give_node(WATCH_LISTED, "x", "nonsense", "10.42.98.0/24"), 0);
	store.watch.complete(store.watch.arg);
	hears("-b@1 complete ");
	/* Who knows which node this was? */
	store.watch.begin(store.watch.arg);
	assert_int_equal(give(WATCH_LISTED, NULL), 0);
	assert_int_equal(give(WATCH_LISTED, "{\"metadata\":{}}"), 0);
	store.watch.complete(store.watch.arg);
	hears("complete ");
	list((const char *[]){ "b", NULL });
	hears("+b@1 -a@0 complete ");
}

static void test_annotations(void **state)
{
	struct stored_node n = { 0 };
	size_t at = 0;

	(void)state;
	list((const char *[]){ "a", NULL });
	assert_true(node_store_next(&store, &at, &n));
	assert_string_equal(stored_annotation(&n, "backend-type"), "vxlan");
	assert_null(stored_annotation(&n, "vxlan"));
	assert_int_equal(n.annotation_count, 1);
	assert_false(node_store_next(&store, &at, &n));
}

static void test_full(void **state)
{
	(void)state;
	begin(280);
	assert_int_equal(give_node(WATCH_ADDED, "a", "10.0.0.1", "10.42.1.0/24"), 0);
	assert_int_equal(give_node(WATCH_ADDED, "b", "10.0.0.2", "10.42.2.0/24"), 0);
	assert_int_equal(give_node(WATCH_ADDED, "c", "10.0.0.3", "10.42.3.0/24"), 0);
	assert_int_equal(give_node(WATCH_ADDED, "d", "10.0.0.4", "10.42.4.0/24"), -ENOMEM);
	assert_int_equal(store.count, 3);
	hears("+a@0 +b@1 +c@2 ");
}

static void test_cluster(void **state)
{
	struct cluster c;

	(void)state;
	list((const char *[]){ "a", "b", NULL });
	assert_int_equal(node_store_cluster(&store, &arena, &c, &e), 0);
	assert_int_equal(c.node_count, 2);
	assert_int_equal(c.subnet_count, 2);
	assert_string_equal(c.bridge, "cni0");
	assert_true(c.kubernetes);
	assert_string_equal(cluster_find_name(&c, "b")->name, "b");
}

static void give_aged(const char *name, const char *year)
{
	char text[512];

	snprintf(
		text, sizeof(text),
		"{\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\",\"creationTimestamp\":\"%s-01-01T"
		"00:00:00Z\"},\"spec\":{\"podCIDR\":\"10.42.1.0/24\"}}",
		name, year);
	assert_int_equal(store.watch.object(store.watch.arg, WATCH_ADDED,
					    (struct json_raw){ text, strlen(text) }, &e),
			 0);
}

/* Whatever the order is in which they came. */
static void test_age(void **state)
{
	const struct cluster_fault *f;
	struct cluster c;

	(void)state;
	list((const char *[]){ NULL });
	give_aged("a", "2026");
	give_aged("b", "2024");
	give_aged("c", "2025");
	assert_int_equal(node_store_cluster(&store, &arena, &c, &e), 0);
	assert_int_equal(c.subnet_count, 1);
	assert_string_equal(c.subnets->node->name, "b");
	assert_int_equal(c.faults.count, 2);
	f = c.faults.at;
	assert_string_equal(f[0].name, "c");
	assert_non_null(strstr(f[0].why, "of node c: the same as 10.42.1.0/24 of node b"));
}

/* Memory does not grow with what happens, only with what there is. */
static void test_flat(void **state)
{
	char address[32];
	size_t used = 0;

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		snprintf(address, sizeof(address), "10.0.%u.%u", i / 250 % 250, 1 + i % 250);
		assert_int_equal(give_node(WATCH_MODIFIED, "a", address, "10.42.1.0/24"), 0);
		assert_int_equal(give_node(WATCH_ADDED, "b", address, "10.42.2.0/24"), 0);
		assert_int_equal(give_node(WATCH_DELETED, "b", address, "10.42.2.0/24"), 0);
		if (i == 0)
			used = store.used;
		text_init(&heard, heard_buf, sizeof(heard_buf));
	}
	assert_int_equal(store.used, used);
	assert_int_equal(scratch.used, 0);
}

static bool is_unavailable(const char *conditions)
{
	struct stored_node n = { 0 };
	char text[512];
	size_t at = 0;

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"a\"},\"status\":{\"conditions\":%s}}", conditions);
	assert_int_equal(give(WATCH_MODIFIED, text), 0);
	assert_true(node_store_next(&store, &at, &n));
	return n.unavailable;
}

static void test_unavailable(void **state)
{
	(void)state;
	assert_false(is_unavailable("null"));
	assert_false(is_unavailable("[]"));
	assert_false(is_unavailable("[{\"type\":\"Ready\",\"status\":\"True\"},{},7]"));
	assert_true(is_unavailable("[{\"type\":\"Ready\"},{\"type\":\"NetworkUnavailable\","
				   "\"status\":\"True\"}]"));
	assert_false(is_unavailable("[{\"status\":\"Unknown\",\"type\":\"NetworkUnavailable\"}]"));
	assert_string_equal(heard.at, "+a@0 ~a@0 ~a@0 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_mark_and_sweep, setup),
		cmocka_unit_test_setup(test_only_differences, setup),
		cmocka_unit_test_setup(test_begun_anew, setup),
		cmocka_unit_test_setup(test_left_out, setup),
		cmocka_unit_test_setup(test_annotations, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_cluster, setup),
		cmocka_unit_test_setup(test_age, setup),
		cmocka_unit_test_setup(test_flat, setup),
		cmocka_unit_test_setup(test_unavailable, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
