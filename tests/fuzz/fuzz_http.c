/*
 * HTTP responses: a byte that says how large the pieces are, then the response. In pieces and whole
 * it must mean the same.
 */
#include "http/response.h"

#include <errno.h>

#include "fuzz.h"

struct reading {
	struct http_response r;
	struct err e;
	char *body;
	size_t len, cap;
	ssize_t used;
	int end;
};

static int take(void *arg, const char *data, size_t len, struct err *e)
{
	struct reading *x = arg;

	(void)e;
	require(len > 0 && len <= x->cap - x->len);
	require(x->r.status >= 200);
	memcpy(x->body + x->len, data, len);
	x->len += len;
	return 0;
}

static void read_all(struct reading *x, const char *data, size_t size, size_t piece)
{
	*x = (struct reading){ .body = malloc(size + 1), .cap = size };
	http_response_init(&x->r, take, x);
	while ((size_t)x->used < size && x->r.state != HTTP_DONE) {
		size_t n = size - (size_t)x->used < piece ? size - (size_t)x->used : piece;
		char *copy = malloc(n);
		ssize_t got;

		memcpy(copy, data + x->used, n);
		got = http_response_feed(&x->r, copy, n, &x->e);
		free(copy);
		check_err((int)got, &x->e);
		if (got < 0) {
			x->end = (int)got;
			return;
		}
		require((size_t)got == n || x->r.state == HTTP_DONE);
		x->used += got;
	}
	x->end = http_response_close(&x->r, &x->e);
	check_err(x->end, &x->e);
	require(x->end == 0 || x->end == -ECONNRESET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading whole, pieces;
	const char *text = (const char *)data + 1;

	if (size < 2)
		return 0;
	read_all(&whole, text, size - 1, size);
	read_all(&pieces, text, size - 1, 1 + data[0] % 64u);
	require(whole.end == pieces.end);
	require(whole.r.status == pieces.r.status && whole.r.keep_alive == pieces.r.keep_alive);
	require(whole.r.retry_after_s == pieces.r.retry_after_s);
	require(whole.len == pieces.len && memcmp(whole.body, pieces.body, whole.len) == 0);
	require(whole.end < 0 || whole.used == pieces.used);
	free(whole.body);
	free(pieces.body);
	return 0;
}
