/* See metrics.h. */
#include "node/metrics.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "node/kind.h"
#include "node/repairs.h"

/* Resident pages of this process, the second number; 0 where /proc says nothing. */
static unsigned long resident_pages(void)
{
	char buf[128], *rest;

	if (file_read(AT_FDCWD, "/proc/self/statm", buf, sizeof(buf), err_ignored()) < 0)
		return 0;
	strtoul(buf, &rest, 10);
	return strtoul(rest, NULL, 10);
}

static void put_head(struct text *t, const char *name, const char *type, const char *help)
{
	text_printf(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_value(struct text *t, const char *name, const char *type, const char *help,
		      unsigned long value)
{
	put_head(t, name, type, help);
	text_printf(t, "%s %lu\n", name, value);
}

static void put_seconds(struct text *t, const char *name, const char *help, int64_t ms)
{
	put_head(t, name, "gauge", help);
	text_printf(t, "%s %lld.%03d\n", name, (long long)(ms / 1000), (int)(ms % 1000));
}

static void put_repairs(struct text *t)
{
	put_head(t, "cnibox_repairs_total", "counter", "What was made as it should be, by kind.");
	for (size_t i = 0; i < kind_count; i++) {
		text_str(t, "cnibox_repairs_total{kind=\"");
		for (const char *c = kinds[i]->name; *c; c++)
			text_char(t, *c == ' ' ? '_' : *c);
		text_printf(t, "\"} %lu\n", repair_count(kinds[i]));
	}
}

static void put_metrics(const struct node_metrics *m, struct text *t)
{
	put_head(t, "cnibox_info", "gauge", "The version.");
	text_str(t, "cnibox_info{version=\"" CNIBOX_VERSION "\"} 1\n");
	put_value(t, "cnibox_ready", "gauge", "1: this node is joined as it should be.",
		  m->failure ? 0 : 1);
	put_value(t, "cnibox_nodes", "gauge", "Nodes of the cluster.", m->nodes);
	put_repairs(t);
	put_value(t, "cnibox_passes_total", "counter", "Comparisons with what should be.",
		  m->passes);
	put_value(t, "cnibox_passes_failed_total", "counter", "Those that failed.", m->failures);
	put_seconds(t, "cnibox_pass_seconds", "How long the last one took.", m->pass_ms);
	put_value(t, "cnibox_wakeups_total", "counter", "Times that there was something to do.",
		  m->wakeups);
	if (m->contact_ms >= 0)
		put_seconds(t, "cnibox_source_contact_seconds",
			    "Since the API server, or the file, was last heard or read.",
			    m->contact_ms);
	put_value(t, "process_resident_memory_bytes", "gauge", "Resident memory.",
		  resident_pages() * (unsigned long)sysconf(_SC_PAGESIZE));
}

unsigned int metrics_answer(const char *path, const struct node_metrics *m, struct text *t)
{
	if (strcmp(path, "/healthz") == 0) {
		text_str(t, "ok\n");
	} else if (strcmp(path, "/readyz") == 0) {
		text_printf(t, "%s\n", m->failure ? m->failure : "ok");
		return m->failure ? 503 : 200;
	} else if (strcmp(path, "/metrics") == 0) {
		put_metrics(m, t);
	} else {
		text_str(t, "there is /healthz, /readyz and /metrics\n");
		return 404;
	}
	return 200;
}
