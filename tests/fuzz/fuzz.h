/*
 * What the fuzz targets share: the input in pieces of exactly their size, so that reading past one
 * is seen; an arena; and what every error of this program must fulfil.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"

#define FUZZ_PIECES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant of the program under test. */
#define require(holds) ((holds) ? (void)0 : broken(#holds, __LINE__))

static _Alignas(16) char fuzz_memory[8 << 20];

struct input {
	const char *at;
	size_t left;
	unsigned int count;
	char *piece[FUZZ_PIECES];
};

static inline void broken(const char *what, int line)
{
	fprintf(stderr, "line %d: does not hold: %s\n", line, what);
	abort();
}

static inline struct arena fuzz_arena(void)
{
	struct arena a;

	arena_init(&a, fuzz_memory, sizeof(fuzz_memory));
	return a;
}

static inline struct input input_begin(const uint8_t *data, size_t size)
{
	return (struct input){ .at = (const char *)data, .left = size };
}

/* The next len bytes and a NUL, which belongs to the piece only when it is asked for. */
static inline char *input_take(struct input *in, size_t len, bool terminated)
{
	size_t room = len + terminated;
	char *piece = malloc(room ? room : 1);

	require(piece && in->count < FUZZ_PIECES && len <= in->left);
	memcpy(piece, in->at, len);
	if (terminated)
		piece[len] = '\0';
	in->at += len;
	in->left -= len;
	in->piece[in->count++] = piece;
	return piece;
}

/*
 * Up to the next NUL, which is what ends variables and file names: the one byte that cannot be in
 * them.
 */
static inline char *input_string(struct input *in)
{
	const char *end = in->left ? memchr(in->at, '\0', in->left) : NULL;
	char *piece = input_take(in, end ? (size_t)(end - in->at) : in->left, true);

	if (end)
		in->at++, in->left--;
	return piece;
}

/* All that is left. */
static inline struct json_raw input_rest(struct input *in, bool terminated)
{
	size_t len = in->left;

	return (struct json_raw){ .text = input_take(in, len, terminated), .len = len };
}

static inline void input_end(struct input *in)
{
	while (in->count > 0)
		free(in->piece[--in->count]);
}

/* An error is set exactly when the function failed, says something, and in one line. */
static inline void check_err(int r, const struct err *e)
{
	require((r < 0) == (e->errnum != 0));
	if (r >= 0)
		return;
	require(e->errnum == -r);
	require(e->text[0] && memchr(e->text, '\0', sizeof(e->text)));
	require(!strpbrk(e->text, "\r\n"));
}

/* The last member of this name that is not null, as the decoder sees it. */
static inline struct json_raw fuzz_member(struct json_raw object, const char *name)
{
	struct json_iter it = json_members(object);
	struct json_raw key, value, found = { 0 };

	while (json_next(&it, &key, &value)) {
		if (key.text && json_key_is(key, name) && value.text[0] != 'n')
			found = value;
	}
	return found;
}

static inline bool raw_equal(struct json_raw a, struct json_raw b)
{
	return a.len == b.len && !a.text == !b.text &&
	       (!a.text || memcmp(a.text, b.text, a.len) == 0);
}

static inline bool str_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

#endif
