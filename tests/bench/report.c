/* The table, bench.json and the plot's data: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WHAT_WIDTH 46
#define CELL 20

static struct {
	FILE *json, *data;
	struct row row;
	bool open, printed;   /* a row is begun; its line is on the screen */
	unsigned int figures; /* of this row */
	unsigned int rows, judged, missed;
} report;

static FILE *create(const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", options.out, name);
	f = fopen(path, "we");
	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

static void begin(void)
{
	if (report.json)
		return;
	report.json = create("bench.json");
	report.data = create("bench.dat");
	fprintf(report.json, "{\n\"quick\": %s,\n\"rows\": [", options.quick ? "true" : "false");
	printf("%-*s %*s %*s %*s   %-22s %8s  %s\n", WHAT_WIDTH, "what", CELL, "ours", CELL,
	       "floor", CELL, "reference", "figure", "", "must");
}

static const char *cell(const struct stat_of *s, const char *unit, char out[static 40])
{
	char number[24];

	out[0] = '\0';
	if (s->count == 0)
		return strcpy(out, "-");
	snprintf(number, sizeof(number),
		 s->median < 10 && s->median != floor(s->median) ? "%.2f" : "%.0f", s->median);
	if (s->count == 1)
		snprintf(out, 40, "%s %s", number, unit);
	else
		snprintf(out, 40, "%s (%.*f) %s", number, s->p99 < 10 ? 2 : 0, s->p99, unit);
	return out;
}

static void print_cells(const struct row *r)
{
	const char *unit = r->unit ? r->unit : "ms";
	char a[40], b[40], c[40];

	if (report.printed)
		printf("%-*s %*s %*s %*s", WHAT_WIDTH, "", CELL, "", CELL, "", CELL, "");
	else
		printf("%-*s %*s %*s %*s", WHAT_WIDTH, r->what, CELL, cell(&r->ours, unit, a), CELL,
		       cell(&r->floor, unit, b), CELL, cell(&r->reference, unit, c));
	report.printed = true;
}

static void json_stat(const char *name, const struct stat_of *s)
{
	if (s->count)
		fprintf(report.json,
			", \"%s\": {\"median\": %.4f, \"p10\": %.4f, \"p99\": %.4f, "
			"\"samples\": %u}",
			name, s->median, s->p10, s->p99, s->count);
}

static void finish_row(void)
{
	if (!report.open)
		return;
	if (!report.printed) {
		print_cells(&report.row);
		printf("\n");
	}
	fprintf(report.json, "]}");
	report.open = false;
	fflush(stdout);
}

void report_row(const struct row *r)
{
	begin();
	finish_row();
	report.row = *r;
	report.open = true;
	report.printed = false;
	report.figures = 0;
	fprintf(report.json, "%s\n{\"what\": \"%s\", \"unit\": \"%s\"", report.rows++ ? "," : "",
		r->what, r->unit ? r->unit : "ms");
	json_stat("ours", &r->ours);
	json_stat("floor", &r->floor);
	json_stat("reference", &r->reference);
	fprintf(report.json, ", \"figures\": [");
	if (r->plot)
		fprintf(report.data, "\"%s\"\t%g\t%g\t%g\n", r->what, r->ours.median,
			r->floor.median, r->reference.median);
}

static const char *must_text(enum limit limit, double must, char out[static 32])
{
	out[0] = '\0';
	if (limit != FOR_INFORMATION)
		snprintf(out, 32, "%s %g", limit == AT_MOST ? "at most" : "at least", must);
	return out;
}

bool report_figure(const char *what, double value, enum limit asked, double must)
{
	enum limit limit = options.cpu ? FOR_INFORMATION : asked;
	bool ok = limit == FOR_INFORMATION || (limit == AT_MOST ? value <= must : value >= must);
	char text[32], verdict[48] = "";

	if (limit != FOR_INFORMATION && ok)
		strcpy(verdict, "ok");
	else if (!ok)
		snprintf(verdict, sizeof(verdict), "MISSED by %.0f %%",
			 100 * fabs(value - must) / must);
	print_cells(&report.row);
	printf("   %-22s %8.*f  %-14s %s\n", what, value < 100 ? 2 : 0, value,
	       must_text(limit, must, text), verdict);
	fprintf(report.json, "%s{\"figure\": \"%s\", \"value\": %.4f", report.figures++ ? ", " : "",
		what, value);
	if (limit != FOR_INFORMATION)
		fprintf(report.json, ", \"%s\": %g, \"ok\": %s",
			limit == AT_MOST ? "at_most" : "at_least", must, ok ? "true" : "false");
	fprintf(report.json, "}");
	report.judged += limit != FOR_INFORMATION;
	report.missed += !ok;
	return ok;
}

void report_note(const char *fmt, ...)
{
	va_list ap;

	if (report.open && !report.printed) {
		print_cells(&report.row);
		printf("\n");
	}
	printf("    ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void report_skip(const char *what, const char *why)
{
	begin();
	finish_row();
	printf("%-*s skipped: %s\n", WHAT_WIDTH, what, why);
	fprintf(report.json, "%s\n{\"what\": \"%s\", \"skipped\": \"%s\"}",
		report.rows++ ? "," : "", what, why);
}

void report_end(void)
{
	begin();
	finish_row();
	fprintf(report.json, "\n]\n}\n");
	fclose(report.json);
	fclose(report.data);
	printf("%u figures, %u met, %u missed\n", report.judged, report.judged - report.missed,
	       report.missed);
}
