/*
 * call SOCKET... -- COMMAND ARGUMENT...: runs a command in a lab machine through
 * the first of its channels that is free (all are tried, then the first is waited
 * for). Standard streams and exit status are the command's. 255 with a word on
 * stderr: the machine ended, or said nothing for LAB_SILENCE seconds (180).
 */
#define _GNU_SOURCE
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_FAILED 255

static struct frame_reader reader;
static struct frame request;
static size_t pending, sent; /* bytes of the request, and how many are gone */

static void die(const char *what, const char *which)
{
	fprintf(stderr, "call: %s %s\n", what, which);
	exit(STATUS_FAILED);
}

static int channel_lock(const char *path, int flags)
{
	char lock[256];
	int fd;

	snprintf(lock, sizeof(lock), "%s.lock", path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		die("cannot lock", lock);
	if (flock(fd, flags) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The lock is held until the process ends. */
static const char *channel_choose(char **paths, int count)
{
	for (int i = 0; i < count; i++)
		if (channel_lock(paths[i], LOCK_EX | LOCK_NB) >= 0)
			return paths[i];
	if (channel_lock(paths[0], LOCK_EX) < 0)
		die("cannot wait for", paths[0]);
	return paths[0];
}

static int channel_open(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(to.sun_path))
		die("path is too long:", path);
	strcpy(to.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		die("the machine is not running: cannot connect to", path);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void arguments_add(char **args, int count)
{
	size_t length = 0;

	for (int i = 0; i < count; i++) {
		size_t size = strlen(args[i]) + 1;

		if (length + size > FRAME_MAX)
			die("too many arguments:", args[0]);
		memcpy(request.data + length, args[i], size);
		length += size;
	}
	pending = frame_seal(&request, FRAME_CALL, (uint32_t)getpid(), length);
}

static void request_send(int fd)
{
	ssize_t n = send(fd, (const char *)&request + sent, pending - sent, MSG_NOSIGNAL);

	if (n > 0)
		sent += (size_t)n;
	if (sent == pending)
		sent = pending = 0;
}

/* Returns whether there may be more. */
static bool input_read(void)
{
	ssize_t n = read(STDIN_FILENO, request.data, 16384);

	if (n < 0)
		n = 0;
	pending = frame_seal(&request, FRAME_IN, (uint32_t)getpid(), (size_t)n);
	return n > 0;
}

static void write_all(int fd, const unsigned char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno != EINTR)
			die("cannot write the command's output:", strerror(errno));
		if (n > 0) {
			data += n;
			length -= (size_t)n;
		}
	}
}

static void frame_handle(const struct frame *f)
{
	if (frame_call(f) != (uint32_t)getpid())
		return;
	if (frame_type(f) == FRAME_OUT)
		write_all(STDOUT_FILENO, f->data, frame_length(f));
	if (frame_type(f) == FRAME_ERR)
		write_all(STDERR_FILENO, f->data, frame_length(f));
	if (frame_type(f) == FRAME_EXIT)
		exit(f->data[0]);
}

static void answer_read(int fd, const char *path)
{
	const struct frame *f;
	long n = frame_read(&reader, fd);

	if (n == 0 || (n < 0 && n != -EAGAIN))
		die("the machine ended; its channel was", path);
	while ((f = frame_first(&reader))) {
		frame_handle(f);
		frame_drop(&reader);
	}
}

static void talk(int fd, const char *path, int silence_ms)
{
	bool more = true;

	for (;;) {
		bool idle = pending == 0;
		struct pollfd p[] = {
			{ .fd = fd, .events = idle ? POLLIN : POLLIN | POLLOUT },
			{ .fd = idle && more ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(p, 2, silence_ms) == 0)
			die("the machine says nothing; its channel is", path);
		if (p[0].revents & POLLOUT)
			request_send(fd);
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
			answer_read(fd, path);
		if (p[1].revents)
			more = input_read();
	}
}

int main(int argc, char **argv)
{
	const char *silence = getenv("LAB_SILENCE");
	const char *path;
	int paths = 0;
	int fd;

	while (1 + paths < argc && strcmp(argv[1 + paths], "--") != 0)
		paths++;
	if (paths == 0 || 2 + paths >= argc)
		die("usage:", "call SOCKET... -- COMMAND ARGUMENT...");
	if (isatty(STDIN_FILENO)) {
		close(STDIN_FILENO);
		open("/dev/null", O_RDONLY);
	}
	path = channel_choose(argv + 1, paths);
	fd = channel_open(path);
	arguments_add(argv + 2 + paths, argc - 2 - paths);
	talk(fd, path, (silence ? atoi(silence) : 180) * 1000);
}
