/*
 * One call at a time: ADD and DEL of each kind of network; ours, the floor's and the reference's by
 * turns, each on a node of its own.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum side { OURS, FLOOR, REFERENCE, SIDES };

/* A new plugin or network joins with a line. 0: nothing is demanded, the figure is reported. */
static const struct single {
	const char *name;
	const char *plugin;
	enum network network;
	bool masq, with_reference, on_disk;
	double add_of_floor, del_of_floor;
	const char *wire;
	bool alone; /* one pod at a time can have it */
} cases[] = {
	{ "bridge + host-local + ipMasq", "bridge", NET_BRIDGE_MASQ, true, true, false, 1.5, 1.1 },
	{ "bridge + host-local", "bridge", NET_BRIDGE, false, true, false, 1.5, 1.1 },
	{ "the same, leases on disk", "bridge", NET_BRIDGE, false, true, true, 0, 0 },
	{ "bash-cni", "bash-cni", NET_BASH, false, false, false, 0, 0 },
	{ "macvlan + host-local", "macvlan", NET_MACVLAN, false, true, false, 1.5, 0, "macvlan" },
	{ "ipvlan + host-local", "ipvlan", NET_IPVLAN, false, true, false, 1.5, 0, "ipvlan" },
	{ "vlan + host-local", "vlan", NET_VLAN, false, true, false, 1.5, 0, "vlan", true },
	{ "host-device + host-local", "host-device", NET_HOST_DEVICE, false, true, false, 1.5, 0,
	  "host-device", true },
	{ "tap + host-local", "tap", NET_TAP, false, true, false, 1.5, 0, "tap" },
};

static const char *const prefixes[] = { "o", "f", "r" };

struct measured {
	struct series add[SIDES], del[SIDES];
};

static const char *data_dir(const struct single *s, const char *node)
{
	static char dirs[32][384];
	static unsigned int n;
	char *out = dirs[n++ % 32];

	if (s->on_disk)
		snprintf(out, sizeof(dirs[0]), "%s/state/%s", options.out, node);
	else
		snprintf(out, sizeof(dirs[0]), "/var/lib/cni/%s", node);
	return out;
}

/* Where the reference's program of this plugin is; NULL: nowhere. */
static const char *reference_of(const struct single *c)
{
	const char *const dirs[] = { options.reference, options.later };

	for (int i = 0; c->with_reference && i < 2; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dirs[i] ? dirs[i] : "", c->plugin);
		if (dirs[i] && access(path, X_OK) == 0)
			return dirs[i];
	}
	return NULL;
}

static void settle(const struct single *c, const struct subject *s)
{
	unsigned int pod = subject_settle(s);

	if (c->alone)
		subject_run(s, OP_DEL, pod);
}

/* false: this kernel has not its links. */
static bool prepare(const struct single *c, unsigned int index, struct subject s[static SIDES])
{
	for (int side = 0; side < SIDES; side++) {
		char name[16];

		snprintf(name, sizeof(name), "%s-single%u", prefixes[side], index);
		if (side == REFERENCE && !reference_of(c))
			continue;
		s[side] = (struct subject){ .node = node_new(name),
					    .masq = c->masq,
					    .wire = c->wire };
		if (c->wire)
			node_wire(s[side].node);
		if (c->wire && !node_has_kind(s[side].node, c->wire))
			return false;
		if (side != FLOOR) {
			s[side].plugin = c->plugin;
			s[side].dir = side == OURS ? options.ours : reference_of(c);
			s[side].conf = network_conf(c->network, name, data_dir(c, name), "1.0.0");
		}
		settle(c, &s[side]);
	}
	return true;
}

/*
 * Each side's pod comes and goes in its turn; the kernel's work behind a deletion gets time to end
 * before the next call.
 */
static void cycle(const struct subject *s, unsigned int pod, struct series *add, struct series *del)
{
	series_add(add, subject_run(s, OP_ADD, pod).ns);
	sleep_ms(3);
	series_add(del, subject_run(s, OP_DEL, pod).ns);
	sleep_ms(10);
}

static void measure(const struct subject s[static SIDES], struct measured *m)
{
	const unsigned int rounds = options.quick ? 15 : 200,
			   reference_every = options.quick ? 5 : 4;
	unsigned int pod = pods_new(SIDES);

	for (unsigned int i = 0; i < rounds; i++) {
		for (unsigned int k = 0; k < SIDES; k++) {
			unsigned int side = (i + k) % SIDES;

			if (s[side].node && (side != REFERENCE || i % reference_every == 0))
				cycle(&s[side], pod + side, &m->add[side], &m->del[side]);
		}
	}
}

static void report(const char *what, const struct single *c, struct series m[static SIDES],
		   double of_floor, const struct call *why)
{
	char title[80];
	const struct row r = {
		.what = title,
		.ours = series_ms(&m[OURS]),
		.floor = series_ms(&m[FLOOR]),
		.reference = series_ms(&m[REFERENCE]),
		.plot = c->with_reference && !c->on_disk,
	};
	bool ok;

	snprintf(title, sizeof(title), "%s %s", what, c->name);
	report_row(&r);
	ok = report_figure("of the floor", r.ours.median / r.floor.median,
			   of_floor > 0 ? AT_MOST : FOR_INFORMATION, of_floor);
	if (r.reference.count)
		report_figure("below the reference", r.reference.median / r.ours.median,
			      FOR_INFORMATION, 0);
	if (!ok && why)
		why_slow(why);
}

/* The traced calls of a missed figure are the pod's ADD, then its DEL: the state stays in order. */
static void explainable(const struct single *c, const struct subject *ours, struct measured *m)
{
	unsigned int pod = pods_new(1);
	struct call call;

	if (c->wire) { /* nothing on the node tells whether the traced call was made */
		report("ADD", c, m->add, c->add_of_floor, NULL);
		report("DEL", c, m->del, c->del_of_floor, NULL);
		return;
	}
	call_of(ours, OP_ADD, pod, &call);
	report("ADD", c, m->add, c->add_of_floor, &call);
	if (node_ports(ours->node) == 1)
		call_run(&call);
	call_of(ours, OP_DEL, pod, &call);
	report("DEL", c, m->del, c->del_of_floor, &call);
}

static void run(const struct single *c, unsigned int index)
{
	static struct measured m;
	struct subject s[SIDES];

	memset(&m, 0, sizeof(m));
	memset(s, 0, sizeof(s));
	if (!prepare(c, index, s)) {
		report_skip(c->name, "this kernel has no links of that kind");
		return;
	}
	measure(s, &m);
	explainable(c, &s[OURS], &m);
}

static void run_all(bool wire)
{
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!cases[i].wire == !wire)
			run(&cases[i], i);
	}
}

void rows_single(void)
{
	run_all(false);
}

void rows_wire(void)
{
	run_all(true);
}

/* What a call costs besides time, and a process that does nothing. */

static struct cost cost_of(const struct subject *s)
{
	unsigned int pod = pods_new(2);
	struct cost cost;
	struct call c;

	subject_settle(s);
	call_of(s, OP_ADD, pod, &c);
	cost = call_trace(&c);
	cost.faults = subject_run(s, OP_ADD, pod + 1).faults;
	subject_run(s, OP_DEL, pod);
	subject_run(s, OP_DEL, pod + 1);
	return cost;
}

static void report_cost(const char *what, const char *unit, const double v[static SIDES],
			double at_most)
{
	struct row r = {
		.what = what, .unit = unit, .ours = value_of(v[OURS]), .floor = value_of(v[FLOOR])
	};

	if (options.reference)
		r.reference = value_of(v[REFERENCE]);
	report_row(&r);
	if (at_most > 0)
		report_figure(unit, v[OURS], AT_MOST, at_most);
}

static void version_times(struct subject s[static SIDES])
{
	static struct series times[SIDES];

	for (int i = 0; i < (options.quick ? 30 : 300); i++) {
		for (int side = 0; side < SIDES; side += REFERENCE) {
			if (s[side].node)
				series_add(&times[side], subject_run(&s[side], OP_VERSION, 0).ns);
		}
	}
	report_row(&(struct row){ .what = "start-up (CNI_COMMAND=VERSION)",
				  .ours = series_ms(&times[OURS]),
				  .reference = series_ms(&times[REFERENCE]) });
	if (options.reference)
		report_figure("below the reference",
			      series_ms(&times[REFERENCE]).median / series_ms(&times[OURS]).median,
			      FOR_INFORMATION, 0);
}

static double kib_of(const char *dir, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &st) < 0)
		die("%s: %s", path, strerror(errno));
	return (double)st.st_size / 1024;
}

/* All of ours are one file; of the reference those that the bench calls. */
static void report_sizes(void)
{
	struct row r = { .what = "size on disk", .unit = "KiB" };

	r.ours = value_of(kib_of(options.ours, "cnibox"));
	if (options.reference)
		r.reference = value_of(kib_of(options.reference, "bridge") +
				       kib_of(options.reference, "host-local") +
				       kib_of(options.reference, "loopback"));
	report_row(&r);
	report_figure("KiB", r.ours.median, AT_MOST, 1024);
}

void rows_start(void)
{
	double calls[SIDES] = { 0 }, processes[SIDES] = { 0 }, peak[SIDES] = { 0 },
	       own[SIDES] = { 0 }, faults[SIDES] = { 0 };
	struct subject s[SIDES] = { 0 };

	for (int side = 0; side < SIDES; side++) {
		char name[16];
		struct cost c;

		snprintf(name, sizeof(name), "%s-cost", prefixes[side]);
		if (side == REFERENCE && !options.reference)
			continue;
		s[side] = (struct subject){ .node = node_new(name), .masq = true };
		if (side != FLOOR) {
			s[side].plugin = "bridge";
			s[side].dir = side == OURS ? options.ours : options.reference;
			s[side].conf =
				network_conf(NET_BRIDGE_MASQ, name, "/var/lib/cni/cost", "1.0.0");
		}
		c = cost_of(&s[side]);
		calls[side] = (double)c.calls;
		processes[side] = c.processes;
		peak[side] = (double)c.peak_kib;
		own[side] = (double)c.own_kib;
		faults[side] = (double)c.faults;
	}
	version_times(s);
	report_cost("system calls per ADD with ipMasq", "calls", calls, 0);
	report_cost("processes per ADD with ipMasq", "execs", processes, 0);
	report_cost("page faults per ADD with ipMasq", "faults", faults, 0);
	report_cost("peak memory of an ADD with ipMasq", "KiB", peak, 1024);
	report_cost("of that no part of the program's file", "KiB", own, 0);
	report_sizes();
}
