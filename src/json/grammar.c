/*
 * The grammar of RFC 8259, all of it and nothing more: one document, UTF-8, no trailing commas, no
 * comments.
 *
 * jsmn finds tokens but accepts about half of all malformed documents, so nothing is tokenized
 * before it has passed here. There is no recursion: one bit for each open bracket tells objects
 * from lists. Looking for a value and looking for what may follow a value alternate until the last
 * bracket is closed.
 */
#include "json/json.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "json/parts.h"

struct scan {
	const char *text, *at, *end;
	unsigned int depth;
	uint64_t objects; /* bit 0: the innermost open bracket is '{' */
	size_t tokens;	  /* keys and values */
	struct err *err;
};

_Static_assert(JSON_DEPTH_MAX <= 64, "one bit of scan.objects for each open bracket");

/* What a step has left behind; negative is an error. */
enum { WANT_VALUE, VALUE_DONE };

struct json_position json_locate(const char *text, const char *at)
{
	struct json_position p = { .line = 1, .column = 1 };

	for (; text < at; text++) {
		if (*text == '\n')
			p = (struct json_position){ .line = p.line + 1, .column = 1 };
		else if (((unsigned char)*text & 0xc0) != 0x80)
			p.column++;
	}
	return p;
}

static int fail(const struct scan *s, int errnum, const char *at, const char *what)
{
	struct json_position p = json_locate(s->text, at);

	return err_set(s->err, errnum, "line %zu, column %zu: %s", p.line, p.column, what);
}

/* Refuse what stands at s->at. */
static int expected(const struct scan *s, const char *what)
{
	unsigned char c = s->at < s->end ? (unsigned char)*s->at : 0;
	char text[128];

	if (s->at >= s->end)
		snprintf(text, sizeof(text), "expected %s, got the end of the document", what);
	else if (c < 0x20 || c > 0x7e)
		snprintf(text, sizeof(text), "expected %s, got byte 0x%02x", what, c);
	else
		snprintf(text, sizeof(text), "expected %s, got '%c'", what, c);
	return fail(s, EINVAL, s->at, text);
}

static bool next_is(const struct scan *s, char c)
{
	return s->at < s->end && *s->at == c;
}

static bool next_is_digit(const struct scan *s)
{
	return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static int scan_escape(struct scan *s)
{
	int digits;

	s->at++;
	if (s->at >= s->end || !memchr("\"\\/bfnrtu", *s->at, 9))
		return expected(s, "one of \"\\/bfnrtu after the backslash");
	if (*s->at++ != 'u')
		return 0;
	for (digits = 0; digits < 4; digits++, s->at++) {
		if (s->at >= s->end || !memchr("0123456789abcdefABCDEF", *s->at, 22))
			return expected(s, "four hexadecimal digits after \\u");
	}
	return 0;
}

/* Most of any document is this. */
static void skip_plain(struct scan *s)
{
	const char *at = s->at;

	while (at < s->end && *at >= 0x20 && *at != '"' && *at != '\\' && !(*at & 0x80))
		at++;
	s->at = at;
}

static int scan_string(struct scan *s)
{
	const char *open = s->at++;

	for (skip_plain(s); s->at < s->end; skip_plain(s)) {
		unsigned char c = (unsigned char)*s->at;
		size_t size;

		if (c == '"') {
			s->at++;
			return 0;
		}
		if (c == '\\') {
			if (scan_escape(s) < 0)
				return -EINVAL;
			continue;
		}
		if (c < 0x20)
			return expected(s, "control characters in strings to be escaped");
		size = utf8_size(s->at, (size_t)(s->end - s->at));
		if (size == 0)
			return expected(s, "UTF-8");
		s->at += size;
	}
	return fail(s, EINVAL, open, "this string has no closing quote");
}

static int scan_digits(struct scan *s)
{
	if (!next_is_digit(s))
		return expected(s, "a digit");
	while (next_is_digit(s))
		s->at++;
	return 0;
}

static int scan_number(struct scan *s)
{
	if (next_is(s, '-'))
		s->at++;
	if (next_is(s, '0')) {
		s->at++;
		if (next_is_digit(s))
			return fail(s, EINVAL, s->at - 1, "a number must not begin with 0");
	} else if (scan_digits(s) < 0) {
		return -EINVAL;
	}
	if (next_is(s, '.')) {
		s->at++;
		if (scan_digits(s) < 0)
			return -EINVAL;
	}
	if (next_is(s, 'e') || next_is(s, 'E')) {
		s->at++;
		if (next_is(s, '+') || next_is(s, '-'))
			s->at++;
		return scan_digits(s);
	}
	return 0;
}

static int scan_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return expected(s, "a value (true, false and null are the only bare words)");
	s->at += len;
	return 0;
}

static int scan_scalar(struct scan *s)
{
	if (s->at >= s->end)
		return expected(s, "a value");
	switch (*s->at) {
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		if (next_is(s, '-') || next_is_digit(s))
			return scan_number(s);
		return expected(s, "a value");
	}
}

static int scan_key(struct scan *s)
{
	s->at = skip_blanks(s->at, s->end);
	s->tokens++;
	if (!next_is(s, '"'))
		return expected(s, "a key in quotes");
	if (scan_string(s) < 0)
		return -EINVAL;
	s->at = skip_blanks(s->at, s->end);
	if (!next_is(s, ':'))
		return expected(s, "':' after the key");
	s->at++;
	return 0;
}

static void close_bracket(struct scan *s)
{
	s->at++;
	s->depth--;
	s->objects >>= 1;
}

static int scan_open(struct scan *s)
{
	bool object = next_is(s, '{');

	if (s->depth == JSON_DEPTH_MAX) {
		char text[64];

		snprintf(text, sizeof(text), "nested deeper than %d levels", JSON_DEPTH_MAX);
		return fail(s, E2BIG, s->at, text);
	}
	s->at++;
	s->depth++;
	s->objects = s->objects << 1 | object;
	s->at = skip_blanks(s->at, s->end);
	if (next_is(s, object ? '}' : ']')) {
		close_bracket(s);
		return VALUE_DONE;
	}
	return object && scan_key(s) < 0 ? -EINVAL : WANT_VALUE;
}

static int scan_value(struct scan *s)
{
	s->at = skip_blanks(s->at, s->end);
	s->tokens++;
	if (next_is(s, '{') || next_is(s, '['))
		return scan_open(s);
	return scan_scalar(s) < 0 ? -EINVAL : VALUE_DONE;
}

/* Behind a value: close brackets until another value is due, or nothing is open any more. */
static int scan_after(struct scan *s)
{
	while (s->depth > 0) {
		bool object = s->objects & 1;

		s->at = skip_blanks(s->at, s->end);
		if (next_is(s, ',')) {
			s->at++;
			return object && scan_key(s) < 0 ? -EINVAL : WANT_VALUE;
		}
		if (!next_is(s, object ? '}' : ']'))
			return expected(s, object ? "',' or '}' after the member"
						  : "',' or ']' after the element");
		close_bracket(s);
	}
	return VALUE_DONE;
}

int document_scan(const char *text, size_t len, size_t *tokens, struct err *e)
{
	struct scan s = { .text = text, .at = text, .end = text + len, .err = e };
	int r;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return fail(&s, EINVAL, text,
			    "the document begins with a byte order mark; save it as plain UTF-8");
	do {
		r = scan_value(&s);
		if (r == VALUE_DONE)
			r = scan_after(&s);
	} while (r == WANT_VALUE);
	if (r < 0)
		return r;
	s.at = skip_blanks(s.at, s.end);
	if (s.at < s.end)
		return expected(&s, "nothing more after the document");
	*tokens = s.tokens;
	return 0;
}

int json_check(const char *text, size_t len, struct err *e)
{
	size_t tokens;

	return document_scan(text, len, &tokens, e);
}
