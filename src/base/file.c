/* Files and directories that planted links and power cuts cannot hurt: see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

ssize_t fd_read(int fd, const char *what, char *buf, size_t cap, struct err *e)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t r = read(fd, buf + len, cap - len);

		if (r < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
		else if (r < 0 && errno != EINTR)
			return err_errno(e, "read %s", what);
		if (r < 0)
			continue;
		if (r == 0) {
			buf[len] = '\0';
			return (ssize_t)len;
		}
		len += (size_t)r;
	}
	return err_set(e, EFBIG, "read %s: larger than %zu bytes", what, cap - 1);
}

int fd_write(int fd, const char *what, const void *buf, size_t len, struct err *e)
{
	const char *at = buf;

	while (len > 0) {
		ssize_t r = write(fd, at, len);

		if (r < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (r < 0 && errno != EINTR)
			return err_errno(e, "write %s", what);
		if (r < 0)
			continue;
		at += r;
		len -= (size_t)r;
	}
	return 0;
}

ssize_t file_read(int dir, const char *name, char *buf, size_t cap, struct err *e)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t r;

	if (fd < 0)
		return err_errno(e, "open %s", name);
	r = fd_read(fd, name, buf, cap, e);
	close(fd);
	return r;
}

bool file_is_foreign(int r)
{
	return r == -ENOENT || r == -ELOOP || r == -EISDIR || r == -EACCES || r == -ENXIO ||
	       r == -EFBIG;
}

static int remove_name(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_errno(e, "remove %s", name);
	return 0;
}

static int beside_name(const char *name, char beside[static NAME_MAX + 1], struct err *e)
{
	if (snprintf(beside, NAME_MAX + 1, ".%s.new", name) > NAME_MAX)
		return err_set(e, ENAMETOOLONG, "write %s: name too long", name);
	return 0;
}

int file_beside(int dir, const char *name, char beside[static NAME_MAX + 1], struct err *e)
{
	int r = beside_name(name, beside, e);

	return r < 0 ? r : remove_name(dir, beside, e);
}

int file_remove(int dir, const char *name, struct err *e)
{
	char beside[NAME_MAX + 1];
	int r = file_beside(dir, name, beside, e), gone = remove_name(dir, name, e);

	return r < 0 ? r : gone;
}

/*
 * The leavings of a crashed writer must not stop the next: O_TRUNC instead of O_EXCL would follow a
 * planted hard link.
 */
static int open_beside(int dir, const char *name, mode_t mode, char beside[static NAME_MAX + 1],
		       struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int r = beside_name(name, beside, e), fd;

	if (r < 0)
		return r;
	fd = openat(dir, beside, flags, mode);
	if (fd < 0 && errno == EEXIST) {
		r = remove_name(dir, beside, e);
		if (r < 0)
			return r;
		fd = openat(dir, beside, flags, mode);
	}
	return fd < 0 ? err_errno(e, "create %s", beside) : fd;
}

static int fill(int fd, const char *name, const void *buf, size_t len, enum file_sync sync,
		struct err *e)
{
	int r = fd_write(fd, name, buf, len, e);

	if (r == 0 && sync == FILE_SYNC && fsync(fd) < 0)
		r = err_errno(e, "fsync %s", name);
	return r;
}

int file_replace(int dir, const char *name, const void *buf, size_t len, mode_t mode,
		 enum file_sync sync, struct err *e)
{
	char beside[NAME_MAX + 1];
	int fd = open_beside(dir, name, mode, beside, e);
	int r;

	if (fd < 0)
		return fd;
	r = fill(fd, name, buf, len, sync, e);
	close(fd);
	if (r == 0 && renameat(dir, beside, dir, name) < 0)
		r = err_errno(e, "rename %s to %s", beside, name);
	if (r < 0)
		unlinkat(dir, beside, 0);
	else if (sync == FILE_SYNC && fsync(dir) < 0)
		r = err_errno(e, "fsync the directory of %s", name);
	return r;
}

/*
 * mkdir -p: every parent first; what exists is fine, whatever it is, since open() decides at the
 * end.
 */
static int make_path(const char *path, struct err *e)
{
	char partial[PATH_MAX];

	if (!str_copy(partial, sizeof(partial), path))
		return err_set(e, ENAMETOOLONG, "make directory %.64s...: path too long", path);
	for (char *slash = partial; slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(partial, 0755) < 0 && errno != EEXIST)
			return err_errno(e, "make directory %s", partial);
		if (slash)
			*slash = '/';
	}
	return 0;
}

/* By openat(): musl's open() asks the kernel once more to close it on exec. */
int dir_open(const char *path, bool create, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(AT_FDCWD, path, flags);
	int r;

	if (fd < 0 && errno == ENOENT && create) {
		r = make_path(path, e);
		if (r < 0)
			return r;
		fd = openat(AT_FDCWD, path, flags);
	}
	return fd < 0 ? err_errno(e, "open directory %s", path) : fd;
}

bool name_is_plain(const char *name)
{
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *c = name; *c; c++) {
		if (*c == '/' || (unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	}
	return strlen(name) <= NAME_MAX;
}
