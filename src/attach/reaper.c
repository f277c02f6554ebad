/* Deleting host ends in groups: see reaper.h. */
#include "attach/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "net/link.h"
#include "net/nl.h"

#define RUN_DIR "/run/cnibox"
#define LOCK_TIMEOUT_MS 10000

int reaper_mark(struct nl *nl, const char *name, struct err *e)
{
	struct err local = { 0 };
	int r;

	link_set_group(nl, name, REAPER_GROUP);
	r = nl_commit(nl, NULL, &local);
	if (r == 0 || r == -ENODEV)
		return 0;
	*e = local;
	return err_ctx(e, r, "mark %s for deletion", name);
}

/* Without a lock file (a read-only /run) every DEL deletes the group for itself: slower in a crowd, never wrong. */
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

int reaper_run(struct nl *nl, struct err *e)
{
	struct err local = { 0 };
	int r;

	link_del_group(nl, REAPER_GROUP);
	r = nl_commit(nl, NULL, &local);
	if (r == 0 || r == -ENODEV)
		return 0;
	*e = local;
	return err_ctx(e, r, "delete the marked links");
}

int reaper_wait(struct nl *nl, const char *name, struct err *e)
{
	int lock = open_lock();
	struct link l;
	int r = lock < 0 ? 0 : lock_take(lock, RUN_DIR "/reaper.lock", LOCK_TIMEOUT_MS, e);

	if (r == 0)
		r = link_find(nl, name, &l, e);
	if (r > 0)
		r = reaper_run(nl, e);
	if (lock >= 0)
		close(lock);
	return r;
}
