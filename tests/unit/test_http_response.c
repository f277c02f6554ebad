/* Responses, cut in every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "http/response.h"

static char body_buf[1 << 17];
static struct text body;
static struct http_response r;
static struct err e;

static int take(void *arg, const char *data, size_t len, struct err *err)
{
	(void)arg;
	(void)err;
	text_put(&body, data, len);
	return 0;
}

static void begin(void)
{
	text_init(&body, body_buf, sizeof(body_buf));
	err_clear(&e);
	http_response_init(&r, take, NULL);
}

/* In pieces of this size; each is given as a buffer of its own, so that reading past it is seen. */
static ssize_t feed(const char *text, size_t len, size_t piece)
{
	size_t used = 0;

	while (used < len) {
		size_t n = len - used < piece ? len - used : piece;
		char *copy = test_malloc(n);
		ssize_t got;

		memcpy(copy, text + used, n);
		got = http_response_feed(&r, copy, n, &e);
		test_free(copy);
		if (got < 0)
			return got;
		used += (size_t)got;
		if ((size_t)got < n)
			break;
	}
	return (ssize_t)used;
}

static void assert_reads(const char *text, unsigned int status, const char *wanted)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		begin();
		assert_int_equal(feed(text, strlen(text), piece), strlen(text));
		assert_int_equal(http_response_close(&r, &e), 0);
		assert_int_equal(r.state, HTTP_DONE);
		assert_int_equal(r.status, status);
		assert_string_equal(body.at, wanted);
	}
}

static void refuses(const char *text, const char *why)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		begin();
		assert_int_equal(feed(text, strlen(text), piece), -EBADMSG);
		if (!strstr(e.text, why))
			print_error("%s\n", e.text);
		assert_non_null(strstr(e.text, why));
	}
}

static void test_framing(void **state)
{
	(void)state;
	assert_reads("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
	assert_reads("HTTP/1.1 200\r\ncontent-length:5 \t\r\n\r\nhello", 200, "hello");
	assert_reads("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok");
	assert_reads("HTTP/1.1 204 No\r\n\r\n", 204, "");
	assert_reads("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "");
	assert_reads("HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end");
	assert_reads("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 1\r\n\r\ny",
		     201, "y");
}

static void test_chunks(void **state)
{
	(void)state;
	assert_reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "5\r\nhello\r\nB;name=\"v\"\r\n, big world\r\n0\r\n\r\n",
		     200, "hello, big world");
	assert_reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
		     "0000a \r\n\r\n\r\n\r\n0\r\n0\r\n000\r\nTrailer: x\r\n\r\n",
		     200, "\r\n\r\n\r\n0\r\n0");
}

static void test_headers(void **state)
{
	(void)state;
	assert_reads("HTTP/1.1 429 Many\r\nRetry-After: 17\r\nConnection: close\r\n"
		     "Content-Length: 0\r\n\r\n",
		     429, "");
	assert_int_equal(r.retry_after_s, 17);
	assert_false(r.keep_alive);
	assert_reads("HTTP/1.1 200 OK\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
		     "Content-Length: 0\r\n\r\n",
		     200, "");
	assert_int_equal(r.retry_after_s, -1);
	assert_true(r.keep_alive);
	assert_reads("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "");
	assert_false(r.keep_alive);
	assert_reads("HTTP/1.0 200 OK\r\nConnection: a, Keep-Alive\r\nContent-Length: 0\r\n\r\n",
		     200, "");
	assert_true(r.keep_alive);
}

static void test_refused(void **state)
{
	(void)state;
	refuses("SSH-2.0-x\r\n", "not HTTP/1");
	refuses("HTTP/2 200\r\n", "not HTTP/1");
	refuses("HTTP/1.1 20\r\n", "not HTTP/1");
	refuses("HTTP/1.1 2000\r\n", "not HTTP/1");
	refuses("HTTP/1.1 101 Switching\r\n", "status 101");
	refuses("HTTP/1.1 200 OK\r\nnonsense\r\n", "no header");
	refuses("HTTP/1.1 200 OK\r\nA b: c\r\n", "no header");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "makes no sense");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", "makes no sense");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", "makes no sense");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"both");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", "not known");
	refuses("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n", "not asked for");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "no size of a chunk");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "no size of a chunk");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1111111111111111\r\n",
		"no size of a chunk");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "longer");
}

static void test_early_end(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "2\r\nab\r\n0\r\n\r\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		begin();
		assert_int_equal(feed(text, len, 7), len);
		assert_int_equal(http_response_close(&r, &e), -ECONNRESET);
	}
	begin();
	assert_int_equal(feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz", 41, 41), 39);
	assert_int_equal(r.state, HTTP_DONE);
}

/* No line is needed that is longer than the buffer, and none makes it overflow. */
static void test_long_lines(void **state)
{
	static char text[HTTP_HEAD_MAX + 4096];
	size_t at = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nAudit: ");

	(void)state;
	memset(text + at, 'x', 4000);
	strcpy(text + at + 4000, "\r\nContent-Length: 2\r\n\r\nok");
	begin();
	assert_int_equal(feed(text, strlen(text), 1000), strlen(text));
	assert_string_equal(body.at, "ok");
	memset(text + at, 'x', HTTP_HEAD_MAX + 100);
	begin();
	assert_int_equal(feed(text, at + HTTP_HEAD_MAX + 100, 1000), -EBADMSG);
	begin();
	assert_int_equal(feed("HTTP/1.1 200 OK\r\nA: \0\r\n", 23, 100), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),	  cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_headers),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_early_end), cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
