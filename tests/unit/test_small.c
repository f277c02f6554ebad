/* What stands in for the C library in the release, under other names beside glibc's own: the same text, order and time. */
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

int small_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) __attribute__((format(__printf__, 3, 0)));
int small_snprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(__printf__, 3, 4)));
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
void *small_bsearch(const void *key, const void *base, size_t count, size_t size, int (*compare)(const void *, const void *));
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
#include <assert.h>	/* glibc's again */

/* Every size of buffer from none to more than enough, with a guard behind it. */
static void same(const char *fmt, ...) __attribute__((format(__printf__, 1, 2)));
static void same(const char *fmt, ...)
{
	for (size_t size = 0; size < 64; size++) {
		char theirs[80], ours[80];
		int expected, got;
		va_list ap;

		memset(theirs, '#', sizeof(theirs));
		memset(ours, '#', sizeof(ours));
		va_start(ap, fmt);
		expected = real_format(theirs, size, fmt, ap);
		va_end(ap);
		va_start(ap, fmt);
		got = small_vsnprintf(ours, size, fmt, ap);
		va_end(ap);
		assert_int_equal(got, expected);
		assert_memory_equal(ours, theirs, sizeof(ours));
	}
}

static void test_text(void **state)
{
	(void)state;
	same("plain");
	same("%s", "");
	same("100%% of %s and %s", "this", "that");
	same("[%10s] [%-10s] [%2s] [%-2s]", "right", "left", "longer", "longer");
	same("[%.3s] [%.0s] [%.30s] [%8.2s] [%-8.2s]", "abcdef", "abcdef", "abcdef", "abcdef", "abcdef");
	same("[%.*s] [%*s] [%*.*s]", 2, "abcdef", 9, "abc", 5, 2, "abcdef");
	same("%c%c%c[%3c][%-3c]", 'a', '%', '\n', 'x', 'y');
}

/* A precision is all that ends this text. */
static void test_text_without_end(void **state)
{
	char *text = malloc(3);

	(void)state;
	memcpy(text, "abc", 3);
	same("%.3s %.*s", text, 2, text);
	free(text);
}

static void test_null(void **state)
{
	char buf[16];
	const char *volatile none = NULL;

	(void)state;
	assert_int_equal(small_snprintf(buf, sizeof(buf), "%s", none), 6);
	assert_string_equal(buf, "(null)");
}

static void test_numbers(void **state)
{
	static const long long values[] = { 0, 1, -1, 9, 10, -10, 99, 255, 256, 65535, INT_MAX, INT_MIN, UINT_MAX, LLONG_MAX, LLONG_MIN,
					    -123456789, 1000000007 };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		long long v = values[i];

		same("%d %u %x", (int)v, (unsigned int)v, (unsigned int)v);
		same("%ld %lu %lx", (long)v, (unsigned long)v, (unsigned long)v);
		same("%lld %llu %llx", v, (unsigned long long)v, (unsigned long long)v);
		same("%zd %zu %zx", (ssize_t)v, (size_t)v, (size_t)v);
		same("[%5d] [%-5d] [%05d] [%12d] [%-12d]", (int)v, (int)v, (int)v, (int)v, (int)v);
		same("[%012d] [%02x] [%08x] [%-8x]", (int)v, (unsigned int)v, (unsigned int)v, (unsigned int)v);
		same("[%011llx] [%016lx] [%03ld] [%*d]", (unsigned long long)v, (unsigned long)v, (long)v, 7, (int)v);
	}
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
static void test_left_wins_over_zeros(void **state)
{
	(void)state;
	same("[%-05d] [%0-5d] [%-08x]", -12, 12, 0xabu);
}
#pragma GCC diagnostic pop

static void test_many_arguments(void **state)
{
	(void)state;
	same("%d%s%d%s%d%s%lld%zu%c", 1, "a", 2, "b", 3, "c", -4LL, (size_t)5, '6');
	same("%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", 2026, 1, 2, 3, 4, 5, 6L);
}

/* Runs fn in a child; returns how it ended, its standard output in *text. */
static int run_apart(void (*fn)(void), int closed, char *text, size_t size)
{
	int fd[2], status;
	ssize_t n = 0, r;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		signal(SIGPIPE, SIG_IGN);
		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		if (closed >= 0)
			close(closed);
		close(fd[0]);
		close(fd[1]);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while (n + 1 < (ssize_t)size && (r = read(fd[0], text + n, size - 1 - (size_t)n)) > 0)
		n += r;
	text[n] = '\0';
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static const char *bad_format;

static void print_bad(void)
{
	char buf[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	small_snprintf(buf, sizeof(buf), bad_format, 1, 2, 3);
#pragma GCC diagnostic pop
}

static void test_unknown_conversions_stop_the_program(void **state)
{
	static const char *const bad[] = { "%f", "%5.1f", "%o", "%p", "%n", "%hhx", "%+d", "% d", "%#x", "%jd", "%i", "%X", "%" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status;

		bad_format = bad[i];
		status = run_apart(print_bad, -1, text, sizeof(text));
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		assert_non_null(strstr(text, "format"));
	}
}

static void print_lines(void)
{
	small_printf("one %d\n", 1);
	small_puts("two");
	small_putchar('3');
	small_fputc('\n', small_stdout);
	small_fputs("four\n", small_stdout);
	small_fwrite("five", 2, 2, small_stdout);
	small_fprintf(small_stderr, "[error %s]", "e");
	assert(small_fflush(small_stdout) == 0);
	for (int i = 0; i < 700; i++)
		small_printf("%03d,", i);
	assert(small_fflush(small_stdout) == 0 && !small_ferror(small_stdout));
}

/* Standard output keeps what has no end of line; standard error keeps nothing. */
static void test_streams(void **state)
{
	static char text[8192];
	const char *head = "one 1\ntwo\n3\nfour\n[error e]five";

	(void)state;
	assert_int_equal(run_apart(print_lines, -1, text, sizeof(text)), 0);
	assert_memory_equal(text, head, strlen(head));
	assert_int_equal(strlen(text), strlen(head) + 4 * 700);
	assert_string_equal(text + strlen(text) - 8, "698,699,");
}

static void leave_without_newline(void)
{
	small_printf("unfinished");
	exit(0);
}

static void test_exit_loses_nothing(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(run_apart(leave_without_newline, -1, text, sizeof(text)), 0);
	assert_string_equal(text, "unfinished");
}

static void print_to_closed(void)
{
	assert(small_printf("x") == 1);
	assert(small_fflush(small_stdout) == EOF && small_ferror(small_stdout));
	assert(small_printf("line\n") == EOF && small_puts("y") == EOF && small_fputs("z\n", small_stdout) == EOF);
	assert(small_fwrite("z", 1, 1, small_stdout) == 0);
}

static void test_failure_is_remembered(void **state)
{
	char text[512];

	(void)state;
	assert_int_equal(run_apart(print_to_closed, STDOUT_FILENO, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void fail_an_assertion(void)
{
	small_assert_failed("file.c", 7);
}

static void test_assertion(void **state)
{
	char text[128];
	int status;

	(void)state;
	status = run_apart(fail_an_assertion, -1, text, sizeof(text));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_string_equal(text, "file.c:7: assertion failed: a bug of cnibox\n");
}

struct record {
	uint32_t key;
	unsigned char rest[37];	/* more than one chunk of the swap, and odd */
};

static size_t comparisons;

static int by_key(const void *a, const void *b)
{
	uint32_t x, y;

	comparisons++;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

enum order { ASCENDING, DESCENDING, EQUAL, TWO_VALUES, SAW, ORGAN_PIPE, RANDOM, ORDERS };

static uint32_t make_key(enum order order, size_t i, size_t n)
{
	static uint32_t seed = 1;

	switch (order) {
	case ASCENDING:
		return (uint32_t)i;
	case DESCENDING:
		return (uint32_t)(n - i);
	case EQUAL:
		return 7;
	case TWO_VALUES:
		return i & 1;
	case SAW:
		return (uint32_t)(i % 17);
	case ORGAN_PIPE:
		return (uint32_t)(i < n / 2 ? i : n - i);
	case RANDOM:
	case ORDERS:
		break;
	}
	seed = seed * 1664525 + 1013904223;
	return seed;
}

static void sort_and_compare(enum order order, size_t n)
{
	struct record *ours = calloc(n + 1, sizeof(*ours)), *theirs = calloc(n + 1, sizeof(*theirs));
	size_t log = 1;

	while ((size_t)1 << log < n)
		log++;
	for (size_t i = 0; i < n; i++) {
		ours[i].key = make_key(order, i, n);
		memset(ours[i].rest, (int)(ours[i].key * 31), sizeof(ours[i].rest));	/* travels with its key */
	}
	ours[n].key = 0xdeadbeef;
	memcpy(theirs, ours, (n + 1) * sizeof(*ours));
	real_sort(theirs, n, sizeof(*theirs), by_key);
	comparisons = 0;
	small_qsort(ours, n, sizeof(*ours), by_key);
	assert_memory_equal(ours, theirs, (n + 1) * sizeof(*ours));
	assert_true(comparisons <= 2 * n * (log + 1));
	free(ours);
	free(theirs);
}

static void test_sort(void **state)
{
	(void)state;
	for (enum order order = ASCENDING; order < ORDERS; order++) {
		for (size_t n = 0; n < 40; n++)
			sort_and_compare(order, n);
		sort_and_compare(order, 1000);
		sort_and_compare(order, 60000);
	}
}

static void test_sort_permutations(void **state)
{
	uint32_t keys[7];

	(void)state;
	for (unsigned int p = 0; p < 823543; p++) {	/* 7^7: all orders of seven, repeats included */
		for (unsigned int i = 0, rest = p; i < 7; i++, rest /= 7)
			keys[i] = rest % 7;
		small_qsort(keys, 7, sizeof(keys[0]), by_key);
		for (unsigned int i = 1; i < 7; i++)
			assert_true(keys[i - 1] <= keys[i]);
	}
}

static void test_strings(void **state)
{
	static const char *const texts[] = { "", "a", "abc", "aab", "aaab", "abababc", "a,b;c", "\x80\xff", "abcabcabd" };
	static const char *const words[] = { "", "a", "b", "ab", "abc", "aab", "abd", ",;", "\xff", "abababcd", "x" };

	(void)state;
	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		assert_int_equal(small_strlen(texts[t]), strlen(texts[t]));
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
			const char *text = texts[t], *word = words[w];

			assert_ptr_equal(small_strstr(text, word), strstr(text, word));
			assert_int_equal(small_strspn(text, word), strspn(text, word));
			assert_int_equal(small_strcspn(text, word), strcspn(text, word));
			assert_ptr_equal(small_strpbrk(text, word), strpbrk(text, word));
			assert_ptr_equal(small_strchr(text, word[0]), strchr(text, word[0]));
			assert_ptr_equal(small_memchr(text, word[0], strlen(text)), memchr(text, word[0], strlen(text)));
		}
	}
}

static void test_words(void **state)
{
	static const char *const texts[] = { "", " ", "one", " one two  three ", "a b", "  x", "y  " };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char ours[32], theirs[32], *our_rest, *their_rest, *a, *b;

		strcpy(ours, texts[i]);
		strcpy(theirs, texts[i]);
		a = small_strtok_r(ours, " ", &our_rest);
		b = strtok_r(theirs, " ", &their_rest);
		for (int n = 0; n < 6; n++) {	/* beyond the end, too */
			assert_true(!a == !b && (!a || strcmp(a, b) == 0));
			a = small_strtok_r(NULL, " ", &our_rest);
			b = strtok_r(NULL, " ", &their_rest);
		}
	}
}

static void test_search(void **state)
{
	uint32_t keys[40];

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		keys[i] = 2 * i + 1;
	for (size_t n = 0; n <= 40; n++) {
		for (uint32_t key = 0; key < 90; key++) {
			const uint32_t *found = small_bsearch(&key, keys, n, sizeof(keys[0]), by_key);

			assert_ptr_equal(found, key % 2 && key / 2 < n ? &keys[key / 2] : NULL);
		}
	}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void test_letter_case(void **state)
{
	static const char *const texts[] = { "", "a", "A", "b", "ab", "aB", "Ab1", "AB2", "[", "{", "@", "`", "\xc4", "\xe4" };
	const size_t n = sizeof(texts) / sizeof(texts[0]);

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		const char *a = texts[i / n], *b = texts[i % n];

		assert_int_equal(sign(small_strcasecmp(a, b)), sign(strcasecmp(a, b)));
		for (size_t len = 0; len < 5; len++)
			assert_int_equal(sign(small_strncasecmp(a, b, len)), sign(strncasecmp(a, b, len)));
	}
}

static void test_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("CNI_TEST", "1", 1), 0);
	assert_int_equal(setenv("CNI_TEST_LONGER", "", 1), 0);
	assert_string_equal(small_getenv("CNI_TEST"), "1");
	assert_string_equal(small_getenv("CNI_TEST_LONGER"), "");
	assert_null(small_getenv("CNI_TES"));
	assert_null(small_getenv("CNI_TEST_"));
}

/* Every errno either is known, in other words than all others, or is its number. */
static void test_error_texts(void **state)
{
	char number[16], kept[134][48];

	(void)state;
	for (int i = 1; i < 134; i++) {
		const char *text = small_strerror(i);

		small_snprintf(number, sizeof(number), "error %03d", i);
		assert_true(strlen(text) < sizeof(kept[i]) && *text);
		strcpy(kept[i], text);
		if (strncmp(text, "error ", 6) == 0)
			assert_string_equal(text, number);
		for (int j = 1; j < i; j++)
			assert_string_not_equal(kept[j], kept[i]);
	}
	assert_string_equal(small_strerror(ENOENT), "No such file or directory");
	assert_string_equal(small_strerror(E2BIG), "Argument list too long");	/* the first and the last of the table */
	assert_string_equal(small_strerror(EXDEV), "Cross-device link");
	assert_string_equal(small_strerror(133), "error 133");
	assert_string_equal(small_strerror(0), "error 000");
}

static void assert_same_time(time_t when)
{
	struct tm ours, theirs;

	assert_ptr_equal(small_gmtime_r(&when, &ours), &ours);
	assert_non_null(gmtime_r(&when, &theirs));
	assert_int_equal(ours.tm_sec, theirs.tm_sec);
	assert_int_equal(ours.tm_min, theirs.tm_min);
	assert_int_equal(ours.tm_hour, theirs.tm_hour);
	assert_int_equal(ours.tm_mday, theirs.tm_mday);
	assert_int_equal(ours.tm_mon, theirs.tm_mon);
	assert_int_equal(ours.tm_year, theirs.tm_year);
	assert_int_equal(ours.tm_wday, theirs.tm_wday);
	assert_int_equal(ours.tm_yday, theirs.tm_yday);
	assert_int_equal(ours.tm_isdst, 0);
}

/* Both ends of each day of five centuries. */
static void test_time(void **state)
{
	struct tm tm;
	time_t before = -1;

	(void)state;
	for (time_t day = 0; day < 366 * 500; day++) {
		assert_same_time(day * 86400);
		assert_same_time(day * 86400 + 86399);
	}
	assert_null(small_gmtime_r(&before, &tm));
	assert_int_equal(errno, EOVERFLOW);
}

static void test_files(void **state)
{
	char folder[] = "/tmp/test_small.XXXXXX", text[8] = "";
	mode_t mask = umask(0);
	struct stat st;
	int dir, fd;
	char *at;

	(void)state;
	assert_non_null(mkdtemp(folder));
	dir = small_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	assert_int_equal(fcntl(dir, F_GETFD), FD_CLOEXEC);
	fd = small_openat(dir, "file", O_RDWR | O_CREAT | O_EXCL, 0641);
	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0641);
	assert_int_equal(small_openat(dir, "file", O_RDWR | O_CREAT | O_EXCL, 0600), -1);
	assert_int_equal(errno, EEXIST);
#ifdef SYS_newfstatat
	at = small_mmap(NULL, 4, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_memory_equal(at, "text", 4);
	munmap(at, 4);
	assert_ptr_equal(small_mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
	assert_int_equal(symlinkat("there", dir, "link"), 0);
	assert_int_equal(small_readlinkat(dir, "link", text, sizeof(text)), 5);
	assert_string_equal(text, "there");
	unlinkat(dir, "link", 0);
#endif
	close(fd);
	unlinkat(dir, "file", 0);
	fd = small_open(folder, O_TMPFILE | O_RDWR, 0600);
	assert_true(fd >= 0 || errno == EOPNOTSUPP);
	if (fd >= 0)
		assert_true(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600);
	close(fd);
	close(dir);
	rmdir(folder);
	umask(mask);
}

static void test_datagram(void **state)
{
	char buf[4] = "";
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
	assert_int_equal(send(fd[0], "abcdef", 6, 0), 6);
	assert_int_equal(small_recvmsg(fd[1], &m, MSG_DONTWAIT), 4);
	assert_memory_equal(buf, "abcd", 4);
	assert_int_equal(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
	assert_int_equal(small_recvmsg(fd[1], &m, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd[0]);
	close(fd[1]);
}

static void test_system_calls(void **state)
{
	struct timespec a, b, times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 12345, .tv_nsec = 678 } };
	char ours[PATH_MAX], theirs[PATH_MAX], name[] = "/tmp/test_small.XXXXXX";
	int fd = mkstemp(name), ends[2];
	struct stat st, again;

	(void)state;
	assert_int_equal(small_clock_gettime(CLOCK_MONOTONIC, &a), 0);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &b), 0);
	assert_true(b.tv_sec - a.tv_sec <= 5 && (b.tv_sec > a.tv_sec || b.tv_nsec >= a.tv_nsec));
	assert_int_equal(small_clock_gettime((clockid_t)99, &a), -1);
	assert_int_equal(small_futimens(fd, times), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 12345);
	assert_int_equal(st.st_mtim.tv_nsec, 678);
#ifdef SYS_newfstatat
	memset(&again, 0xff, sizeof(again));
	assert_int_equal(small_fstat(fd, &again), 0);
	assert_memory_equal(&again, &st, sizeof(st));
	memset(&again, 0xff, sizeof(again));
	assert_int_equal(small_fstatat(AT_FDCWD, name, &again, AT_SYMLINK_NOFOLLOW), 0);
	assert_memory_equal(&again, &st, sizeof(st));
	assert_int_equal(small_fstat(-1, &again), -1);
	assert_int_equal(errno, EBADF);
#endif
	close(fd);
	unlink(name);
	assert_ptr_equal(small_getcwd(ours, sizeof(ours)), ours);
	assert_string_equal(ours, getcwd(theirs, sizeof(theirs)));
	assert_null(small_getcwd(ours, 1));
	assert_int_equal(errno, ERANGE);
	assert_int_equal(small_pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	close(ends[0]);
	close(ends[1]);
	fd = small_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(small_socket(-1, SOCK_DGRAM, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_without_end),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_left_wins_over_zeros),
		cmocka_unit_test(test_many_arguments),
		cmocka_unit_test(test_unknown_conversions_stop_the_program),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_exit_loses_nothing),
		cmocka_unit_test(test_failure_is_remembered),
		cmocka_unit_test(test_assertion),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_sort_permutations),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_letter_case),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_error_texts),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_datagram),
		cmocka_unit_test(test_system_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
