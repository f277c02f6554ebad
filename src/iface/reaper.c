/* Deleting host ends in groups: see reaper.h. */
#include "iface/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
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

bool reaper_has(const struct link *l)
{
	return l->group == REAPER_MARKED || l->group == REAPER_DOOMED;
}

int reaper_collect(struct nl *nl, char (*names)[IF_NAMESIZE], size_t count, struct err *e)
{
	int r;

	for (size_t i = 0; i < count; i++)
		link_set_group(nl, names[i], REAPER_DOOMED);
	r = commit(nl, "doom links", e);
	if (r < 0)
		return r;
	link_del_group(nl, REAPER_DOOMED);
	return commit(nl, "delete the doomed links", e);
}

static int delete_one(struct nl *nl, const char *name, struct err *e)
{
	link_del_name(nl, name);
	return commit(nl, name, e);
}

struct marked {
	char names[REAPER_MAX][IF_NAMESIZE];
	size_t count;
};

static int see_marked(const struct link *l, void *arg)
{
	struct marked *m = arg;

	if (reaper_has(l) && m->count < REAPER_MAX)
		memcpy(m->names[m->count++], l->name, IF_NAMESIZE);
	return 0;
}

/* Who goes, and what goes before them. */
struct reap {
	const char *name;
	reaper_fn *first;
	void *arg;
};

static int delete_alone(struct nl *nl, const struct reap *q, struct err *e)
{
	char name[1][IF_NAMESIZE];

	str_copy(name[0], IF_NAMESIZE, q->name);
	if (q->first)
		q->first(name, 1, q->arg);
	return delete_one(nl, q->name, e);
}

static int delete_crowd(struct nl *nl, const struct reap *q, struct err *e)
{
	static struct marked marked;
	int r;

	str_copy(marked.names[0], IF_NAMESIZE, q->name); /* whatever finds no room */
	marked.count = 1;
	r = link_each(nl, "veth", see_marked, &marked, e);
	if (r < 0)
		return r;
	if (q->first(marked.names, marked.count, q->arg) < 0)
		return delete_one(nl, q->name, e);
	return reaper_collect(nl, marked.names, marked.count, e);
}

/* The lock is held. */
static int delete_found(struct nl *nl, const struct reap *q, bool waited, struct err *e)
{
	struct link l;
	int r = link_find(nl, q->name, &l, e);

	if (r <= 0)
		return r < 0 ? r : !waited;
	r = waited && q->first ? delete_crowd(nl, q, e) : delete_alone(nl, q, e);
	return r < 0 ? r : 1;
}

/*
 * Without a lock file (a read-only /run) every DEL deletes for itself: slower in a crowd, never
 * wrong.
 */
int reaper_del(struct nl *nl, const char *name, reaper_fn *first, void *arg, struct err *e)
{
	const struct reap q = { name, first, arg };
	int lock, r;
	bool waited;

	link_set_group(nl, name, REAPER_MARKED);
	r = err_ctx(e, commit(nl, "mark for deletion", e), "%s", name);
	if (r < 0)
		return r;
	lock = open_lock();
	waited = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0;
	r = waited ? lock_take(lock, RUN_DIR "/reaper.lock", LOCK_TIMEOUT_MS, e) : 0;
	if (r == 0)
		r = delete_found(nl, &q, waited, e);
	if (lock >= 0)
		close(lock);
	return r;
}
