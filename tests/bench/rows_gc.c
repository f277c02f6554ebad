/*
 * GC of all attachments of a full node, against the kernel's share: one transaction for the
 * masquerade and one deletion of as many links, made alike in the same pods, by turns on one node.
 */
#include "bench.h"

#include <stdio.h>

#define GROUP 78u
#define ROUNDS 3

static struct {
	struct subject ours, floor;
	unsigned int first, count; /* the pods */
	struct series gc, collect;
} gc;

static void attach(const struct subject *s)
{
	for (unsigned int i = 0; i < gc.count; i++)
		subject_run(s, OP_ADD, gc.first + i);
	sleep_ms(200);
}

static void none_left(const char *who)
{
	if (node_ports(gc.ours.node) != 0)
		die("%s has left %u links", who, node_ports(gc.ours.node));
}

static void measure_ours(void)
{
	series_add(&gc.gc, subject_run(&gc.ours, OP_GC, 0).ns);
	none_left("GC");
	sleep_ms(200);
}

static void measure_floor(void)
{
	struct call c;

	attach(&gc.floor);
	floor_call(gc.floor.node, "collect", &c);
	call_arg(&c, "%u", GROUP);
	call_arg(&c, "%u", gc.first);
	call_arg(&c, "%u", gc.count);
	call_arg(&c, "masq");
	series_add(&gc.collect, call_run(&c).ns);
	none_left("the floor");
	sleep_ms(200);
}

static void report(void)
{
	struct row r = { .ours = series_ms(&gc.gc), .floor = series_ms(&gc.collect), .plot = true };
	char what[64];

	snprintf(what, sizeof(what), "GC of %u stale attachments", gc.count);
	r.what = what;
	report_row(&r);
	report_figure("of the floor", r.ours.median / r.floor.median, AT_MOST, 1.5);
}

void rows_gc(const struct subject *ours, const struct subject *floor, unsigned int first,
	     unsigned int count)
{
	gc.ours = *ours;
	gc.floor = *floor;
	gc.first = first;
	gc.count = count;
	for (int i = 0; i < ROUNDS; i++) {
		if (i > 0)
			attach(&gc.ours);
		measure_ours();
		measure_floor();
	}
	report();
}
