/* JSON in: what the grammar check accepts, and where it says the fault is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "json/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct err err;

static int check(const char *text, size_t len)
{
	char *exact = malloc(len ? len : 1);
	int r;

	memcpy(exact, text, len);
	err_clear(&err);
	r = json_check(exact, len, &err);
	free(exact);
	return r;
}

static void test_grammar_accepts(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		" \t\r\n{ } ",
		"0",
		"-0",
		"-0.0e-0",
		"1E+2",
		"10.01",
		"true",
		"false",
		"null",
		"\"\"",
		"[[],{},[{}]]",
		"{\"a\":1,\"a\":2}",
		"[1 , 2\n,3]",
		"{\"\":{\"\":[null]}}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fF\"",
		"\"\x7f\"",
		"\"\\ud800\"",
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf\"",
		"123456789012345678901234567890",
		"[\"]\",\"}\",\"\\\\\"]",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		if (check(good[i], strlen(good[i])) != 0)
			fail_msg("%s: %s", good[i], err.text);
	}
}

static void test_grammar_refuses(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "line 1, column 1: expected a value, got the end of the document" },
		{ " \n ", "line 2, column 2: expected a value, got the end of the document" },
		{ "{,}", "line 1, column 2: expected a key in quotes, got ','" },
		{ "{\"a\":1,}", "line 1, column 8: expected a key in quotes, got '}'" },
		{ "{\"a\":01}", "line 1, column 6: a number must not begin with 0" },
		{ "{}{}", "line 1, column 3: expected nothing more after the document, got '{'" },
		{ "{\n  \"a\"\n  1}", "line 3, column 3: expected ':' after the key, got '1'" },
		{ "{\"a\" \"b\"}", "line 1, column 6: expected ':' after the key, got '\"'" },
		{ "{\"a\":}", "line 1, column 6: expected a value, got '}'" },
		{ "{\"a\":1 \"b\":2}",
		  "line 1, column 8: expected ',' or '}' after the member, got '\"'" },
		{ "{\"a\":1]", "line 1, column 7: expected ',' or '}' after the member, got ']'" },
		{ "{1:2}", "line 1, column 2: expected a key in quotes, got '1'" },
		{ "{a:2}", "line 1, column 2: expected a key in quotes, got 'a'" },
		{ "{\"a\"",
		  "line 1, column 5: expected ':' after the key, got the end of the document" },
		{ "{", "line 1, column 2: expected a key in quotes, got the end of the document" },
		{ "[1,]", "line 1, column 4: expected a value, got ']'" },
		{ "[1 2]", "line 1, column 4: expected ',' or ']' after the element, got '2'" },
		{ "[1}", "line 1, column 3: expected ',' or ']' after the element, got '}'" },
		{ "[", "line 1, column 2: expected a value, got the end of the document" },
		{ "[1", "line 1, column 3: expected ',' or ']' after the element, got the end of "
			"the document" },
		{ "]", "line 1, column 1: expected a value, got ']'" },
		{ "+1", "line 1, column 1: expected a value, got '+'" },
		{ ".5", "line 1, column 1: expected a value, got '.'" },
		{ "1.", "line 1, column 3: expected a digit, got the end of the document" },
		{ "-", "line 1, column 2: expected a digit, got the end of the document" },
		{ "-x", "line 1, column 2: expected a digit, got 'x'" },
		{ "1e", "line 1, column 3: expected a digit, got the end of the document" },
		{ "[1e+]", "line 1, column 5: expected a digit, got ']'" },
		{ "-01", "line 1, column 2: a number must not begin with 0" },
		{ "[tru]", "line 1, column 2: expected a value (true, false and null are the only "
			   "bare words), got 't'" },
		{ "nul", "line 1, column 1: expected a value (true, false and null are the only "
			 "bare words), got 'n'" },
		{ "truee", "line 1, column 5: expected nothing more after the document, got 'e'" },
		{ "True", "line 1, column 1: expected a value, got 'T'" },
		{ "NaN", "line 1, column 1: expected a value, got 'N'" },
		{ "'a'", "line 1, column 1: expected a value, got '''" },
		{ "// x\n1", "line 1, column 1: expected a value, got '/'" },
		{ "[\"abc", "line 1, column 2: this string has no closing quote" },
		{ "\"\\\"", "line 1, column 1: this string has no closing quote" },
		{ "\"\\", "line 1, column 3: expected one of \"\\/bfnrtu after the backslash, "
			  "got the end of the document" },
		{ "\"\\x\"",
		  "line 1, column 3: expected one of \"\\/bfnrtu after the backslash, got 'x'" },
		{ "\"\\u12g4\"",
		  "line 1, column 6: expected four hexadecimal digits after \\u, got 'g'" },
		{ "\"\\u12", "line 1, column 6: expected four hexadecimal digits after \\u, got "
			     "the end of the document" },
		{ "\"a\nb\"", "line 1, column 3: expected control characters in strings to be "
			      "escaped, got byte 0x0a" },
		{ "\"\xff\"", "line 1, column 2: expected UTF-8, got byte 0xff" },
		{ "\"\xc0\xaf\"", "line 1, column 2: expected UTF-8, got byte 0xc0" },
		{ "\"\xe0\x80\x80\"", "line 1, column 2: expected UTF-8, got byte 0xe0" },
		{ "\"\xed\xa0\x80\"", "line 1, column 2: expected UTF-8, got byte 0xed" },
		{ "\"\xf4\x90\x80\x80\"", "line 1, column 2: expected UTF-8, got byte 0xf4" },
		{ "\"\xe2\x82\"", "line 1, column 2: expected UTF-8, got byte 0xe2" },
		{ "\"\xc3\xa9\xe2\x82\xac\" x",
		  "line 1, column 6: expected nothing more after the document, got 'x'" },
		{ "\"\xe2\x82", "line 1, column 2: expected UTF-8, got byte 0xe2" },
		{ "\xef\xbb\xbf{}", "line 1, column 1: the document begins with a byte order mark; "
				    "save it as plain UTF-8" },
		{ "[1]\v",
		  "line 1, column 4: expected nothing more after the document, got byte 0x0b" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		if (check(bad[i].text, strlen(bad[i].text)) != -EINVAL ||
		    strcmp(err.text, bad[i].message) != 0)
			fail_msg("%s: got \"%s\"", bad[i].text, err.text);
	}
	assert_int_equal(check("[]\0", 3), -EINVAL);
	assert_int_equal(check("\"a\0b\"", 5), -EINVAL);
}

static void test_depth(void **state)
{
	static char deep[200000];
	size_t i;

	(void)state;
	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	assert_int_equal(check(deep, 128), 0);
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	assert_int_equal(check(deep, 130), -E2BIG);
	assert_string_equal(err.text, "line 1, column 65: nested deeper than 64 levels");
	memset(deep, '[', 100000);
	assert_int_equal(check(deep, 100000), -E2BIG);
	for (i = 0; i < sizeof(deep) / 5; i++)
		memcpy(deep + 5 * i, "{\"a\":", 5);
	assert_int_equal(check(deep, sizeof(deep)), -E2BIG);
}

#define LEVELS 63 /* and a list in each */
#define NUMBERS 300

/* More tokens in every level than the scanner keeps: {"k":[1,…,"é"],"in":{…},"k":[…]}, to the depth
 * limit. */
static size_t put_large(char *out)
{
	static const char in[] = ",\"in\":";
	char list[NUMBERS * 2 + 32], *at = out;
	int len = sprintf(list, "\"k\":["), i;

	for (i = 0; i < NUMBERS; i++)
		len += sprintf(list + len, "1,");
	sprintf(list + len, "\"\xc3\xa9\"]");
	for (i = 0; i < LEVELS; i++)
		at += sprintf(at, "{%s%s", list, i < LEVELS - 1 ? in : "");
	for (i = 0; i < LEVELS; i++)
		at += sprintf(at, "%s%s}", i ? "," : "", i ? list : "");
	return (size_t)(at - out);
}

static void test_large(void **state)
{
	static char text[2 * LEVELS * (NUMBERS * 2 + 64)];
	size_t len = put_large(text), i;

	(void)state;
	if (check(text, len) != 0)
		fail_msg("%s", err.text);
	for (i = len; i-- > 0;) {
		char c = text[i];

		if (c != '}' && c != ']')
			continue;
		text[i] = c == '}' ? ']' : '}';
		assert_int_equal(check(text, len), -EINVAL);
		assert_non_null(strstr(err.text, c == '}' ? "after the member, got ']'"
							  : "after the element, got '}'"));
		text[i] = c;
	}
	assert_int_equal(check(text, len - 1), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar_accepts),
		cmocka_unit_test(test_grammar_refuses),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("json_grammar", tests, NULL, NULL);
}
