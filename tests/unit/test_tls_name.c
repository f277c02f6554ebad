/* Which names of a certificate cover which host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tls/name.h"

static bool covers(const char *name, const char *host)
{
	return tls_name_covers(name, strlen(name), host);
}

static void test_covers(void **state)
{
	(void)state;
	assert_true(covers("api.test", "api.test"));
	assert_true(covers("API.Test", "api.tEST"));
	assert_true(covers("api.test", "api.test."));
	assert_true(covers("localhost", "localhost"));
	assert_true(covers("*.test", "api.test"));
	assert_true(covers("*.wild.test", "A.WILD.test"));
}

static void test_does_not_cover(void **state)
{
	(void)state;
	assert_false(covers("api.test", "api.tes"));
	assert_false(covers("api.tes", "api.test"));
	assert_false(covers("", ""));
	assert_false(covers("", "."));
	assert_false(covers("*.test", "a.b.test"));
	assert_false(covers("*.test", "test"));
	assert_false(covers("*.test", ".test"));
	assert_false(covers("*", "test"));
	assert_false(covers("*.", "test."));
	assert_false(covers("a*.test", "ab.test"));
	assert_false(covers("*.*.test", "a.b.test"));
	assert_false(covers("a.*.test", "a.b.test"));
	assert_false(tls_name_covers("api.test\0.evil", 14, "api.test"));
}

static void test_alerts(void **state)
{
	(void)state;
	assert_string_equal(tls_alert_name(48), "unknown certificate authority");
	assert_string_equal(tls_alert_name(200), "alert 200");
	assert_true(tls_alert_is_refusal(116));
	assert_false(tls_alert_is_refusal(80));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_does_not_cover),
		cmocka_unit_test(test_alerts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
