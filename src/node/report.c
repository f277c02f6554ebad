/* Lines about a pass: see report.h. */
#include "node/report.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "node/kind.h"
#include "node/pass.h"

#define LINE_SIZE 17000 /* a chain with all the rules that are possible */

void report_warnings(const struct pass *p)
{
	const char *const *text = p->warnings.at;

	for (size_t i = 0; i < p->warnings.count; i++)
		log_line(LOG_WARN, "%s", text[i]);
}

/* Where something is restored, what it was before us is what counts. */
static void print_change(const struct change *c, const char *would)
{
	static const char *const words[] = {
		[ITEM_MISSING] = "added", [ITEM_STALE] = "removed", [ITEM_DIFFERS] = "changed"
	};
	bool restored = c->verdict == ITEM_STALE && c->kind->describe_restored;
	char line[LINE_SIZE];
	struct text t;

	text_init(&t, line, sizeof(line));
	(restored ? c->kind->describe_restored : c->kind->describe)(&t, c->item);
	printf("%s: %s%s\n", line, would, restored ? "restored" : words[c->verdict]);
}

void report_done(const struct change *c)
{
	print_change(c, "");
	fflush(stdout);
}

void report_plan(const struct pass *p)
{
	for (size_t k = 0; k < kind_count; k++) {
		const struct work *w = &p->work[k];

		for (size_t i = 0; i < w->count; i++) {
			if (w->changes[i].verdict != ITEM_OK)
				print_change(&w->changes[i], "would be ");
		}
	}
}

static bool is_foreign(const struct change *c)
{
	return c->have && c->kind->check_owner && c->kind->check_owner(c->have, err_ignored()) < 0;
}

static void print_state(const struct change *c, bool compared)
{
	static const char *const verdicts[] = { [ITEM_OK] = "ok",
						[ITEM_MISSING] = "missing",
						[ITEM_STALE] = "stale",
						[ITEM_DIFFERS] = "differs" };
	char line[LINE_SIZE];
	struct text t;

	text_init(&t, line, sizeof(line));
	c->kind->describe(&t, c->item);
	if (compared)
		printf("%s: %s%s\n", line, verdicts[c->verdict],
		       is_foreign(c) ? " (not ours)" : "");
	else
		printf("%s\n", line);
}

void report_state(const struct pass *p, bool compared)
{
	for (size_t k = 0; k < kind_count; k++) {
		const struct work *w = &p->work[k];

		for (size_t i = 0; i < w->count; i++)
			print_state(&w->changes[i], compared);
	}
}
