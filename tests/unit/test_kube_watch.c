/* Listing and watching, without a server: requests, answers cut in every place, and what follows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "kube/watch.h"

static const char *const keep[] = { WATCH_KEEP, "items.metadata.name", "object.metadata.name",
				    "items.spec.podCIDRs", NULL };
static const struct watch_kind kind = {
	.path = "/api/v1/nodes", .resource = "nodes", .keep = keep, .page = 2
};
static char heard_buf[1 << 16], path_buf[8192];
static struct text heard, path;
static struct watch w;
static struct err e;

static void on_begin(void *arg)
{
	(void)arg;
	text_str(&heard, "begin;");
}

static int on_object(void *arg, enum watch_event event, struct json_raw object, struct err *err)
{
	(void)arg;
	(void)err;
	text_printf(&heard, "%c%.*s;", "=+~-"[event], (int)object.len,
		    object.text ? object.text : "");
	return 0;
}

static void on_complete(void *arg)
{
	(void)arg;
	text_str(&heard, "complete;");
}

static const struct watch_sink sink = { .begin = on_begin,
					.object = on_object,
					.complete = on_complete };

static int setup(void **state)
{
	(void)state;
	watch_init(&w, &kind, &sink);
	text_init(&heard, heard_buf, sizeof(heard_buf));
	err_clear(&e);
	return 0;
}

static const char *request(int64_t now)
{
	text_init(&path, path_buf, sizeof(path_buf));
	watch_request(&w, now, 7, &path);
	return path.at;
}

/* An exchange: the answer in pieces of this size. */
static int exchange(unsigned int status, const char *text, size_t piece, int64_t now)
{
	struct watch_result result = { .status = status, .retry_after_s = -1 };
	size_t len = strlen(text);

	err_clear(&e);
	for (size_t i = 0; i < len && result.r == 0; i += piece) {
		size_t n = len - i < piece ? len - i : piece;
		char *copy = test_malloc(n);

		memcpy(copy, text + i, n);
		result.r = watch_body(&w, status, copy, n, &e);
		test_free(copy);
	}
	return watch_end(&w, &result, now, &e);
}

#define LIST(more, version, items)                                                                 \
	"{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":"          \
	"\"" version "\",\"continue\":\"" more "\"},\"items\":[" items "]}\n"
#define ITEM(name)                                                                                 \
	"{ \"metadata\" : {\"managedFields\":[{\"a\":\"}]\\\"\"}], \"name\":\"" name               \
	"\",\"uid\":1},\n \"status\":{\"images\":[{},[]]}, \"spec\":{\"podCIDRs\" : [ "            \
	"\"10.0.0.0/24\" ]}}"
#define KEPT(name)                                                                                 \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"podCIDRs\":[\"10.0.0.0/24\"]}}"
#define EVENT(type, name, version)                                                                 \
	"{\"type\":\"" type "\",\"object\":{\"kind\":\"Node\",\"metadata\":{\"name\":\"" name      \
	"\",\"resourceVersion\":\"" version "\",\"labels\":{\"a\":\"b\"}}}}\n"

static void listed(void)
{
	request(0);
	assert_int_equal(exchange(200, LIST("", "5", ITEM("a")), 4096, 0), 0);
	text_init(&heard, heard_buf, sizeof(heard_buf));
}

static void test_pages(void **state)
{
	(void)state;
	assert_string_equal(request(0), "/api/v1/nodes?limit=2");
	assert_int_equal(exchange(200, LIST("x/y=", "5", ITEM("a") "," ITEM("b")), 4096, 0), 0);
	assert_int_equal(w.due_ms, 0);
	assert_string_equal(request(0), "/api/v1/nodes?limit=2&continue=x%2Fy%3D");
	assert_int_equal(exchange(200, LIST("", "5", ITEM("c")), 4096, 0), 0);
	assert_string_equal(heard.at,
			    "begin;=" KEPT("a") ";=" KEPT("b") ";=" KEPT("c") ";complete;");
	assert_string_equal(request(0), "/api/v1/nodes?watch=1&allowWatchBookmarks=true"
					"&timeoutSeconds=307&resourceVersion=5");
}

static void test_every_cut(void **state)
{
	static const char list[] = LIST("", "5", ITEM("a") " , " ITEM("b"));
	static const char events[] =
		EVENT("ADDED", "c", "6") EVENT("BOOKMARK", "", "7") EVENT("DELETED", "c", "8");

	for (size_t piece = 1; piece < sizeof(list); piece++) {
		setup(state);
		request(0);
		assert_int_equal(exchange(200, list, piece, 0), 0);
		request(0);
		assert_int_equal(exchange(200, events, piece, 5000), 0);
		assert_string_equal(heard.at,
				    "begin;=" KEPT("a") ";=" KEPT(
					    "b") ";complete;"
						 "+{\"kind\":\"Node\",\"metadata\":{\"name\":\"c\","
						 "\"resourceVersion\":\"6\"}};"
						 "-{\"kind\":\"Node\",\"metadata\":{\"name\":\"c\","
						 "\"resourceVersion\":\"8\"}};");
		assert_string_equal(w.version, "8");
	}
}

/* A list that ends anywhere but at its end is not complete, and asked for again. */
static void test_every_end(void **state)
{
	static const char list[] = LIST("", "5", ITEM("a") "," ITEM("b"));
	char text[sizeof(list)];

	for (size_t len = 0; len < sizeof(list) - 2; len++) {
		setup(state);
		request(0);
		snprintf(text, sizeof(text), "%.*s", (int)len, list);
		assert_int_equal(exchange(200, text, 4096, 0), -EBADMSG);
		assert_null(strstr(heard.at, "complete"));
		assert_int_equal(w.due_ms, 500);
		assert_string_equal(request(0), "/api/v1/nodes?limit=2");
	}
}

static void test_gone(void **state)
{
	(void)state;
	listed();
	request(0);
	assert_int_equal(
		exchange(200,
			 EVENT("BOOKMARK", "", "9") "{\"type\":\"ERROR\",\"object\":{\"kind\":"
						    "\"Status\",\"code\":410}}\n",
			 3, 100),
		0);
	assert_int_equal(w.due_ms, 100);
	assert_string_equal(request(100), "/api/v1/nodes?limit=2&resourceVersionMatch=NotOlderThan"
					  "&resourceVersion=9");
	assert_int_equal(exchange(410, "{}", 3, 200), 0);
	assert_int_equal(w.due_ms, 700); /* the second time it takes its time */
}

static void test_continue_gone(void **state)
{
	(void)state;
	request(0);
	assert_int_equal(exchange(200, LIST("x", "5", ITEM("a")), 4096, 0), 0);
	request(0);
	assert_int_equal(exchange(410, "{\"kind\":\"Status\",\"code\":410}", 4096, 0), 0);
	assert_string_equal(request(0), "/api/v1/nodes?limit=2");
	assert_string_equal(heard.at, "begin;=" KEPT("a") ";begin;");
}

static void test_refused(void **state)
{
	(void)state;
	request(0);
	assert_int_equal(
		exchange(403, "{\"kind\":\"Status\",\"message\":\"nodes is forbidden\"}", 5, 0),
		-EACCES);
	assert_string_equal(e.text,
			    "list nodes: missing right: the verb \"list\" on nodes (RBAC, 403): "
			    "nodes is forbidden");
	request(0);
	assert_int_equal(exchange(401, "", 1, 1000), 0);
	assert_int_equal(w.due_ms, 1000);
	request(1000);
	assert_int_equal(exchange(401, "<html>", 1, 1000), -EACCES);
	assert_in_range(w.due_ms, 1500, 9000);
}

static void test_watch_refused(void **state)
{
	(void)state;
	listed();
	request(0);
	assert_int_equal(exchange(403, "", 1, 0), -EACCES);
	assert_non_null(strstr(e.text, "the verb \"watch\" on nodes"));
	assert_non_null(strstr(request(0), "watch=1"));
	assert_int_equal(exchange(503, "", 1, 0), -EBUSY);
	assert_non_null(strstr(request(0), "watch=1"));
	assert_int_equal(exchange(400, "{}", 1, 0), -EBUSY);
	assert_null(strstr(request(0), "watch=1"));
}

static void test_short_watch(void **state)
{
	(void)state;
	listed();
	request(0);
	assert_int_equal(exchange(200, "", 1, 999), -EIO);
	assert_int_equal(w.due_ms, 999 + 500);
	request(2000);
	assert_int_equal(exchange(200, "", 1, 3000), 0);
	assert_int_equal(w.due_ms, 3000);
	request(3000);
	assert_int_equal(exchange(200, EVENT("BOOKMARK", "", "6"), 9, 3001), 0);
}

static void test_bad_events(void **state)
{
	static const char *const bad[] = {
		"[]",
		"1",
		"{\"type\":\"ADDED\"}",
		"{\"type\":\"ADDED\",\"object\":1}",
		"{\"type\":\"ODD\",\"object\":{}}",
		"{]",
		"{\"a\" 1}",
		"{\"type\":\"ADDED\",\"object\":{}",
		"{\"type\":ADDED,\"object\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(state);
		listed();
		request(0);
		assert_true(exchange(200, bad[i], 1, 5000) < 0);
		assert_string_equal(heard.at, "");
		assert_string_equal(w.version, "5");
	}
}

/* The buffer limits one object after the cutting, and nothing else. */
static void test_large(void **state)
{
	static char text[4 * WATCH_OBJECT_MAX], name[WATCH_OBJECT_MAX + 1024];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	snprintf(text, sizeof(text),
		 "{\"items\":[{\"metadata\":{\"name\":\"a\",\"x\":\"%s\"}},{\"metadata\":{\"name\":"
		 "\"%s\"}},"
		 "{\"metadata\":{\"name\":\"b\"}}],\"kind\":\"NodeList\",\"metadata\":{"
		 "\"resourceVersion\":\"5\"}}",
		 name, name);
	request(0);
	assert_int_equal(exchange(200, text, 4096, 0), 0);
	assert_string_equal(heard.at, "begin;={\"metadata\":{\"name\":\"a\"}};=;="
				      "{\"metadata\":{\"name\":\"b\"}};complete;");
}

static void test_not_lists(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"{}",
		"[]",
		"{\"kind\":\"Node\"}",
		"{\"kind\":\"NodeList\",\"items\":[1]}",
		"{\"kind\":\"NodeList\",\"items\":[[]]}",
		"{\"kind\":\"NodeList\",\"metadata\":{}}",
		"{\"kind\":\"NodeList\",\"items\":[{}]}{}",
		"{\"kind\":\"NodeList\",\"items\":[}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(state);
		request(0);
		assert_int_equal(exchange(200, bad[i], 1, 0), -EBADMSG);
		assert_null(strstr(heard.at, "complete"));
	}
}

static void test_deep(void **state)
{
	char text[200] = "{\"a\":";

	(void)state;
	memset(text + strlen(text), '[', 100);
	request(0);
	assert_int_equal(exchange(200, text, 10, 0), -EBADMSG);
	assert_non_null(strstr(e.text, "nested too deeply"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pages, setup),
		cmocka_unit_test_setup(test_every_cut, setup),
		cmocka_unit_test_setup(test_every_end, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_continue_gone, setup),
		cmocka_unit_test_setup(test_refused, setup),
		cmocka_unit_test_setup(test_watch_refused, setup),
		cmocka_unit_test_setup(test_short_watch, setup),
		cmocka_unit_test_setup(test_bad_events, setup),
		cmocka_unit_test_setup(test_large, setup),
		cmocka_unit_test_setup(test_not_lists, setup),
		cmocka_unit_test_setup(test_deep, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
