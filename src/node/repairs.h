/*
 * What the program that stays has repaired: log lines, counts, and who is fought. Each repair is
 * one line: what was different, and what was done.
 */
#ifndef NODE_REPAIRS_H
#define NODE_REPAIRS_H

#include <stdint.h>

struct change;
struct kind;
struct pass;

/* pass.done: one was made. who may be the cause, "" when it is not known. */
void repair_done(const struct change *c);
void repair_set_who(const char *who);

/*
 * Before the changes of a pass are made: leave out the kinds that are fought about. Returns when
 * the first of them is to be tried again, or PACE_NEVER.
 */
int64_t repair_leave_out(struct pass *p, int64_t now_ms);

/* How many of the kind there were. */
unsigned long repair_count(const struct kind *k);

/* The warnings of a pass that the pass before had not. */
void repair_log_warnings(const struct pass *p);

#endif
