/*
 * Standard output and standard error in place of the C library's streams, which bring files, locks,
 * seeking and malloc with them.
 *
 * Both gather what one call prints, and standard output gathers until a line ends: a line of a
 * message is one write(). Nothing is lost at exit. Input, other files and threads have no place
 * here.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "small/format.h"
#include "small/include/assert.h"

#define STREAM_BUF 1024

/* The name that musl's stdio.h gives to what a FILE is. */
struct _IO_FILE {
	int fd;
	bool failed;
	size_t len;
	char *buf;
};

static char out_buf[STREAM_BUF], err_buf[STREAM_BUF];
static FILE out = { .fd = STDOUT_FILENO, .buf = out_buf };
static FILE err = { .fd = STDERR_FILENO, .buf = err_buf };
FILE *const stdout = &out;
FILE *const stderr = &err;

int ferror(FILE *f)
{
	return f->failed;
}

int fflush(FILE *f)
{
	const char *at = f->buf;

	while (f->len > 0) {
		ssize_t n = write(f->fd, at, f->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			f->failed = true;
			f->len = 0;
			return EOF;
		}
		at += n;
		f->len -= (size_t)n;
	}
	return 0;
}

static __attribute__((destructor)) void flush_at_exit(void)
{
	fflush(&out);
}

static void gather(FILE *f, const char *s, size_t len)
{
	while (len > 0) {
		size_t n = STREAM_BUF - f->len < len ? STREAM_BUF - f->len : len;

		memcpy(f->buf + f->len, s, n);
		f->len += n;
		s += n;
		len -= n;
		if (f->len == STREAM_BUF)
			fflush(f);
	}
}

/* The end of a call. */
static int done(FILE *f, int result)
{
	if (f->len > 0 && (f == &err || f->buf[f->len - 1] == '\n'))
		fflush(f);
	return f->failed ? EOF : result;
}

struct printer {
	struct format_sink sink;
	FILE *f;
};

static void put_stream(struct format_sink *sink, const char *text, size_t len)
{
	gather(((struct printer *)sink)->f, text, len);
}

int vfprintf(FILE *f, const char *fmt, va_list ap) __attribute__((format(__printf__, 2, 0)));
int vfprintf(FILE *f, const char *fmt, va_list ap)
{
	struct printer p = { .sink = { put_stream }, .f = f };
	size_t len = format(&p.sink, fmt, ap);

	return done(f, (int)len);
}

int fprintf(FILE *f, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vfprintf(f, fmt, ap);
	va_end(ap);
	return r;
}

int printf(const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vfprintf(&out, fmt, ap);
	va_end(ap);
	return r;
}

/* The compiler turns printf() of plain text into the functions below. */
size_t fwrite(const void *data, size_t size, size_t count, FILE *f)
{
	gather(f, data, size * count);
	return done(f, 0) == 0 ? count : 0;
}

int fputs(const char *s, FILE *f)
{
	gather(f, s, strlen(s));
	return done(f, 0);
}

int fputc(int c, FILE *f)
{
	char byte = (char)c;

	gather(f, &byte, 1);
	return done(f, (unsigned char)c);
}

int putchar(int c)
{
	return fputc(c, &out);
}

int puts(const char *s)
{
	gather(&out, s, strlen(s));
	return putchar('\n') == EOF ? EOF : 0;
}

_Noreturn void assert_failed(const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: a bug of cnibox\n", file, line);
	kill(getpid(), SIGABRT);
	_exit(127);
}
