/*
 * What an ADD has done so far, to be taken back in reverse order if a later step fails.
 */
#ifndef BASE_UNDO_H
#define BASE_UNDO_H

#define UNDO_MAX 16

typedef void undo_fn(void *ctx);

struct undo {
	unsigned int count;
	struct {
		undo_fn *fn;
		void *ctx; /* borrowed; must outlive the stack */
	} step[UNDO_MAX];
};

/* After each effect, push its inverse. The stack is large enough for every plugin (asserted). */
void undo_push(struct undo *u, undo_fn *fn, void *ctx);

/* Run all inverses, last first, and empty the stack. An inverse reports its own trouble to the log.
 */
void undo_run(struct undo *u);

#endif
