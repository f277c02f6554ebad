/*
 * The CNI configuration is a file and survives the boot, routes and rules do not: the runtime would
 * start pods that reach nothing.
 */
#ifndef NODE_WITHHOLD_H
#define NODE_WITHHOLD_H

struct err;
struct pass;

/*
 * Where the kernel has nothing of ours, the configuration is put aside, under a name that no
 * runtime reads; the first pass that makes everything puts it back. Under the lock, before the
 * first pass; p is one that wants nothing.
 */
int withhold_config(struct pass *p, struct err *e);

#endif
