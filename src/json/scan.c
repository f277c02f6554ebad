/*
 * The grammar of RFC 8259 over jsmn's tokens: one document, UTF-8, no trailing commas, no comments.
 *
 * jsmn says where the next token begins and ends. What stands between two tokens, and which token
 * may stand where, is the grammar's, and so is what a token holds: jsmn takes any word for a value
 * and any byte for text. One bit for each open bracket tells objects from lists.
 *
 * Where jsmn finds no token, the text is wrong: jsmn does not say what is, so the place is read
 * once more for the error.
 */
#include "json/scan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "json/parts.h"

_Static_assert(JSON_DEPTH_MAX <= 64, "one bit of scan.objects for each open bracket");

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

struct json_raw json_trim(struct json_raw raw)
{
	const char *end = raw.text + raw.len, *at = skip_blanks(raw.text, end);

	while (end > at && is_blank(end[-1]))
		end--;
	return (struct json_raw){ .text = at, .len = (size_t)(end - at) };
}

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

	return err_set(s->err, errnum, "%s%sline %zu, column %zu: %s", s->path,
		       *s->path ? ": " : "", p.line, p.column, what);
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

static int check_escape(struct scan *s)
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

/*
 * Eight bytes of ASCII without a control character and a backslash, at once: a fifth of the time
 * that a large document takes. A borrow may take a plain byte for another, never the reverse.
 */
static bool is_plain(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t x, backslash;

	memcpy(&x, at, sizeof(x));
	backslash = x ^ ones * '\\';
	return !((x | (x - ones * 0x20) | ((backslash - ones) & ~backslash)) & high);
}

/* Most of any document is this. */
static const char *skip_plain(const char *at, const char *end)
{
	while (end - at >= 8 && is_plain(at))
		at += 8;
	while (at < end && *at >= 0x20 && *at != '\\' && !(*at & 0x80))
		at++;
	return at;
}

/* What a string holds, up to its closing quote. */
static int check_text(struct scan *s, const char *end)
{
	for (s->at = skip_plain(s->at, end); s->at < end; s->at = skip_plain(s->at, end)) {
		unsigned char c = (unsigned char)*s->at;
		size_t size;

		if (c == '\\') {
			if (check_escape(s) < 0)
				return -EINVAL;
			continue;
		}
		if (c < 0x20)
			return expected(s, "control characters in strings to be escaped");
		size = utf8_size(s->at, (size_t)(end - s->at));
		if (size == 0)
			return expected(s, "UTF-8");
		s->at += size;
	}
	return 0;
}

/* The token that begins at s->at; NULL where jsmn found none. */
static const jsmntok_t *next_token(struct scan *s, jsmntype_t type)
{
	const jsmntok_t *t = tokens_next(&s->tokens);

	return t && t->type == type && t->start - (type == JSMN_STRING) == s->at - s->text ? t
											   : NULL;
}

/* From the opening quote at s->at; *inside is what the quotes hold. */
static int scan_string(struct scan *s, struct json_raw *inside)
{
	const jsmntok_t *t = next_token(s, JSMN_STRING);
	const char *open = s->at++;

	if (check_text(s, t ? s->text + t->end : s->end) < 0)
		return -EINVAL;
	if (!t)
		return fail(s, EINVAL, open, "this string has no closing quote");
	*inside = (struct json_raw){ .text = open + 1, .len = (size_t)(t->end - t->start) };
	s->at++;
	return 0;
}

static int check_digits(struct scan *s)
{
	if (!next_is_digit(s))
		return expected(s, "a digit");
	while (next_is_digit(s))
		s->at++;
	return 0;
}

static int check_number(struct scan *s)
{
	if (next_is(s, '-'))
		s->at++;
	if (next_is(s, '0')) {
		s->at++;
		if (next_is_digit(s))
			return fail(s, EINVAL, s->at - 1, "a number must not begin with 0");
	} else if (check_digits(s) < 0) {
		return -EINVAL;
	}
	if (next_is(s, '.')) {
		s->at++;
		if (check_digits(s) < 0)
			return -EINVAL;
	}
	if (next_is(s, 'e') || next_is(s, 'E')) {
		s->at++;
		if (next_is(s, '+') || next_is(s, '-'))
			s->at++;
		return check_digits(s);
	}
	return 0;
}

static int check_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return expected(s, "a value (true, false and null are the only bare words)");
	s->at += len;
	return 0;
}

/* jsmn's end of a bare word is not asked: what follows a number or a name is the grammar's. */
static int scan_bare(struct scan *s)
{
	next_token(s, JSMN_PRIMITIVE);
	switch (*s->at) {
	case 't':
		return check_word(s, "true");
	case 'f':
		return check_word(s, "false");
	case 'n':
		return check_word(s, "null");
	default:
		if (next_is(s, '-') || next_is_digit(s))
			return check_number(s);
		return expected(s, "a value");
	}
}

static int scan_bracket(struct scan *s, bool object)
{
	if (s->depth == JSON_DEPTH_MAX) {
		char text[64];

		snprintf(text, sizeof(text), "nested deeper than %d levels", JSON_DEPTH_MAX);
		return fail(s, E2BIG, s->at, text);
	}
	if (!next_token(s, object ? JSMN_OBJECT : JSMN_ARRAY))
		return expected(s, "what jsmn takes for JSON");
	s->at++;
	s->depth++;
	s->objects = s->objects << 1 | object;
	s->opened = true;
	return 0;
}

int scan_value(struct scan *s, struct json_raw *v)
{
	struct json_raw inside;
	const char *begin;
	int r;

	begin = s->at = skip_blanks(s->at, s->end);
	if (begin == s->end)
		return expected(s, "a value");
	s->opened = false;
	if (*begin == '"')
		r = scan_string(s, &inside);
	else if (*begin == '{' || *begin == '[')
		r = scan_bracket(s, *begin == '{');
	else
		r = scan_bare(s);
	*v = (struct json_raw){ .text = begin, .len = (size_t)(s->at - begin) };
	return r;
}

static int scan_key(struct scan *s, struct json_raw *key)
{
	s->at = skip_blanks(s->at, s->end);
	if (!next_is(s, '"'))
		return expected(s, "a key in quotes");
	if (scan_string(s, key) < 0)
		return -EINVAL;
	s->at = skip_blanks(s->at, s->end);
	if (!next_is(s, ':'))
		return expected(s, "':' after the key");
	s->at++;
	return 1;
}

int scan_member(struct scan *s, struct json_raw *key)
{
	bool object = s->objects & 1;

	*key = (struct json_raw){ 0 };
	s->at = skip_blanks(s->at, s->end);
	if (next_is(s, object ? '}' : ']')) {
		s->at++;
		s->depth--;
		s->objects >>= 1;
		s->opened = false;
		return 0;
	}
	if (!s->opened) {
		if (!next_is(s, ','))
			return expected(s, object ? "',' or '}' after the member"
						  : "',' or ']' after the element");
		s->at++;
	}
	return object ? scan_key(s, key) : 1;
}

int scan_rest(struct scan *s, struct json_raw *v)
{
	unsigned int depth = s->depth;
	struct json_raw key, inner;

	if (!s->opened)
		return 0;
	while (s->depth >= depth) {
		int r = scan_member(s, &key);

		if (r > 0)
			r = scan_value(s, &inner);
		if (r < 0)
			return r;
	}
	v->len = (size_t)(s->at - v->text);
	return 0;
}

int scan_end(struct scan *s)
{
	s->at = skip_blanks(s->at, s->end);
	return s->at < s->end ? expected(s, "nothing more after the document") : 0;
}

/* Not by an initialiser: it would clear the tokens, too. */
static int begin(struct scan *s, struct json_raw text, const char *path, struct err *e)
{
	s->text = s->at = text.text;
	s->end = text.text + text.len;
	s->path = path;
	s->depth = 0;
	s->objects = 0;
	s->opened = false;
	s->err = e;
	if (text.len > INT_MAX)
		return err_set(e, EFBIG, "a document of %zu bytes is too large", text.len);
	tokens_begin(&s->tokens, text.text, text.len);
	return 0;
}

int scan_begin(struct scan *s, struct json_raw text, const char *path, struct err *e)
{
	int r = begin(s, text, path, e);

	if (r < 0)
		return r;
	if (text.len >= 3 && memcmp(text.text, "\xef\xbb\xbf", 3) == 0)
		return fail(s, EINVAL, text.text,
			    "the document begins with a byte order mark; save it as plain UTF-8");
	return 0;
}

int scan_begin_inside(struct scan *s, struct json_raw text, bool object, bool opened)
{
	int r = begin(s, text, "", err_ignored());

	s->depth = 1;
	s->objects = object;
	s->opened = opened;
	return r;
}

int json_check(const char *text, size_t len, struct err *e)
{
	struct json_raw v;
	struct scan s;
	int r = scan_begin(&s, (struct json_raw){ .text = text, .len = len }, "", e);

	if (r == 0)
		r = scan_value(&s, &v);
	if (r == 0)
		r = scan_rest(&s, &v);
	return r < 0 ? r : scan_end(&s);
}
