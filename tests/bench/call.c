/* Starting a call and taking its time: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20)

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

/* A pipe that holds the whole input, as a runtime's does; written before the clock starts. */
static int open_input(const char *in)
{
	size_t len = in ? strlen(in) : 0;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	if (len > 65536 && fcntl(p[1], F_SETPIPE_SZ, PIPE_SIZE) < 0)
		die("pipe: %s", strerror(errno));
	if (len && write(p[1], in, len) != (ssize_t)len)
		die("a configuration of %zu bytes does not fit a pipe", len);
	close(p[1]);
	return p[0];
}

void call_start(const struct call *c, struct running *r)
{
	int in = open_input(c->in), error;
	posix_spawn_file_actions_t fa;

	r->out = memfd_create("out", MFD_CLOEXEC);
	if (r->out < 0)
		die("memfd_create: %s", strerror(errno));
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, 0);
	posix_spawn_file_actions_adddup2(&fa, r->out, 1);
	posix_spawn_file_actions_adddup2(&fa, r->out, 2);
	node_enter(c->node);
	r->begin = now_ns();
	error = posix_spawn(&r->pid, c->path, &fa, NULL, c->argv, c->envp);
	if (error)
		die("%s: %s", c->path, strerror(error));
	node_leave();
	posix_spawn_file_actions_destroy(&fa);
	close(in);
}

static void read_output(const struct running *r, char *said, size_t size)
{
	ssize_t n = pread(r->out, said, size - 1, 0);

	said[n > 0 ? n : 0] = '\0';
}

static void finish(struct running *r, int status)
{
	char said[1024];

	r->ns = now_ns() - r->begin;
	r->pid = 0;
	if (status != 0) {
		read_output(r, said, sizeof(said));
		die("a measured call failed (status 0x%x): %s", (unsigned int)status, said);
	}
}

uint64_t calls_wait(struct running *r, unsigned int count)
{
	uint64_t end = 0;

	for (unsigned int left = count; left > 0; left--) {
		int status;
		pid_t pid = wait4(-1, &status, 0, NULL);

		if (pid < 0)
			die("wait: %s", strerror(errno));
		end = now_ns();
		for (unsigned int i = 0; i < count; i++) {
			if (r[i].pid == pid)
				finish(&r[i], status);
		}
	}
	for (unsigned int i = 0; i < count; i++)
		close(r[i].out);
	return count ? end - r[0].begin : 0;
}

static uint64_t ns_of(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_usec * 1000;
}

/* wait4() says what the process and those that it has waited for have used. */
static struct sample await(struct running *r)
{
	struct rusage u;
	int status;

	if (wait4(r->pid, &status, 0, &u) < 0)
		die("wait: %s", strerror(errno));
	finish(r, status);
	return (struct sample){
		.ns = options.cpu ? ns_of(&u.ru_utime) + ns_of(&u.ru_stime) : r->ns,
		.faults = u.ru_minflt,
	};
}

struct sample call_run(const struct call *c)
{
	struct running r;
	struct sample s;

	call_start(c, &r);
	s = await(&r);
	close(r.out);
	return s;
}

uint64_t call_answer(const struct call *c, char *said, size_t size)
{
	struct running r;
	uint64_t ns;

	call_start(c, &r);
	ns = await(&r).ns;
	read_output(&r, said, size);
	close(r.out);
	return ns;
}

int call_try(const struct call *c, char *said, size_t size)
{
	struct running r;
	int status;

	call_start(c, &r);
	if (waitpid(r.pid, &status, 0) < 0)
		die("wait: %s", strerror(errno));
	read_output(&r, said, size);
	close(r.out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
