/* printf's formats as far as this program uses them, and no more: see format.h. */
#include "small/format.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT 24 /* the digits of 64 bits, and a sign */

struct conversion {
	bool left, zero;
	size_t width;
	size_t precision;   /* SIZE_MAX: as long as it is */
	unsigned int longs; /* 0: int, 1: long and size_t, 2: long long */
};

struct output {
	struct format_sink *sink;
	size_t len;
	va_list ap; /* inside a struct: as a parameter it would be an array of some machines and not
		       of others */
};

static void put(struct output *o, const char *s, size_t len)
{
	o->sink->put(o->sink, s, len);
	o->len += len;
}

static void put_padding(struct output *o, char c, size_t used, size_t width)
{
	for (; used < width; used++)
		put(o, &c, 1);
}

static void put_text(struct output *o, const struct conversion *c, const char *s, size_t len)
{
	if (!c->left)
		put_padding(o, ' ', len, c->width);
	put(o, s, len);
	if (c->left)
		put_padding(o, ' ', len, c->width);
}

static void put_number(struct output *o, const struct conversion *c, uint64_t n, unsigned int base,
		       bool negative)
{
	char text[NUMBER_TEXT], *end = text + sizeof(text), *at = end;

	do
		*--at = "0123456789abcdef"[n % base];
	while (n /= base);
	if (c->zero) { /* the sign stands before the zeros */
		put(o, "-", negative);
		put_padding(o, '0', (size_t)(end - at) + negative, c->width);
		put(o, at, (size_t)(end - at));
		return;
	}
	if (negative)
		*--at = '-';
	put_text(o, c, at, (size_t)(end - at));
}

/*
 * A long is taken as the type that has its size; an int comes with its sign, which an unsigned one
 * loses here.
 */
static uint64_t take(struct output *o, const struct conversion *c, bool is_signed)
{
	int n;

	if (c->longs == 2 || (c->longs == 1 && sizeof(long) == sizeof(long long)))
		return va_arg(o->ap, unsigned long long);
	n = va_arg(o->ap, int);
	return is_signed ? (uint64_t)n : (unsigned int)n;
}

static size_t read_size(struct output *o, const char **fmt)
{
	size_t n = 0;

	if (**fmt == '*') {
		(*fmt)++;
		return (size_t)va_arg(o->ap, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
		n = n * 10 + (size_t)(**fmt - '0');
	return n;
}

/* What stands between the '%' and the letter. */
static struct conversion read_conversion(struct output *o, const char **fmt)
{
	struct conversion c = { .precision = SIZE_MAX };

	for (; **fmt == '-' || **fmt == '0'; (*fmt)++) {
		c.left |= **fmt == '-';
		c.zero |= **fmt == '0';
	}
	c.zero &= !c.left;
	c.width = read_size(o, fmt);
	if (**fmt == '.') {
		(*fmt)++;
		c.precision = read_size(o, fmt);
	}
	for (; **fmt == 'l' || **fmt == 'z'; (*fmt)++)
		c.longs++;
	return c;
}

static void put_signed(struct output *o, const struct conversion *c)
{
	int64_t n = (int64_t)take(o, c, true);

	put_number(o, c, n < 0 ? -(uint64_t)n : (uint64_t)n, 10, n < 0);
}

static void put_string(struct output *o, const struct conversion *c)
{
	const char *s = va_arg(o->ap, const char *);

	if (!s)
		s = "(null)";
	put_text(o, c, s, strnlen(s, c->precision));
}

static void put_conversion(struct output *o, const struct conversion *c, char letter)
{
	char byte;

	switch (letter) {
	case 'd':
		put_signed(o, c);
		break;
	case 'u':
		put_number(o, c, take(o, c, false), 10, false);
		break;
	case 'x':
		put_number(o, c, take(o, c, false), 16, false);
		break;
	case 's':
		put_string(o, c);
		break;
	case 'c':
		byte = (char)va_arg(o->ap, int);
		put_text(o, c, &byte, 1);
		break;
	case '%':
		put(o, "%", 1);
		break;
	default:
		assert(false); /* a conversion that we do not know */
	}
}

size_t format(struct format_sink *sink, const char *fmt, va_list ap)
{
	struct output o = { .sink = sink };

	va_copy(o.ap, ap);
	while (*fmt) {
		size_t plain = strcspn(fmt, "%");
		struct conversion c;

		put(&o, fmt, plain);
		fmt += plain;
		if (*fmt++ != '%')
			break;
		c = read_conversion(&o, &fmt);
		put_conversion(&o, &c, *fmt++);
	}
	va_end(o.ap);
	return o.len;
}

struct bounded {
	struct format_sink sink;
	char *at;
	size_t room; /* without the NUL's */
};

static void put_bounded(struct format_sink *sink, const char *text, size_t len)
{
	struct bounded *b = (struct bounded *)sink;

	if (len > b->room)
		len = b->room;
	memcpy(b->at, text, len);
	b->at += len;
	b->room -= len;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(__printf__, 3, 0)));
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	char none[1];
	struct bounded b = { .sink = { put_bounded },
			     .at = size ? buf : none,
			     .room = size ? size - 1 : 0 };
	size_t len = format(&b.sink, fmt, ap);

	*b.at = '\0';
	return (int)len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len;
}
