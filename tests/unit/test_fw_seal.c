/* Seals of a schema's table: the two lines of a file, whole, cut, spoilt and absent. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../record_schema.h"
#include "fw/seal.h"

static char folder[] = "/tmp/seal.XXXXXX";
static int dir;
static struct fw_seal seal;

static int set_up(void **state)
{
	(void)state;
	dir = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	seal_remove(dir, &schema);
	close(dir);
	return rmdir(folder);
}

static int clear(void **state)
{
	(void)state;
	seal_close(&seal);
	seal_remove(dir, &schema);
	return 0;
}

static void write_file(const char *text)
{
	seal_open(dir, &schema, true, &seal);
	assert_true(seal.fd >= 0);
	assert_int_equal(ftruncate(seal.fd, 0), 0);
	assert_int_equal(pwrite(seal.fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void comes_back(void **state)
{
	(void)state;
	seal_open(dir, &schema, true, &seal);
	seal.generation = 7;
	seal.elements = UINT32_MAX;
	seal_write(&seal);
	seal.generation = seal.elements = 1;
	seal_read(&seal);
	assert_int_equal(seal.generation, 7);
	assert_true(seal.elements == UINT32_MAX);
}

static void mends_are_counted_beside_it(void **state)
{
	(void)state;
	seal_open(dir, &schema, true, &seal);
	assert_int_equal(seal_mends(&seal), 0);
	seal_count_mend(&seal);
	seal_count_mend(&seal);
	assert_int_equal(seal_mends(&seal), 2);
	seal.generation = 7;
	seal.elements = 3;
	seal_write(&seal);
	assert_int_equal(seal_mends(&seal), 2);
	seal_count_mend(&seal);
	seal_read(&seal);
	assert_int_equal(seal.generation, 7);
	assert_int_equal(seal_mends(&seal), 3);
}

/* Only of the generation that was changed; how often all was mended stays. */
static void follows_anothers_change(void **state)
{
	(void)state;
	write_file("generation 0000000007 elements 0000000003\nmends 0000000002\n");
	seal_follow(dir, &schema, 6, 7);
	seal_follow(dir, &schema, 8, 9);
	seal_read(&seal);
	assert_int_equal(seal.generation, 7);
	seal_follow(dir, &schema, 7, 8);
	seal_read(&seal);
	assert_int_equal(seal.generation, 8);
	assert_int_equal(seal.elements, 3);
	assert_int_equal(seal_mends(&seal), 2);
}

static void where_none_is_nothing_follows(void **state)
{
	struct fw_seal none;

	(void)state;
	seal_follow(dir, &schema, 0, 7);
	seal_open(dir, &schema, false, &none);
	assert_int_equal(none.fd, -1);
	write_file("nonsense");
	seal_follow(dir, &schema, 0, 7);
	seal_read(&seal);
	assert_int_equal(seal.generation, 0);
}

static void what_is_none_is_of_no_generation(void **state)
{
	static const char *const bad[] = {
		"",
		"generation 0000000007 elements 000000000",
		"generation 0000000007 elements 99999999999\n",
		"generation 000000000x elements 0000000003\n",
		"elements 0000000003 generation 0000000007\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file(bad[i]);
		seal_read(&seal);
		assert_int_equal(seal.generation, 0);
		assert_int_equal(seal.elements, 0);
		assert_int_equal(seal_mends(&seal), 0);
		seal_close(&seal);
	}
	write_file("generation 0000000007 elements 0000000003\nmends 00000x0003\n");
	seal_read(&seal);
	assert_int_equal(seal.generation, 7);
	assert_int_equal(seal_mends(&seal), 0);
}

static void without_a_file_there_is_none(void **state)
{
	(void)state;
	seal_open(dir, &schema, false, &seal);
	assert_int_equal(seal.fd, -1);
	seal.generation = 7;
	seal_write(&seal);
	seal_count_mend(&seal);
	seal_read(&seal);
	assert_int_equal(seal.generation, 0);
	assert_int_equal(seal_mends(&seal), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(comes_back, clear),
		cmocka_unit_test_teardown(mends_are_counted_beside_it, clear),
		cmocka_unit_test_teardown(follows_anothers_change, clear),
		cmocka_unit_test_teardown(where_none_is_nothing_follows, clear),
		cmocka_unit_test_teardown(what_is_none_is_of_no_generation, clear),
		cmocka_unit_test_teardown(without_a_file_there_is_none, clear),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
