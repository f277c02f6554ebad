/* How long to wait before the next try. Pure: the caller brings the random number. */
#ifndef KUBE_BACKOFF_H
#define KUBE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000
#define BACKOFF_ASKED_MAX_MS                                                                       \
	600000 /* no server makes us wait longer, whatever Retry-After says                        \
		*/

struct backoff {
	unsigned int failures; /* in a row */
};

/*
 * One more failure: the milliseconds until the next try. Doubles from BACKOFF_FIRST_MS up to
 * BACKOFF_MAX_MS; the wait is between a half and the whole of that, so that a cluster's nodes do
 * not come back all at once. asked_s is what Retry-After asked for, or -1: it is waited for at
 * least, plus up to a quarter.
 */
int64_t backoff_next(struct backoff *b, int64_t asked_s, uint32_t random);

void backoff_reset(struct backoff *b);

#endif
