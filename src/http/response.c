/* Reading a response: see response.h. */
#include "http/response.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

void http_response_init(struct http_response *r, http_body_fn *body, void *arg)
{
	*r = (struct http_response){
		.body = body, .arg = arg, .retry_after_s = -1, .keep_alive = true
	};
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits and nothing else, at most 18 of them. */
static bool parse_decimal(const char *s, uint64_t *out)
{
	size_t len = strspn(s, "0123456789");

	if (len == 0 || len > 18 || s[len])
		return false;
	*out = strtoull(s, NULL, 10);
	return true;
}

/* "HTTP/1.1 200 OK", with or without a reason. */
static int read_status(struct http_response *r, struct err *e)
{
	const char *s = r->line;

	if (strncmp(s, "HTTP/1.", 7) != 0 || !is_digit(s[7]) || s[8] != ' ' || !is_digit(s[9]) ||
	    !is_digit(s[10]) || !is_digit(s[11]) || (s[12] && s[12] != ' '))
		return err_set(e, EBADMSG, "the answer is not HTTP/1: \"%.40s\"", s);
	r->status = (unsigned int)((s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0'));
	if (r->status < 100 || r->status == 101)
		return err_set(e, EBADMSG, "the answer is not HTTP/1: status %u", r->status);
	r->keep_alive = s[7] != '0';
	r->state = HTTP_HEADERS;
	return 0;
}

/* A list of words, of which one is asked for. */
static bool has_word(const char *value, const char *word)
{
	size_t len = strlen(word);

	while (*value) {
		size_t n = strcspn(value, ", \t");

		if (n == len && strncasecmp(value, word, len) == 0)
			return true;
		value += n;
		value += strspn(value, ", \t");
	}
	return false;
}

static int read_length(struct http_response *r, const char *value, struct err *e)
{
	uint64_t length;

	if (!parse_decimal(value, &length) || (r->sized && r->left != length))
		return err_set(e, EBADMSG, "Content-Length \"%.40s\" makes no sense", value);
	r->sized = true;
	r->left = length;
	return 0;
}

static int read_header(struct http_response *r, const char *name, const char *value, struct err *e)
{
	uint64_t number;

	if (strcasecmp(name, "Content-Length") == 0)
		return read_length(r, value, e);
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		if (strcasecmp(value, "chunked") != 0)
			return err_set(e, EBADMSG, "Transfer-Encoding \"%.40s\" is not known",
				       value);
		r->chunked = true;
	} else if (strcasecmp(name, "Content-Encoding") == 0) {
		if (strcasecmp(value, "identity") != 0)
			return err_set(e, EBADMSG, "Content-Encoding \"%.40s\" was not asked for",
				       value);
	} else if (strcasecmp(name, "Connection") == 0) {
		if (has_word(value, "close"))
			r->keep_alive = false;
		else if (has_word(value, "keep-alive"))
			r->keep_alive = true;
	} else if (strcasecmp(name, "Retry-After") == 0 && parse_decimal(value, &number)) {
		r->retry_after_s = (int64_t)number;
	}
	return 0;
}

/* Behind the empty line: how is the body framed? Informational responses (1xx) have none. */
static int end_headers(struct http_response *r, struct err *e)
{
	if (r->status < 200) {
		http_response_init(r, r->body, r->arg);
		return 0;
	}
	if (r->chunked && r->sized)
		return err_set(e, EBADMSG, "both Content-Length and Transfer-Encoding");
	if (r->status == 204 || r->status == 304 || (r->sized && r->left == 0))
		r->state = HTTP_DONE;
	else if (r->chunked)
		r->state = HTTP_CHUNK_SIZE;
	else
		r->state = r->sized ? HTTP_SIZED : HTTP_TO_CLOSE;
	if (r->state == HTTP_TO_CLOSE)
		r->keep_alive = false;
	return 0;
}

/* A line that was too long is cut: what frames the body fails then to be understood, as it should.
 */
static int headers_line(struct http_response *r, struct err *e)
{
	size_t name = strcspn(r->line, ": \t");
	char *value = r->line + name, *end;

	if (r->len == 0)
		return end_headers(r, e);
	if (name == 0 || *value != ':')
		return err_set(e, EBADMSG, "\"%.40s\" is no header", r->line);
	*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return read_header(r, r->line, value, e);
}

/* Hexadecimal, then extensions that mean nothing to us. */
static int chunk_size_line(struct http_response *r, struct err *e)
{
	size_t len = strspn(r->line, "0123456789abcdefABCDEF");
	char next = r->line[len];

	if (len == 0 || len > 15 || (next && next != ';' && next != ' ' && next != '\t'))
		return err_set(e, EBADMSG, "\"%.40s\" is no size of a chunk", r->line);
	r->left = strtoull(r->line, NULL, 16);
	r->state = r->left ? HTTP_CHUNK : HTTP_TRAILERS;
	return 0;
}

static int take_line(struct http_response *r, struct err *e)
{
	switch (r->state) {
	case HTTP_STATUS:
		return read_status(r, e);
	case HTTP_HEADERS:
		return headers_line(r, e);
	case HTTP_CHUNK_SIZE:
		return chunk_size_line(r, e);
	case HTTP_CHUNK_END:
		r->state = HTTP_CHUNK_SIZE;
		return r->len ? err_set(e, EBADMSG, "a chunk is longer than its size") : 0;
	case HTTP_TRAILERS:
		if (r->len == 0)
			r->state = HTTP_DONE;
		return 0;
	case HTTP_SIZED:
	case HTTP_CHUNK:
	case HTTP_TO_CLOSE:
	case HTTP_DONE:
		break;
	}
	return 0;
}

/* Lines end with CR LF; a lone LF is taken too (RFC 9112 2.2). */
static ssize_t feed_line(struct http_response *r, const char *data, size_t len, struct err *e)
{
	const char *end = memchr(data, '\n', len);
	size_t used = end ? (size_t)(end - data) + 1 : len, text = end ? used - 1 : used;
	size_t room = r->len < HTTP_LINE_MAX ? HTTP_LINE_MAX - r->len : 0;
	int err;

	r->head_bytes += r->state == HTTP_CHUNK_SIZE || r->state == HTTP_CHUNK_END ? 0 : used;
	if (r->head_bytes > HTTP_HEAD_MAX || r->len > HTTP_HEAD_MAX)
		return err_set(e, EBADMSG, "headers without end");
	memcpy(r->line + (room ? r->len : 0), data, text < room ? text : room);
	r->len += text;
	if (!end)
		return (ssize_t)used;
	if (r->len > 0 && r->len <= HTTP_LINE_MAX && r->line[r->len - 1] == '\r')
		r->len--;
	r->line[r->len < HTTP_LINE_MAX ? r->len : HTTP_LINE_MAX] = '\0';
	if (memchr(r->line, '\0', r->len < HTTP_LINE_MAX ? r->len : HTTP_LINE_MAX))
		return err_set(e, EBADMSG, "a header has a NUL byte in it");
	err = take_line(r, e);
	r->len = 0;
	return err < 0 ? err : (ssize_t)used;
}

static ssize_t feed_body(struct http_response *r, const char *data, size_t len, struct err *e)
{
	size_t used = r->state != HTTP_TO_CLOSE && r->left < len ? (size_t)r->left : len;
	int err = r->body(r->arg, data, used, e);

	if (err < 0)
		return err;
	if (r->state == HTTP_TO_CLOSE)
		return (ssize_t)used;
	r->left -= used;
	if (r->left == 0)
		r->state = r->state == HTTP_CHUNK ? HTTP_CHUNK_END : HTTP_DONE;
	return (ssize_t)used;
}

ssize_t http_response_feed(struct http_response *r, const char *data, size_t len, struct err *e)
{
	size_t used = 0;

	while (used < len && r->state != HTTP_DONE) {
		bool body = r->state == HTTP_SIZED || r->state == HTTP_CHUNK ||
			    r->state == HTTP_TO_CLOSE;
		ssize_t n = (body ? feed_body : feed_line)(r, data + used, len - used, e);

		if (n < 0)
			return n;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int http_response_close(struct http_response *r, struct err *e)
{
	if (r->state == HTTP_TO_CLOSE)
		r->state = HTTP_DONE;
	if (r->state == HTTP_DONE)
		return 0;
	if (r->status == 0)
		return err_set(e, ECONNRESET, "the connection was closed without an answer");
	return err_set(e, ECONNRESET, "the connection was closed in the middle of the answer");
}
