/*
 * Deleting host ends in groups.
 *
 * Deleting one veth costs the kernel about 20 ms of grace periods, and deleting fifty in one
 * request costs the same. So each DEL marks its link with a link group and then takes a lock;
 * whoever had to wait for it deletes for the whole crowd, and most of those who waited find their
 * link gone. As a database groups commits.
 *
 * What must go before a link, its masquerade, goes for the crowd in one transaction, too; one for
 * each would hold up the node's ADDs for grace periods. So that a DEL can trust in it, what is
 * deleted is a second group, into which links come when their masquerade is gone: others mark
 * theirs all the time.
 */
#ifndef IFACE_REAPER_H
#define IFACE_REAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <net/if.h>

struct err;
struct link;
struct nl;

#define REAPER_MARKED 0x636e6962u /* "cnib": no other software's groups */
#define REAPER_DOOMED 0x636e6963u
#define REAPER_MAX 1000 /* links that one call can name */

/* Is it on its way out? */
bool reaper_has(const struct link *l);

/*
 * Mark this link and return when it is gone: 0 a crowd was here, and perhaps another's call deleted
 * it; 1 this call did, or nobody; -errno. Before it deletes, it calls first: with the names of all
 * marked links, this one among them, when it had to wait, for then there is a crowd; else with this
 * one. Nobody else deletes a link of them before first has said 0; when it says -errno this one is
 * deleted alone. first NULL: nothing goes before.
 */
typedef int reaper_fn(char (*names)[IF_NAMESIZE], size_t count, void *arg);
int reaper_del(struct nl *nl, const char *name, reaper_fn *first, void *arg, struct err *e);

/*
 * GC: delete these links, whose masquerade is gone, in one request. Those that are not there any
 * more are no error.
 */
int reaper_collect(struct nl *nl, char (*names)[IF_NAMESIZE], size_t count, struct err *e);

#endif
