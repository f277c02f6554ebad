/* Waiting and acting: see loop.h. */
#include "node/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "base/clock.h"
#include "base/err.h"

void loop_init(struct loop *l)
{
	*l = (struct loop){ 0 };
	pace_init(&l->pace);
}

void loop_add(struct loop *l, const struct loop_item *item)
{
	assert(l->count < LOOP_ITEMS_MAX);
	l->items[l->count++] = *item;
}

static int64_t pass_due(const struct loop *l)
{
	int64_t due = pace_due(&l->pace), again = l->again(l->arg);

	return due < again ? due : again;
}

/* The milliseconds until then, for poll(2): -1 for ever, a little late rather than early. */
static int timeout(int64_t until, int64_t now)
{
	if (until == LOOP_NEVER)
		return -1;
	if (until <= now)
		return 0;
	return until - now > INT_MAX ? INT_MAX : (int)(until - now);
}

static int wait_for_all(struct loop *l, struct pollfd *p, int64_t *until, struct err *e)
{
	int64_t first = pass_due(l);

	for (size_t i = 0; i < l->count; i++) {
		p[i] = (struct pollfd){ .fd = -1 };
		until[i] = LOOP_NEVER;
		l->items[i].wait(l->items[i].arg, &p[i], &until[i]);
		first = until[i] < first ? until[i] : first;
	}
	if (poll(p, l->count, timeout(first, clock_ms())) >= 0)
		return 0;
	for (size_t i = 0; i < l->count; i++)
		p[i].revents = 0;
	return errno == EINTR ? 0 : err_errno(e, "poll");
}

static unsigned int step_all(struct loop *l, const struct pollfd *p, const int64_t *until)
{
	int64_t now = clock_ms();
	unsigned int said = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (p[i].revents || now >= until[i])
			said |= l->items[i].step(l->items[i].arg, &p[i], now);
	}
	if (said & LOOP_DIRTY)
		pace_event(&l->pace, now);
	return said;
}

static void pass_if_due(struct loop *l)
{
	int64_t begun = clock_ms();
	int r;

	if (begun < pass_due(l))
		return;
	r = l->pass(l->arg, begun);
	pace_done(&l->pace, begun, clock_ms(), r < 0);
}

int loop_run(struct loop *l, struct err *e)
{
	struct pollfd p[LOOP_ITEMS_MAX];
	int64_t until[LOOP_ITEMS_MAX];
	unsigned int said = 0;
	int r = 0;

	pace_event(&l->pace, clock_ms() - PACE_BURST_MS);
	while (r == 0 && !(said & LOOP_END)) {
		pass_if_due(l);
		r = wait_for_all(l, p, until, e);
		l->wakeups++;
		if (r == 0)
			said = step_all(l, p, until);
	}
	return r;
}
