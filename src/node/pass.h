/*
 * One pass: read this machine, compare it with what the cluster asks for, make the difference go.
 * Everything is read and validated before anything is changed. A pass remembers nothing: the next
 * one begins with an arena that was reset.
 */
#ifndef NODE_PASS_H
#define NODE_PASS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "node/site.h"

struct change;
struct err;
struct work;

struct pass {
	struct site site; /* given: arena, sockets, cluster and its source */
	bool wanted;	  /* given: the cluster is wanted here; else nothing is */
	const char *name; /* given: this machine's among the nodes; NULL: to be found out */
	void (*done)(
		const struct change *c); /* given: told of each change as it is made, or NULL */
	struct work *work;		 /* kind_count of them, in the order of the kinds */
	size_t to_do;			 /* changes that are not ITEM_OK */
	struct list warnings;		 /* const char * */
};

/* Read and compare; nothing is changed. Errors about the cluster begin with its source. */
int pass_read(struct pass *p, struct err *e);

/* -EEXIST: something of another is in the way; it is named. */
int pass_check_owners(const struct pass *p, struct err *e);

enum pass_order {
	PASS_UP,   /* in the order of the kinds; ends at the first error */
	PASS_DOWN, /* in the opposite order; goes on after errors and returns the first */
};

/* Make the changes; done() is told of each that was made, also when there is an error later. */
int pass_apply(struct pass *p, enum pass_order order, struct err *e);

/* How many changes one kind has. */
size_t pass_to_do(const struct work *w);

/* Leave this kind as it is: its changes are not made. */
void pass_leave_out(struct pass *p, struct work *w);

/* Only one pass at a time changes this machine. Returns a descriptor, -EAGAIN after timeout_ms. */
#define PASS_LOCK_MS 10000
int pass_lock(unsigned int timeout_ms, struct err *e);

/*
 * The lock of a program: one that stays holds it alone, others share it, for what they change would
 * be changed back. -EAGAIN: who holds it is named.
 */
int pass_lock_program(bool alone, struct err *e);

/* Either of them; a negative lock is none. */
void pass_unlock(int lock);

#endif
