/* `cnibox node run`: stays, and keeps true what `up` makes. */
#ifndef NODE_RUN_H
#define NODE_RUN_H

struct err;
struct node_options;

/*
 * Until SIGTERM or SIGINT, which leave everything in place: 0. An error only where it cannot begin
 * or cannot wait any more; a pass that fails is logged, and tried again.
 */
int node_run(const struct node_options *o, struct err *e);

#endif
