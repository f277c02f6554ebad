/*
 * JSON out: see writer.h. Nothing here fails by itself; a text that is full, or brackets too deep,
 * leave t->bad.
 */
#include "json/writer.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "json/parts.h"

_Static_assert(JSON_DEPTH_MAX <= 64, "one bit of has_member for each open bracket");

static uint64_t depth_bit(const struct json_writer *w)
{
	return UINT64_C(1) << (w->depth - 1);
}

static void new_line(struct json_writer *w)
{
	unsigned int i;

	if (w->indent == 0)
		return;
	text_char(w->t, '\n');
	for (i = 0; i < w->indent * w->depth; i++)
		text_char(w->t, ' ');
}

/* What stands between the previous value, or the bracket, and the next key or value. */
static void separate(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->depth == 0)
		return;
	if (w->has_member & depth_bit(w))
		text_char(w->t, ',');
	w->has_member |= depth_bit(w);
	new_line(w);
}

static const char *escape(unsigned char c, char out[static 8])
{
	static const char letters[] = "bfnrt\"\\", meaning[] = "\b\f\n\r\t\"\\";
	const char *m = memchr(meaning, c, sizeof(meaning) - 1);

	memcpy(out, "\\u0000", 7);
	if (m) {
		out[1] = letters[m - meaning];
		out[2] = '\0';
	} else {
		out[4] = "0123456789abcdef"[c >> 4];
		out[5] = "0123456789abcdef"[c & 15];
	}
	return out;
}

static bool stands_bare(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void put_quoted(struct text *t, const char *s)
{
	size_t len = strlen(s), size;
	char code[8];

	text_char(t, '"');
	for (; len > 0; s += size, len -= size) {
		for (size = 0; size < len && stands_bare((unsigned char)s[size]);)
			size++;
		if (size == 0 && (unsigned char)*s < 0x80) {
			size = 1;
			text_str(t, escape((unsigned char)*s, code));
		} else if (size == 0 && (size = utf8_size(s, len)) == 0) {
			size = 1;
			text_str(t, "\xef\xbf\xbd");
		} else {
			text_put(t, s, size);
		}
	}
	text_char(t, '"');
}

void json_begin(struct json_writer *w, struct text *t, unsigned int indent)
{
	*w = (struct json_writer){ .t = t, .indent = indent };
}

void json_open(struct json_writer *w, char bracket)
{
	assert(bracket == '{' || bracket == '[');
	separate(w);
	text_char(w->t, bracket);
	if (w->depth >= JSON_DEPTH_MAX) {
		w->t->bad = true;
		return;
	}
	w->depth++;
	w->has_member &= ~depth_bit(w);
}

void json_close(struct json_writer *w, char bracket)
{
	bool filled;

	assert(bracket == '}' || bracket == ']');
	assert(!w->after_key);
	if (w->depth == 0) {
		w->t->bad = true;
		return;
	}
	filled = w->has_member & depth_bit(w);
	w->depth--;
	if (filled)
		new_line(w);
	text_char(w->t, bracket);
}

static void end_key(struct json_writer *w)
{
	text_str(w->t, w->indent ? ": " : ":");
	w->after_key = true;
}

void json_key(struct json_writer *w, const char *name)
{
	assert(!w->after_key);
	separate(w);
	put_quoted(w->t, name);
	end_key(w);
}

/* With its quotes. */
void json_key_raw(struct json_writer *w, struct json_raw key)
{
	assert(!w->after_key);
	separate(w);
	text_put(w->t, key.text - 1, key.len + 2);
	end_key(w);
}

void json_put_str(struct json_writer *w, const char *s)
{
	separate(w);
	if (s)
		put_quoted(w->t, s);
	else
		text_str(w->t, "null");
}

void json_put_int(struct json_writer *w, int64_t v)
{
	separate(w);
	text_printf(w->t, "%lld", (long long)v);
}

void json_put_bool(struct json_writer *w, bool v)
{
	separate(w);
	text_str(w->t, v ? "true" : "false");
}

void json_put_raw(struct json_writer *w, struct json_raw raw)
{
	separate(w);
	if (raw.text)
		text_put(w->t, raw.text, raw.len);
	else
		text_str(w->t, "null");
}

void json_member_str(struct json_writer *w, const char *name, const char *s)
{
	json_key(w, name);
	json_put_str(w, s);
}

void json_member_int(struct json_writer *w, const char *name, int64_t v)
{
	json_key(w, name);
	json_put_int(w, v);
}

void json_member_bool(struct json_writer *w, const char *name, bool v)
{
	json_key(w, name);
	json_put_bool(w, v);
}

void json_member_raw(struct json_writer *w, const char *name, struct json_raw raw)
{
	json_key(w, name);
	json_put_raw(w, raw);
}

static bool is_among(struct json_raw key, const char *const *names)
{
	while (*names && !json_key_is(key, *names))
		names++;
	return *names;
}

void json_members_but(struct json_writer *w, struct json_raw object, const char *const *names)
{
	struct json_iter it = json_members(object);
	struct json_raw key, value;

	while (json_next(&it, &key, &value)) {
		if (!key.text || is_among(key, names))
			continue;
		json_key_raw(w, key);
		json_put_raw(w, value);
	}
}
