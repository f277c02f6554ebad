/*
 * Deleting host ends in groups.
 *
 * Deleting one veth costs the kernel about 20 ms of grace periods, and deleting fifty in one request costs the same. So each DEL marks its link with a
 * link group and then takes a lock; whoever holds it deletes the whole group in one request, and those who waited find their
 * link gone. As a database groups commits. What must go before the links, the masquerade, goes for the whole crowd in one transaction,
 * too: each one of its own would hold up the node's ADDs for grace periods.
 */
#ifndef ATTACH_REAPER_H
#define ATTACH_REAPER_H

#include <stddef.h>
#include <net/if.h>

struct err;
struct nl;

#define REAPER_GROUP 0x636e6962u	/* "cnib": no other software's group */
#define REAPER_MAX 1000			/* links that one call can name */

/* Mark a link for deletion. 0 also when it is gone already. */
int reaper_mark(struct nl *nl, const char *name, struct err *e);

/*
 * Return when no marked link of this name exists any more: 1 it was this call that deleted it, 0 it was gone, -errno. Before it deletes, it
 * calls first (may be NULL): with the names of all marked links when it had to wait, for then there is a crowd; else with this one name.
 * What fails in first is first's to report. More links may become marked, and deleted, behind first's back.
 */
typedef void reaper_fn(char (*names)[IF_NAMESIZE], size_t count, void *arg);
int reaper_wait(struct nl *nl, const char *name, reaper_fn *first, void *arg, struct err *e);

/* Mark these links, and delete everything that is marked. Those that are gone already are no error. */
int reaper_collect(struct nl *nl, char (*names)[IF_NAMESIZE], size_t count, struct err *e);

#endif
