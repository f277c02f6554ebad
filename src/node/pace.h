/*
 * When the next pass is due, and what is not to be repaired for a while. Pure: the caller brings
 * the time, in milliseconds of one clock that never goes back.
 *
 * Events come in bursts: a pass waits until they have been silent for a moment, but not long. A
 * pass that has failed is tried again, later and later. However many events come, passes take a
 * fifth of the time, or leave a second between them; but of a time without any they have some left
 * over, so that the second of two events is answered as soon as the first.
 */
#ifndef NODE_PACE_H
#define NODE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_QUIET_MS 10   /* of silence after the last event of a burst */
#define PACE_BURST_MS 50   /* a burst is answered after this, whether it goes on or not */
#define PACE_SHARE 4	   /* a pass is worth so many times its length without any */
#define PACE_PAUSE_MS 1000 /* but not more: it may have waited, not worked */
#define PACE_SPARE_MS 500  /* of that they may be ahead */
#define PACE_RETRY_MS 1000
#define PACE_RETRY_MAX_MS 60000
#define PACE_NEVER INT64_MAX

struct pace {
	int64_t first_ms, last_ms; /* of the events that no pass has answered; first -1: none */
	int64_t even_ms;	   /* until then passes have had more than their share */
	int64_t retry_ms;	   /* PACE_NEVER: nothing has failed */
	unsigned int failures;
};

void pace_init(struct pace *p);

void pace_event(struct pace *p, int64_t now_ms);

/* PACE_NEVER: not before the next event. */
int64_t pace_due(const struct pace *p);

/* A pass took from begun to ended; what came before it began is answered. */
void pace_done(struct pace *p, int64_t begun_ms, int64_t ended_ms, bool failed);

/*
 * Somebody fights it: one thing of a kind is repaired and changed again and again. Such a kind is
 * left alone for a while, longer each time; the other kinds are not concerned.
 */
#define FIGHT_ITEMS 64	     /* that are remembered, by the hash of their names */
#define FIGHT_MIN 4	     /* repairs of one thing; fewer are none */
#define FIGHT_FIRST_MS 250   /* the first pause */
#define FIGHT_MAX_MS 60000   /* the longest */
#define FIGHT_CALM_MS 150000 /* a thing that was right for so long begins anew */

struct fight_item {
	uint32_t hash;
	unsigned int count;
	int64_t last_ms;
};

struct fight {
	struct fight_item items[FIGHT_ITEMS];
	int64_t until_ms; /* the kind is left alone */
};

uint32_t fight_hash(const char *name);

/* One was repaired: how often that was so. From FIGHT_MIN on the kind has a pause. */
unsigned int fight_repaired(struct fight *f, uint32_t hash, int64_t now_ms);

#endif
