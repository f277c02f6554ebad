/* Deleting host ends in groups: see reaper.h. */
#include "iface/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "cni/attachment.h"
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

int reaper_collect(struct nl *nl, const int *links, size_t count, struct err *e)
{
	int r;

	for (size_t i = 0; i < count; i++)
		link_set_group(nl, links[i], REAPER_DOOMED);
	r = commit(nl, "doom links", e);
	if (r < 0)
		return r;
	link_del_group(nl, REAPER_DOOMED);
	return commit(nl, "delete the doomed links", e);
}

/* What is named after the link was named after the attachment, whatever udev has made of it. */
static void put_link(struct reaper *r, const struct link *l)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;

	r->links[r->count] = l->index;
	if (attachment_parse(l->alias, buf, &at))
		attachment_host_name(&at, r->names[r->count++]);
	else
		memcpy(r->names[r->count++], l->name, IF_NAMESIZE);
}

static int collect_marked(const struct link *l, void *arg)
{
	struct reaper *r = arg;

	if (reaper_has(l) && r->count < REAPER_MAX && l->index != r->links[0])
		put_link(r, l);
	return 0;
}

static void close_lock(struct reaper *r)
{
	if (r->lock >= 0)
		close(r->lock);
	r->lock = -1;
}

/*
 * Without a lock file (a read-only /run) every DEL deletes for itself: slower in a crowd, never
 * wrong.
 */
static int take_lock(struct reaper *r, struct err *e)
{
	r->lock = open_lock();
	r->crowd = r->lock >= 0 && flock(r->lock, LOCK_EX | LOCK_NB) < 0;
	return r->crowd ? lock_take(r->lock, RUN_DIR "/reaper.lock", LOCK_TIMEOUT_MS, e) : 0;
}

/* The lock is held. The own name stands first, so that it finds room. */
static int find_names(struct reaper *r, bool crowd, struct err *e)
{
	struct link l;
	int res = link_find_index(r->nl, r->links[0], &l, e);

	if (res <= 0)
		return res;
	r->count = 1;
	res = crowd ? link_each(r->nl, "veth", collect_marked, r, e) : 0;
	return res < 0 ? res : 1;
}

static int begin(struct reaper *r, bool alone, struct err *e)
{
	int res;

	link_set_group(r->nl, r->links[0], REAPER_MARKED);
	res = err_ctx(e, commit(r->nl, "mark for deletion", e), "%s", r->names[0]);
	if (res < 0)
		return res;
	res = take_lock(r, e);
	if (res == 0)
		res = find_names(r, r->crowd && !alone, e);
	if (res <= 0)
		close_lock(r);
	return res;
}

static void init(struct reaper *r, struct nl *nl, const struct link *l)
{
	r->nl = nl;
	r->lock = -1;
	r->count = 0;
	r->crowd = false;
	put_link(r, l);
}

int reaper_begin(struct reaper *r, struct nl *nl, const struct link *l, struct err *e)
{
	init(r, nl, l);
	return begin(r, false, e);
}

void reaper_alone(struct reaper *r)
{
	r->count = 1;
}

static int delete_one(struct nl *nl, int index, const char *name, struct err *e)
{
	link_del(nl, index);
	return commit(nl, name, e);
}

int reaper_finish(struct reaper *r, struct err *e)
{
	int res = r->count > 1 ? reaper_collect(r->nl, r->links, r->count, e)
			       : delete_one(r->nl, r->links[0], r->names[0], e);

	close_lock(r);
	return res;
}

int reaper_del(struct nl *nl, const struct link *l, struct err *e)
{
	static struct reaper r;
	int res;

	init(&r, nl, l);
	res = begin(&r, true, e);
	return res > 0 ? reaper_finish(&r, e) : res;
}
