/*
 * What one call costs besides time: see bench.h.
 *
 * wait4()'s ru_maxrss will not do for the memory: execve(2) hands down the peak of the program
 * before (setmax_mm_hiwater_rss() in exec_mmap()), which here is the bench. So the call runs under
 * ptrace(2), and each process is asked as it exits.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL)
#define SYSCALL_STOP (SIGTRAP | 0x80)

static unsigned long status_kib(pid_t pid, const char *key)
{
	char path[64], text[4096];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, key);
	return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

static bool is_entry(pid_t pid)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* Returns the signal to hand on. */
static int see_stop(pid_t pid, int status, struct cost *c)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	unsigned long peak;

	if (sig == SYSCALL_STOP) {
		c->calls += c->processes > 0 && is_entry(pid);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC)
		c->processes++;
	if (event == PTRACE_EVENT_EXIT) {
		peak = status_kib(pid, "VmHWM:");
		if (peak > c->peak_kib) {
			c->peak_kib = peak;
			c->own_kib = status_kib(pid, "RssAnon:");
		}
	}
	return event || sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
}

static void become(const struct call *c)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int p[2];

	if (pipe(p) < 0 || (c->in && write(p[1], c->in, strlen(c->in)) < 0))
		_exit(127);
	close(p[1]);
	dup2(p[0], 0);
	close(p[0]);
	dup2(null, 1);
	dup2(null, 2);
	node_enter(c->node);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	execve(c->path, c->argv, c->envp);
	_exit(127);
}

struct cost call_trace(const struct call *c)
{
	struct cost cost = { 0 };
	pid_t child = fork(), pid;
	int status;

	if (child == 0)
		become(c);
	if (child < 0 || waitpid(child, &status, 0) < 0 ||
	    ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)OPTIONS) < 0)
		die("trace %s: %s", c->path, strerror(errno));
	ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status))
			ptrace(PTRACE_SYSCALL, pid, NULL,
			       (void *)(long)see_stop(pid, status, &cost));
		else if (pid == child && status != 0)
			die("%s failed under ptrace(2) (status 0x%x)", c->path,
			    (unsigned int)status);
	}
	return cost;
}
