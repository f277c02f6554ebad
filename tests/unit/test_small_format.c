/*
 * What stands in for the C library's printf() and streams: the same text in the same order, and
 * nothing lost.
 */
#include "unit_small.h"

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
	same("[%.3s] [%.0s] [%.30s] [%8.2s] [%-8.2s]", "abcdef", "abcdef", "abcdef", "abcdef",
	     "abcdef");
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
	static const long long values[] = { 0,		1,	   -1,	     9,		10,
					    -10,	99,	   255,	     256,	65535,
					    INT_MAX,	INT_MIN,   UINT_MAX, LLONG_MAX, LLONG_MIN,
					    -123456789, 1000000007 };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		long long v = values[i];

		same("%d %u %x", (int)v, (unsigned int)v, (unsigned int)v);
		same("%ld %lu %lx", (long)v, (unsigned long)v, (unsigned long)v);
		same("%lld %llu %llx", v, (unsigned long long)v, (unsigned long long)v);
		same("%zd %zu %zx", (ssize_t)v, (size_t)v, (size_t)v);
		same("[%5d] [%-5d] [%05d] [%12d] [%-12d]", (int)v, (int)v, (int)v, (int)v, (int)v);
		same("[%012d] [%02x] [%08x] [%-8x]", (int)v, (unsigned int)v, (unsigned int)v,
		     (unsigned int)v);
		same("[%011llx] [%016lx] [%03ld] [%*d]", (unsigned long long)v, (unsigned long)v,
		     (long)v, 7, (int)v);
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
	static const char *const bad[] = { "%f",  "%5.1f", "%o",  "%p", "%n", "%hhx", "%+d",
					   "% d", "%#x",   "%jd", "%i", "%X", "%" };
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
	assert(small_printf("line\n") == EOF && small_puts("y") == EOF &&
	       small_fputs("z\n", small_stdout) == EOF);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
