/* See repairs.h. */
#include "node/repairs.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "node/kind.h"
#include "node/pace.h"
#include "node/pass.h"

#define KINDS_MAX 16
#define TEXT_SIZE 8000 /* two in a line */
#define WARNINGS_MAX 128

static struct {
	unsigned long count;
	struct fight fight;
} per_kind[KINDS_MAX];
static char last_who[64];
static uint32_t warned[WARNINGS_MAX];
static size_t warned_count;

static size_t kind_index(const struct kind *k)
{
	size_t i = 0;

	while (kinds[i] != k)
		i++;
	assert(i < KINDS_MAX);
	return i;
}

unsigned long repair_count(const struct kind *k)
{
	return per_kind[kind_index(k)].count;
}

void repair_set_who(const char *who)
{
	snprintf(last_who, sizeof(last_who), "%s", who);
}

static const char *describe(void (*fn)(struct text *, const void *), const void *item, char *buf)
{
	struct text t;

	text_init(&t, buf, TEXT_SIZE);
	fn(&t, item);
	return buf;
}

/* What is restored is told as it was before us. */
static void log_stale(const struct change *c, const char *what)
{
	static char restored[TEXT_SIZE];

	if (c->kind->describe_restored)
		log_line(LOG_INFO, "%s: no longer wanted: restored",
			 describe(c->kind->describe_restored, c->have, restored));
	else
		log_line(LOG_INFO, "%s: not wanted: removed", what);
}

static void log_change(const struct change *c, const char *what)
{
	static char before[TEXT_SIZE];

	switch (c->verdict) {
	case ITEM_OK:
		break;
	case ITEM_MISSING:
		log_line(LOG_INFO, "%s: was missing: added", what);
		break;
	case ITEM_STALE:
		log_stale(c, what);
		break;
	case ITEM_DIFFERS:
		describe(c->kind->describe, c->have, before);
		if (strcmp(before, what) == 0)
			log_line(LOG_INFO, "%s: was different: changed", what);
		else
			log_line(LOG_INFO, "%s: was %s: changed", what, before);
		break;
	}
}

/* The first time and then each time that the count has doubled. */
static void log_fight(const char *what, unsigned int count, int64_t pause_ms)
{
	if (count < FIGHT_MIN || (count & (count - 1)) != 0)
		return;
	log_line(LOG_WARN,
		 "%s: another changes it again and again, %u times until now: left alone for "
		 "%lld.%03lld s%s%s",
		 what, count, (long long)pause_ms / 1000, (long long)pause_ms % 1000,
		 last_who[0] ? "; nftables were changed last by " : "", last_who);
}

void repair_done(const struct change *c)
{
	static char what[TEXT_SIZE];
	size_t i = kind_index(c->kind);
	int64_t now = clock_ms();
	unsigned int count;

	describe(c->kind->describe, c->item, what);
	log_change(c, what);
	per_kind[i].count++;
	count = fight_repaired(&per_kind[i].fight, fight_hash(what), now);
	log_fight(what, count, per_kind[i].fight.until_ms - now);
}

int64_t repair_leave_out(struct pass *p, int64_t now_ms)
{
	int64_t first = PACE_NEVER;

	for (size_t i = 0; i < kind_count; i++) {
		int64_t until = per_kind[i].fight.until_ms;

		if (now_ms >= until || pass_to_do(&p->work[i]) == 0)
			continue;
		pass_leave_out(p, &p->work[i]);
		first = until < first ? until : first;
	}
	return first;
}

static bool is_in(const uint32_t *hashes, size_t count, uint32_t hash)
{
	for (size_t i = 0; i < count; i++) {
		if (hashes[i] == hash)
			return true;
	}
	return false;
}

void repair_log_warnings(const struct pass *p)
{
	const char *const *text = p->warnings.at;
	uint32_t now[WARNINGS_MAX] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < p->warnings.count && count < WARNINGS_MAX; i++) {
		now[count++] = fight_hash(text[i]);
		if (!is_in(warned, warned_count, now[count - 1]))
			log_line(LOG_WARN, "%s", text[i]);
	}
	memcpy(warned, now, count * sizeof(now[0]));
	warned_count = count;
}
