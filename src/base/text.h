/*
 * A sticky text builder on a fixed buffer: overflow marks it bad and turns later writes into
 * no-ops; whoever consumes the text checks `bad` once. The text is always NUL-terminated.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
	char *at;
	size_t len; /* bytes written, without the NUL */
	size_t cap; /* size of the buffer, NUL included; at least 1 */
	bool bad;
};

/* buf is borrowed. */
void text_init(struct text *t, char *buf, size_t cap);
void text_put(struct text *t, const char *s, size_t len);
void text_str(struct text *t, const char *s);
void text_char(struct text *t, char c);
void text_comma(struct text *t); /* ", " unless the text is empty */
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* The place of s among words, or -1. */
int str_index(const char *const *words, size_t count, const char *s);

/* The value of a hexadecimal digit of either case, or -1. */
int hex_digit(char c);

/* Make one line of s, whatever came from outside: control characters become blanks. */
void str_flatten(char *s);

/* Copy src into dst[size], truncating, always NUL-terminated. Returns false if it was truncated. */
bool str_copy(char *dst, size_t size, const char *src);

#endif
