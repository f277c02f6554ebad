/*
 * Functions that the C library writes for speed, or for cases that do not arise here: plain ones of
 * a tenth of the size. As all of this room they go into the release alone (Makefile); what runs
 * under the sanitizers has glibc's, and tests/unit/test_small.c compares the two.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

/*
 * 32-bit machines have second calls, with 64 bits for the time, as the C library's struct timespec
 * has them.
 */
#ifdef SYS_clock_gettime64
#define CLOCK_GETTIME SYS_clock_gettime64
#define UTIMENSAT SYS_utimensat_time64
#else
#define CLOCK_GETTIME SYS_clock_gettime
#define UTIMENSAT SYS_utimensat
#endif

size_t strlen(const char *s)
{
	const char *at = s;

	while (*at)
		at++;
	return (size_t)(at - s);
}

void *memchr(const void *data, int c, size_t len)
{
	for (const unsigned char *at = data; len > 0; at++, len--) {
		if (*at == (unsigned char)c)
			return (void *)(uintptr_t)at;
	}
	return NULL;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (!*s)
			return NULL;
	}
	return (char *)(uintptr_t)s;
}

size_t strspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && strchr(set, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] && !strchr(set, s[n]))
		n++;
	return n;
}

int strncasecmp(const char *a, const char *b, size_t len)
{
	for (; len > 0; a++, b++, len--) {
		int x = tolower((unsigned char)*a), y = tolower((unsigned char)*b);

		if (x != y || !x)
			return x - y;
	}
	return 0;
}

int strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, SIZE_MAX);
}

char *strpbrk(const char *s, const char *set)
{
	s += strcspn(s, set);
	return *s ? (char *)(uintptr_t)s : NULL;
}

char *strtok_r(char *restrict text, const char *restrict ends, char **restrict rest)
{
	char *word = text ? text : *rest;

	word += strspn(word, ends);
	*rest = word + strcspn(word, ends);
	if (*rest == word)
		return NULL;
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

char *strstr(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (;; text++) {
		if (strncmp(text, word, len) == 0)
			return (char *)(uintptr_t)text;
		if (!*text)
			return NULL;
	}
}

void *bsearch(const void *key, const void *base, size_t count, size_t size,
	      int (*compare)(const void *, const void *))
{
	const char *at = base;

	while (count > 0) {
		const char *middle = at + count / 2 * size;
		int r = compare(key, middle);

		if (r == 0)
			return (void *)(uintptr_t)middle;
		if (r > 0) {
			at = middle + size;
			count--;
		}
		count /= 2;
	}
	return NULL;
}

extern char **environ;

char *getenv(const char *name)
{
	size_t len = strlen(name);

	for (char **at = environ; *at; at++) {
		if (strncmp(*at, name, len) == 0 && (*at)[len] == '=')
			return *at + len + 1;
	}
	return NULL;
}

/* The C library asks the kernel's vDSO first, and reads its ELF tables for that. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
	return (int)syscall(CLOCK_GETTIME, clock, out);
}

int futimens(int fd, const struct timespec times[2])
{
	return (int)syscall(UTIMENSAT, fd, NULL, times, 0);
}

/*
 * On 64-bit machines the kernel's structs are the C library's, which reads a struct stat into one
 * of its own first, and clears the padding of a struct msghdr, where the kernel has the upper half
 * of a length: ours are made by initialisers.
 */
#ifdef SYS_newfstatat
int fstatat(int dir, const char *restrict path, struct stat *restrict st, int flags)
{
	return (int)syscall(SYS_newfstatat, dir, path, st, flags);
}

int fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

void *mmap(void *where, size_t len, int protection, int flags, int fd, off_t offset)
{
	return (void *)syscall(SYS_mmap, where, len, protection, flags, fd, offset);
}

ssize_t readlinkat(int dir, const char *restrict path, char *restrict out, size_t size)
{
	return syscall(SYS_readlinkat, dir, path, out, size);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	return syscall(SYS_recvmsg, fd, m, flags);
}
#endif

static int open_at(int dir, const char *path, int flags, va_list ap)
{
	bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;

	return (int)syscall(SYS_openat, dir, path, flags | O_LARGEFILE,
			    makes ? va_arg(ap, mode_t) : 0);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = open_at(AT_FDCWD, path, flags, ap);
	va_end(ap);
	return fd;
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = open_at(dir, path, flags, ap);
	va_end(ap);
	return fd;
}

/* The C library's know what to do on kernels older than 2.6.27. */
int pipe2(int fd[2], int flags)
{
	return (int)syscall(SYS_pipe2, fd, flags);
}

int socket(int family, int type, int protocol)
{
	return (int)syscall(SYS_socket, family, type, protocol);
}

/* The C library's can allocate the buffer, which would bring malloc. */
char *getcwd(char *buf, size_t size)
{
	if (syscall(SYS_getcwd, buf, size) < 0)
		return NULL;
	if (buf[0] == '/')
		return buf;
	errno = ENOENT; /* "(unreachable)...": outside of our root */
	return NULL;
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int month_days(int month, int year)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month] + (month == 1 && is_leap(year));
}

/* Years are counted one by one, and there is none before 1970, where no clock of Linux can stand.
 */
struct tm *gmtime_r(const time_t *restrict when, struct tm *restrict tm)
{
	long days = (long)(*when / DAY);
	int second = (int)(*when % DAY), year = 1970, month = 0, yday;

	*tm = (struct tm){ 0 };
	if (*when < 0) {
		errno = EOVERFLOW;
		return NULL;
	}
	tm->tm_wday = (int)((days + 4) % 7); /* 1970-01-01 was a Thursday */
	for (; days >= 365 + is_leap(year); year++)
		days -= 365 + is_leap(year);
	yday = tm->tm_yday = (int)days;
	for (; yday >= month_days(month, year); month++)
		yday -= month_days(month, year);
	tm->tm_sec = second % 60;
	tm->tm_min = second / 60 % 60;
	tm->tm_hour = second / 3600;
	tm->tm_mday = yday + 1;
	tm->tm_mon = month;
	tm->tm_year = year - 1900;
	return tm;
}
