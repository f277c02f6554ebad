/* Sysctls: see sysctl.h. /proc/sys/net shows the namespace of whoever opens the file. */
#include "net/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#define SYSCTL_ROOT "/proc/sys/"
#define VALUE_MAX 256

/* Components that are neither empty nor "." nor "..". */
static bool path_is_plain(const char *path)
{
	while (true) {
		size_t len = strcspn(path, "/");

		if (len == 0 || strncmp(path, ".", len) == 0 || strncmp(path, "..", len) == 0)
			return false;
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
}

static int sysctl_open(const char *path, int flags, struct err *e)
{
	char full[PATH_MAX];
	int n = snprintf(full, sizeof(full), "%s%s", SYSCTL_ROOT, path);
	int fd;

	if (!path_is_plain(path) || n < 0 || (size_t)n >= sizeof(full))
		return err_set(e, EINVAL, "sysctl %s: the path is invalid", path);
	fd = openat(AT_FDCWD, full, flags | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "sysctl %s: the kernel has none of this name", path);
	return fd < 0 ? err_errno(e, "sysctl %s", path) : fd;
}

const char *sysctl_link_path(const char *family, const char *link, const char *knob,
			     char out[static SYSCTL_LINK_PATH])
{
	snprintf(out, SYSCTL_LINK_PATH, "net/%s/conf/%s/%s", family, link, knob);
	return out;
}

int sysctl_get(const char *path, char *out, size_t size, struct err *e)
{
	int fd = sysctl_open(path, O_RDONLY, e);
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = read(fd, out, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		n = err_errno(e, "sysctl %s: read", path);
	else if ((size_t)n == size)
		n = err_set(e, EFBIG, "sysctl %s: the value is longer than %zu bytes", path,
			    size - 1);
	close(fd);
	if (n < 0)
		return (int)n;
	if (n > 0 && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return 0;
}

int sysctl_write(const char *path, const char *value, struct err *e)
{
	size_t len = strlen(value);
	ssize_t n;
	int fd = sysctl_open(path, O_WRONLY, e);

	if (fd < 0)
		return fd;
	do
		n = write(fd, value, len); /* one write: the kernel takes each as a whole value */
	while (n < 0 && errno == EINTR);
	if (n < 0)
		n = err_errno(e, "sysctl %s: write \"%s\"", path, value);
	else if ((size_t)n != len)
		n = err_set(e, EIO, "sysctl %s: took %zd of %zu bytes", path, n, len);
	close(fd);
	return n < 0 ? (int)n : 0;
}

int sysctl_set(const char *path, const char *value, struct err *e)
{
	char now[VALUE_MAX];
	int r;

	/* Some are write-only; then there is nothing to compare with. */
	if (sysctl_get(path, now, sizeof(now), err_ignored()) == 0 && strcmp(now, value) == 0)
		return 0;
	r = sysctl_write(path, value, e);
	return r < 0 ? r : 1;
}
