/*
 * ptp, which has no bridge whose ports the kernel walks: ADD with a thousand pods is to cost what
 * it costs on an empty node. The reference's is on an empty node.
 */
#include "bench.h"

#include <stdio.h>

enum side { EMPTY, FULL, REFERENCE, SIDES };

static struct subject on(const char *name, const char *dir)
{
	char data[64];

	snprintf(data, sizeof(data), "/var/lib/cni/%s", name);
	return (struct subject){ .plugin = "ptp",
				 .dir = dir,
				 .node = node_new(name),
				 .conf = network_conf(NET_PTP, name, data, "1.0.0") };
}

static void report(struct series add[static SIDES], unsigned int pods)
{
	char what[64];
	struct row r = { .what = "ADD ptp on an empty node",
			 .ours = series_ms(&add[EMPTY]),
			 .reference = series_ms(&add[REFERENCE]) };

	report_row(&r);
	if (r.reference.count)
		report_figure("below the reference", r.reference.median / r.ours.median,
			      FOR_INFORMATION, 0);
	snprintf(what, sizeof(what), "ADD ptp with %u pods present", pods);
	report_row(&(struct row){ .what = what, .ours = series_ms(&add[FULL]) });
	report_figure("of the empty node's",
		      series_ms(&add[FULL]).median / series_ms(&add[EMPTY]).median, AT_MOST, 1.2);
}

void rows_ptp(void)
{
	static struct series add[SIDES];
	const unsigned int pods = options.quick ? 200 : 1000, rounds = options.quick ? 15 : 150,
			   reference_every = 5;
	struct subject s[SIDES] = { on("o-ptp", options.ours), on("o-ptps", options.ours) };
	unsigned int resting = pods_new(pods), pod = pods_new(SIDES);

	if (reference_has_iptables())
		s[REFERENCE] = on("r-ptp", options.reference);
	for (int side = 0; side < SIDES; side++) {
		if (s[side].node)
			subject_settle(&s[side]);
	}
	for (unsigned int i = 0; i < pods; i++)
		subject_run(&s[FULL], OP_ADD, resting + i);
	for (unsigned int i = 0; i < rounds * SIDES; i++) {
		unsigned int side = (i + i / SIDES) % SIDES;

		if (!s[side].node || (side == REFERENCE && i / SIDES % reference_every != 0))
			continue;
		series_add(&add[side], subject_run(&s[side], OP_ADD, pod + side).ns);
		sleep_ms(2);
		subject_run(&s[side], OP_DEL, pod + side);
		sleep_ms(10);
	}
	report(add, pods);
}
