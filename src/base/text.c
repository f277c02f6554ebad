/* A sticky text builder: see text.h. */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

void text_init(struct text *t, char *buf, size_t cap)
{
	*t = (struct text){ .at = buf, .cap = cap };
	buf[0] = '\0';
}

void text_put(struct text *t, const char *s, size_t len)
{
	if (t->bad || len >= t->cap - t->len) {
		t->bad = true;
		return;
	}
	memcpy(t->at + t->len, s, len);
	t->len += len;
	t->at[t->len] = '\0';
}

void text_str(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_char(struct text *t, char c)
{
	text_put(t, &c, 1);
}

void text_comma(struct text *t)
{
	if (t->len)
		text_str(t, ", ");
}

/* Unlike text_put(), keeps the part that fits: an error message cut short still says something. */
void text_vprintf(struct text *t, const char *fmt, va_list ap)
{
	size_t room = t->cap - t->len;
	int len;

	if (t->bad)
		return;
	len = vsnprintf(t->at + t->len, room, fmt, ap);
	if (len < 0 || (size_t)len >= room) {
		t->bad = true;
		t->len += strlen(t->at + t->len);
		return;
	}
	t->len += (size_t)len;
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(t, fmt, ap);
	va_end(ap);
}

int str_index(const char *const *words, size_t count, const char *s)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], s) == 0)
			return (int)i;
	}
	return -1;
}

void str_flatten(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
	}
}

bool str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size);

	if (len == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return false;
	}
	memcpy(dst, src, len + 1);
	return true;
}

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}
