/*
 * The addresses of a server, found without waiting. An address as text is one; a name is looked up
 * by the system's resolver (hosts file, DNS), which waits for its answer: a child of this process
 * does it and says what it found through a pipe.
 */
#ifndef HTTP_RESOLVE_H
#define HTTP_RESOLVE_H

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct http_server;

#define RESOLVE_MS 10000 /* then the child is ended */

struct http_resolve {
	int fd;
	pid_t pid; /* 0: nothing is under way */
	int64_t end_ms;
};

/*
 * Begin, or go on. -EAGAIN: http_resolve_wait() says what to poll for. 0: the addresses stand in s.
 * -EHOSTUNREACH: there are none. -ETIMEDOUT.
 */
int http_resolve_step(struct http_resolve *r, struct http_server *s, int64_t now_ms, struct err *e);

void http_resolve_wait(const struct http_resolve *r, struct pollfd *p, int64_t *until_ms);

/* End the child, if there is one. */
void http_resolve_stop(struct http_resolve *r);

#endif
