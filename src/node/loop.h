/*
 * The loop of the node program that stays: it waits for whatever may make a difference, and lets a
 * pass be made when it is due (pace.h). It knows neither what is kept true nor who says what is
 * wanted.
 */
#ifndef NODE_LOOP_H
#define NODE_LOOP_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "node/pace.h"

struct err;

#define LOOP_ITEMS_MAX 8
#define LOOP_NEVER INT64_MAX

/* What a step says. */
#define LOOP_DIRTY 1u /* something may be different */
#define LOOP_END 2u   /* the loop is over */

/* Something to wait for. */
struct loop_item {
	void *arg;
	/* What to poll for (fd -1: nothing), and when to come back without it (LOOP_NEVER). */
	void (*wait)(void *arg, struct pollfd *p, int64_t *until_ms);
	/* Its time has come: p->revents says why, 0: the time is over. Never waits. */
	unsigned int (*step)(void *arg, const struct pollfd *p, int64_t now_ms);
};

struct loop {
	struct loop_item items[LOOP_ITEMS_MAX];
	size_t count;
	struct pace pace;
	void *arg;
	int (*pass)(void *arg, int64_t now_ms); /* negative: it has failed, and said so */
	int64_t (*again)(void *arg);		/* when a pass is due in any case, or LOOP_NEVER */
	unsigned long wakeups;
};

/* pass and arg are set by the caller. */
void loop_init(struct loop *l);
void loop_add(struct loop *l, const struct loop_item *item);

/* The first pass is due at once. 0: a step has ended it; negative: it cannot wait any more. */
int loop_run(struct loop *l, struct err *e);

#endif
