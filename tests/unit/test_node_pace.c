/* When a pass is due, and when a fight pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "node/pace.h"

static struct pace p;

static int setup(void **state)
{
	(void)state;
	pace_init(&p);
	return 0;
}

static void nothing_is_due_without_an_event(void **state)
{
	(void)state;
	assert_true(pace_due(&p) == PACE_NEVER);
	pace_event(&p, 100);
	pace_done(&p, 110, 112, false);
	assert_true(pace_due(&p) == PACE_NEVER);
}

static void a_burst_is_one_pass_and_does_not_wait_for_its_end(void **state)
{
	(void)state;
	pace_event(&p, 1000);
	assert_int_equal(pace_due(&p), 1000 + PACE_QUIET_MS);
	pace_event(&p, 1005);
	assert_int_equal(pace_due(&p), 1005 + PACE_QUIET_MS);
	for (int64_t t = 1005; t < 1200; t += 5)
		pace_event(&p, t);
	assert_int_equal(pace_due(&p), 1000 + PACE_BURST_MS);
}

/* Events come all the time: how many passes of so many milliseconds there are in a minute. */
static int64_t passes_in_a_minute(int64_t length_ms)
{
	int64_t count = 0, now = 1000, end = now + 60000;

	for (; now < end; count++) {
		pace_event(&p, now);
		now = pace_due(&p);
		pace_done(&p, now, now + length_ms, false);
		now += length_ms;
	}
	return count;
}

static void passes_take_a_fifth_of_the_time(void **state)
{
	(void)state;
	assert_in_range(passes_in_a_minute(50), 60000 / 50 / 5, 60000 / 50 / 5 + 3);
	pace_init(&p);
	assert_in_range(passes_in_a_minute(2000), 60000 / 3000, 60000 / 3000 + 1);
	pace_event(&p, 100000);
	pace_done(&p, 100010, 120010, false);
	pace_event(&p, 120011);
	assert_int_equal(pace_due(&p), 120010 + PACE_PAUSE_MS - PACE_SPARE_MS);
}

static void the_second_of_two_events_does_not_wait_for_the_first(void **state)
{
	(void)state;
	pace_event(&p, 1000);
	pace_done(&p, 1010, 1060, false);
	pace_event(&p, 1061);
	assert_int_equal(pace_due(&p), 1061 + PACE_QUIET_MS);
}

static void a_failed_pass_is_tried_again_later_and_later(void **state)
{
	const int64_t waits[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	int64_t now = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		pace_done(&p, now, now, true);
		assert_int_equal(pace_due(&p) - now, waits[i]);
		now = pace_due(&p);
	}
	pace_event(&p, now - 5000);
	assert_int_equal(pace_due(&p), now - 5000 + PACE_QUIET_MS);
	pace_done(&p, now, now, false);
	assert_true(pace_due(&p) == PACE_NEVER);
	pace_done(&p, now, now, true);
	assert_int_equal(pace_due(&p) - now, PACE_RETRY_MS);
}

static void a_fight_pauses_longer_each_time(void **state)
{
	struct fight f = { 0 };
	int64_t now = 1000, pause = FIGHT_FIRST_MS;

	(void)state;
	for (unsigned int i = 1; i < FIGHT_MIN; i++)
		assert_int_equal(fight_repaired(&f, 7, now), i);
	assert_int_equal(f.until_ms, 0);
	for (unsigned int i = FIGHT_MIN; i < 30; i++) {
		assert_int_equal(fight_repaired(&f, 7, now), i);
		assert_int_equal(f.until_ms, now + pause);
		now = f.until_ms;
		pause = pause * 2 < FIGHT_MAX_MS ? pause * 2 : FIGHT_MAX_MS;
	}
	assert_int_equal(fight_repaired(&f, 7, now + FIGHT_CALM_MS + 1), 1);
}

static void many_repairs_of_many_things_are_no_fight(void **state)
{
	struct fight f = { 0 };

	(void)state;
	for (uint32_t i = 1; i < 10000; i++)
		assert_int_equal(fight_repaired(&f, i * 2654435761U, 1000), 1);
	assert_int_equal(f.until_ms, 0);
	assert_true(fight_hash("route a") != fight_hash("route b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_due_without_an_event, setup),
		cmocka_unit_test_setup(a_burst_is_one_pass_and_does_not_wait_for_its_end, setup),
		cmocka_unit_test_setup(passes_take_a_fifth_of_the_time, setup),
		cmocka_unit_test_setup(the_second_of_two_events_does_not_wait_for_the_first, setup),
		cmocka_unit_test_setup(a_failed_pass_is_tried_again_later_and_later, setup),
		cmocka_unit_test(a_fight_pauses_longer_each_time),
		cmocka_unit_test(many_repairs_of_many_things_are_no_fight),
	};

	return cmocka_run_group_tests_name("node pace", tests, NULL, NULL);
}
