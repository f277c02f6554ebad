/* What a pass has found and done, in lines on standard output; warnings go to the log. */
#ifndef NODE_REPORT_H
#define NODE_REPORT_H

#include <stdbool.h>

struct change;
struct pass;

void report_warnings(const struct pass *p);

/* One that was made, at once: who is killed half way has said what was done. */
void report_done(const struct change *c);

/* What would be changed. */
void report_plan(const struct pass *p);

/* Everything that is there or wanted; compared: with what is to be thought of it. */
void report_state(const struct pass *p, bool compared);

#endif
