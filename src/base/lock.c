/*
 * File locks with a time-out, and the name of the process that stands in the way.
 *
 * flock() has no time-out; a timer whose signal interrupts it does. Waiting in the kernel instead
 * of polling hands the lock to fifty waiters one after the other with no pause between them.
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

#define LOCKS_MAX (256u << 10) /* some 4000 locks */

static volatile sig_atomic_t timed_out;

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
}

/*
 * The timer repeats, so that a signal that fires just before flock() begins is followed by one
 * inside it.
 */
static int wait_for_lock(int fd, int how, unsigned int timeout_ms)
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
		r = flock(fd, how) < 0 ? -errno : 0;
	while (r == -EINTR && !timed_out);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &before, NULL);
	return r == -EINTR ? -EAGAIN : r;
}

/*
 * The pid in a line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"; a waiter's
 * has "->" behind the number. NULL when the line is of another lock, or the holder is in another
 * pid namespace.
 */
static const char *holder_in_line(char *line, const char *file)
{
	const char *field[6] = { 0 };
	char *rest;

	for (unsigned int i = 0; i < 6; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &rest);
		if (!field[i])
			return NULL;
	}
	if (strcmp(field[1], "FLOCK") != 0 || strcmp(field[5], file) != 0 || *field[4] < '1' ||
	    *field[4] > '9')
		return NULL;
	return field[4];
}

/* NULL when it cannot be known: another pid namespace, or released meanwhile. */
static const char *lock_holder(int fd)
{
	static char locks[LOCKS_MAX];
	const char *pid = NULL;
	char file[64], *rest;
	struct stat st;

	if (fstat(fd, &st) < 0 ||
	    file_read(AT_FDCWD, "/proc/locks", locks, sizeof(locks), err_ignored()) < 0)
		return NULL;
	snprintf(file, sizeof(file), "%02x:%02x:%llu", major(st.st_dev), minor(st.st_dev),
		 (unsigned long long)st.st_ino);
	for (char *line = strtok_r(locks, "\n", &rest); line && !pid;
	     line = strtok_r(NULL, "\n", &rest))
		pid = holder_in_line(line, file);
	return pid;
}

static int take(int fd, int how, const char *what, unsigned int timeout_ms, struct err *e)
{
	const char *pid;
	int r;

	if (flock(fd, how | LOCK_NB) == 0)
		return 0;
	r = errno == EWOULDBLOCK || errno == EINTR ? wait_for_lock(fd, how, timeout_ms) : -errno;
	if (r == 0)
		return 0;
	if (r != -EAGAIN)
		return err_sys(e, -r, "lock %s", what);
	pid = lock_holder(fd);
	return err_set(e, EAGAIN, "lock %s: %s %s holds it for more than %u ms", what,
		       pid ? "process" : "another", pid ? pid : "process", timeout_ms);
}

int lock_take(int fd, const char *what, unsigned int timeout_ms, struct err *e)
{
	return take(fd, LOCK_EX, what, timeout_ms, e);
}

int lock_share(int fd, const char *what, unsigned int timeout_ms, struct err *e)
{
	return take(fd, LOCK_SH, what, timeout_ms, e);
}
