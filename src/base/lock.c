/*
 * File locks with a time-out, and the name of the process that stands in the way.
 *
 * flock() has no time-out; a timer whose signal interrupts it does. Waiting in the kernel instead of polling hands the lock
 * to fifty waiters one after the other with no pause between them.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

#define LOCKS_BUF 4096

static volatile sig_atomic_t timed_out;

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
}

/* The timer repeats, so that a signal that fires just before flock() begins is followed by one inside it. */
static int wait_for_lock(int fd, unsigned int timeout_ms)
{
	const struct itimerval off = { 0 };
	struct itimerval timer = {
		.it_value = { .tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000 },
		.it_interval = { .tv_usec = 10000 },
	};
	struct sigaction act = { .sa_handler = on_alarm }, before;
	int r;

	if (timeout_ms == 0)
		return -EAGAIN;
	timed_out = 0;
	sigaction(SIGALRM, &act, &before);
	setitimer(ITIMER_REAL, &timer, NULL);
	do
		r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	while (r == -EINTR && !timed_out);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &before, NULL);
	return r == -EINTR ? -EAGAIN : r;
}

/*
 * A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"; a waiter's has "->" behind the number. The pid is text
 * for a message; empty when the line is of another lock.
 */
static const char *holder_in_line(char *line, const char *file)
{
	const char *field[6] = { 0 };
	char *rest;

	for (unsigned int i = 0; i < 6; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &rest);
		if (!field[i])
			return "";
	}
	return strcmp(field[1], "FLOCK") == 0 && strcmp(field[5], file) == 0 ? field[4] : "";
}

static bool find_holder(int locks, const char *file, char *pid, size_t size)
{
	char buf[LOCKS_BUF];
	size_t len = 0;
	ssize_t n;

	while ((n = read(locks, buf + len, sizeof(buf) - 1 - len)) > 0) {
		char *line = buf, *end;

		buf[len + (size_t)n] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			if (str_copy(pid, size, holder_in_line(line, file)) && pid[0] >= '1' && pid[0] <= '9')
				return true;
		}
		len = strlen(line);
		memmove(buf, line, len);
	}
	return false;
}

/* False when it cannot be known: another pid namespace, or released meanwhile. */
static bool lock_holder(int fd, char *pid, size_t size)
{
	char file[64];
	struct stat st;
	int locks;
	bool found;

	if (fstat(fd, &st) < 0)
		return false;
	snprintf(file, sizeof(file), "%02x:%02x:%llu", major(st.st_dev), minor(st.st_dev), (unsigned long long)st.st_ino);
	locks = open("/proc/locks", O_RDONLY | O_CLOEXEC);
	if (locks < 0)
		return false;
	found = find_holder(locks, file, pid, size);
	close(locks);
	return found;
}

int lock_take(int fd, const char *what, unsigned int timeout_ms, struct err *e)
{
	char pid[16];
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	r = errno == EWOULDBLOCK || errno == EINTR ? wait_for_lock(fd, timeout_ms) : -errno;
	if (r == 0)
		return 0;
	if (r != -EAGAIN)
		return err_sys(e, -r, "lock %s", what);
	if (lock_holder(fd, pid, sizeof(pid)))
		return err_set(e, EAGAIN, "lock %s: process %s holds it for more than %u ms", what, pid, timeout_ms);
	return err_set(e, EAGAIN, "lock %s: another process holds it for more than %u ms", what, timeout_ms);
}
