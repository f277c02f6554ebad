/* Walking a directory without malloc, which opendir() needs: see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

#define WALK_BUF 32768

/* getdents64(2); no C library header declares the kernel's record. */
struct dirent_head {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

struct walk {
	int dir;
	bool hidden;
	dir_entry_fn *fn;
	void *arg;
};

static int each_record(const struct walk *w, const char *buf, size_t len)
{
	for (size_t at = 0; at < len;) {
		struct dirent_head head;
		const char *name = buf + at + offsetof(struct dirent_head, name);
		int r;

		memcpy(&head, buf + at, offsetof(struct dirent_head, name));
		r = name[0] == '.' && !w->hidden ? 0 : w->fn(w->dir, name, w->arg);
		if (r)
			return r;
		at += head.len;
	}
	return 0;
}

/*
 * A descriptor of its own for each walk: the position belongs to the open directory, and walks
 * nest.
 */
static int each_entry(const struct walk *w, const char *what, struct err *e)
{
	char buf[WALK_BUF];
	int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return err_errno(e, "open %s", what);
	while (r == 0) {
		long n = syscall(SYS_getdents64, fd, buf, sizeof(buf));

		if (n < 0)
			r = err_errno(e, "list %s", what);
		if (n <= 0)
			break;
		r = each_record(w, buf, (size_t)n);
	}
	close(fd);
	return r;
}

int dir_each(int dir, const char *what, dir_entry_fn *fn, void *arg, struct err *e)
{
	return each_entry(&(struct walk){ dir, false, fn, arg }, what, e);
}

int dir_each_all(int dir, const char *what, dir_entry_fn *fn, void *arg, struct err *e)
{
	return each_entry(&(struct walk){ dir, true, fn, arg }, what, e);
}

static int remove_beside(int dir, const char *name, void *arg)
{
	size_t len = strlen(name);

	if (name[0] == '.' && len > 5 && strcmp(name + len - 4, ".new") == 0 &&
	    unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_errno(arg, "remove %s", name);
	return 0;
}

int dir_sweep(int dir, const char *what, struct err *e)
{
	return dir_each_all(dir, what, remove_beside, e, e);
}
