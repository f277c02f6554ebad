/*
 * What stands in for the C library in the release, under other names beside glibc's own, so that a
 * test can ask both.
 */
#ifndef UNIT_SMALL_H
#define UNIT_SMALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Before their names change, glibc's own under theirs. */
static void (*const real_sort)(void *, size_t, size_t, int (*)(const void *, const void *)) = qsort;
static int (*const real_format)(char *, size_t, const char *, va_list) = vsnprintf;

/* glibc's test macros and ours are the same functions' names. */
#undef strchr
#undef strspn
#undef strcspn
#undef strpbrk
#undef strstr
#define qsort small_qsort
#define vsnprintf small_vsnprintf
#define snprintf small_snprintf
#define strlen small_strlen
#define memchr small_memchr
#define strchr small_strchr
#define strspn small_strspn
#define strcspn small_strcspn
#define strpbrk small_strpbrk
#define strstr small_strstr
#define strcasecmp small_strcasecmp
#define strncasecmp small_strncasecmp
#define getenv small_getenv
#define strtok_r small_strtok_r
#define bsearch small_bsearch
#define fstat small_fstat
#define recvmsg small_recvmsg
#define mmap small_mmap
#define readlinkat small_readlinkat
#define open small_open
#define openat small_openat
#define fstatat small_fstatat
#define strerror small_strerror
#define clock_gettime small_clock_gettime
#define futimens small_futimens
#define pipe2 small_pipe2
#define socket small_socket
#define getcwd small_getcwd
#define gmtime_r small_gmtime_r

int small_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(__printf__, 3, 0)));
int small_snprintf(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(__printf__, 3, 4)));
void small_qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
size_t small_strlen(const char *s);
void *small_memchr(const void *data, int c, size_t len);
char *small_strchr(const char *s, int c);
size_t small_strspn(const char *s, const char *set);
size_t small_strcspn(const char *s, const char *set);
char *small_strpbrk(const char *s, const char *set);
char *small_strstr(const char *text, const char *word);
int small_strcasecmp(const char *a, const char *b);
int small_strncasecmp(const char *a, const char *b, size_t len);
char *small_getenv(const char *name);
char *small_strtok_r(char *restrict text, const char *restrict ends, char **restrict rest);
void *small_bsearch(const void *key, const void *base, size_t count, size_t size,
		    int (*compare)(const void *, const void *));
int small_fstat(int fd, struct stat *st);
int small_open(const char *path, int flags, ...);
int small_openat(int dir, const char *path, int flags, ...);
void *small_mmap(void *where, size_t len, int protection, int flags, int fd, off_t offset);
ssize_t small_readlinkat(int dir, const char *restrict path, char *restrict out, size_t size);
ssize_t small_recvmsg(int fd, struct msghdr *m, int flags);
int small_fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags);
char *small_strerror(int number);
int small_clock_gettime(clockid_t clock, struct timespec *out);
int small_futimens(int fd, const struct timespec times[2]);
int small_pipe2(int fd[2], int flags);
int small_socket(int family, int type, int protocol);
char *small_getcwd(char *buf, size_t size);
struct tm *small_gmtime_r(const time_t *restrict when, struct tm *restrict tm);

#include "small/format.c"
#include "small/sort.c"
#include "small/libc.c"
#include "small/strerror.c"

#undef qsort
#undef vsnprintf
#undef snprintf
#undef strlen
#undef memchr
#undef strchr
#undef strspn
#undef strcspn
#undef strpbrk
#undef strstr
#undef strcasecmp
#undef strncasecmp
#undef getenv
#undef strtok_r
#undef bsearch
#undef fstat
#undef recvmsg
#undef mmap
#undef readlinkat
#undef open
#undef openat
#undef fstatat
#undef strerror
#undef clock_gettime
#undef futimens
#undef pipe2
#undef socket
#undef getcwd
#undef gmtime_r

/* The streams' names, and what a FILE is, too. */
#define _IO_FILE small_file
#define FILE struct small_file
#undef stdout
#undef stderr
#undef ferror
#undef putchar
#undef fputc
#define stdout small_stdout
#define stderr small_stderr
#define ferror small_ferror
#define fflush small_fflush
#define vfprintf small_vfprintf
#define fprintf small_fprintf
#define printf small_printf
#define fwrite small_fwrite
#define fputs small_fputs
#define fputc small_fputc
#define putchar small_putchar
#define puts small_puts
#define assert_failed small_assert_failed

struct small_file;
int small_ferror(FILE *f);
int small_fflush(FILE *f);
int small_vfprintf(FILE *f, const char *fmt, va_list ap) __attribute__((format(__printf__, 2, 0)));
int small_fprintf(FILE *f, const char *fmt, ...) __attribute__((format(__printf__, 2, 3)));
int small_printf(const char *fmt, ...) __attribute__((format(__printf__, 1, 2)));
size_t small_fwrite(const void *data, size_t size, size_t count, FILE *f);
int small_fputs(const char *s, FILE *f);
int small_fputc(int c, FILE *f);
int small_putchar(int c);
int small_puts(const char *s);
extern FILE *const small_stdout, *const small_stderr;

#include "small/stdio.c"

#undef FILE
#undef assert_failed
#include <assert.h> /* glibc's again */

#endif
