/* qsort() as heap sort: O(n log n) whatever the order, no memory but the array, a tenth of the C library's code. */
#include <stdlib.h>
#include <string.h>

#define CHUNK 32

static void swap(char *a, char *b, size_t size)
{
	char t[CHUNK];

	for (size_t n; size > 0; a += n, b += n, size -= n) {
		n = size < CHUNK ? size : CHUNK;
		memcpy(t, a, n);
		memcpy(a, b, n);
		memcpy(b, t, n);
	}
}

/* Let element i of the heap of count elements sink below all that are larger. */
static void sink(char *base, size_t i, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	for (size_t child; (child = 2 * i + 1) < count; i = child) {
		if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0)
			child++;
		if (compare(base + i * size, base + child * size) >= 0)
			return;
		swap(base + i * size, base + child * size, size);
	}
}

void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	for (size_t i = count / 2; i-- > 0;)
		sink(base, i, count, size, compare);
	for (size_t n = count; n-- > 1;) {
		swap(base, (char *)base + n * size, size);
		sink(base, 0, n, size, compare);
	}
}
