/*
 * agent: runs commands in a lab machine for its host.
 *
 * One process for each virtserialport named lab.*; each runs one command at a
 * time, in a session of its own. A call ends when its command exits: what it left
 * running in the background lives on, without an output. A call whose host went
 * away is killed. The agent returns when all ports are open.
 */
#define _GNU_SOURCE
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORTS "/sys/class/virtio-ports/*/name"
#define ALIVE_MS 2000
#define CLOSED_POLLS 200
#define CLOSED_POLL_US 5000
#define STUCK_MS 1000
#define ARGS_MAX 1024

struct call {
	int port;
	uint32_t id;
	int64_t sent_ms;
	pid_t pid;
	int exited;	  /* pidfd */
	int in, out, err; /* -1 when closed */
	size_t written;	  /* of the first IN frame */
	bool lost;	  /* the host went away, or calls anew */
};

static struct frame_reader reader;
static struct frame answer;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * Reads, waiting for something to read. A port whose host end is closed polls as
 * readable and reads as empty, for ever; that it opens is told by SIGIO alone.
 */
static void port_wait(int port)
{
	struct pollfd p = { .fd = port, .events = POLLIN };
	struct timespec second = { .tv_sec = 1 };
	sigset_t io;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	if (poll(&p, 1, reader.have > 0 ? STUCK_MS : -1) == 0)
		frame_abandon(&reader);
	else if (frame_read(&reader, port) <= 0 && sigtimedwait(&io, NULL, &second) < 0)
		frame_abandon(&reader);
}

/*
 * Openings and closings reach a guest beside the data, and may be seen later: a call
 * can come while the close of the one before is still to be told. So a port is
 * given up when it has been closed for a second. That is counted, as the clock of a
 * machine that stood still goes on at a jump, and what it was to be told is told after.
 */
static bool host_there(int port)
{
	struct pollfd p = { .fd = port, .events = POLLOUT };

	for (int i = 0; i < CLOSED_POLLS; i++) {
		poll(&p, 1, 0);
		if (!(p.revents & POLLHUP))
			return true;
		usleep(CLOSED_POLL_US);
	}
	return false;
}

static bool port_ready(int port)
{
	struct pollfd p = { .fd = port, .events = POLLOUT };

	poll(&p, 1, -1);
	return !(p.revents & POLLHUP) || host_there(port);
}

static void send_answer(struct call *c, enum frame_type type, size_t length)
{
	size_t size = frame_seal(&answer, type, c->id, length);
	const char *from = (const char *)&answer;

	while (size > 0 && !c->lost) {
		ssize_t n = write(c->port, from, size);

		if (n > 0) {
			from += n;
			size -= (size_t)n;
		} else if (!port_ready(c->port)) {
			c->lost = true;
		}
	}
	c->sent_ms = now_ms();
}

static void child_run(const struct frame *f, int in, int out, int err)
{
	static char *args[ARGS_MAX + 1];
	char *end = (char *)f->data + frame_length(f);
	sigset_t none;
	int n = 0;

	for (char *arg = (char *)f->data; arg < end && n < ARGS_MAX; arg += strlen(arg) + 1)
		args[n++] = arg;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (n > 0)
		execvp(args[0], args);
	dprintf(STDERR_FILENO, "agent: cannot run %s: %s\n", n > 0 ? args[0] : "nothing",
		strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static bool call_start(struct call *c, const struct frame *f)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return false;
	c->pid = fork();
	if (c->pid == 0)
		child_run(f, in[0], out[1], err[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	fcntl(c->in, F_SETFL, O_NONBLOCK);
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	fcntl(c->err, F_SETFL, O_NONBLOCK);
	c->exited = c->pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, c->pid, 0);
	return c->exited >= 0;
}

static void output_pass(struct call *c, int *fd, enum frame_type type)
{
	ssize_t n;

	while (*fd >= 0 && (n = read(*fd, answer.data, FRAME_MAX)) != 0) {
		if (n < 0)
			return;
		send_answer(c, type, (size_t)n);
		if (c->lost)
			return;
	}
	shut(fd);
}

/* Returns whether the first frame is done with. */
static bool input_pass(struct call *c, const struct frame *f)
{
	size_t left = frame_length(f) - c->written;
	ssize_t n;

	if (frame_length(f) == 0)
		shut(&c->in);
	if (c->in < 0)
		return true;
	n = write(c->in, f->data + c->written, left);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		shut(&c->in); /* the command reads no more: the rest is dropped */
	else
		c->written += (size_t)n;
	return n < 0 || (size_t)n == left;
}

/* Returns whether there are no frames left, that is, whether the port is to be read. */
static bool frames_handle(struct call *c)
{
	const struct frame *f;

	while ((f = frame_first(&reader))) {
		if (frame_type(f) == FRAME_CALL) {
			c->lost = true;
			return false;
		}
		if (frame_call(f) == c->id && frame_type(f) == FRAME_IN && !input_pass(c, f))
			return false;
		c->written = 0;
		frame_drop(&reader);
	}
	return true;
}

static bool call_step(struct call *c)
{
	bool drained = frames_handle(c);
	struct pollfd p[] = {
		{ .fd = c->port, .events = drained ? POLLIN : 0 },
		{ .fd = drained ? -1 : c->in, .events = POLLOUT },
		{ .fd = c->out, .events = POLLIN },
		{ .fd = c->err, .events = POLLIN },
		{ .fd = c->exited, .events = POLLIN },
	};

	if (c->lost)
		return false;
	if (poll(p, sizeof(p) / sizeof(p[0]), ALIVE_MS) == 0 && drained)
		frame_abandon(&reader);
	if (p[0].revents & POLLHUP)
		c->lost = !host_there(c->port);
	else if (p[0].revents & POLLIN)
		frame_read(&reader, c->port);
	output_pass(c, &c->out, FRAME_OUT);
	output_pass(c, &c->err, FRAME_ERR);
	if (now_ms() - c->sent_ms >= ALIVE_MS)
		send_answer(c, FRAME_ALIVE, 0);
	return !c->lost && !(p[4].revents & POLLIN);
}

static void call_end(struct call *c)
{
	int status = 0;

	if (c->lost)
		kill(-c->pid, SIGKILL);
	waitpid(c->pid, &status, 0);
	output_pass(c, &c->out, FRAME_OUT);
	output_pass(c, &c->err, FRAME_ERR);
	answer.data[0] =
		(unsigned char)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	if (!c->lost)
		send_answer(c, FRAME_EXIT, 1);
	shut(&c->in);
	shut(&c->out);
	shut(&c->err);
	shut(&c->exited);
}

static void call_serve(int port, const struct frame *f)
{
	struct call c = { .port = port, .id = frame_call(f), .sent_ms = now_ms() };
	bool started = call_start(&c, f);

	frame_drop(&reader);
	if (!started)
		exit(1); /* out of processes or files: the host sees silence */
	while (call_step(&c))
		;
	call_end(&c);
}

static void port_serve(int port)
{
	const struct frame *f;

	for (;;) {
		f = frame_first(&reader);
		if (f && frame_type(f) == FRAME_CALL) {
			call_serve(port, f);
		} else if (f) {
			frame_drop(&reader);
		} else {
			port_wait(port);
		}
	}
}

static void port_start(int port)
{
	sigset_t io;

	if (fork() != 0)
		return;
	setsid();
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	sigprocmask(SIG_BLOCK, &io, NULL);
	fcntl(port, F_SETOWN, getpid());
	fcntl(port, F_SETFL, O_NONBLOCK | O_ASYNC);
	port_serve(port);
}

/* The device is called as the folder of its name in sysfs. */
static bool port_open(const char *name_file)
{
	char name[32] = "", device[64];
	FILE *f = fopen(name_file, "re");
	int port;

	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = '\0';
	fclose(f);
	if (strncmp(name, "lab.", 4) != 0)
		return true;
	snprintf(device, sizeof(device), "/dev/%.*s", (int)strcspn(name_file + 24, "/"),
		 name_file + 24);
	port = open(device, O_RDWR | O_CLOEXEC);
	if (port < 0)
		return false;
	port_start(port);
	close(port);
	return true;
}

int main(void)
{
	glob_t names;

	if (glob(PORTS, 0, NULL, &names) != 0) {
		fprintf(stderr, "agent: no virtio port\n");
		return 1;
	}
	for (size_t i = 0; i < names.gl_pathc; i++) {
		if (!port_open(names.gl_pathv[i])) {
			fprintf(stderr, "agent: cannot open %s\n", names.gl_pathv[i]);
			return 1;
		}
	}
	return 0;
}
