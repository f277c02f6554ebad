/* JSON in: walking raw values, and the text of keys and strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "json/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static _Alignas(16) char memory[4096];
static struct arena arena;

static void assert_raw(struct json_raw raw, const char *text)
{
	assert_int_equal(raw.len, strlen(text));
	assert_memory_equal(raw.text, text, raw.len);
}

static struct json_iter members(const char *text)
{
	return json_members((struct json_raw){ .text = text, .len = strlen(text) });
}

static void test_iterate(void **state)
{
	struct json_iter it =
		members(" { \"a\" : 1 , \"b\\\"\":{\"x\":[\"}\\\"\"]}, \"\":[],\"d\":null }");
	struct json_raw key, value;

	(void)state;
	assert_true(json_next(&it, &key, &value));
	assert_raw(key, "a");
	assert_raw(value, "1");
	assert_true(json_next(&it, &key, &value));
	assert_raw(key, "b\\\"");
	assert_raw(value, "{\"x\":[\"}\\\"\"]}");
	assert_true(json_next(&it, &key, &value));
	assert_raw(key, "");
	assert_raw(value, "[]");
	assert_true(json_next(&it, &key, &value));
	assert_raw(value, "null");
	assert_false(json_next(&it, &key, &value));
	assert_false(json_next(&it, &key, &value));
	it = members("[\"a,\" ,2,[3]]");
	assert_true(json_next(&it, &key, &value));
	assert_null(key.text);
	assert_raw(value, "\"a,\"");
	assert_true(json_next(&it, &key, &value));
	assert_raw(value, "2");
	assert_true(json_next(&it, &key, &value));
	assert_raw(value, "[3]");
	assert_false(json_next(&it, &key, &value));
}

/* Members that are longer and shorter than what the scanner reads ahead, in turns. */
static void test_iterate_long(void **state)
{
	static char text[100000];
	struct json_raw key, value;
	struct json_iter it;
	char *at = text + sprintf(text, "{");
	size_t i, k;

	(void)state;
	for (i = 0; i < 300; i++) {
		at += sprintf(at, "%s\"%zu\": [", i ? "," : "", i);
		for (k = 0; k < i % 90; k++)
			at += sprintf(at, "%s[%zu]", k ? "," : "", k);
		at += sprintf(at, "] ");
	}
	sprintf(at, "}");
	it = members(text);
	for (i = 0; json_next(&it, &key, &value); i++) {
		struct json_iter list = json_members(value);
		struct json_raw none;

		assert_int_equal(atoi(key.text), i);
		for (k = 0; json_next(&list, &none, &value); k++)
			assert_int_equal(atoi(value.text + 1), k);
		assert_int_equal(k, i % 90);
	}
	assert_int_equal(i, 300);
}

static void test_iterate_nothing(void **state)
{
	static const char *const none[] = { "",	   "7",	   "null", "\"{}\"", "{}",
					    "[ ]", "{\"a", "{\"",  "{\"a\"", "{\"a\":",
					    "{a",  "{1",   "[" };
	struct json_iter it = json_members((struct json_raw){ 0 });
	struct json_raw key, value;
	size_t i;

	(void)state;
	assert_false(json_next(&it, &key, &value));
	for (i = 0; i < COUNT(none); i++) {
		size_t len = strlen(none[i]);
		char *exact = malloc(len ? len : 1);

		memcpy(exact, none[i], len);
		it = json_members((struct json_raw){ .text = exact, .len = len });
		assert_false(json_next(&it, &key, &value));
		free(exact);
	}
}

static void test_keys_and_strings(void **state)
{
	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	assert_true(json_key_is((struct json_raw){ "HostPort", 8 }, "hostPort"));
	assert_false(json_key_is((struct json_raw){ "HostPort", 7 }, "hostPort"));
	assert_false(json_key_is((struct json_raw){ "HostPorts", 9 }, "hostPort"));
	assert_true(json_key_is((struct json_raw){ "", 0 }, ""));
	assert_false(json_key_is((struct json_raw){ 0 }, ""));
	assert_true(json_key_is((struct json_raw){ "a\\/b\\u00e9", 10 }, "A/B\xc3\xa9"));
	assert_false(json_key_is((struct json_raw){ "a\\u00", 5 }, "a"));
	assert_false(json_key_is((struct json_raw){ "\0\\/", 3 }, ""));
	assert_string_equal(json_string(&arena, (struct json_raw){ "\"a\\tb\"", 6 }), "a\tb");
	assert_string_equal(json_string(&arena, (struct json_raw){ "\"\"", 2 }), "");
	assert_null(json_string(&arena, (struct json_raw){ "\"", 1 }));
	assert_null(json_string(&arena, (struct json_raw){ 0 }));
	assert_null(json_string(&arena, (struct json_raw){ "12", 2 }));
	assert_null(json_string(&arena, (struct json_raw){ "\"\\u0000\"", 8 }));
	assert_null(json_string(&arena, (struct json_raw){ "\"\\ud83d\\ud83d\"", 14 }));
	assert_null(json_string(&arena, (struct json_raw){ "\"\\\"", 3 }));
	arena_init(&arena, memory, 2);
	assert_null(json_string(&arena, (struct json_raw){ "\"ab\"", 4 }));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iterate),
		cmocka_unit_test(test_iterate_long),
		cmocka_unit_test(test_iterate_nothing),
		cmocka_unit_test(test_keys_and_strings),
	};

	return cmocka_run_group_tests_name("json_iter", tests, NULL, NULL);
}
