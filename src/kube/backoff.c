/* Waiting: see backoff.h. */
#include "kube/backoff.h"

static int64_t spread(int64_t most, uint32_t random)
{
	return (int64_t)((uint64_t)most * random >> 32);
}

int64_t backoff_next(struct backoff *b, int64_t asked_s, uint32_t random)
{
	int64_t wait = BACKOFF_FIRST_MS, asked;

	for (unsigned int i = 0; i < b->failures && wait < BACKOFF_MAX_MS; i++)
		wait *= 2;
	if (wait > BACKOFF_MAX_MS)
		wait = BACKOFF_MAX_MS;
	b->failures += b->failures < UINT16_MAX;
	wait = wait / 2 + spread(wait / 2, random);
	if (asked_s < 0)
		return wait;
	asked = asked_s < BACKOFF_ASKED_MAX_MS / 1000 ? asked_s * 1000 : BACKOFF_ASKED_MAX_MS;
	asked += spread(asked / 4, random);
	return asked > wait ? asked : wait;
}

void backoff_reset(struct backoff *b)
{
	b->failures = 0;
}
