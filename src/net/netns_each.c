/* Walking the network namespaces of the machine: see netns.h. */
#include "net/netns.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

#define NAMES_DIR "/run/netns" /* runtimes' as well as iproute2's */
#define NAMESPACES_MAX 8192    /* more are not seen */

struct walk {
	netns_fn *fn;
	void *arg;
	struct err failed; /* the first that could not be looked into */
	size_t count;
	struct {
		dev_t dev;
		ino_t ino;
	} seen[NAMESPACES_MAX];
};

static bool is_new(struct walk *w, const struct stat *st)
{
	for (size_t n = 0; n < w->count; n++) {
		if (w->seen[n].ino == st->st_ino && w->seen[n].dev == st->st_dev)
			return false;
	}
	if (w->count == NAMESPACES_MAX)
		return false;
	w->seen[w->count].dev = st->st_dev;
	w->seen[w->count++].ino = st->st_ino;
	return true;
}

/* It has ended since, is none, or is of a process that is none of our business. */
static bool is_nothing(int errnum)
{
	return netns_is_none(errnum) || errnum == EACCES;
}

/* Known ones are not opened: there are more processes than namespaces. */
static int visit(struct walk *w, const char *path)
{
	struct err e = { 0 };
	struct stat st;
	int ns, r;

	if (stat(path, &st) < 0) {
		if (!is_nothing(errno))
			err_errno(&w->failed, "%s", path);
		return 0;
	}
	if (!is_new(w, &st))
		return 0;
	ns = netns_open(path, &e);
	if (ns < 0) {
		if (!is_nothing(e.errnum))
			err_take(&w->failed, &e);
		return 0;
	}
	r = w->fn(ns, w->arg);
	close(ns);
	return r;
}

static int visit_name(int dir, const char *name, void *arg)
{
	char path[300];

	(void)dir;
	if ((size_t)snprintf(path, sizeof(path), NAMES_DIR "/%s", name) >= sizeof(path))
		return 0;
	return visit(arg, path);
}

static int visit_process(int dir, const char *name, void *arg)
{
	char path[64];

	(void)dir;
	if (*name < '1' || *name > '9' ||
	    (size_t)snprintf(path, sizeof(path), "/proc/%s/ns/net", name) >= sizeof(path))
		return 0;
	return visit(arg, path);
}

static int visit_entries(struct walk *w, const char *path, dir_entry_fn *fn, struct err *e)
{
	struct err local = { 0 };
	int dir = dir_open(path, false, &local), r;

	if (dir < 0)
		return is_nothing(-dir) ? 0 : err_take(e, &local);
	r = dir_each(dir, path, fn, w, e);
	close(dir);
	return r;
}

int netns_each(int home, netns_fn *fn, void *arg, struct err *e)
{
	static struct walk w;
	struct stat st;
	int r;

	w = (struct walk){ .fn = fn, .arg = arg };
	if (fstat(home, &st) == 0)
		(void)is_new(&w, &st);
	r = visit_entries(&w, NAMES_DIR, visit_name, e);
	if (r == 0)
		r = visit_entries(&w, "/proc", visit_process, e);
	return r == 0 && w.failed.errnum ? err_take(e, &w.failed) : r;
}
