/* See listen.h. All connections stand behind one epoll descriptor, which is what the loop polls. */
#include "node/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"

#define CONNECTIONS 8 /* more wait in the queue */
#define REQUEST_SIZE 2048
#define ANSWER_SIZE 16384
#define SLOW_MS 2000
#define LISTENER CONNECTIONS /* in place of a connection's number */

struct connection {
	int fd; /* -1: free */
	size_t len;
	int64_t end_ms;
	char buf[REQUEST_SIZE];
};

static struct {
	int epoll, fd;
	bool full; /* the listener is not waited for */
	listen_answer_fn *answer;
	struct connection conns[CONNECTIONS];
} server = { .epoll = -1, .fd = -1 };

static void watch(int op, int fd, uint32_t what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = what };

	epoll_ctl(server.epoll, op, fd, &ev);
}

static void drop(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
	if (server.full)
		watch(EPOLL_CTL_ADD, server.fd, LISTENER);
	server.full = false;
}

static struct connection *find_free(void)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (server.conns[i].fd < 0)
			return &server.conns[i];
	}
	return NULL;
}

static void accept_all(int64_t now_ms)
{
	struct connection *c;

	while ((c = find_free())) {
		c->fd = accept4(server.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (c->fd < 0)
			return;
		c->len = 0;
		c->end_ms = now_ms + SLOW_MS;
		watch(EPOLL_CTL_ADD, c->fd, (uint32_t)(c - server.conns));
	}
	watch(EPOLL_CTL_DEL, server.fd, LISTENER);
	server.full = true;
}

/* "GET /path HTTP/1.1"; NULL: this is none. Cuts the text. */
static const char *request_path(char *text)
{
	char *path = text + strlen("GET "), *end;

	if (strncmp(text, "GET /", strlen("GET /")) != 0)
		return NULL;
	end = strpbrk(path, " ?\r\n");
	if (!end)
		return NULL;
	*end = '\0';
	return path;
}

/* It fits into the socket's buffer, which is empty. */
static void reply(int fd, char *request)
{
	static char body[ANSWER_SIZE], all[ANSWER_SIZE + 256];
	const char *path = request_path(request);
	struct text t, out;
	unsigned int status = 400;

	text_init(&t, body, sizeof(body));
	if (path)
		status = server.answer(path, &t);
	else
		text_str(&t, "expected GET\n");
	text_init(&out, all, sizeof(all));
	text_printf(&out,
		    "HTTP/1.1 %u %s\r\nContent-Type: text/plain; version=0.0.4\r\n"
		    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
		    status, status == 200 ? "OK" : "No", t.len);
	text_put(&out, t.at, t.len);
	if (send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len)
		shutdown(fd, SHUT_WR);
}

static void receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->buf + c->len, sizeof(c->buf) - 1 - c->len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->len += (size_t)n;
		c->buf[c->len] = '\0';
		if (!strstr(c->buf, "\r\n\r\n") && c->len < sizeof(c->buf) - 1)
			return;
		reply(c->fd, c->buf);
	}
	drop(c);
}

static void listen_wait(void *arg, struct pollfd *p, int64_t *until_ms)
{
	(void)arg;
	*p = (struct pollfd){ .fd = server.epoll, .events = POLLIN };
	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct connection *c = &server.conns[i];

		if (c->fd >= 0 && c->end_ms < *until_ms)
			*until_ms = c->end_ms;
	}
}

static unsigned int listen_step(void *arg, const struct pollfd *p, int64_t now_ms)
{
	struct epoll_event ev[CONNECTIONS + 1];
	int n = epoll_wait(server.epoll, ev, CONNECTIONS + 1, 0);

	(void)arg;
	(void)p;
	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == LISTENER)
			accept_all(now_ms);
		else if (server.conns[ev[i].data.u32].fd >= 0)
			receive(&server.conns[ev[i].data.u32]);
	}
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (server.conns[i].fd >= 0 && now_ms >= server.conns[i].end_ms)
			drop(&server.conns[i]);
	}
	return 0;
}

/* The last colon separates; brackets around an IPv6 address. */
static bool parse_where(const char *where, struct addr *a, in_port_t *port)
{
	const char *colon = strrchr(where, ':');
	char host[64];
	unsigned long n;
	size_t len;
	char *end;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	n = strtoul(colon + 1, &end, 10);
	len = (size_t)(colon - where);
	if (*end || n == 0 || n > UINT16_MAX || len >= sizeof(host))
		return false;
	memcpy(host, where, len);
	host[len] = '\0';
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	*port = htons((uint16_t)n);
	return addr_parse(host, a);
}

static bool is_loopback(const struct addr *a)
{
	static const struct in6_addr one = IN6ADDR_LOOPBACK_INIT;

	return a->family == AF_INET ? a->bytes[0] == IN_LOOPBACKNET
				    : memcmp(a->bytes, &one, sizeof(one)) == 0;
}

static int bind_socket(int fd, const struct addr *a, in_port_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = port };
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = port };
	const int on = 1;

	memcpy(&in4.sin_addr, a->bytes, sizeof(in4.sin_addr));
	memcpy(&in6.sin6_addr, a->bytes, sizeof(in6.sin6_addr));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return a->family == AF_INET ? bind(fd, (const struct sockaddr *)&in4, sizeof(in4))
				    : bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
}

int listen_open(const char *where, listen_answer_fn *answer, struct loop_item *out, struct err *e)
{
	struct addr a;
	in_port_t port;

	if (!parse_where(where, &a, &port) || !is_loopback(&a))
		return err_set(e, EINVAL,
			       "--listen %s: expected a loopback address and a port, as "
			       "127.0.0.1:9100 or [::1]:9100",
			       where);
	server.answer = answer;
	for (size_t i = 0; i < CONNECTIONS; i++)
		server.conns[i].fd = -1;
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	server.fd = socket(a.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server.epoll < 0 || server.fd < 0 || bind_socket(server.fd, &a, port) < 0 ||
	    listen(server.fd, CONNECTIONS) < 0)
		return err_errno(e, "--listen %s", where);
	watch(EPOLL_CTL_ADD, server.fd, LISTENER);
	*out = (struct loop_item){ .wait = listen_wait, .step = listen_step };
	return 0;
}
