/*
 * The connection: see http.h.
 *
 * A connection that was kept may have been closed by the server meanwhile; one notices only when
 * the next request fails before anything came back. Such a request is sent once more over a new
 * connection: it reads, or says how something shall be, and may be carried out twice. A server that
 * has several addresses is tried at each in turn.
 */
#include "http/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define STEP_BYTES (256 << 10) /* received in one step, then others have their turn */
#define PIECE 8192

/* A peer that has vanished without a word is noticed within a minute. */
static const struct {
	int level, name, value;
} socket_options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1 },	  { IPPROTO_TCP, TCP_KEEPIDLE, 30 },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },	  { IPPROTO_TCP, TCP_KEEPCNT, 3 },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 }, { IPPROTO_TCP, TCP_NODELAY, 1 },
};

void http_init(struct http_conn *c)
{
	memset(c, 0, offsetof(struct http_conn, request_buf));
	c->fd = -1;
	text_init(&c->request, c->request_buf, sizeof(c->request_buf));
}

static void disconnect(struct http_conn *c)
{
	tls_close(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	c->tls = NULL;
	c->fd = -1;
	c->more = false;
	c->phase = HTTP_CLOSED;
}

/* Of the buffer no more than was used: its other pages need not be there. */
static void wipe_request(struct http_conn *c)
{
	explicit_bzero(c->request_buf, c->request.len);
	text_init(&c->request, c->request_buf, sizeof(c->request_buf));
}

void http_close(struct http_conn *c)
{
	disconnect(c);
	wipe_request(c);
}

void http_request(struct http_conn *c, const struct http_server *s, const char *method,
		  const char *path)
{
	bool v6 = strchr(s->host, ':');

	if (c->server != s)
		disconnect(c);
	c->server = s;
	c->content = NULL;
	wipe_request(c);
	text_printf(&c->request, "%s %s%s HTTP/1.1\r\nHost: %s%s%s:%u\r\n", method, s->path, path,
		    v6 ? "[" : "", s->host, v6 ? "]" : "", s->port);
	http_header(c, "User-Agent", "cnibox/" CNIBOX_VERSION);
	http_header(c, "Accept-Encoding", "identity");
}

void http_header(struct http_conn *c, const char *name, const char *value)
{
	text_printf(&c->request, "%s: %s\r\n", name, value);
}

void http_content(struct http_conn *c, const char *type, const char *content)
{
	http_header(c, "Content-Type", type);
	text_printf(&c->request, "Content-Length: %zu\r\n", strlen(content));
	c->content = content;
}

void http_start(struct http_conn *c, const struct tls_options *identity,
		const struct http_limits *limits, http_body_fn *body, void *arg, int64_t now_ms)
{
	text_str(&c->request, "\r\n");
	if (c->content)
		text_str(&c->request, c->content);
	http_response_init(&c->response, body, arg);
	c->identity = identity;
	c->limits = *limits;
	c->sent = 0;
	c->address = 0;
	c->end = now_ms + limits->total;
	c->part_end = now_ms + limits->idle;
	c->reused = c->phase == HTTP_IDLE;
	if (c->reused)
		c->phase = HTTP_SENDING;
	else
		disconnect(c);
}

bool http_is_idle(const struct http_conn *c)
{
	return c->phase == HTTP_IDLE;
}

static socklen_t fill_sockaddr(const struct http_conn *c, struct sockaddr_storage *ss)
{
	const struct addr *a = &c->server->addresses[c->address];
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *in4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = a->family;
	if (a->family == AF_INET) {
		in4->sin_port = htons(c->server->port);
		memcpy(&in4->sin_addr, a->bytes, sizeof(in4->sin_addr));
		return sizeof(*in4);
	}
	in6->sin6_port = htons(c->server->port);
	memcpy(&in6->sin6_addr, a->bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

/* -EAGAIN: it is under way. */
static int begin_connect(struct http_conn *c, int64_t now, struct err *e)
{
	const struct addr *a = &c->server->addresses[c->address];
	struct sockaddr_storage ss;
	socklen_t len = fill_sockaddr(c, &ss);

	c->part_end = now + c->limits.connect;
	c->fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return err_errno(e, "make a socket");
	for (size_t i = 0; i < sizeof(socket_options) / sizeof(socket_options[0]); i++)
		setsockopt(c->fd, socket_options[i].level, socket_options[i].name,
			   &socket_options[i].value, sizeof(int));
	c->phase = HTTP_CONNECTING;
	if (connect(c->fd, (const struct sockaddr *)&ss, len) < 0)
		return errno == EINPROGRESS ? -EAGAIN
					    : err_errno(e, "connect to %s port %u", addr_text(a),
							c->server->port);
	return 0;
}

static int finish_connect(struct http_conn *c, struct err *e)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };
	struct tls_options o = *c->identity;
	socklen_t len = sizeof(int);
	int errnum = 0, r;

	if (poll(&p, 1, 0) <= 0)
		return -EAGAIN;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	if (errnum)
		return err_sys(e, errnum, "connect to %s port %u",
			       addr_text(&c->server->addresses[c->address]), c->server->port);
	if (!o.server)
		o.server = c->server->host;
	r = tls_open(&c->tls, c->fd, &o, e);
	c->phase = HTTP_HANDSHAKE;
	return r;
}

static int step_send(struct http_conn *c, int64_t now, struct err *e)
{
	if (c->request.bad)
		return err_set(e, E2BIG, "the request is larger than %zu bytes", c->request.cap);
	while (c->sent < c->request.len) {
		ssize_t n = tls_write(c->tls, c->request.at + c->sent, c->request.len - c->sent, e);

		if (n < 0)
			return (int)n;
		c->sent += (size_t)n;
	}
	c->phase = HTTP_RECEIVING;
	c->part_end = now + c->limits.idle;
	return 0;
}

/* One piece. 0: whole; 1: there may be more. */
static int receive_piece(struct http_conn *c, int64_t now, struct err *e, size_t *got)
{
	char buf[PIECE];
	ssize_t n = tls_read(c->tls, buf, sizeof(buf), e), used;

	if (n < 0)
		return (int)n;
	if (n == 0) {
		c->response.keep_alive = false;
		return http_response_close(&c->response, e);
	}
	c->reused = false;
	c->part_end = now + c->limits.idle;
	*got += (size_t)n;
	used = http_response_feed(&c->response, buf, (size_t)n, e);
	if (used < 0)
		return (int)used;
	if (used < n)
		return err_set(e, EBADMSG, "there is something behind the answer");
	return c->response.state == HTTP_DONE ? 0 : 1;
}

static int step_receive(struct http_conn *c, int64_t now, struct err *e)
{
	size_t got = 0;
	int r = 1;

	while (r == 1 && got < STEP_BYTES)
		r = receive_piece(c, now, e, &got);
	c->more = r == 1;
	if (r == 1)
		return -EAGAIN;
	if (r == 0 && c->response.keep_alive)
		c->phase = HTTP_IDLE;
	else if (r == 0)
		disconnect(c);
	return r;
}

static int step_phase(struct http_conn *c, int64_t now, struct err *e)
{
	int r;

	switch (c->phase) {
	case HTTP_CLOSED:
		return begin_connect(c, now, e);
	case HTTP_CONNECTING:
		return finish_connect(c, e);
	case HTTP_HANDSHAKE:
		r = tls_handshake(c->tls, e);
		if (r == 0)
			c->phase = HTTP_SENDING;
		return r;
	case HTTP_SENDING:
		return step_send(c, now, e);
	case HTTP_RECEIVING:
	case HTTP_IDLE:
		break;
	}
	return 0;
}

/* Is there another way to the same answer? Then the error is forgotten. */
static bool try_again(struct http_conn *c, int r, struct err *e)
{
	bool connecting = c->phase <= HTTP_HANDSHAKE;

	if (r == -ENOMEM || r == -EINVAL || r == -E2BIG)
		return false;
	if (c->reused)
		c->address = 0;
	else if (connecting && c->address + 1 < c->server->address_count)
		c->address++;
	else
		return false;
	c->reused = false;
	c->sent = 0;
	c->part_end = c->end;
	http_response_init(&c->response, c->response.body, c->response.arg);
	disconnect(c);
	err_clear(e);
	return true;
}

static int expire(const struct http_conn *c, struct err *e)
{
	static const char *const doing[] = {
		[HTTP_CLOSED] = "connecting",		[HTTP_CONNECTING] = "connecting",
		[HTTP_HANDSHAKE] = "the TLS handshake", [HTTP_SENDING] = "sending",
		[HTTP_RECEIVING] = "the answer",	[HTTP_IDLE] = "nothing",
	};

	return err_set(e, ETIMEDOUT, "%s port %u: time-out: %s takes too long",
		       addr_text(&c->server->addresses[c->address]), c->server->port,
		       doing[c->phase]);
}

static int step(struct http_conn *c, int64_t now, struct err *e)
{
	int r = 0;

	if (now >= c->end || now >= c->part_end)
		return expire(c, e);
	while (r == 0 && c->phase != HTTP_RECEIVING)
		r = step_phase(c, now, e);
	return r < 0 ? r : step_receive(c, now, e);
}

int http_step(struct http_conn *c, int64_t now_ms, struct err *e)
{
	int r;

	if (c->server->address_count == 0)
		return err_set(e, EHOSTUNREACH, "%s: no address", c->server->host);
	do
		r = step(c, now_ms, e);
	while (r < 0 && r != -EAGAIN && now_ms < c->end && try_again(c, r, e));
	if (r == 0 || r == -EAGAIN)
		return r;
	disconnect(c);
	return r;
}

void http_wait(const struct http_conn *c, struct pollfd *p, int64_t *until_ms)
{
	short events = POLLOUT;

	*p = (struct pollfd){ .fd = c->fd };
	*until_ms = c->part_end < c->end ? c->part_end : c->end;
	if (c->phase == HTTP_CLOSED || c->more)
		*until_ms = 0;
	if (c->phase != HTTP_CONNECTING && c->tls)
		events = tls_events(c->tls);
	p->events = c->phase == HTTP_IDLE ? POLLIN : events;
}
