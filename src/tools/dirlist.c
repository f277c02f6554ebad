/* The names in a directory, in order: see dirlist.h. */
#include "tools/dirlist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"

#define FILE_MAX ((off_t)4 << 20)

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static bool wanted(int dir, const struct dirent *d)
{
	struct stat st;

	if (d->d_name[0] == '.' || d->d_type == DT_DIR)
		return false;
	return d->d_type != DT_UNKNOWN ||
	       (fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode));
}

/* Files that appear between the two passes wait for the next call. */
static int read_names(struct arena *a, DIR *stream, struct dirlist *out)
{
	size_t room = 0;
	struct dirent *d;

	while (readdir(stream))
		room++;
	rewinddir(stream);
	out->names = arena_array(a, room, sizeof(*out->names));
	if (!out->names)
		return -ENOMEM;
	while (out->count < room && (d = readdir(stream))) {
		if (!wanted(out->dir, d))
			continue;
		out->names[out->count] = arena_strndup(a, d->d_name, strlen(d->d_name));
		if (!out->names[out->count++])
			return -ENOMEM;
	}
	qsort(out->names, out->count, sizeof(*out->names), by_name);
	return 0;
}

int dirlist_open(struct arena *a, const char *path, struct dirlist *out, struct err *e)
{
	DIR *stream = opendir(path);
	int r;

	*out = (struct dirlist){ .dir = -1 };
	if (!stream)
		return err_sys(e, errno, "read directory %s", path);
	out->dir = fcntl(dirfd(stream), F_DUPFD_CLOEXEC, 3);
	r = out->dir < 0 ? err_sys(e, errno, "read directory %s", path) : read_names(a, stream, out);
	closedir(stream);
	if (r == -ENOMEM)
		r = err_set(e, ENOMEM, "directory %s: too many files", path);
	if (r < 0)
		dirlist_close(out);
	return r;
}

void dirlist_close(struct dirlist *d)
{
	if (d->dir >= 0)
		close(d->dir);
	d->dir = -1;
}

static int read_open(struct arena *a, int fd, const char *name, struct json_raw *out, struct err *e)
{
	struct stat st;
	ssize_t len;
	char *buf;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s is no regular file", name);
	if (st.st_size >= FILE_MAX)
		return err_set(e, EFBIG, "%s is larger than 4 MiB", name);
	buf = arena_alloc(a, (size_t)st.st_size + 2); /* fd_read() wants to see the end before the buffer is full */
	if (!buf)
		return err_set(e, ENOMEM, "%s: no room left to read it", name);
	len = fd_read(fd, name, buf, (size_t)st.st_size + 2, e);
	*out = (struct json_raw){ .text = buf, .len = len < 0 ? 0 : (size_t)len };
	return len < 0 ? (int)len : 0;
}

int dirlist_read(struct arena *a, int dir, const char *name, struct json_raw *out, struct err *e)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return err_sys(e, errno, "open %s", name);
	r = read_open(a, fd, name, out, e);
	close(fd);
	return r;
}
