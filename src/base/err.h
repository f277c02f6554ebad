/*
 * One error, of fixed size, filled at the point of failure.
 *
 * A function that can fail returns 0 (or a count) or -errno and takes `struct err *e` last. The
 * first err_set() wins; the one caller that knows the object's name prefixes it with err_ctx().
 * Branch on the return value, never on the text.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct err {
	int errnum;	   /* positive errno of the first failure, 0 while there is none */
	unsigned int code; /* the domain's own code (CNI: specification "Error"), 0: let the frame
			      choose */
	char text[512];	   /* one line, no newline; truncated when longer */
};

/* Record the first failure; later calls change nothing. Returns -errnum. errnum must be positive.
 */
int err_set(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set(), with strerror(errnum) appended after ": ". */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with errno as the last system call has left it. */
int err_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Record a failure that was kept apart, since it might have been an expected one. */
int err_take(struct err *e, const struct err *from);

/* If r is negative, put "context: " in front of the text. Returns r. */
int err_ctx(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* If r is negative and no domain code is set yet, set it. Returns r. */
int err_code(struct err *e, int r, unsigned int code);

/* For a failure that nobody will read of. */
struct err *err_ignored(void);

/* Forget everything, so that e can be used again. */
void err_clear(struct err *e);

#endif
