/*
 * Text inside JSON strings: escapes and UTF-8, in both directions. Everything here bears unchecked
 * input.
 */
#include "json/parts.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"

#define SURROGATE_HIGH 0xd800u
#define SURROGATE_LOW 0xdc00u
#define SURROGATE_END 0xe000u

/*
 * The smallest and largest second byte exclude overlong forms, surrogates and what lies above
 * U+10FFFF.
 */
static bool second_is_valid(unsigned char first, unsigned char second)
{
	unsigned char min = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char max = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= min && second <= max;
}

size_t utf8_size(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t size, i;

	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	size = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (len < size || !second_is_valid(u[0], u[1]))
		return 0;
	for (i = 2; i < size; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

size_t utf8_put(uint32_t code, char out[static 4])
{
	size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char mark[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t i;

	for (i = size - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(mark[size] | code);
	return size;
}

/* The unit of a "\uXXXX" at s, or -1. */
static int32_t unit_read(const char *s, const char *end)
{
	int32_t unit = 0;
	int i;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		int digit = hex_digit(s[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static bool is_surrogate(int32_t unit, uint32_t first)
{
	return unit >= (int32_t)first && unit < (int32_t)first + 0x400;
}

static size_t unicode_read(const char **at, const char *end, char out[static 4])
{
	int32_t unit = unit_read(*at, end);
	int32_t low;

	if (unit <= 0 || is_surrogate(unit, SURROGATE_LOW))
		return 0;
	if (!is_surrogate(unit, SURROGATE_HIGH)) {
		*at += 6;
		return utf8_put((uint32_t)unit, out);
	}
	low = unit_read(*at + 6, end);
	if (!is_surrogate(low, SURROGATE_LOW))
		return 0;
	*at += 12;
	return utf8_put(0x10000u + (((uint32_t)unit - SURROGATE_HIGH) << 10) +
				((uint32_t)low - SURROGATE_LOW),
			out);
}

size_t escape_read(const char **at, const char *end, char out[static 4])
{
	static const char letters[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
	const char *letter;

	if (end - *at < 2)
		return 0;
	if ((*at)[1] == 'u')
		return unicode_read(at, end, out);
	letter = memchr(letters, (*at)[1], sizeof(letters) - 1);
	if (!letter)
		return 0;
	out[0] = meaning[letter - letters];
	*at += 2;
	return 1;
}

static bool is_quoted(struct json_raw raw)
{
	return raw.text && raw.len >= 2 && raw.text[0] == '"' && raw.text[raw.len - 1] == '"';
}

bool string_decode(struct json_raw raw, char *out, size_t *len)
{
	const char *at, *end;
	char *o = out;

	if (!is_quoted(raw))
		return false;
	at = raw.text + 1;
	end = raw.text + raw.len - 1;
	while (at < end) {
		const char *plain = memchr(at, '\\', (size_t)(end - at));
		size_t n = (size_t)((plain ? plain : end) - at);
		char code[4];

		memcpy(o, at, n);
		o += n;
		at += n;
		if (!plain)
			break;
		n = escape_read(&at, end, code);
		if (n == 0)
			return false;
		memcpy(o, code, n);
		o += n;
	}
	*len = (size_t)(o - out);
	return true;
}

const char *json_string(struct arena *a, struct json_raw raw)
{
	size_t mark = a->used, len;
	char *s;

	if (!is_quoted(raw))
		return NULL;
	s = arena_alloc(a, raw.len);
	if (!s)
		return NULL;
	if (!string_decode(raw, s, &len)) {
		arena_reset(a, mark);
		return NULL;
	}
	s[len] = '\0';
	return s;
}

/* A key may be written with escapes; the runtimes' decoder sees through them, so does this. */
static bool escaped_key_is(struct json_raw key, const char *name)
{
	const char *at = key.text, *end = key.text + key.len;

	while (at < end) {
		char code[4] = { *at };
		size_t n = *at == '\\' ? escape_read(&at, end, code) : (at++, 1);

		if (n == 0 || *name == '\0' || strncasecmp(code, name, n) != 0)
			return false;
		name += n;
	}
	return *name == '\0';
}

bool json_key_is(struct json_raw key, const char *name)
{
	size_t len = strlen(name);

	if (!key.text)
		return false;
	if (key.len == len)
		return strncasecmp(key.text, name, len) == 0;
	if (!memchr(key.text, '\\', key.len))
		return false;
	return escaped_key_is(key, name);
}
