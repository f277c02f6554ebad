/* Deleting host ends in groups: see reaper.h. */
#include "attach/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "net/link.h"
#include "net/nl.h"

#define RUN_DIR "/run/cnibox"
#define LOCK_TIMEOUT_MS 10000

static int open_lock(void)
{
	int dir = dir_open(RUN_DIR, true, err_ignored());
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, "reaper.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	close(dir);
	return fd;
}

/* What goes before the links. */
struct before {
	reaper_fn *fn;
	void *arg;
};

/* -ENODEV: none of them is there any more. */
static int commit(struct nl *nl, const char *what, struct err *e)
{
	struct err local = { 0 };
	int r = nl_commit(nl, NULL, &local);

	if (r == 0 || r == -ENODEV)
		return 0;
	*e = local;
	return err_ctx(e, r, "%s", what);
}

int reaper_mark(struct nl *nl, const char *name, struct err *e)
{
	link_set_group(nl, name, REAPER_GROUP);
	return err_ctx(e, commit(nl, "mark for deletion", e), "%s", name);
}

static int delete_marked(struct nl *nl, struct err *e)
{
	link_del_group(nl, REAPER_GROUP);
	return commit(nl, "delete the marked links", e);
}

int reaper_collect(struct nl *nl, char (*names)[IF_NAMESIZE], size_t count, struct err *e)
{
	int r;

	for (size_t i = 0; i < count; i++)
		link_set_group(nl, names[i], REAPER_GROUP);
	r = commit(nl, "mark links for deletion", e);
	return r < 0 ? r : delete_marked(nl, e);
}

struct marked {
	char names[REAPER_MAX][IF_NAMESIZE];
	size_t count;
};

static int see_marked(const struct link *l, void *arg)
{
	struct marked *m = arg;

	if (l->group == REAPER_GROUP && m->count < REAPER_MAX)
		memcpy(m->names[m->count++], l->name, IF_NAMESIZE);
	return 0;
}

/* The lock is held. */
static int delete_crowd(struct nl *nl, const char *name, bool waited, const struct before *b, struct err *e)
{
	static struct marked marked;
	struct link l;
	int r = link_find(nl, name, &l, e);

	if (r <= 0)
		return r;
	marked.count = 0;
	if (waited)
		r = link_each(nl, "veth", see_marked, &marked, e);
	else
		see_marked(&l, &marked);
	if (r < 0)
		return r;
	if (b->fn)
		b->fn(marked.names, marked.count, b->arg);
	r = delete_marked(nl, e);
	return r < 0 ? r : 1;
}

/* Without a lock file (a read-only /run) every DEL deletes the group for itself: slower in a crowd, never wrong. */
int reaper_wait(struct nl *nl, const char *name, reaper_fn *first, void *arg, struct err *e)
{
	const struct before before = { first, arg };
	int lock = open_lock();
	bool waited = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0;
	int r = waited ? lock_take(lock, RUN_DIR "/reaper.lock", LOCK_TIMEOUT_MS, e) : 0;

	if (r == 0)
		r = delete_crowd(nl, name, waited, &before, e);
	if (lock >= 0)
		close(lock);
	return r;
}
