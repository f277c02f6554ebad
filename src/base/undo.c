/* The stack of inverses of an ADD: see undo.h. */
#include "base/undo.h"

#include <assert.h>

void undo_push(struct undo *u, undo_fn *fn, void *ctx)
{
	assert(u->count < UNDO_MAX);
	u->step[u->count].fn = fn;
	u->step[u->count].ctx = ctx;
	u->count++;
}

void undo_run(struct undo *u)
{
	while (u->count > 0) {
		u->count--;
		u->step[u->count].fn(u->step[u->count].ctx);
	}
}
