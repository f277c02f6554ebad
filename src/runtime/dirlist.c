/* The names in a directory, in order: see dirlist.h. */
#include "runtime/dirlist.h"

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

static bool is_directory(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int count_one(int dir, const char *name, void *arg)
{
	size_t *room = arg;

	(void)dir;
	(void)name;
	(*room)++;
	return 0;
}

struct filling {
	struct arena *arena;
	struct dirlist *list;
	size_t room;
};

/* Files that appear between the two walks wait for the next call. */
static int add_one(int dir, const char *name, void *arg)
{
	struct filling *f = arg;
	struct dirlist *list = f->list;

	if (list->count == f->room || is_directory(dir, name))
		return 0;
	list->names[list->count] = arena_strndup(f->arena, name, strlen(name));
	return list->names[list->count++] ? 0 : -ENOMEM;
}

static int read_names(struct arena *a, const char *path, struct dirlist *out, struct err *e)
{
	struct filling f = { .arena = a, .list = out };
	int r = dir_each(out->dir, path, count_one, &f.room, e);

	if (r < 0)
		return r;
	out->names = arena_array(a, f.room, sizeof(*out->names));
	r = out->names ? dir_each(out->dir, path, add_one, &f, e) : -ENOMEM;
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "directory %s: too many files", path);
	qsort(out->names, out->count, sizeof(*out->names), by_name);
	return r;
}

int dirlist_open(struct arena *a, const char *path, struct dirlist *out, struct err *e)
{
	int r;

	*out = (struct dirlist){ .dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (out->dir < 0)
		return err_sys(e, errno, "read directory %s", path);
	r = read_names(a, path, out, e);
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
	buf = arena_alloc(a,
			  (size_t)st.st_size +
				  2); /* fd_read() wants to see the end before the buffer is full */
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
