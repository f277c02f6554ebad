/* Waiting times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kube/backoff.h"

static void test_doubles(void **state)
{
	struct backoff b = { 0 }, c = { 0 };
	const int64_t most[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000 };

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		int64_t shortest = backoff_next(&b, -1, 0),
			longest = backoff_next(&c, -1, UINT32_MAX);

		assert_int_equal(shortest, most[i] / 2);
		assert_in_range(longest, most[i] - 1, most[i]);
	}
	backoff_reset(&b);
	assert_int_equal(backoff_next(&b, -1, 0), 500);
}

static void test_never_overflows(void **state)
{
	struct backoff b = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		assert_in_range(backoff_next(&b, -1, 4000000000U), 500, BACKOFF_MAX_MS);
}

static void test_asked(void **state)
{
	struct backoff b = { 0 };

	(void)state;
	assert_int_equal(backoff_next(&b, 30, 0), 30000);
	assert_in_range(backoff_next(&b, 30, UINT32_MAX), 37000, 37500);
	assert_in_range(backoff_next(&b, 0, 0), 2000, 4000);
	assert_int_equal(backoff_next(&b, INT64_MAX, 0), BACKOFF_ASKED_MAX_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_never_overflows),
		cmocka_unit_test(test_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
