/* A patch, without a server: when it is due, and what answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "kube/patch.h"
#include "kube/watch.h"

static struct patch p;
static struct err e;

static int setup(void **state)
{
	(void)state;
	p = (struct patch){ .wanted = true, .resource = "nodes/status" };
	err_clear(&e);
	return 0;
}

static int answer(unsigned int status, const char *text, int64_t now)
{
	const struct watch_result result = { .status = status, .retry_after_s = -1 };

	err_clear(&e);
	patch_begin(&p);
	for (const char *at = text; *at; at++)
		assert_int_equal(patch_body(&p, status, at, 1, &e), 0);
	return patch_end(&p, &result, now, &e);
}

static void test_taken(void **state)
{
	(void)state;
	assert_true(patch_is_due(&p, 0));
	assert_int_equal(answer(200, "{\"kind\":\"Node\"}", 1000), 0);
	assert_false(patch_is_due(&p, 1000 + PATCH_AGAIN_MS - 1));
	assert_true(patch_is_due(&p, 1000 + PATCH_AGAIN_MS));
	p.wanted = false;
	assert_false(patch_is_due(&p, INT64_MAX));
}

static void test_forbidden(void **state)
{
	(void)state;
	assert_int_equal(answer(403,
				"{\"kind\":\"Status\",\"message\":\"nodes \\\"m\\\" is "
				"forbidden\",\"code\":403}",
				1000),
			 -EACCES);
	assert_string_equal(e.text, "patch nodes/status: missing right: the verb \"patch\" on "
				    "nodes/status (RBAC, 403): nodes \\\"m\\\" is forbidden");
	assert_false(patch_is_due(&p, 1000 + PATCH_REFUSED_MS - 1));
	assert_true(patch_is_due(&p, 1000 + PATCH_REFUSED_MS));
}

/* What is no Status, and a connection that breaks: again soon, later and later. */
static void test_passing(void **state)
{
	const struct watch_result broken = { .r = -ECONNRESET, .random = UINT32_MAX };

	(void)state;
	assert_int_equal(answer(503, "<html>busy", 0), -EBUSY);
	assert_string_equal(e.text, "patch nodes/status: the API server answers 503");
	assert_true(patch_is_due(&p, BACKOFF_FIRST_MS));
	err_clear(&e);
	err_set(&e, ECONNRESET, "TLS: closed");
	assert_int_equal(patch_end(&p, &broken, 0, &e), -ECONNRESET);
	assert_string_equal(e.text, "patch nodes/status: TLS: closed");
	assert_false(patch_is_due(&p, BACKOFF_FIRST_MS));
	assert_true(patch_is_due(&p, 2 * BACKOFF_FIRST_MS));
	assert_int_equal(answer(200, "", 0), 0);
	assert_int_equal(p.backoff.failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_taken, setup),
		cmocka_unit_test_setup(test_forbidden, setup),
		cmocka_unit_test_setup(test_passing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
