/* What stands in for the C library's qsort() and bsearch(): the same order. */
#include "unit_small.h"

struct record {
	uint32_t key;
	unsigned char rest[37]; /* more than one chunk of the swap, and odd */
};

static size_t comparisons;

static int by_key(const void *a, const void *b)
{
	uint32_t x, y;

	comparisons++;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

enum order { ASCENDING, DESCENDING, EQUAL, TWO_VALUES, SAW, ORGAN_PIPE, RANDOM, ORDERS };

static uint32_t make_key(enum order order, size_t i, size_t n)
{
	static uint32_t seed = 1;

	switch (order) {
	case ASCENDING:
		return (uint32_t)i;
	case DESCENDING:
		return (uint32_t)(n - i);
	case EQUAL:
		return 7;
	case TWO_VALUES:
		return i & 1;
	case SAW:
		return (uint32_t)(i % 17);
	case ORGAN_PIPE:
		return (uint32_t)(i < n / 2 ? i : n - i);
	case RANDOM:
	case ORDERS:
		break;
	}
	seed = seed * 1664525 + 1013904223;
	return seed;
}

static void sort_and_compare(enum order order, size_t n)
{
	struct record *ours = calloc(n + 1, sizeof(*ours)),
		      *theirs = calloc(n + 1, sizeof(*theirs));
	size_t log = 1;

	while ((size_t)1 << log < n)
		log++;
	for (size_t i = 0; i < n; i++) {
		ours[i].key = make_key(order, i, n);
		memset(ours[i].rest, (int)(ours[i].key * 31),
		       sizeof(ours[i].rest)); /* travels with its key */
	}
	ours[n].key = 0xdeadbeef;
	memcpy(theirs, ours, (n + 1) * sizeof(*ours));
	real_sort(theirs, n, sizeof(*theirs), by_key);
	comparisons = 0;
	small_qsort(ours, n, sizeof(*ours), by_key);
	assert_memory_equal(ours, theirs, (n + 1) * sizeof(*ours));
	assert_true(comparisons <= 2 * n * (log + 1));
	free(ours);
	free(theirs);
}

static void test_sort(void **state)
{
	(void)state;
	for (enum order order = ASCENDING; order < ORDERS; order++) {
		for (size_t n = 0; n < 40; n++)
			sort_and_compare(order, n);
		sort_and_compare(order, 1000);
		sort_and_compare(order, 60000);
	}
}

static void test_sort_permutations(void **state)
{
	uint32_t keys[7];

	(void)state;
	for (unsigned int p = 0; p < 823543; p++) { /* 7^7: all orders of seven, repeats included */
		for (unsigned int i = 0, rest = p; i < 7; i++, rest /= 7)
			keys[i] = rest % 7;
		small_qsort(keys, 7, sizeof(keys[0]), by_key);
		for (unsigned int i = 1; i < 7; i++)
			assert_true(keys[i - 1] <= keys[i]);
	}
}

static void test_search(void **state)
{
	uint32_t keys[40];

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		keys[i] = 2 * i + 1;
	for (size_t n = 0; n <= 40; n++) {
		for (uint32_t key = 0; key < 90; key++) {
			const uint32_t *found =
				small_bsearch(&key, keys, n, sizeof(keys[0]), by_key);

			assert_ptr_equal(found, key % 2 && key / 2 < n ? &keys[key / 2] : NULL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_sort_permutations),
		cmocka_unit_test(test_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
