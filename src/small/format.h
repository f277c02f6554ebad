/*
 * printf's formats without the C library's: half of that code is for floating point, which nobody
 * here prints.
 */
#ifndef SMALL_FORMAT_H
#define SMALL_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Where the text goes, piece by piece; the first member of whatever put() needs to know. */
struct format_sink {
	void (*put)(struct format_sink *sink, const char *text, size_t len);
};

/*
 * %c %d %s %u %x %% with the flags '-' and '0', a width, a precision (of %s), and the lengths l, ll
 * and z. Anything else is a bug of ours and stops the program. Returns the bytes put.
 */
size_t format(struct format_sink *sink, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

#endif
