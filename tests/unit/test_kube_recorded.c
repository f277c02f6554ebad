/*
 * What a real kube-apiserver (1.20) has said, in pieces of every size: tests/kubernetes/real.bats
 * recorded it. Runs in the checkout's root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cluster/node_store.h"
#include "kube/watch.h"

#define RECORDED "tests/kubernetes/recorded/"

static _Alignas(16) char memory[1 << 16], scratch_memory[1 << 18];
static char answer[1 << 16], heard_buf[4096], path_buf[8192];
static struct arena scratch;
static struct node_store store;
static struct watch w;
static struct text heard;
static struct err e;

static void on_change(void *arg, enum node_change change, const struct stored_node *n)
{
	(void)arg;
	text_printf(&heard, "%c%s", "+~-"[change], n -> node.name);
	for (size_t i = 0; i < n->node.address_count; i++)
		text_printf(&heard, " %s", addr_text(&n->node.addresses[i]));
	for (size_t i = 0; i < n->node.subnet_count; i++)
		text_printf(&heard, " %s", prefix_text(&n->node.subnets[i]));
	text_str(&heard, n->unavailable ? "!;" : ";");
}

static void on_complete(void *arg)
{
	(void)arg;
	text_str(&heard, "complete;");
}

static const struct node_sink sink = { .change = on_change, .complete = on_complete };

static void begin(void)
{
	arena_init(&scratch, scratch_memory, sizeof(scratch_memory));
	node_store_init(&store, memory, sizeof(memory), &scratch, &sink);
	watch_init(&w, &node_kind, &store.watch);
	text_init(&heard, heard_buf, sizeof(heard_buf));
	err_clear(&e);
}

/* The next request, answered by this file. Returns the request's path. */
static const char *exchange(const char *file, size_t piece)
{
	const struct watch_result result = { .status = 200, .retry_after_s = -1 };
	FILE *f = fopen(file, "r");
	size_t len, n;
	struct text path;

	assert_non_null(f);
	len = fread(answer, 1, sizeof(answer), f);
	fclose(f);
	text_init(&path, path_buf, sizeof(path_buf));
	watch_request(&w, 0, 0, &path);
	for (size_t at = 0; at < len; at += n) {
		int r;

		n = len - at < piece ? len - at : piece;
		r = watch_body(&w, 200, answer + at, n, &e);
		if (r < 0) /* an ERROR event ends it */
			break;
	}
	assert_int_equal(watch_end(&w, &result, 2000, &e), 0);
	return path_buf;
}

static void test_pages_and_events(void **state)
{
	static const size_t pieces[] = { 1, 7, 1000, sizeof(answer) };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin();
		exchange(RECORDED "list-1", pieces[i]);
		assert_string_equal(heard.at, "+m 192.168.122.14 10.42.0.0/24;");
		assert_non_null(strstr(exchange(RECORDED "list-2", pieces[i]),
				       "&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiL"));
		assert_non_null(strstr(heard.at, ";+n1 192.168.122.25 10.42.1.0/24;complete;"));
		assert_string_equal(w.version, "212");
		heard.len = 0;
		assert_non_null(
			strstr(exchange(RECORDED "watch", pieces[i]), "&resourceVersion=212"));
		assert_string_equal(heard.at, "+n3 192.168.122.17 10.42.3.0/24;"
					      "~n3 192.168.122.18 10.42.3.0/24;"
					      "-n3 192.168.122.18 10.42.3.0/24;");
		assert_string_equal(w.version, "215"); /* of the bookmark */
		exchange(RECORDED "expired", pieces[i]);
		assert_non_null(strstr(exchange(RECORDED "list-1", pieces[i]),
				       "resourceVersionMatch=NotOlderThan&resourceVersion=215"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_and_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
