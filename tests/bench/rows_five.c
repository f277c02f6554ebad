/*
 * Chains of five plugins (chain.c): one at a time, then fifty at once on top of two hundred pods
 * with ports; ours, the floor's and the reference's, each on a node of its own. The reference's two
 * hundred are links without ports, and the rules of as many with them (reference.c).
 */
#include "bench.h"

#include <stdio.h>

enum side { OURS, FLOOR, REFERENCE, ONE, SIDES };

#define RESTING 200u
#define COMING 50u
#define PORTS 2u /* of a chain */

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

/* ---- fifty at once ---- */

static void rest(struct chain *c)
{
	unsigned int first = pods_new(RESTING);

	for (unsigned int i = 0; i < RESTING; i++)
		chain_run(c, OP_ADD, first + i);
}

/* Its network's name is the node's, its leases where chain.c has them. */
static void rest_reference(const struct chain *c)
{
	const struct subject s = {
		.plugin = "bridge",
		.dir = options.reference,
		.node = c->node,
		.conf = network_conf(NET_BRIDGE, c->node->name, "/var/lib/cni/networks", "1.0.0"),
	};
	unsigned int first = pods_new(RESTING);

	for (unsigned int i = 0; i < RESTING; i++)
		subject_run(&s, OP_ADD, first + i);
	reference_pods(c->node, RESTING, PORTS);
	reference_accepts(c->node, RESTING);
}

static void crowd(const struct chain *c, unsigned int first, struct series *add, struct series *del)
{
	static chain_result *results;

	if (!results)
		results = chain_results(COMING);
	sleep_ms(300);
	series_add(add, chain_crowd(c, OP_ADD, first, COMING, results));
	sleep_ms(300);
	series_add(del, chain_crowd(c, OP_DEL, first, COMING, results));
}

static void at_once(void)
{
	static struct series add[SIDES], del[SIDES];
	const unsigned int rounds = options.quick ? 2 : 6;
	unsigned int coming = pods_new(COMING);

	rest(&chains[OURS]);
	rest(&chains[FLOOR]);
	for (unsigned int i = 0; i < rounds; i++) {
		crowd(&chains[OURS], coming, &add[OURS], &del[OURS]);
		crowd(&chains[FLOOR], coming, &add[FLOOR], &del[FLOOR]);
	}
	if (reference_has_iptables() && !options.quick) {
		rest_reference(&chains[REFERENCE]);
		crowd(&chains[REFERENCE], coming, &add[REFERENCE], &del[REFERENCE]);
	}
	report("ADD of 50 chains at once on 200 pods", add, 0, 100);
	report("DEL of 50 chains at once of 250 pods", del, 0, 0);
}

void rows_five(void)
{
	settle((const char *const[]){ "o-five", "f-five", "r-five" });
	one_by_one();
	at_once();
}
