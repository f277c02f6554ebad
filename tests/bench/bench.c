/*
 * make bench: see bench.h. Runs as root in a disposable namespace (tests/namespace);
 * tests/bench/run starts it.
 *
 * usage: bench --ours DIR --floor FILE --out DIR [--reference DIR [--later DIR]] [--quick] [--cpu]
 * [ROW...]
 */
#include "bench.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options options;

static const struct {
	const char *name;
	void (*run)(void);
} rows[] = {
	{ "single", rows_single },   { "wire", rows_wire },   { "veth-host", rows_veth_host },
	{ "dhcp", rows_dhcp },	     { "start", rows_start }, { "chain", rows_chain },
	{ "five", rows_five },	     { "ptp", rows_ptp },     { "full", rows_full_node },
	{ "packets", rows_packets }, { "crowd", rows_crowd }, { "node", rows_node_up },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static const char **option_of(const char *name)
{
	if (strcmp(name, "--ours") == 0)
		return &options.ours;
	if (strcmp(name, "--reference") == 0)
		return &options.reference;
	if (strcmp(name, "--later") == 0)
		return &options.later;
	if (strcmp(name, "--floor") == 0)
		return &options.floor;
	return strcmp(name, "--out") == 0 ? &options.out : NULL;
}

/* The number of the first argument that is no option. */
static int read_options(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		const char **value = option_of(argv[i]);

		if (strcmp(argv[i], "--quick") == 0)
			options.quick = true;
		else if (strcmp(argv[i], "--cpu") == 0)
			options.cpu = true;
		else if (value && i + 1 < argc)
			*value = argv[++i];
		else
			die("%s: unknown option, or without its value", argv[i]);
	}
	if (!options.ours || !options.floor || !options.out)
		die("usage: bench --ours DIR --floor FILE --out DIR [--reference DIR [--later "
		    "DIR]] "
		    "[--quick] [--cpu] [ROW...]");
	return i;
}

static void run_row(const char *name)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			rows[i].run();
			return;
		}
	}
	die("%s: no such row", name);
}

int main(int argc, char **argv)
{
	int first = read_options(argc, argv);

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = first; i < argc; i++)
		run_row(argv[i]);
	for (size_t i = 0; first == argc && i < ROWS; i++)
		rows[i].run();
	report_end();
	return 0;
}
