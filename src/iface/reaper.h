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
 *
 * Links go by their index: a name may be another link's by the time of the deletion, of the ADD
 *that comes after a DEL that somebody else has finished, or of udev, which renames.
 *
 *	r = reaper_begin(&reaper, nl, &link, &e);
 *	if (r > 0) {
 *		... what goes before the links reaper.names; if it fails, reaper_alone(&reaper) ...
 *		r = reaper_finish(&reaper, &e);
 *	}
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

/* Large: make it static. */
struct reaper {
	struct nl *nl;
	int lock;   /* -1: none */
	bool crowd; /* another's DEL held the lock: there is a crowd */
	size_t count;
	int links[REAPER_MAX];		     /* that are to be deleted; the own one first */
	char names[REAPER_MAX][IF_NAMESIZE]; /* theirs, as they were made */
};

/* Is it on its way out? */
bool reaper_has(const struct link *l);

/*
 * Mark this link and wait for the turn. 1: it is for this call to delete r->links, the whole crowd
 * when there is one, and nobody else deletes them before reaper_finish(); 0: the link is gone, by
 * another's call if r->crowd; -errno.
 */
int reaper_begin(struct reaper *r, struct nl *nl, const struct link *l, struct err *e);

/* What must go before the crowd's links has not gone: only the own one is deleted. */
void reaper_alone(struct reaper *r);

/* Delete them, whose masquerade is gone, in one request, and let the next in. */
int reaper_finish(struct reaper *r, struct err *e);

/* Mark this link and return when it is gone, and nothing goes before it. */
int reaper_del(struct nl *nl, const struct link *l, struct err *e);

/*
 * GC: delete these links, whose masquerade is gone, in one request. Those that are not there any
 * more are no error.
 */
int reaper_collect(struct nl *nl, const int *links, size_t count, struct err *e);

#endif
