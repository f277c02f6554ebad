/*
 * console SOCKET: this terminal becomes a lab machine's serial console. Every key
 * goes to the machine, Ctrl-C too; Ctrl-] leaves.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define LEAVE 0x1d /* Ctrl-] */

static struct termios before;

static void terminal_restore(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	fputs("\r\n", stderr);
}

static void terminal_raw(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return;
	raw = before;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	atexit(terminal_restore);
}

static int console_open(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	perror(path);
	exit(1);
}

/* Returns whether there may be more. */
static int pass(int from, int to)
{
	char data[4096];
	ssize_t n = read(from, data, sizeof(data));
	const char *leave = n > 0 && from == STDIN_FILENO ? memchr(data, LEAVE, (size_t)n) : NULL;

	if (leave)
		n = leave - data;
	return n > 0 && write(to, data, (size_t)n) == n && !leave;
}

int main(int argc, char **argv)
{
	struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };
	int going = 1;

	if (argc != 2) {
		fputs("usage: console SOCKET\n", stderr);
		return 2;
	}
	p[1].fd = console_open(argv[1]);
	terminal_raw();
	if (write(p[1].fd, "\n", 1) != 1)
		going = 0;
	while (going && poll(p, 2, -1) > 0) {
		if (p[0].revents)
			going = pass(STDIN_FILENO, p[1].fd);
		if (going && p[1].revents)
			going = pass(p[1].fd, STDOUT_FILENO);
	}
	return 0;
}
