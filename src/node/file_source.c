/*
 * The cluster file: see source.h.
 *
 * Theory of operation. A file that is watched itself is lost when another is renamed into its
 * place, so its folder is watched, and the folder of the file that it finally is, where it is a
 * link. A ConfigMap's folder has a link "..data" to a folder of one version, and each file is a
 * link through it; a new version is a rename of that link. Folders may be replaced, too: both
 * watches are set anew with each reading, and while one is missing the file is read once a minute.
 * What keeps it from being read and may pass without an event (no memory, no permission) is tried
 * again after a second, and later and later.
 */
#include "node/source.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "node/load.h"

#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |   \
	 IN_MOVE_SELF | IN_ONLYDIR)
#define CONFIGMAP_LINK "..data"
#define FALLBACK_MS 60000
#define RETRY_MS 1000
#define RETRIES 6 /* from there on FALLBACK_MS apart */

struct file_source {
	const char *path;
	int inotify;
	int folders[2];		     /* watches: of the path, of the file behind links; -1: none */
	char names[2][NAME_MAX + 1]; /* the file's in there */
	struct arena kept;
	struct cluster cluster;
	bool known;
	int64_t read_ms;
	unsigned int retries; /* of what may pass, until now; 0: it could be read */
	char failure[sizeof(((struct err *)0)->text)]; /* the last one; "": it was good */
};

static struct file_source file = { .inotify = -1, .folders = { -1, -1 } };

static void watch_folder(struct file_source *f, unsigned int i, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	f->folders[i] = -1;
	if (!str_copy(f->names[i], sizeof(f->names[i]), slash ? slash + 1 : path) ||
	    (size_t)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
			     slash ? path : ".") >= sizeof(folder))
		return;
	f->folders[i] = inotify_add_watch(f->inotify, folder, EVENTS);
}

/* A folder that is watched already keeps its number. */
static void watch_folders(struct file_source *f)
{
	const int before[2] = { f->folders[0], f->folders[1] };
	char real[PATH_MAX];

	watch_folder(f, 0, f->path);
	f->folders[1] = -1;
	if (realpath(f->path, real))
		watch_folder(f, 1, real);
	for (int i = 0; i < 2; i++) {
		if (before[i] >= 0 && before[i] != f->folders[0] && before[i] != f->folders[1])
			inotify_rm_watch(f->inotify, before[i]);
	}
}

/* The new one lives in memory of its own, so that the old one stays whole until it is there. */
static int keep(struct file_source *f, const struct cluster *parsed, struct err *e)
{
	const struct arena old = f->kept;
	struct cluster copy;
	struct arena new;
	int r = load_arena(&new, 0, e);

	if (r < 0)
		return r;
	r = cluster_copy(&new, parsed, &copy, e);
	if (r < 0) {
		munmap(new.base, new.cap);
		return r;
	}
	if (f->known)
		munmap(old.base, old.cap);
	f->kept = new;
	f->cluster = copy;
	f->known = true;
	return 0;
}

static int parse(struct file_source *f, const char *text, size_t len, struct err *e)
{
	struct cluster parsed;
	struct arena work;
	int r = load_arena(&work, len, e);

	if (r < 0)
		return r;
	r = err_ctx(e, cluster_parse(&work, text, len, &parsed, e), "%s", f->path);
	if (r == 0)
		r = keep(f, &parsed, e);
	munmap(work.base, work.cap);
	return r;
}

static int read_file(struct file_source *f, struct err *e)
{
	char *text;
	ssize_t len = load_text(f->path, LOAD_FILE, &text, e);
	int r = len < 0 ? (int)len : parse(f, text, (size_t)len, e);

	if (text)
		munmap(text, LOAD_FILE_MAX + 1);
	return r;
}

/* Not what the file says, nor that there is none: those end with an event. */
static bool may_pass(int r)
{
	return r < 0 && r != -EINVAL && r != -ENOENT && r != -ENOTDIR;
}

static int64_t due_ms(const struct file_source *f)
{
	if (f->retries > 0 && f->retries < RETRIES)
		return f->read_ms + ((int64_t)RETRY_MS << f->retries) / 2;
	if (f->retries > 0 || f->folders[0] < 0 || f->folders[1] < 0)
		return f->read_ms + FALLBACK_MS;
	return LOOP_NEVER;
}

/* The watches stand before the file is read, so that no change is missed. */
static bool read_again(struct file_source *f)
{
	struct err e = { 0 };
	int r;

	watch_folders(f);
	f->read_ms = clock_ms();
	r = read_file(f, &e);
	f->retries = !may_pass(r) ? 0 : f->retries < RETRIES ? f->retries + 1 : RETRIES;
	if (r == 0) {
		if (f->failure[0])
			log_line(LOG_INFO, "%s can be read again", f->path);
		f->failure[0] = '\0';
		return true;
	}
	if (strcmp(f->failure, e.text) != 0)
		log_line(LOG_ERROR, "%s%s", e.text,
			 f->known ? "; everything stays as the last good one says" : "");
	str_copy(f->failure, sizeof(f->failure), e.text);
	return false;
}

/* A new file is read when it is written; a link has its content at once. */
static bool is_complete(const struct file_source *f)
{
	struct stat st;

	return lstat(f->path, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

static bool concerns(const struct file_source *f, const struct inotify_event *ev)
{
	if (ev->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF))
		return true;
	for (int i = 0; i < 2; i++) {
		if (ev->wd != f->folders[i] || !ev->len)
			continue;
		if (strcmp(ev->name, f->names[i]) == 0 || strcmp(ev->name, CONFIGMAP_LINK) == 0)
			return !(ev->mask & IN_CREATE) || is_complete(f);
	}
	return false;
}

static bool drain(const struct file_source *f)
{
	_Alignas(struct inotify_event) char buf[4096];
	bool mine = false;
	ssize_t n;

	while ((n = read(f->inotify, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
			const struct inotify_event *ev = (const void *)(buf + at);

			mine |= concerns(f, ev);
			at += (ssize_t)(sizeof(*ev) + ev->len);
		}
	}
	return mine;
}

static void source_wait(void *arg, struct pollfd *p, int64_t *until_ms)
{
	const struct file_source *f = arg;

	*p = (struct pollfd){ .fd = f->inotify, .events = POLLIN };
	*until_ms = due_ms(f);
}

static unsigned int source_step(void *arg, const struct pollfd *p, int64_t now_ms)
{
	struct file_source *f = arg;
	bool mine = drain(f);

	(void)p;
	if (!mine && now_ms < due_ms(f))
		return 0;
	return read_again(f) ? LOOP_DIRTY : 0;
}

static int source_cluster(void *arg, struct arena *a, struct cluster *out, struct err *e)
{
	const struct file_source *f = arg;

	(void)a;
	if (!f->known)
		return err_set(e, EAGAIN, "%s", f->failure);
	*out = f->cluster;
	return 0;
}

/* A file does not ask. */
static void source_joined(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

static void source_reread(void *arg)
{
	read_again(arg);
}

static int64_t source_contact(void *arg)
{
	const struct file_source *f = arg;

	return f->known ? f->read_ms : -1;
}

int file_source_open(struct node_source *s, const char *path, struct err *e)
{
	*s = (struct node_source){
		.name = path,
		.arg = &file,
		.item = { .arg = &file, .wait = source_wait, .step = source_step },
		.cluster = source_cluster,
		.joined = source_joined,
		.reread = source_reread,
		.contact_ms = source_contact,
	};
	file.path = path;
	file.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (file.inotify < 0)
		return err_errno(e, "inotify");
	read_again(&file);
	return 0;
}
