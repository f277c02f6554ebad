/*
 * Waiting for a state that the kernel announces: by its event, never by time alone.
 */
#ifndef NET_AWAIT_H
#define NET_AWAIT_H

struct err;

/* Does it hold? 1 yes, 0 not yet, -errno: it never will. Called once and after each event. */
typedef int await_fn(void *arg, struct err *e);

struct await {
	unsigned int group; /* RTNLGRP_*, whose events can make it hold */
	int ns, home;	    /* where they happen, and the way back; both -1: here */
	int timeout_ms;
	await_fn *holds;
	void *arg;
};

/*
 * Return when it holds. Asked first, so that what holds already costs one question; the socket for
 * the events is open before the next one, so that none is missed. -ETIMEDOUT without a text: that
 * is the caller's to write.
 */
int await_state(const struct await *a, struct err *e);

#endif
