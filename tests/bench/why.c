/* Where the time of one call goes, as strace(1) sees it: see bench.h. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#define LINES_MAX 8

/* The same call, with strace in front. */
static void trace_to(const struct call *c, const char *path)
{
	static struct call t;
	char said[256];

	t = (struct call){ .path = "/usr/bin/strace", .in = c->in, .node = c->node };
	call_arg(&t, "strace");
	call_arg(&t, "-fcwo%s", path);
	call_arg(&t, "-Utime-total,calls,time-avg,time-max,name");
	call_arg(&t, "%s", c->path);
	for (unsigned int i = 1; c->argv[i]; i++)
		call_arg(&t, "%s", c->argv[i]);
	for (unsigned int i = 0; c->envp[i]; i++)
		call_env(&t, "%s", c->envp[i]);
	if (call_try(&t, said, sizeof(said)) != 0)
		report_note("under strace it failed: %s", said);
}

static void print_head(const char *path, unsigned int lines)
{
	char line[256];
	FILE *f = fopen(path, "re");

	while (f && lines-- > 0 && fgets(line, sizeof(line), f))
		report_note("    %.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

void why_slow(const struct call *c)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/why", options.out);
	trace_to(c, path);
	report_note("where the time of one %s goes (wall time in system calls, under strace):",
		    c->argv[0]);
	print_head(path, LINES_MAX);
}
