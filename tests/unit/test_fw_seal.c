/* Seals of schemas' tables: the lines of one file, whole, cut, spoilt and absent. */
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
static const struct fw_schema other = { .name = "other" };

#define LINE(name, generation, elements, mends)                                                    \
	name " generation " generation " elements " elements " mends " mends "\n"
#define RECORD "s               "
#define OTHER "other           "

static int set_up(void **state)
{
	(void)state;
	dir = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(dir);
	return rmdir(folder);
}

static int clear(void **state)
{
	(void)state;
	seal_close(&seal);
	unlinkat(dir, ".seals", 0);
	return 0;
}

static void write_file(const char *text)
{
	seal_open(dir, &schema, true, &seal);
	assert_true(seal.fd >= 0);
	assert_int_equal(ftruncate(seal.fd, 0), 0);
	assert_int_equal(pwrite(seal.fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void put(const struct fw_schema *s, uint32_t generation, uint32_t elements, uint32_t from)
{
	struct fw_seal theirs;

	seal_open(dir, s, true, &theirs);
	theirs.generation = generation;
	theirs.elements = elements;
	seal_write(&theirs, from);
	seal_close(&theirs);
}

static void expect(const struct fw_schema *s, uint32_t generation, uint32_t elements)
{
	struct fw_seal theirs;

	seal_open(dir, s, false, &theirs);
	seal_read(&theirs);
	assert_int_equal(theirs.generation, generation);
	assert_int_equal(theirs.elements, elements);
	seal_close(&theirs);
}

static void expect_file(const char *text)
{
	char is[1024] = "";

	assert_true(pread(seal.fd, is, sizeof(is) - 1, 0) >= 0);
	assert_string_equal(is, text);
}

static void comes_back(void **state)
{
	(void)state;
	put(&schema, 7, UINT32_MAX, 0);
	expect(&schema, 7, UINT32_MAX);
	expect(&other, 0, 0);
}

static void each_schema_has_a_line(void **state)
{
	(void)state;
	put(&schema, 7, 1, 0);
	put(&other, 8, 2, 0);
	put(&schema, 9, 3, 0);
	expect(&schema, 9, 3);
	expect(&other, 8, 2);
	seal_open(dir, &schema, false, &seal);
	expect_file(LINE(RECORD, "0000000009", "0000000003", "0000000000")
			    LINE(OTHER, "0000000008", "0000000002", "0000000000"));
}

static void one_that_is_removed_makes_room(void **state)
{
	(void)state;
	put(&schema, 7, 1, 0);
	put(&other, 8, 2, 0);
	seal_remove(dir, &schema);
	expect(&schema, 0, 0);
	expect(&other, 8, 2);
	put(&schema, 9, 3, 0);
	seal_open(dir, &schema, false, &seal);
	expect_file(LINE(RECORD, "0000000009", "0000000003", "0000000000")
			    LINE(OTHER, "0000000008", "0000000002", "0000000000"));
	seal_remove(dir, &other);
	seal_remove(dir, &schema);
	assert_int_equal(faccessat(dir, ".seals", F_OK, 0), -1);
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
	seal_write(&seal, 0);
	assert_int_equal(seal_mends(&seal), 2);
	seal_count_mend(&seal);
	expect(&schema, 7, 3);
	assert_int_equal(seal_mends(&seal), 3);
}

/* Only of the generation that was changed; elements, and how often all was mended, stay. */
static void follows_anothers_change(void **state)
{
	(void)state;
	write_file(LINE(RECORD, "0000000007", "0000000003", "0000000002"));
	put(&other, 7, 1, 6);
	put(&other, 9, 1, 8);
	expect(&schema, 7, 3);
	put(&other, 8, 1, 7);
	expect(&schema, 8, 3);
	expect(&other, 8, 1);
	assert_int_equal(seal_mends(&seal), 2);
}

static void one_of_no_generation_makes_no_line(void **state)
{
	(void)state;
	seal_open(dir, &schema, true, &seal);
	seal_write(&seal, 0);
	expect_file("");
	put(&schema, 7, 1, 0);
	put(&schema, 0, 1, 0);
	expect(&schema, 0, 1);
}

static void what_is_none_is_of_no_generation(void **state)
{
	static const char *const bad[] = {
		"",
		"nonsense",
		RECORD " generation 0000000007 elements 000000000",
		LINE(RECORD, "000000000x", "0000000003", "0000000000"),
		LINE(RECORD, "9999999999", "0000000003", "0000000000"),
		LINE(RECORD, "0000000007", "         3", "0000000000"),
		LINE("sx              ", "0000000007", "0000000003", "0000000000"),
		LINE("t               ", "0000000007", "0000000003", "0000000000"),
		RECORD " elements 0000000003 generation 0000000007 mends 0000000000\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file(bad[i]);
		expect(&schema, 0, 0);
		assert_int_equal(seal_mends(&seal), 0);
		put(&schema, 7, 3, 0);
		expect(&schema, 7, 3);
		seal_close(&seal);
	}
	write_file(LINE(RECORD, "0000000007", "0000000003", "00000x0003"));
	expect(&schema, 7, 3);
	assert_int_equal(seal_mends(&seal), 0);
}

static void a_file_of_nonsense_has_room(void **state)
{
	static char text[4096];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	write_file(text);
	put(&schema, 7, 3, 0);
	expect(&schema, 7, 3);
	put(&other, 8, 4, 0);
	expect(&other, 8, 4);
	expect(&schema, 7, 3);
}

static void without_a_file_there_is_none(void **state)
{
	(void)state;
	seal_open(dir, &schema, false, &seal);
	assert_int_equal(seal.fd, -1);
	seal.generation = 7;
	seal_write(&seal, 0);
	seal_count_mend(&seal);
	seal_read(&seal);
	assert_int_equal(seal.generation, 0);
	assert_int_equal(seal_mends(&seal), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(comes_back, clear),
		cmocka_unit_test_teardown(each_schema_has_a_line, clear),
		cmocka_unit_test_teardown(one_that_is_removed_makes_room, clear),
		cmocka_unit_test_teardown(mends_are_counted_beside_it, clear),
		cmocka_unit_test_teardown(follows_anothers_change, clear),
		cmocka_unit_test_teardown(one_of_no_generation_makes_no_line, clear),
		cmocka_unit_test_teardown(what_is_none_is_of_no_generation, clear),
		cmocka_unit_test_teardown(a_file_of_nonsense_has_room, clear),
		cmocka_unit_test_teardown(without_a_file_there_is_none, clear),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
