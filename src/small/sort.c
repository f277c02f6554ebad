/*
 * qsort() as heap sort: O(n log n) whatever the order, no memory but the array, a tenth of the C
 * library's code.
 */
#include <stdint.h>
#include <stdlib.h>

static void swap(char *a, char *b, size_t size)
{
	for (; size >= sizeof(uint64_t);
	     a += sizeof(uint64_t), b += sizeof(uint64_t), size -= sizeof(uint64_t)) {
		uint64_t x, y;

		__builtin_memcpy(&x, a, sizeof(x));
		__builtin_memcpy(&y, b, sizeof(y));
		__builtin_memcpy(a, &y, sizeof(y));
		__builtin_memcpy(b, &x, sizeof(x));
	}
	for (; size > 0; a++, b++, size--) {
		char x = *a;

		*a = *b;
		*b = x;
	}
}

/*
 * First every parent sinks below its larger children, the last one first; then the largest goes to
 * the end of what is left, again and again.
 */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	char *at = base;
	size_t start = count / 2, n = count, child;

	while (n > 1) {
		if (start > 0)
			start--;
		else
			swap(at, at + --n * size, size);
		for (size_t i = start; (child = 2 * i + 1) < n; i = child) {
			if (child + 1 < n &&
			    compare(at + child * size, at + (child + 1) * size) < 0)
				child++;
			if (compare(at + i * size, at + child * size) >= 0)
				break;
			swap(at + i * size, at + child * size, size);
		}
	}
}
