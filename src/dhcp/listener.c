/* The daemon's listening socket: see listener.h. */
#include "dhcp/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#define FIRST_GIVEN 3 /* SD_LISTEN_FDS_START */
#define BACKLOG 512

static bool is_listening(int fd)
{
	socklen_t size = sizeof(int);
	int type = 0, listening = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/* 0: nothing is given. */
static int given_socket(struct err *e)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	char own[16];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	if (!pid || !fds || strcmp(pid, own) != 0)
		return 0;
	if (strcmp(fds, "1") != 0)
		return err_set(e, EINVAL, "LISTEN_FDS is \"%.16s\": expected one socket", fds);
	if (!is_listening(FIRST_GIVEN))
		return err_set(e, EINVAL,
			       "file descriptor 3 (LISTEN_FDS) is no listening stream socket");
	if (fcntl(FIRST_GIVEN, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(FIRST_GIVEN, F_SETFL, O_NONBLOCK) < 0)
		return err_errno(e, "set up file descriptor 3 (LISTEN_FDS)");
	return FIRST_GIVEN;
}

static int make_directory(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;

	if (!slash || slash == path)
		return 0;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	fd = dir_open(dir, true, e);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* A socket file without a listener refuses connections: it is what a killed daemon leaves. */
static int remove_stale(const struct sockaddr_un *at, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;
	struct stat st;

	if (fd < 0)
		return err_errno(e, "open a unix socket");
	if (lstat(at->sun_path, &st) < 0) {
		close(fd);
		return errno == ENOENT ? 0 : err_errno(e, "stat %s", at->sun_path);
	}
	if (!S_ISSOCK(st.st_mode))
		r = err_set(e, EEXIST, "%s exists and is no socket", at->sun_path);
	else if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN)
		r = err_set(e, EADDRINUSE, "another daemon listens to %s", at->sun_path);
	else if (unlink(at->sun_path) < 0 && errno != ENOENT)
		r = err_errno(e, "remove the stale socket %s", at->sun_path);
	close(fd);
	return r;
}

static int bind_socket(int fd, const struct sockaddr_un *at, struct err *e)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0
			? err_errno(e, "bind to %s", at->sun_path)
			: 0;

	umask(before);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = err_errno(e, "listen to %s", at->sun_path);
	return r;
}

static int own_socket(const char *path, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, r;

	if (!str_copy(at.sun_path, sizeof(at.sun_path), path))
		return err_set(e, ENAMETOOLONG, "-socketpath: longer than %zu bytes",
			       sizeof(at.sun_path) - 1);
	r = make_directory(path, e);
	if (r == 0)
		r = remove_stale(&at, e);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, "open a unix socket");
	r = bind_socket(fd, &at, e);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

int dhcp_listener_open(const char *path, bool *given, struct err *e)
{
	int fd = given_socket(e);

	*given = fd > 0;
	return fd ? fd : own_socket(path, e);
}
