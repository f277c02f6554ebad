/*
 * Crowds: a node is drained, 110 DELs at once, and an ADD comes in their midst; 50 ADDs at once on
 * top of 200 pods. The reference does it once, because that takes its time.
 */
#include "bench.h"

#include <stdio.h>

#define DRAINED 110u
#define RESTING 200u
#define COMING 50u
#define GROUP 77u
#define CROWD_MAX 256

static struct subject plugin_on(const char *name, const char *dir)
{
	char data[64];

	snprintf(data, sizeof(data), "/var/lib/cni/%s", name);
	return (struct subject){ .plugin = "bridge",
				 .dir = dir,
				 .node = node_new(name),
				 .masq = true,
				 .conf = network_conf(NET_BRIDGE_MASQ, name, data, "1.0.0") };
}

static void attach(const struct subject *s, unsigned int first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		subject_run(s, OP_ADD, first + i);
}

/*
 * DEL of all, and an ADD as soon as the last of them has been started; *waited is the ADD's own
 * time.
 */
static uint64_t drain_and_add(const struct subject *s, unsigned int first, unsigned int newcomer,
			      uint64_t *waited)
{
	static struct running crowd[CROWD_MAX];
	uint64_t begin, end = 0;
	struct call c;

	for (unsigned int i = 0; i < DRAINED; i++) {
		call_of(s, OP_DEL, first + i, &c);
		call_start(&c, &crowd[i]);
	}
	call_of(s, OP_ADD, newcomer, &c);
	call_start(&c, &crowd[DRAINED]);
	calls_wait(crowd, DRAINED + 1);
	begin = crowd[0].begin;
	for (unsigned int i = 0; i < DRAINED; i++) {
		uint64_t ended = crowd[i].begin + crowd[i].ns;

		end = ended > end ? ended : end;
	}
	*waited = crowd[DRAINED].ns;
	return end - begin;
}

/* The floor's way: each marks its link, one request deletes them all. */
static uint64_t floor_drain(unsigned int first)
{
	static struct running crowd[CROWD_MAX];
	uint64_t marked;
	struct call reap;
	struct subject s = { .node = node_new("f-drain") };

	subject_settle(&s);
	attach(&s, first, DRAINED);
	sleep_ms(200);
	for (unsigned int i = 0; i < DRAINED; i++) {
		struct call c;

		floor_call(s.node, "mark", &c);
		call_arg(&c, "flr%u", first + i);
		call_arg(&c, "%u", GROUP);
		call_start(&c, &crowd[i]);
	}
	marked = calls_wait(crowd, DRAINED);
	floor_call(s.node, "reap", &reap);
	call_arg(&reap, "%u", GROUP);
	return marked + call_run(&reap).ns;
}

static uint64_t reference_drain(struct subject *r)
{
	unsigned int first = pods_new(DRAINED);
	uint64_t ns;

	*r = plugin_on("r-crowd", options.reference);
	subject_settle(r);
	attach(r, first, DRAINED);
	sleep_ms(200);
	ns = subject_crowd(r, OP_DEL, first, DRAINED);
	sleep_ms(200);
	return ns;
}

static void report_drain(const struct subject *s, struct series *drained, struct series *alone,
			 struct series *meanwhile, const struct stat_of *floor,
			 const struct stat_of *reference)
{
	const struct row r = { .what = "110 DELs at once",
			       .ours = series_ms(drained),
			       .floor = *floor,
			       .reference = *reference,
			       .plot = true };
	unsigned int pod = pods_new(1);
	struct call c;
	bool ok;

	report_row(&r);
	ok = report_figure("of the floor", r.ours.median / floor->median, AT_MOST, 3);
	if (reference->count)
		report_figure("below the reference", reference->median / r.ours.median,
			      FOR_INFORMATION, 0);
	report_row(&(struct row){ .what = "an ADD amid 110 DELs", .ours = series_ms(meanwhile) });
	ok &= report_figure("ms more than alone",
			    series_ms(meanwhile).median - series_ms(alone).median, AT_MOST, 50);
	if (ok)
		return;
	subject_run(s, OP_ADD, pod);
	call_of(s, OP_DEL, pod, &c);
	why_slow(&c);
}

static void drain(const struct subject *s, struct subject *reference)
{
	static struct series drained, alone, meanwhile;
	const unsigned int rounds = options.quick ? 2 : 8, first = pods_new(DRAINED + 1);
	struct stat_of floor, ref = { 0 };

	for (unsigned int i = 0; i < rounds; i++) {
		uint64_t waited;

		attach(s, first, DRAINED);
		for (int k = 0; k < 5; k++) {
			series_add(&alone, subject_run(s, OP_ADD, first + DRAINED).ns);
			subject_run(s, OP_DEL, first + DRAINED);
			sleep_ms(10);
		}
		series_add(&drained, drain_and_add(s, first, first + DRAINED, &waited));
		series_add(&meanwhile, waited);
		subject_run(s, OP_DEL, first + DRAINED);
		sleep_ms(200);
	}
	floor = value_of((double)floor_drain(first) / 1e6);
	if (reference)
		ref = value_of((double)reference_drain(reference) / 1e6);
	report_drain(s, &drained, &alone, &meanwhile, &floor, &ref);
}

static uint64_t floor_rush(void)
{
	struct subject s = { .node = node_new("f-rush"), .masq = true };

	subject_settle(&s);
	attach(&s, pods_new(RESTING), RESTING);
	sleep_ms(200);
	return subject_crowd(&s, OP_ADD, pods_new(COMING), COMING);
}

static void rush(const struct subject *s, const struct subject *reference)
{
	static struct series times, singles;
	const unsigned int rounds = options.quick ? 2 : 8, coming = pods_new(COMING);
	struct row r = { .what = "50 ADDs at once on top of 200 pods", .plot = true };
	struct call c;

	attach(s, pods_new(RESTING), RESTING);
	for (unsigned int i = 0; i < rounds; i++) {
		sleep_ms(200);
		series_add(&times, subject_crowd(s, OP_ADD, coming, COMING));
		sleep_ms(200);
		series_add(&singles, subject_crowd(s, OP_DEL, coming, COMING));
	}
	sleep_ms(200);
	r.floor = value_of((double)floor_rush() / 1e6);
	if (reference) {
		attach(reference, pods_new(RESTING), RESTING);
		sleep_ms(200);
		r.reference = value_of(
			(double)subject_crowd(reference, OP_ADD, pods_new(COMING), COMING) / 1e6);
	}
	r.ours = series_ms(&times);
	report_row(&r);
	if (!report_figure("of the floor", r.ours.median / r.floor.median, AT_MOST, 1.5)) {
		call_of(s, OP_ADD, coming, &c);
		why_slow(&c);
	}
	if (reference)
		report_figure("below the reference", r.reference.median / r.ours.median,
			      FOR_INFORMATION, 0);
	report_row(&(struct row){ .what = "50 DELs at once of 250 pods",
				  .ours = series_ms(&singles) });
}

void rows_crowd(void)
{
	struct subject s = plugin_on("o-crowd", options.ours), reference = { 0 };
	struct subject *r = options.reference && !options.quick ? &reference : NULL;

	subject_settle(&s);
	drain(&s, r);
	rush(&s, r);
}
