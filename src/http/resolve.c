/* See resolve.h. */
#include "http/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/err.h"
#include "http/http.h"

/* What the child says, in one piece. */
struct found {
	size_t count;
	struct addr addresses[HTTP_ADDRESSES_MAX];
	struct err e;
};
_Static_assert(sizeof(struct found) <= PIPE_BUF, "it is written at once or not at all");

/* Signals are its parent's; it never outlives that. */
static void child(int out, struct http_server *s)
{
	static struct found f;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	http_server_resolve(s, &f.e);
	f.count = s->address_count;
	memcpy(f.addresses, s->addresses, sizeof(f.addresses));
	_exit(write(out, &f, sizeof(f)) == (ssize_t)sizeof(f) ? 0 : 1);
}

static int start(struct http_resolve *r, struct http_server *s, int64_t now_ms, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(e, "look up %s: a pipe", s->host);
	r->pid = fork();
	if (r->pid == 0)
		child(ends[1], s);
	close(ends[1]);
	r->fd = ends[0];
	r->end_ms = now_ms + RESOLVE_MS;
	if (r->pid > 0)
		return -EAGAIN;
	close(ends[0]);
	r->pid = 0;
	return err_errno(e, "look up %s: start a process", s->host);
}

void http_resolve_stop(struct http_resolve *r)
{
	if (r->pid <= 0)
		return;
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
	close(r->fd);
	r->pid = 0;
}

static int finish(struct http_resolve *r, struct http_server *s, int64_t now_ms, struct err *e)
{
	struct found f;
	ssize_t n = read(r->fd, &f, sizeof(f));

	if (n < 0 && (errno == EAGAIN || errno == EINTR) && now_ms < r->end_ms)
		return -EAGAIN;
	http_resolve_stop(r);
	if (n < 0)
		return err_set(e, ETIMEDOUT, "%s: time-out: looking up the name takes too long",
			       s->host);
	if (n != (ssize_t)sizeof(f))
		return err_set(e, EHOSTUNREACH, "%s: looking up the name has failed", s->host);
	if (f.count == 0 || f.count > HTTP_ADDRESSES_MAX)
		return err_take(e, &f.e);
	s->address_count = f.count;
	memcpy(s->addresses, f.addresses, sizeof(s->addresses));
	return 0;
}

int http_resolve_step(struct http_resolve *r, struct http_server *s, int64_t now_ms, struct err *e)
{
	if (r->pid)
		return finish(r, s, now_ms, e);
	if (addr_parse(s->host, &s->addresses[0])) {
		s->address_count = 1;
		return 0;
	}
	return start(r, s, now_ms, e);
}

void http_resolve_wait(const struct http_resolve *r, struct pollfd *p, int64_t *until_ms)
{
	*p = (struct pollfd){ .fd = r->fd, .events = POLLIN };
	*until_ms = r->end_ms;
}
