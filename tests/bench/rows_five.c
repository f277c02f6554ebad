/*
 * Chains of five plugins (chain.c), one at a time: ours, the floor's and the reference's, each on a
 * node of its own.
 */
#include "bench.h"

#include <stdio.h>

enum side { OURS, FLOOR, REFERENCE, ONE, SIDES };

static struct chain chains[SIDES];

static void settle(const char *const names[static ONE])
{
	chain_settle(&chains[OURS], options.ours, names[OURS]);
	chain_settle(&chains[FLOOR], NULL, names[FLOOR]);
	if (options.reference)
		chain_settle(&chains[REFERENCE], options.reference, names[REFERENCE]);
	chains[ONE] = chains[FLOOR];
	chains[ONE].one = true;
}

static void cycle(struct chain *c, unsigned int pod, struct series *add, struct series *del)
{
	series_add(add, chain_run(c, OP_ADD, pod));
	sleep_ms(3);
	series_add(del, chain_run(c, OP_DEL, pod));
	sleep_ms(20);
}

static void report(const char *what, struct series s[static SIDES], double of_floor,
		   double below_reference)
{
	const struct row r = { .what = what,
			       .ours = series_ms(&s[OURS]),
			       .floor = series_ms(&s[FLOOR]),
			       .reference = series_ms(&s[REFERENCE]),
			       .plot = true };
	report_row(&r);
	report_figure("of the floor", r.ours.median / r.floor.median,
		      of_floor > 0 ? AT_MOST : FOR_INFORMATION, of_floor);
	if (!r.reference.count)
		return;
	report_figure("below the reference", r.reference.median / r.ours.median,
		      below_reference > 0 ? AT_LEAST : FOR_INFORMATION, below_reference);
	report_figure("the floor below it", r.reference.median / r.floor.median, FOR_INFORMATION,
		      0);
}

/* What the five programs of the floor are more than one. */
static void report_one(struct series s[static SIDES])
{
	report_figure("of one program's", series_ms(&s[OURS]).median / series_ms(&s[ONE]).median,
		      FOR_INFORMATION, 0);
}

static void one_by_one(void)
{
	static struct series add[SIDES], del[SIDES];
	const unsigned int rounds = options.quick ? 12 : 100, reference_every = 4;
	unsigned int pod = pods_new(SIDES);

	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int k = 0; k < SIDES; k++) {
			unsigned int side = (i + k) % SIDES;

			if (chains[side].node && (side != REFERENCE || i % reference_every == 0))
				cycle(&chains[side], pod + side, &add[side], &del[side]);
		}
	}
	report("ADD of a chain of five plugins", add, 2, 40);
	report_one(add);
	report("DEL of a chain of five plugins", del, 1.2, 0);
	report_one(del);
}

void rows_five(void)
{
	settle((const char *const[]){ "o-five", "f-five", "r-five" });
	one_by_one();
}
