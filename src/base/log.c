/* The log: see log.h. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#define LINE_MAX_BYTES 16384 /* a log line holds a whole configuration */

static struct {
	const char *name;
	int fd;
	enum log_level level;
	enum log_level stderr_level;
} log_to = { .name = "cnibox", .fd = -1, .level = LOG_INFO, .stderr_level = LOG_WARN };

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void log_name(const char *name)
{
	log_to.name = name;
}

void log_stderr(enum log_level level)
{
	log_to.stderr_level = level;
}

static int try_open(const char *path)
{
	return open(path,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		    0640);
}

/* A minimal node may have no /var/log yet. */
static int open_log(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	int fd = try_open(path), dir;

	if (fd >= 0 || errno != ENOENT || !slash || (size_t)(slash - path) >= sizeof(parent))
		return fd;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	dir = dir_open(parent, true, err_ignored());
	if (dir < 0)
		return -1;
	close(dir);
	return try_open(path);
}

/*
 * Two processes may both find it too large: the second rename moves a fresh, small file, and only
 * old lines are lost.
 */
static int rotate(const char *path, int fd)
{
	char old[PATH_MAX];

	if ((size_t)snprintf(old, sizeof(old), "%s.1", path) >= sizeof(old) ||
	    rename(path, old) < 0)
		return fd;
	close(fd);
	return open_log(path);
}

void log_file(const char *path, enum log_level level, size_t max_bytes)
{
	struct stat st;
	int fd = open_log(path);

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
		errno = EINVAL;
	}
	if (fd >= 0 && max_bytes > 0 && (unsigned long long)st.st_size >= max_bytes)
		fd = rotate(path, fd);
	if (fd < 0)
		log_line(LOG_WARN, "log file %s is not usable: %s", path, strerror(errno));
	log_to.fd = fd;
	log_to.level = level;
}

bool log_level_parse(const char *s, enum log_level *out)
{
	for (unsigned int i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcasecmp(s, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	if (strcasecmp(s, "warning") != 0)
		return false;
	*out = LOG_WARN;
	return true;
}

static void put_time(struct text *t)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	text_printf(t, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static char line[LINE_MAX_BYTES];
	struct text t;
	size_t start;
	va_list ap;

	text_init(&t, line, sizeof(line));
	put_time(&t);
	start = t.len;
	text_printf(&t, "%s[%d] %s: ", log_to.name, (int)getpid(), level_names[level]);
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	str_flatten(line); /* what came from outside may hold line breaks */
	t.len -= t.len == t.cap - 1;
	line[t.len++] = '\n';
	if (log_to.fd >= 0 && level <= log_to.level && write(log_to.fd, line, t.len) < 0)
		log_to.fd = -1;
	if (level <= log_to.stderr_level && write(STDERR_FILENO, line + start, t.len - start) < 0)
		return;
}
