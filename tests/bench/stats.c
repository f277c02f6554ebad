/* Medians, and what one in ten and one in a hundred is beyond: see bench.h. */
#include "bench.h"

#include <stdlib.h>

void series_add(struct series *s, uint64_t ns)
{
	if (s->count < SAMPLES_MAX)
		s->ns[s->count++] = ns;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double ms_at(const struct series *s, unsigned int percent)
{
	unsigned int i = (s->count * percent + 99) / 100;

	return (double)s->ns[i > 0 ? i - 1 : 0] / 1e6;
}

double series_at(struct series *s, unsigned int percent)
{
	qsort(s->ns, s->count, sizeof(s->ns[0]), by_size);
	return s->count ? ms_at(s, percent) : 0;
}

struct stat_of series_ms(struct series *s)
{
	if (s->count == 0)
		return (struct stat_of){ 0 };
	qsort(s->ns, s->count, sizeof(s->ns[0]), by_size);
	return (struct stat_of){
		.count = s->count, .median = ms_at(s, 50), .p10 = ms_at(s, 10), .p99 = ms_at(s, 99)
	};
}

struct stat_of value_of(double v)
{
	return (struct stat_of){ .count = 1, .median = v, .p10 = v, .p99 = v };
}
