/* When to act: see pace.h. */
#include "node/pace.h"

void pace_init(struct pace *p)
{
	*p = (struct pace){ .first_ms = -1, .retry_ms = PACE_NEVER };
}

void pace_event(struct pace *p, int64_t now_ms)
{
	if (p->first_ms < 0)
		p->first_ms = now_ms;
	p->last_ms = now_ms;
}

static int64_t smaller(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

static int64_t larger(int64_t x, int64_t y)
{
	return x > y ? x : y;
}

int64_t pace_due(const struct pace *p)
{
	int64_t due = p->retry_ms;

	if (p->first_ms >= 0)
		due = smaller(due,
			      smaller(p->last_ms + PACE_QUIET_MS, p->first_ms + PACE_BURST_MS));
	return due == PACE_NEVER ? due : larger(due, p->even_ms - PACE_SPARE_MS);
}

/* Doubled with each step, up to the most. */
static int64_t grow(int64_t first, unsigned int steps, int64_t most)
{
	for (; steps > 0 && first < most; steps--)
		first *= 2;
	return smaller(first, most);
}

void pace_done(struct pace *p, int64_t begun_ms, int64_t ended_ms, bool failed)
{
	int64_t length_ms = ended_ms - begun_ms;

	p->first_ms = -1;
	p->even_ms = larger(p->even_ms, begun_ms) + length_ms +
		     smaller(PACE_SHARE * length_ms, PACE_PAUSE_MS);
	p->retry_ms = PACE_NEVER;
	if (!failed) {
		p->failures = 0;
		return;
	}
	p->retry_ms = ended_ms + grow(PACE_RETRY_MS, p->failures, PACE_RETRY_MAX_MS);
	p->failures++;
}

uint32_t fight_hash(const char *name)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619U;
	return h;
}

unsigned int fight_repaired(struct fight *f, uint32_t hash, int64_t now_ms)
{
	struct fight_item *it = &f->items[hash % FIGHT_ITEMS];

	if (it->hash != hash || now_ms - it->last_ms > FIGHT_CALM_MS)
		*it = (struct fight_item){ .hash = hash };
	it->count++;
	it->last_ms = now_ms;
	if (it->count >= FIGHT_MIN)
		f->until_ms =
			larger(f->until_ms,
			       now_ms + grow(FIGHT_FIRST_MS, it->count - FIGHT_MIN, FIGHT_MAX_MS));
	return it->count;
}
