/*
 * SIGKILL at every system call of each operation on the lease store, before and after the call.
 * After each death the store must be one that the next process can trust: no half lease, the index
 * answers what the files say, and the operation can be done again. The file system's other ways (no
 * O_TMPFILE, no AT_EMPTY_PATH) are forced by a seccomp filter.
 */
#include "unit_lease.h"

#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#define STOPS_MAX 2000

/* Deny the system call nr when its argument number arg (low word) has one of these bits. */
static void deny(unsigned int nr, unsigned int arg, unsigned int bits, unsigned int errnum)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (unsigned int)offsetof(struct seccomp_data, args) + 8 * arg),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { .len = sizeof(code) / sizeof(*code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(9);
}

static void deny_unnamed(void)
{
	deny(SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP);
}

static void deny_empty_path(void)
{
	deny(SYS_linkat, 4, AT_EMPTY_PATH, ENOENT);
}

static void allow_all(void)
{
}

/* One attempt: prepare a store, kill the child at its stop number n in work, check what is left. */
struct scenario {
	void (*restrict_child)(void);
	void (*prepare)(void);
	bool (*work)(void);
	void (*check)(bool done);
};

static void child_run(const struct scenario *s)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	s->restrict_child();
	_exit(s->work() ? 0 : 1);
}

/* true: the child ended before its stop number n. */
static bool run_until(const struct scenario *s, unsigned int n)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		child_run(s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (unsigned int stop = 0; stop < n; stop++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return true;
		}
		assert_true(WIFSTOPPED(status));
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return false;
}

static int each_is_whole(const struct addr *a, const struct lease_owner *o, void *arg)
{
	struct addr found[LEASE_RANGES_MAX];
	struct err e = { 0 };
	int n = lease_find(&store, o, found, LEASE_RANGES_MAX, &e);
	unsigned int *count = arg;
	bool has = false;

	assert_true(*o->id);
	for (int i = 0; i < n; i++)
		has |= addr_equal(&found[i], a);
	assert_true(has);
	++*count;
	return 0;
}

/* Each lease is whole and found by its owner; how many there are. */
static unsigned int assert_sane(void)
{
	unsigned int count = 0;
	struct err e = { 0 };

	assert_int_equal(lease_each(&store, each_is_whole, &count, &e), 0);
	return count;
}

static void run_all(const struct scenario *s)
{
	bool done = false;
	unsigned int n;

	for (n = 1; !done; n++) {
		assert_true(n < STOPS_MAX);
		assert_int_equal(lease_setup(NULL), 0);
		s->prepare();
		lease_close(&store);
		done = run_until(s, n);
		open_again();
		s->check(done);
		lease_close(&store);
	}
	assert_true(n > 40);
	print_message("           killed at %u stops\n", n - 2);
}

static void prepare_three(void)
{
	assert_found("c1", "eth0", "");
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	assert_int_equal(take("fd00::2", "c1", "eth0"), 1);
	assert_int_equal(take("10.0.0.3", "c2", "eth0"), 1);
}

static bool work_add(void)
{
	const struct addr a = ip("10.0.0.4");

	open_again();
	assert_found("c9", "eth0", "");
	if (take("10.0.0.4", "c9", "eth0") != 1 || take("fd00::4", "c9", "eth0") != 1)
		return false;
	lease_set_last(&store, 0, &a);
	lease_close(&store);
	return true;
}

static void check_add(bool done)
{
	unsigned int n = assert_sane();

	assert_true(done ? n == 5 : n >= 3 && n <= 5);
	assert_found("c1", "eth0", "10.0.0.2 fd00::2");
	assert_true(release("c9", "eth0") == (int)n - 3);
	assert_found("c9", "eth0", "");
	assert_int_equal(take("10.0.0.4", "c9", "eth0"), 1);
	reopen();
	assert_true(store.index_whole);
	assert_found("c9", "eth0", "10.0.0.4");
	assert_false(is_there(".lease.new"));
}

static void test_add(void **state)
{
	(void)state;
	run_all(&(struct scenario){ allow_all, prepare_three, work_add, check_add });
}

static void test_add_without_empty_path(void **state)
{
	(void)state;
	run_all(&(struct scenario){ deny_empty_path, prepare_three, work_add, check_add });
}

/*
 * What a death left beside is removed by the next ADD that needs the name, not by one that does
 * not.
 */
static void check_add_beside(bool done)
{
	const struct scenario again = { deny_unnamed, prepare_three, work_add, check_add };

	assert_true(assert_sane() >= 3);
	assert_true(release("c9", "eth0") >= 0);
	lease_close(&store);
	assert_true(run_until(&again, STOPS_MAX));
	open_again();
	check_add(true);
	(void)done;
}

static void test_add_without_unnamed_files(void **state)
{
	(void)state;
	run_all(&(struct scenario){ deny_unnamed, prepare_three, work_add, check_add_beside });
}

static bool work_del(void)
{
	open_again();
	if (release("c1", "eth0") != 2)
		return false;
	lease_close(&store);
	return true;
}

static void check_del(bool done)
{
	unsigned int n = assert_sane();

	assert_true(done ? n == 1 : n >= 1 && n <= 3);
	assert_int_equal(release("c1", "eth0"), (int)n - 1);
	assert_int_equal(assert_sane(), 1);
}

static void test_del(void **state)
{
	(void)state;
	run_all(&(struct scenario){ allow_all, prepare_three, work_del, check_del });
}

/* The reference was here: the index is built anew, and the builder dies. */
static void prepare_foreign(void)
{
	prepare_three();
	lease_close(&store);
	plant("10.0.0.7", "r\r\neth0", 0644);
	plant("10.0.0.8", "r\r\neth0", 0644);
	unlink(in_store("10.0.0.3"));
	open_again();
}

static bool work_find(void)
{
	open_again();
	assert_found("r", "eth0", "10.0.0.7 10.0.0.8");
	lease_close(&store);
	return true;
}

static void check_find(bool done)
{
	assert_true(!done || store.index_whole);
	assert_found("r", "eth0", "10.0.0.7 10.0.0.8");
	assert_int_equal(assert_sane(), 4);
}

static void test_build(void **state)
{
	(void)state;
	run_all(&(struct scenario){ allow_all, prepare_foreign, work_find, check_find });
}

static void prepare_boot(void)
{
	prepare_foreign();
	set_boot(BOOT_2);
	lease_close(&store);
	store = (struct lease_store){ .dir = -1, .lock = -1, .index = -1 };
}

static bool work_boot(void)
{
	open_again();
	if (take("10.0.0.2", "new", "eth0") != 1)
		return false;
	lease_close(&store);
	return true;
}

/* The dead are gone, the reference's and the living are not, however often the store is opened. */
static void check_boot(bool done)
{
	assert_found("c1", "eth0", "");
	assert_found("r", "eth0", "10.0.0.7 10.0.0.8");
	if (done)
		assert_found("new", "eth0", "10.0.0.2");
	assert_int_equal(take("10.0.0.9", "newer", "eth0"), 1);
	reopen();
	assert_int_equal(store.reclaimed, 0);
	assert_found("newer", "eth0", "10.0.0.9");
	assert_true(assert_sane() >= 3);
	assert_content("boot_id", BOOT_2 "\n");
}

static void test_boot(void **state)
{
	(void)state;
	run_all(&(struct scenario){ allow_all, prepare_boot, work_boot, check_boot });
}

static void prepare_empty(void)
{
	prepare_three();
	plant("10.0.0.4", "", 0600);
}

static void check_empty(bool done)
{
	struct stat st;

	if (!done && stat(in_store("10.0.0.4"), &st) == 0 && st.st_size == 0)
		unlink(in_store("10.0.0.4"));
	check_add(done);
}

static void test_empty(void **state)
{
	(void)state;
	run_all(&(struct scenario){ allow_all, prepare_empty, work_add, check_empty });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_without_empty_path),
		cmocka_unit_test(test_add_without_unnamed_files),
		cmocka_unit_test(test_del),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_empty),
	};

	if (geteuid() != 0) {
		print_message("SKIP deaths of the lease store: a mount namespace needs root\n");
		return 0;
	}
	return cmocka_run_group_tests_name("deaths of the lease store", tests, lease_own_run, NULL);
}
