/* JSON out: commas, escapes, indentation, overflow, and that what is written can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "json/writer.h"

static char buf[8192];
static struct text t;
static struct json_writer w;

static void begin(unsigned int indent)
{
	text_init(&t, buf, sizeof(buf));
	json_begin(&w, &t, indent);
}

static void assert_written(const char *text)
{
	struct err e = { 0 };

	assert_false(t.bad);
	assert_string_equal(buf, text);
	assert_int_equal(json_check(buf, t.len, &e), 0);
}

static void write_sample(void)
{
	json_open(&w, '{');
	json_member_str(&w, "cniVersion", "1.1.0");
	json_key(&w, "ips");
	json_open(&w, '[');
	json_open(&w, '{');
	json_member_int(&w, "interface", 2);
	json_member_bool(&w, "up", true);
	json_close(&w, '}');
	json_put_int(&w, INT64_MIN);
	json_put_bool(&w, false);
	json_close(&w, ']');
	json_key(&w, "empty");
	json_open(&w, '{');
	json_close(&w, '}');
	json_key(&w, "none");
	json_open(&w, '[');
	json_close(&w, ']');
	json_member_raw(&w, "raw", (struct json_raw){ "[1, 2]xx", 6 });
	json_member_raw(&w, "absent", (struct json_raw){ 0 });
	json_member_str(&w, "null", NULL);
	json_close(&w, '}');
}

static void test_one_line(void **state)
{
	(void)state;
	begin(0);
	write_sample();
	assert_written("{\"cniVersion\":\"1.1.0\",\"ips\":[{\"interface\":2,\"up\":true},-"
		       "9223372036854775808,false],"
		       "\"empty\":{},\"none\":[],\"raw\":[1, 2],\"absent\":null,\"null\":null}");
}

static void test_indent(void **state)
{
	(void)state;
	begin(4);
	write_sample();
	assert_written("{\n"
		       "    \"cniVersion\": \"1.1.0\",\n"
		       "    \"ips\": [\n"
		       "        {\n"
		       "            \"interface\": 2,\n"
		       "            \"up\": true\n"
		       "        },\n"
		       "        -9223372036854775808,\n"
		       "        false\n"
		       "    ],\n"
		       "    \"empty\": {},\n"
		       "    \"none\": [],\n"
		       "    \"raw\": [1, 2],\n"
		       "    \"absent\": null,\n"
		       "    \"null\": null\n"
		       "}");
}

static void test_escapes(void **state)
{
	(void)state;
	begin(0);
	json_put_str(&w, "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80");
	assert_written("\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\xf0\x9f\x98\x80\"");
	begin(0);
	json_put_str(&w, "x\xff\xc3y\xed\xa0\x80\xe2\x82");
	assert_written("\"x\xef\xbf\xbd\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf"
		       "\xbd\xef\xbf\xbd\"");
	begin(0);
	json_open(&w, '{');
	json_member_str(&w, "k\n\"", "");
	json_close(&w, '}');
	assert_written("{\"k\\n\\\"\":\"\"}");
}

/* Each byte but NUL, alone, must be read back as it was, or as U+FFFD. */
static void test_round_trip(void **state)
{
	static _Alignas(16) char memory[4096];
	struct arena a;
	int c;

	(void)state;
	for (c = 1; c < 256; c++) {
		char s[] = { 'a', (char)c, 'b', '\0' };
		struct err e = { 0 };
		const char *back;

		arena_init(&a, memory, sizeof(memory));
		begin(0);
		json_put_str(&w, s);
		assert_int_equal(json_check(buf, t.len, &e), 0);
		back = json_string(&a, (struct json_raw){ buf, t.len });
		assert_non_null(back);
		assert_string_equal(back, c < 0x80 ? s
						   : "a\xef\xbf\xbd"
						     "b");
	}
}

static void test_depth(void **state)
{
	struct err e = { 0 };
	int i;

	(void)state;
	begin(1);
	for (i = 0; i < JSON_DEPTH_MAX; i++)
		json_open(&w, '[');
	json_put_int(&w, 1);
	json_put_int(&w, 2);
	for (i = 0; i < JSON_DEPTH_MAX; i++)
		json_close(&w, ']');
	assert_false(t.bad);
	assert_int_equal(json_check(buf, t.len, &e), 0);
	begin(0);
	for (i = 0; i <= JSON_DEPTH_MAX; i++)
		json_open(&w, '[');
	assert_true(t.bad);
	for (i = 0; i <= JSON_DEPTH_MAX + 1; i++)
		json_close(&w, ']');
	assert_true(t.bad);
}

/* A bracket opened after a sibling of the same depth begins without a comma. */
static void test_siblings(void **state)
{
	(void)state;
	begin(0);
	json_open(&w, '[');
	json_open(&w, '[');
	json_put_int(&w, 1);
	json_close(&w, ']');
	json_open(&w, '[');
	json_put_int(&w, 2);
	json_close(&w, ']');
	json_close(&w, ']');
	assert_written("[[1],[2]]");
}

static void test_overflow(void **state)
{
	size_t cap;

	(void)state;
	begin(0);
	write_sample();
	for (cap = 1; cap <= t.len; cap++) {
		struct text small;
		char exact[256];

		memset(exact, 'x', sizeof(exact));
		text_init(&small, exact, cap);
		json_begin(&w, &small, 0);
		write_sample();
		assert_true(small.bad);
		assert_true(small.len < cap && exact[small.len] == '\0');
		assert_memory_equal(exact, buf, small.len);
		assert_int_equal(exact[cap], 'x');
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line), cmocka_unit_test(test_indent),
		cmocka_unit_test(test_escapes),	 cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_depth),	 cmocka_unit_test(test_siblings),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
