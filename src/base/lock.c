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

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"; a waiter's has "->" behind the number. */
static long holder_in_line(const char *line, const struct stat *st)
{
	unsigned int maj, min;
	unsigned long inode;
	long pid;

	if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &maj, &min, &inode) != 4)
		return 0;
	if (inode != st->st_ino || maj != major(st->st_dev) || min != minor(st->st_dev))
		return 0;
	return pid;
}

/* 0 when it cannot be known: another pid namespace, or released meanwhile. */
static long lock_holder(int fd)
{
	struct stat st;
	char line[256];
	long pid = 0;
	FILE *f;

	if (fstat(fd, &st) < 0)
		return 0;
	f = fopen("/proc/locks", "re");
	if (!f)
		return 0;
	while (pid <= 0 && fgets(line, sizeof(line), f))
		pid = holder_in_line(line, &st);
	fclose(f);
	return pid;
}

int lock_take(int fd, const char *what, unsigned int timeout_ms, struct err *e)
{
	long pid;
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	r = errno == EWOULDBLOCK || errno == EINTR ? wait_for_lock(fd, timeout_ms) : -errno;
	if (r == 0)
		return 0;
	if (r != -EAGAIN)
		return err_sys(e, -r, "lock %s", what);
	pid = lock_holder(fd);
	if (pid > 0)
		return err_set(e, EAGAIN, "lock %s: process %ld holds it for more than %u ms", what, pid, timeout_ms);
	return err_set(e, EAGAIN, "lock %s: another process holds it for more than %u ms", what, timeout_ms);
}
