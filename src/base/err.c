/*
 * One error, filled once: see err.h. It is one line, whatever came from outside: a kernel's
 * message, a plugin's, a piece of a configuration.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

__attribute__((format(printf, 4, 0))) static int
record(struct err *e, int errnum, bool with_strerror, const char *fmt, va_list ap)
{
	struct text t;

	if (e->errnum)
		return -errnum;
	e->errnum = errnum;
	text_init(&t, e->text, sizeof(e->text));
	text_vprintf(&t, fmt, ap);
	if (with_strerror)
		text_printf(&t, ": %s", strerror(errnum));
	str_flatten(e->text);
	return -errnum;
}

int err_set(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = record(e, errnum, false, fmt, ap);
	va_end(ap);
	return r;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = record(e, errnum, true, fmt, ap);
	va_end(ap);
	return r;
}

int err_errno(struct err *e, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = record(e, errno, true, fmt, ap);
	va_end(ap);
	return r;
}

int err_take(struct err *e, const struct err *from)
{
	return err_code(e, err_set(e, from->errnum, "%s", from->text), from->code);
}

int err_ctx(struct err *e, int r, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	struct text t;
	va_list ap;

	if (r >= 0)
		return r;
	text_init(&t, text, sizeof(text));
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	text_printf(&t, ": %s", e->text);
	str_flatten(text);
	memcpy(e->text, text, sizeof(text));
	return r;
}

int err_code(struct err *e, int r, unsigned int code)
{
	if (r < 0 && !e->code)
		e->code = code;
	return r;
}

struct err *err_ignored(void)
{
	static struct err ignored;

	err_clear(&ignored);
	return &ignored;
}

void err_clear(struct err *e)
{
	e->errnum = 0;
	e->code = 0;
	e->text[0] = '\0';
}
