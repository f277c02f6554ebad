/*
 * An HTTP/1.1 response, read from bytes as they come (RFC 9112). No socket, no clock. The body goes
 * to a sink in pieces, whatever way it is framed; of the headers only what a client of an API needs
 * is kept. Strict where the two sides could disagree about where a body ends.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define HTTP_LINE_MAX 512	 /* what is longer, is no line that we need */
#define HTTP_HEAD_MAX (64 << 10) /* bytes of all headers, and of all trailers */

/* Where the body goes. Not called before the headers are complete. Negative: reading ends so. */
typedef int http_body_fn(void *arg, const char *data, size_t len, struct err *e);

enum http_state {
	HTTP_STATUS,
	HTTP_HEADERS,
	HTTP_SIZED,	 /* a body of known length */
	HTTP_CHUNK_SIZE, /* the line in front of a chunk */
	HTTP_CHUNK,
	HTTP_CHUNK_END,
	HTTP_TRAILERS,
	HTTP_TO_CLOSE, /* a body that ends with the connection */
	HTTP_DONE,
};

struct http_response {
	unsigned int status;   /* 200; 0: not there yet */
	int64_t retry_after_s; /* -1: not said, or as a date */
	bool keep_alive;       /* the connection can be used again */

	enum http_state state;
	http_body_fn *body;
	void *arg;
	bool chunked, sized;
	uint64_t left;	   /* bytes of the body, or of the chunk */
	size_t head_bytes; /* so far */
	size_t len;	   /* of line; more than HTTP_LINE_MAX: it was too long */
	char line[HTTP_LINE_MAX + 1];
};

void http_response_init(struct http_response *r, http_body_fn *body, void *arg);

/*
 * Take the next bytes. Returns how many were used, which is fewer than len only behind the end of
 * the response (state HTTP_DONE). -EBADMSG: not HTTP, or framed in a way that cannot be trusted.
 */
ssize_t http_response_feed(struct http_response *r, const char *data, size_t len, struct err *e);

/* The connection has ended: 0 when the response is whole with that, -ECONNRESET else. */
int http_response_close(struct http_response *r, struct err *e);

#endif
