/*
 * An HTTPS connection that never waits: a poll loop calls http_step() when what http_wait() asked
 * for has come. One request at a time; the connection is kept for the next one to the same server.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/text.h"
#include "http/response.h"
#include "tls/tls.h"

#define HTTP_ADDRESSES_MAX 8
#define HTTP_REQUEST_MAX 16384 /* a token has some KB */
#define HTTP_HOST_MAX 256

/* Where a server is. Filled by http_server_parse() and http_server_resolve(). */
struct http_server {
	char host[HTTP_HOST_MAX]; /* name or address, without brackets */
	uint16_t port;
	char path[HTTP_HOST_MAX]; /* in front of every request's, without "/" at its end */
	struct addr addresses[HTTP_ADDRESSES_MAX];
	size_t address_count;
};

/* "https://HOST[:PORT][/PATH]"; another scheme, a user or a query is -EINVAL. */
int http_server_parse(struct http_server *s, const char *url, struct err *e);

/*
 * Find the host's addresses. Of a name the system's resolver is asked (hosts file, DNS), which
 * waits for its answer: the only thing in this room that waits (resolve.h does not).
 */
int http_server_resolve(struct http_server *s, struct err *e);

/* How long each part may take, in milliseconds. */
struct http_limits {
	int64_t connect; /* to each address, with the TLS handshake */
	int64_t idle;	 /* between two pieces of the answer, and until its first */
	int64_t total;	 /* the whole exchange */
};

struct http_conn {
	const struct http_server *server;
	struct http_limits limits;
	enum {
		HTTP_CLOSED,
		HTTP_CONNECTING,
		HTTP_HANDSHAKE,
		HTTP_SENDING,
		HTTP_RECEIVING,
		HTTP_IDLE,
	} phase;
	int fd;
	struct tls *tls;
	const struct tls_options *identity; /* borrowed until the handshake has begun */
	size_t address;			    /* the one that is tried */
	bool reused;			    /* nothing was received for this request yet */
	bool more;			    /* bytes are waiting in the TLS layer */
	int64_t part_end, end;		    /* when time is over */
	struct http_response response;
	struct text request;
	const char *content; /* NULL: the request has none */
	size_t sent;
	char request_buf[HTTP_REQUEST_MAX];
};

void http_init(struct http_conn *c);

/*
 * The request's text, to be written before http_start(): method, path behind the server's own,
 * headers of the connection; then http_header() for more of them. The token and whatever else it
 * holds is wiped with http_close().
 */
void http_request(struct http_conn *c, const struct http_server *s, const char *method,
		  const char *path);
void http_header(struct http_conn *c, const char *name, const char *value);

/* With content, which is borrowed until http_start(). */
void http_content(struct http_conn *c, const char *type, const char *content);

/*
 * Begin the exchange; identity is asked for when a new connection is made. Never waits; errors come
 * from http_step().
 */
void http_start(struct http_conn *c, const struct tls_options *identity,
		const struct http_limits *limits, http_body_fn *body, void *arg, int64_t now_ms);

/* A connection that is idle can be used for the next request. */
bool http_is_idle(const struct http_conn *c);

/* What to poll for, and when to come back without it. */
void http_wait(const struct http_conn *c, struct pollfd *p, int64_t *until_ms);

/*
 * Go on. -EAGAIN: not done. 0: the response is whole, look at c->response. Anything else: it has
 * failed, and the connection is closed. -ETIMEDOUT: a limit. Who knows the URL names it.
 */
int http_step(struct http_conn *c, int64_t now_ms, struct err *e);

/* Close, whatever it does. */
void http_close(struct http_conn *c);

#endif
