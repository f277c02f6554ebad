/* What stands in for the C library's strings, error texts, time, files and system calls. */
#include "unit_small.h"

static void test_strings(void **state)
{
	static const char *const texts[] = { "",	"a",	 "abc",	     "aab",	 "aaab",
					     "abababc", "a,b;c", "\x80\xff", "abcabcabd" };
	static const char *const words[] = { "",    "a",  "b",	  "ab",	      "abc", "aab",
					     "abd", ",;", "\xff", "abababcd", "x" };

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
			assert_ptr_equal(small_memchr(text, word[0], strlen(text)),
					 memchr(text, word[0], strlen(text)));
		}
	}
}

static void test_words(void **state)
{
	static const char *const texts[] = {
		"", " ", "one", " one two  three ", "a b", "  x", "y  "
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char ours[32], theirs[32], *our_rest, *their_rest, *a, *b;

		strcpy(ours, texts[i]);
		strcpy(theirs, texts[i]);
		a = small_strtok_r(ours, " ", &our_rest);
		b = strtok_r(theirs, " ", &their_rest);
		for (int n = 0; n < 6; n++) { /* beyond the end, too */
			assert_true(!a == !b && (!a || strcmp(a, b) == 0));
			a = small_strtok_r(NULL, " ", &our_rest);
			b = strtok_r(NULL, " ", &their_rest);
		}
	}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static void test_letter_case(void **state)
{
	static const char *const texts[] = { "",    "a", "A", "b", "ab", "aB",	 "Ab1",
					     "AB2", "[", "{", "@", "`",	 "\xc4", "\xe4" };
	const size_t n = sizeof(texts) / sizeof(texts[0]);

	(void)state;
	for (size_t i = 0; i < n * n; i++) {
		const char *a = texts[i / n], *b = texts[i % n];

		assert_int_equal(sign(small_strcasecmp(a, b)), sign(strcasecmp(a, b)));
		for (size_t len = 0; len < 5; len++)
			assert_int_equal(sign(small_strncasecmp(a, b, len)),
					 sign(strncasecmp(a, b, len)));
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
	assert_string_equal(small_strerror(E2BIG),
			    "Argument list too long"); /* the first and the last of the table */
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
	struct timespec a, b,
		times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 12345, .tv_nsec = 678 } };
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
		cmocka_unit_test(test_strings),	     cmocka_unit_test(test_words),
		cmocka_unit_test(test_letter_case),  cmocka_unit_test(test_environment),
		cmocka_unit_test(test_error_texts),  cmocka_unit_test(test_time),
		cmocka_unit_test(test_files),	     cmocka_unit_test(test_datagram),
		cmocka_unit_test(test_system_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
