/*
 * Deleting host ends in groups.
 *
 * Deleting one veth costs the kernel about 20 ms of grace periods, and deleting fifty in one request costs the same. So each DEL marks its link with a
 * link group and then takes a lock; whoever holds it deletes the whole group in one request, and those who waited find their
 * link gone. As a database groups commits.
 */
#ifndef ATTACH_REAPER_H
#define ATTACH_REAPER_H

struct err;
struct nl;

#define REAPER_GROUP 0x636e6962u	/* "cnib": no other software's group */

/* Mark a link for deletion. 0 also when it is gone already. */
int reaper_mark(struct nl *nl, const char *name, struct err *e);

/* Return when no marked link of this name exists any more. */
int reaper_wait(struct nl *nl, const char *name, struct err *e);

/* Delete everything that is marked. */
int reaper_run(struct nl *nl, struct err *e);

#endif
