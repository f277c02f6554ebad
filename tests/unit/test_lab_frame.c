/* The lab's channel: what a caller that died left behind takes nothing from the next one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "../../qemu/frame.h"

#define LENGTH 64

static struct frame_reader reader;
static struct frame dead, next;
static int channel[2]; /* a pipe: what is read, what is written */

static int setup(void **state)
{
	(void)state;
	reader.have = 0;
	return pipe(channel);
}

static int teardown(void **state)
{
	(void)state;
	close(channel[0]);
	close(channel[1]);
	return 0;
}

static void deliver(const struct frame *f, size_t length)
{
	assert_int_equal(write(channel[1], f, length), length);
	assert_true(frame_read(&reader, channel[0]) >= 0);
}

static void expect(enum frame_type type, uint32_t call, size_t length)
{
	const struct frame *f = frame_first(&reader);

	assert_non_null(f);
	assert_int_equal(frame_type(f), type);
	assert_int_equal(frame_call(f), call);
	assert_int_equal(frame_length(f), length);
	frame_drop(&reader);
}

static void frames_come_one_by_one(void **state)
{
	(void)state;
	memset(next.data, 'n', sizeof(next.data));
	deliver(&next, frame_seal(&next, FRAME_CALL, 2, LENGTH));
	deliver(&next, frame_seal(&next, FRAME_IN, 2, 0));
	expect(FRAME_CALL, 2, LENGTH);
	expect(FRAME_IN, 2, 0);
	assert_null(frame_first(&reader));
	assert_int_equal(reader.have, 0);
}

static void the_longest_frame_fits(void **state)
{
	size_t size = frame_seal(&next, FRAME_OUT, 2, FRAME_MAX);

	(void)state;
	assert_int_equal(size, sizeof(next));
	for (size_t at = 0; at < size; at += 4096) {
		size_t part = size - at < 4096 ? size - at : 4096;

		assert_int_equal(write(channel[1], (const char *)&next + at, part), part);
		assert_int_equal(frame_read(&reader, channel[0]), part);
	}
	expect(FRAME_OUT, 2, FRAME_MAX);
}

/*
 * Wherever the dead caller's frame ends, and also where the next one's bytes would fill it
 * up. What makes a head of both may name a length that does not come; it is given up.
 */
static void a_frame_that_was_cut_off_takes_nothing_from_the_next(void **state)
{
	size_t size = frame_seal(&dead, FRAME_IN, 1, LENGTH);

	(void)state;
	memset(dead.data, 'd', LENGTH);
	for (size_t cut = 1; cut < size; cut++) {
		reader.have = 0;
		deliver(&dead, cut);
		deliver(&next, frame_seal(&next, FRAME_CALL, 2, 2 * LENGTH));
		if (!frame_first(&reader)) {
			assert_true(cut < sizeof(dead.head));
			frame_abandon(&reader);
		}
		expect(FRAME_CALL, 2, 2 * LENGTH);
		assert_null(frame_first(&reader));
	}
}

/* The next frame is shorter than what is missing: the agent waits, then gives the first one up. */
static void a_frame_whose_rest_does_not_come_is_given_up(void **state)
{
	(void)state;
	frame_seal(&dead, FRAME_IN, 1, FRAME_MAX);
	deliver(&dead, 100);
	deliver(&next, frame_seal(&next, FRAME_CALL, 2, LENGTH));
	assert_null(frame_first(&reader));
	frame_abandon(&reader);
	expect(FRAME_CALL, 2, LENGTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_come_one_by_one, setup, teardown),
		cmocka_unit_test_setup_teardown(the_longest_frame_fits, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_frame_that_was_cut_off_takes_nothing_from_the_next, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_whose_rest_does_not_come_is_given_up, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
