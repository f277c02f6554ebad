/* Opening, asking and changing the lease store: see lease_store.h for the theory of operation. */
#include "ipam/lease_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

/*
 * Where the file system has no unnamed files. One name is enough: the lock is held, and the next
 * user removes what a death left.
 */
#define LEASE_BESIDE ".lease.new"

/*
 * The lock file, or the whole directory, may be removed between open and flock; then the lock locks
 * nothing.
 */
#define OPEN_TRIES 8

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* 1 locked, 0 the lock file went away meanwhile, -errno. */
static int lock_try(struct lease_store *s, const char *path, struct err *e)
{
	char what[PATH_MAX + 8];
	struct stat st;
	int r;

	snprintf(what, sizeof(what), "%s/lock", path);
	s->lock = openat(s->dir, "lock", O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			 0640);
	if (s->lock < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "open %s", what);
	r = lock_take(s->lock, what, LEASE_LOCK_TIMEOUT_MS, e);
	if (r < 0)
		return r;
	if (fstat(s->lock, &st) < 0)
		return err_sys(e, errno, "stat %s", what);
	return st.st_nlink > 0;
}

static int store_lock(struct lease_store *s, const char *path, bool create, struct err *e)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		int r;

		s->dir = dir_open(path, create, e);
		if (s->dir < 0)
			return s->dir;
		r = lock_try(s, path, e);
		if (r != 0)
			return r < 0 ? r : 0;
		close_fd(&s->lock);
		close_fd(&s->dir);
	}
	return err_set(e, EAGAIN, "lock %s/lock: it is removed again and again", path);
}

/*
 * What is no file of ours says nothing about the boot, like none; an empty file is what a power cut
 * left of an older boot's.
 */
static int boot_update(struct lease_store *s, struct err *e)
{
	char now[BOOT_ID_MAX], then[BOOT_ID_MAX];
	struct err local = { 0 };
	ssize_t len = file_read(AT_FDCWD, BOOT_ID, now, sizeof(now), e);
	ssize_t known = file_read(s->dir, "boot_id", then, sizeof(then), &local);
	bool changed;
	int r = 0;

	if (len <= 0)
		return len < 0 ? (int)len : err_set(e, EIO, "read %s: it is empty", BOOT_ID);
	if (known < 0 && !file_is_foreign((int)known)) {
		*e = local;
		return (int)known;
	}
	changed = known != len || memcmp(now, then, (size_t)len) != 0;
	if (changed) {
		if (known >= 0)
			r = lease_reclaim(s, e);
		if (r == 0)
			r = file_replace(s->dir, "boot_id", now, (size_t)len, 0644,
					 known < 0 ? FILE_SYNC : FILE_NO_SYNC, e);
	}
	s->boot_current = r == 0;
	if (changed && r == 0)
		lease_mark_foreign(s);
	return r;
}

static int store_open(struct lease_store *s, const char *path, bool create, struct err *e)
{
	int r = store_lock(s, path, create, e);

	if (r < 0)
		return r;
	/* DEL and CHECK go on without the boot: they scan, and lease_take() refuses. */
	r = boot_update(s, create ? e : err_ignored());
	if (r < 0 && create)
		return r;
	lease_index_open(s, path);
	return 0;
}

int lease_open(struct lease_store *s, const char *data_dir, const char *network, bool create,
	       struct err *e)
{
	char path[PATH_MAX];
	int r;

	*s = (struct lease_store){ .dir = -1, .lock = -1, .index = -1 };
	if (!name_is_plain(network))
		return err_set(e, EINVAL,
			       "network name \"%.64s\" cannot be the name of a directory", network);
	if (snprintf(path, sizeof(path), "%s/%s", data_dir, network) >= (int)sizeof(path))
		return err_set(e, ENAMETOOLONG, "dataDir %.64s...: path too long", data_dir);
	r = store_open(s, path, create, e);
	if (r < 0)
		lease_close(s);
	return err_ctx(e, r, "leases of network %.64s", network);
}

void lease_close(struct lease_store *s)
{
	lease_index_close(s);
	close_fd(&s->dir);
	close_fd(&s->lock);
}

struct found {
	const struct lease_owner *owner;
	struct addr *out;
	size_t count, max;
};

static void found_add(struct found *f, const struct addr *a, const struct lease_file *file)
{
	if (f->count < f->max && lease_file_is_of(file, f->owner))
		f->out[f->count++] = *a;
}

static int find_in_scan(const struct addr *a, const struct lease_owner *o, void *arg)
{
	const struct lease_file file = { .owner = *o };

	found_add(arg, a, &file);
	return 0;
}

/* false: something could not be read, only a scan can tell. */
static bool find_in_index(struct lease_store *s, struct found *f)
{
	struct addr hint[LEASE_INDEX_MAX];
	size_t n = lease_index_get(s, f->owner->id, hint, LEASE_INDEX_MAX);

	for (size_t i = 0; s->index_whole && i < n; i++) {
		struct lease_file file;
		int r = lease_file_read(s->dir, addr_text(&hint[i]), &file);

		if (r > 0)
			found_add(f, &hint[i], &file);
		s->index_whole = r >= 0;
	}
	return s->index_whole;
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* One file that nobody can read must not hold up the pods whose leases were found. */
int lease_find(struct lease_store *s, const struct lease_owner *o, struct addr *out, size_t max,
	       struct err *e)
{
	struct found f = { .owner = o, .out = out, .max = max };
	struct err local = { 0 };
	int r = 0;

	if (!lease_index_ready(s) || !find_in_index(s, &f)) {
		f.count = 0;
		r = lease_each(s, find_in_scan, &f, &local);
	}
	if (f.count > 1)
		qsort(out, f.count, sizeof(*out), by_addr);
	if (f.count || r == 0)
		return (int)f.count;
	*e = local;
	return r;
}

/* flock'ed by a process that lives, on whatever descriptor: 1, 0, -errno. */
static int file_is_locked(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	switch (r) {
	case -EWOULDBLOCK:
		return fd >= 0 ? 1 : r;
	case -ENOENT:
	case -ELOOP:
	case -ENXIO:
	case -EACCES:
		return 0;
	default:
		return r;
	}
}

int lease_in_flight(struct lease_store *s, const struct addr *a, struct err *e)
{
	int r = file_is_locked(s->dir, addr_text(a));

	return r < 0 ? err_sys(e, -r, "read lease %s", addr_text(a)) : r;
}

enum name_state { NAME_FREE, NAME_EMPTY, NAME_TAKEN };

/*
 * Or -errno. One system call when it is taken. Nothing is written into what exists: it may have
 * other names, and the reference's mode.
 */
static int name_state(struct lease_store *s, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? NAME_FREE : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > 0)
		return NAME_TAKEN;
	r = file_is_locked(s->dir, name);
	return r < 0 ? r : r ? NAME_TAKEN : NAME_EMPTY;
}

static bool has_no_unnamed_files(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EISDIR || errnum == ENOSYS;
}

/* *beside is set when the file has the name LEASE_BESIDE. */
static int file_create(struct lease_store *s, mode_t mode, bool *beside, struct err *e)
{
	int fd = openat(s->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);

	*beside = false;
	if (fd >= 0)
		return fd;
	if (!has_no_unnamed_files(errno))
		return err_sys(e, errno, "create an unnamed file");
	*beside = true;
	unlinkat(s->dir, LEASE_BESIDE, 0);
	fd = openat(s->dir, LEASE_BESIDE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    mode);
	return fd < 0 ? err_sys(e, errno, "create %s", LEASE_BESIDE) : fd;
}

/*
 * AT_EMPTY_PATH wants CAP_DAC_READ_SEARCH in the first user namespace (before 6.10): without it
 * ENOENT, and /proc is the way.
 */
static int file_link_unnamed(struct lease_store *s, int fd, const char *name)
{
	char path[32];

	if (linkat(fd, "", s->dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT && errno != EPERM)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, s->dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int file_link_beside(struct lease_store *s, const char *name)
{
	int r = linkat(s->dir, LEASE_BESIDE, s->dir, name, 0) < 0 ? -errno : 0;

	unlinkat(s->dir, LEASE_BESIDE, 0);
	return r;
}

/* The flock is taken while the file has no name yet: whoever sees the lease sees it locked. */
static int file_fill(int fd, const struct lease_owner *o, const char *name, struct err *e)
{
	char text[LEASE_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%s\r\n%s", o->id, o->ifname);
	int r = fd_write(fd, name, text, (size_t)len, e);

	if (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = err_sys(e, errno, "lock %s", name);
	return r;
}

/* 1 there, its descriptor stays open; 0 somebody without the lock was faster; -errno. */
static int lease_make(struct lease_store *s, const char *name, const struct lease_owner *o,
		      struct err *e)
{
	bool beside;
	int fd = file_create(s, o->host_end ? LEASE_MODE_HOST_END : LEASE_MODE, &beside, e);
	int r;

	if (fd < 0)
		return fd;
	r = file_fill(fd, o, name, e);
	if (r == 0) {
		r = beside ? file_link_beside(s, name) : file_link_unnamed(s, fd, name);
		if (r < 0 && r != -EEXIST)
			err_sys(e, -r, "link %s", name);
	} else if (beside) {
		unlinkat(s->dir, LEASE_BESIDE, 0);
	}
	if (r < 0)
		close(fd);
	return r == -EEXIST ? 0 : r < 0 ? r : 1;
}

/* What could not be told from the reference's format afterwards. */
static int owner_check(const struct lease_owner *o, struct err *e)
{
	if (!*o->id || strlen(o->id) > LEASE_ID_MAX || strpbrk(o->id, " \t\n\v\f\r"))
		return err_set(e, EINVAL,
			       "container id \"%.64s\" is empty, has blanks, or is longer than %d",
			       o->id, LEASE_ID_MAX);
	if (!*o->ifname || strlen(o->ifname) > LEASE_IFNAME_MAX ||
	    strpbrk(o->ifname, " \t\n\v\f\r"))
		return err_set(
			e, EINVAL,
			"interface name \"%.64s\" is empty, has blanks, or is longer than %d",
			o->ifname, LEASE_IFNAME_MAX);
	return 0;
}

int lease_take(struct lease_store *s, const struct addr *a, const struct lease_owner *o,
	       struct err *e)
{
	char name[ADDR_TEXT];
	int state = name_state(s, addr_format(a, name));
	int r = owner_check(o, e);

	if (r == 0 && state < 0)
		r = err_sys(e, -state, "look for lease %s", name);
	if (r < 0)
		return r;
	if (!s->boot_current)
		return err_set(e, EROFS,
			       "lease %s: boot_id beside the leases is not this boot's and could "
			       "not be written",
			       name);
	if (state == NAME_TAKEN)
		return 0;
	lease_index_add(s, o->id, a);
	s->changed = true;
	if (state == NAME_EMPTY)
		unlinkat(s->dir, name, 0);
	r = lease_make(s, name, o, e);
	if (r <= 0)
		lease_index_del(s, o->id, a);
	return err_ctx(e, r, "lease %s for %.64s", name, o->id);
}

/* The lease before its index entry. */
static int lease_remove(struct lease_store *s, const struct addr *a, const char *id, struct err *e)
{
	char name[ADDR_TEXT];

	if (unlinkat(s->dir, addr_format(a, name), 0) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove lease %s of %s", name, id);
	s->changed = true;
	lease_index_del(s, id, a);
	return 0;
}

int lease_release(struct lease_store *s, const struct lease_owner *o, struct err *e)
{
	struct addr found[LEASE_INDEX_MAX];
	int total = 0, failed = 0, n;

	do {
		n = lease_find(s, o, found, LEASE_INDEX_MAX, e);
		if (n < 0)
			return n;
		for (int i = 0; i < n; i++) {
			int r = lease_remove(s, &found[i], o->id, e);

			if (r < 0 && !failed)
				failed = r;
		}
		total += n;
	} while (n == LEASE_INDEX_MAX && !failed);
	return failed ? failed : total;
}

int lease_release_addr(struct lease_store *s, const struct addr *a, struct err *e)
{
	struct lease_file file;
	int r = lease_file_read(s->dir, addr_text(a), &file);

	if (r < 0)
		return err_sys(e, -r, "read lease %s", addr_text(a));
	return r ? lease_remove(s, a, file.owner.id, e) : 0;
}

static void last_name(unsigned int n, char name[static 32])
{
	snprintf(name, 32, "last_reserved_ip.%u", n);
}

int lease_last(struct lease_store *s, unsigned int n, struct addr *out)
{
	char name[32], text[ADDR_TEXT + 2];
	ssize_t len;

	last_name(n, name);
	len = file_read(s->dir, name, text, sizeof(text), err_ignored());
	if (len <= 0)
		return 0;
	text[strcspn(text, " \t\r\n")] = '\0';
	return addr_parse(text, out);
}

/*
 * Written in place: ext4 starts the disk at the close of a file that was cut to nothing
 * (auto_da_alloc; measured 4 ms), and at a rename over one. A death before the cut leaves another
 * address or none, which only loses the turn.
 */
void lease_set_last(struct lease_store *s, unsigned int n, const struct addr *a)
{
	char name[32], text[ADDR_TEXT];
	int fd;

	last_name(n, name);
	addr_format(a, text);
	fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	s->changed = true; /* the file may be new */
	if (fd_write(fd, name, text, strlen(text), err_ignored()) < 0 ||
	    ftruncate(fd, (off_t)strlen(text)) < 0)
		unlinkat(s->dir, name, 0);
	close(fd);
}
