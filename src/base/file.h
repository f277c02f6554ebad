/*
 * Files, directories and locks, safe against planted links and against dying in the middle.
 *
 * Everything is opened O_CLOEXEC; the last path component is never a symbolic link that we follow
 * (O_NOFOLLOW) where another could plant one; nothing is created world-writable. Directory
 * arguments named `dir` are descriptors, AT_FDCWD included.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

/*
 * Read the whole of dir/name into buf and NUL-terminate it. Returns the length, or -errno: -ENOENT
 * when it is not there, -EFBIG when it does not fit into cap - 1 bytes. A symbolic link is refused
 * (-ELOOP).
 */
ssize_t file_read(int dir, const char *name, char *buf, size_t cap, struct err *e);

/*
 * Has file_read() failed because there is no file that could be ours: none, a link, a directory,
 * another user's, a large one? Else it can be tried again.
 */
bool file_is_foreign(int r);

/* Read fd to its end, as file_read(), waiting where it does not block. what names it in errors. */
ssize_t fd_read(int fd, const char *what, char *buf, size_t cap, struct err *e);

/* Write all of buf, waiting as fd_read(); one write() when the kernel takes it in one. */
int fd_write(int fd, const char *what, const void *buf, size_t len, struct err *e);

enum file_sync {
	FILE_NO_SYNC, /* content whose life ends with the boot */
	FILE_SYNC, /* fsync of file and directory: survives a power cut, old or new, never half */
};

/*
 * Replace dir/name by a file with this content and mode: written beside under a name starting with
 * ".", renamed.
 */
int file_replace(int dir, const char *name, const void *buf, size_t len, mode_t mode,
		 enum file_sync sync, struct err *e);

/*
 * The name beside dir/name that file_replace() writes under, without the file that a killed one
 * left there.
 */
int file_beside(int dir, const char *name, char beside[static NAME_MAX + 1], struct err *e);

/* Remove dir/name, and what a killed file_replace() left beside it. Gone already is fine. */
int file_remove(int dir, const char *name, struct err *e);

/*
 * Open the directory path, making it and its parents (mode 0755) when create is set. Returns the
 * descriptor (O_DIRECTORY | O_CLOEXEC; the last component is not followed if it is a symbolic
 * link), or -errno.
 */
int dir_open(const char *path, bool create, struct err *e);

/*
 * Walk the entries of dir, which stays where it is, but those whose names begin with "."; fn may
 * remove them. Anything but 0 from fn ends the walk and is returned. what names the directory in
 * errors.
 */
typedef int dir_entry_fn(int dir, const char *name, void *arg);
int dir_each(int dir, const char *what, dir_entry_fn *fn, void *arg, struct err *e);

/* The same with all entries: hidden ones, "." and ".." too. */
int dir_each_all(int dir, const char *what, dir_entry_fn *fn, void *arg, struct err *e);

/*
 * Remove what writers that were killed left beside their files (file_replace()). The caller holds
 * the lock under which all of them write.
 */
int dir_sweep(int dir, const char *what, struct err *e);

/*
 * Take an exclusive flock on fd within timeout_ms. -EAGAIN when it was not to be had: the error
 * names the holder's pid as /proc/locks shows it. The lock dies with the last descriptor of this
 * open file.
 */
int lock_take(int fd, const char *what, unsigned int timeout_ms, struct err *e);

/* The same with others that share it. */
int lock_share(int fd, const char *what, unsigned int timeout_ms, struct err *e);

/*
 * One component of a path that cannot leave its directory: not empty, not "." or "..", no '/', no
 * control characters.
 */
bool name_is_plain(const char *name);

#endif
