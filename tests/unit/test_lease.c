/*
 * The lease store: format, ownership, planted files. What others left is
 * tests/unit/test_lease_foreign.c, what a death in the middle leaves is
 * tests/unit/test_lease_death.c. Needs root: /run and the boot id are replaced in a mount namespace
 * of our own (unit_lease.h).
 */
#include <sched.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "unit_lease.h"

static void test_format(void **state)
{
	const mode_t mask = umask(077);
	struct stat st;

	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	umask(mask);
	assert_content("10.0.0.2", "c1\r\neth0");
	assert_int_equal(stat(in_store("10.0.0.2"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | S_ISVTX | 0600);
	assert_int_equal(take("10.0.0.3", "c1", "eth1"), 1);
	assert_int_equal(stat(in_store("10.0.0.3"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | S_ISVTX | 0644);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(take("fd00:0:0:5::2", "c2", "eth0"), 1);
	assert_content("fd00:0:0:5::2", "c2\r\neth0");
	assert_content("boot_id", BOOT_1 "\n");
	assert_int_equal(stat(in_store("lock"), &st), 0);
}

static void test_taken(void **state)
{
	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 0);
	assert_int_equal(take("10.0.0.2", "c2", "eth0"), 0);
	assert_content("10.0.0.2", "c1\r\neth0");
	assert_found("c2", "eth0", "");
	assert_true(store.index_whole);
}

static void test_find_and_release(void **state)
{
	(void)state;
	assert_int_equal(take("fd00::2", "c1", "eth0"), 1);
	assert_int_equal(take("10.0.0.10", "c1", "eth0"), 1);
	assert_int_equal(take("10.0.0.9", "c1", "eth0"), 1);
	assert_int_equal(take("10.0.0.8", "c1", "eth1"), 1);
	assert_int_equal(take("10.0.0.7", "c11", "eth0"), 1);
	assert_found("c1", "eth0", "10.0.0.9 10.0.0.10 fd00::2");
	reopen();
	assert_true(store.index_whole);
	assert_found("c1", "eth0", "10.0.0.9 10.0.0.10 fd00::2");
	assert_int_equal(release("c1", "eth0"), 3);
	assert_int_equal(release("c1", "eth0"), 0);
	assert_found("c1", "eth1", "10.0.0.8");
	reopen();
	assert_true(store.index_whole);
	assert_found("c1", "eth0", "");
	assert_found("c1", "eth1", "10.0.0.8");
	assert_found("c11", "eth0", "10.0.0.7");
	assert_false(is_there("10.0.0.9"));
	assert_int_equal(release("c1", "eth1"), 1);
	assert_int_equal(release("c11", "eth0"), 1);
	assert_string_equal(index_names(), "");
}

static void test_find_max(void **state)
{
	const struct lease_owner o = { .id = "c1", .ifname = "eth0" };
	struct addr out[2] = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	assert_int_equal(take("10.0.0.3", "c1", "eth0"), 1);
	assert_int_equal(lease_find(&store, &o, out, 1, &e), 1);
	assert_false(addr_is_set(&out[1]));
	assert_int_equal(lease_find(&store, &o, NULL, 0, &e), 0);
}

static void test_planted(void **state)
{
	const struct addr a = ip("10.0.0.2"), d = ip("10.0.0.3");
	struct err e = { 0 };
	struct addr last;

	(void)state;
	plant("victim", "", 0644);
	assert_int_equal(symlink("victim", in_store("10.0.0.2")), 0);
	assert_int_equal(mkdir(in_store("10.0.0.3"), 0755), 0);
	assert_int_equal(mkfifo(in_store("10.0.0.4"), 0644), 0);
	assert_int_equal(symlink("nowhere", in_store("10.0.0.5")), 0);
	assert_int_equal(symlink("victim", in_store("last_reserved_ip.0")), 0);
	assert_int_equal(symlink("victim", in_store("last_reserved_ip.1")), 0);
	plant("10.0.0.06", "c1\r\neth0", 0644);
	plant("FD00::1", "c1\r\neth0", 0644);
	plant(".10.0.0.7", "c1\r\neth0", 0644);
	reopen();
	for (int i = 2; i <= 5; i++) {
		char name[32];

		snprintf(name, sizeof(name), "10.0.0.%d", i);
		assert_int_equal(take(name, "c1", "eth0"), 0);
	}
	assert_found("c1", "eth0", "");
	lease_set_last(&store, 0, &a);
	assert_int_equal(lease_last(&store, 1, &last), 0);
	assert_int_equal(lease_release_addr(&store, &a, &e), 0);
	assert_int_equal(lease_release_addr(&store, &d, &e), 0);
	assert_int_equal(lease_in_flight(&store, &a, &e), 0);
	assert_true(is_there("10.0.0.2"));
	assert_content("victim", "");
}

static void test_lock_is_a_link(void **state)
{
	struct err e = { 0 };

	(void)state;
	lease_close(&store);
	unlink(in_store("lock"));
	assert_int_equal(symlink("victim", in_store("lock")), 0);
	assert_int_equal(lease_open(&store, DATA, network, true, &e), -ELOOP);
	assert_non_null(strstr(e.text, "/lock"));
	assert_false(is_there("victim"));
}

static void test_empty(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	plant("10.0.0.2", "", 0600);
	plant("10.0.0.3", "", 0600);
	assert_int_equal(link(in_store("10.0.0.2"), in_store("other-name")), 0);
	reopen();
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	assert_content("10.0.0.2", "c1\r\neth0");
	assert_content("other-name", "");
	assert_int_equal(stat(in_store("10.0.0.2"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | S_ISVTX | 0644);
	fd = open(in_store("10.0.0.3"), O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(take("10.0.0.3", "c1", "eth0"), 0);
	close(fd);
	assert_int_equal(take("10.0.0.3", "c1", "eth0"), 1);
	assert_found("c1", "eth0", "10.0.0.2 10.0.0.3");
}

/* The lock is the process's, whatever becomes of the store; and it ends with the process. */
static void test_in_flight(void **state)
{
	const struct addr a = ip("10.0.0.2"), none = ip("10.0.0.3");
	int go[2], status;
	char c;
	pid_t pid;

	(void)state;
	lease_close(&store);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		open_again();
		take("10.0.0.2", "c1", "eth0");
		lease_close(&store);
		_exit(write(go[1], "x", 1) == 1 && pause());
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	open_again();
	assert_int_equal(lease_in_flight(&store, &a, err_ignored()), 1);
	assert_int_equal(lease_in_flight(&store, &none, err_ignored()), 0);
	assert_found("c1", "eth0", "10.0.0.2");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lease_in_flight(&store, &a, err_ignored()), 0);
	close(go[0]);
	close(go[1]);
}

static bool somebody_waits_for_a_lock(void)
{
	char text[65536];
	int fd = open("/proc/locks", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "-> FLOCK") != NULL;
}

/*
 * An administrator removes the network while we wait for its lock: a lock of a removed file locks
 * nothing.
 */
static void test_removed_while_waiting(void **state)
{
	int go[2], status;
	char c;
	pid_t pid;

	(void)state;
	lease_close(&store);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		open_again();
		if (write(go[1], "x", 1) != 1)
			_exit(1);
		while (!somebody_waits_for_a_lock())
			usleep(1000);
		unlink(in_store("lock"));
		unlink(in_store("boot_id"));
		_exit(rmdir(in_store(".")) == 0 || rmdir(in_store("")) == 0 ? 0 : 2);
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	open_again();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_there("lock"));
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	assert_content("10.0.0.2", "c1\r\neth0");
	close(go[0]);
	close(go[1]);
}

static void test_bad_arguments(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "../x", "a\nb" };
	struct lease_owner o = { .id = "", .ifname = "eth0" };
	const struct addr a = ip("10.0.0.2");
	char long_id[LEASE_ID_MAX + 2], long_dir[5000];
	struct err e = { 0 };

	(void)state;
	lease_close(&store);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		e = (struct err){ 0 };
		assert_int_equal(lease_open(&store, DATA, bad[i], true, &e), -EINVAL);
		assert_int_equal(store.dir, -1);
	}
	e = (struct err){ 0 };
	assert_int_equal(lease_open(&store, DATA, "never-made", false, &e), -ENOENT);
	memset(long_dir, 'x', sizeof(long_dir) - 1);
	long_dir[sizeof(long_dir) - 1] = '\0';
	e = (struct err){ 0 };
	assert_int_equal(lease_open(&store, long_dir, network, true, &e), -ENAMETOOLONG);
	open_again();
	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	for (int i = 0; i < 5; i++) {
		o.id = i == 0 ? "" : i == 1 ? long_id : i == 2 ? "a b" : "c1";
		o.ifname = i == 3 ? "" : i == 4 ? "sixteen-letters-" : "eth0";
		e = (struct err){ 0 };
		assert_int_equal(lease_take(&store, &a, &o, &e), -EINVAL);
	}
	long_id[LEASE_ID_MAX] = '\0';
	assert_int_equal(take("10.0.0.2", long_id, "fifteen-letters"), 1);
	assert_found(long_id, "fifteen-letters", "10.0.0.2");
}

static int each_text(const struct addr *a, const struct lease_owner *o, void *arg)
{
	char name[ADDR_TEXT], line[512], *text = arg;

	snprintf(line, sizeof(line), "%s=%s/%s%s ", addr_format(a, name), o->id, o->ifname,
		 o->host_end ? "*" : "");
	strcat(text, line);
	return 0;
}

static int each_stop(const struct addr *a, const struct lease_owner *o, void *arg)
{
	(void)o;
	(void)arg;
	return lease_release_addr(&store, a, &(struct err){ 0 }) == 0 ? 7 : -1;
}

static void test_each(void **state)
{
	char text[2048] = "", big[LEASE_ID_MAX + 200];
	struct err e = { 0 };

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(lease_each(&store, each_stop, NULL, &e), 0);
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	plant("10.0.0.3", "c2\r\neth0", 0644);
	plant("10.0.0.4", "", 0644);
	plant("10.0.0.5", big, 0644);
	plant("fd00::2", "c2", 0600);
	plant_bytes("10.0.0.6", "c\0\0\0", 4);
	lease_set_last(&store, 0, &(struct addr){ .family = AF_INET });
	assert_int_equal(lease_each(&store, each_text, text, &e), 0);
	assert_non_null(strstr(text, "10.0.0.2=c1/eth0 "));
	assert_non_null(strstr(text, "10.0.0.3=c2/eth0 "));
	assert_non_null(strstr(text, "10.0.0.4=/ "));
	assert_non_null(strstr(text, "10.0.0.5=/ "));
	assert_non_null(strstr(text, "10.0.0.6=/ "));
	assert_non_null(strstr(text, "fd00::2=c2/ "));
	assert_null(strstr(text, "0.0.0.0"));
	for (int left = 6; left > 0; left--)
		assert_int_equal(lease_each(&store, each_stop, NULL, &e), 7);
	assert_int_equal(lease_each(&store, each_stop, NULL, &e), 0);
	reopen();
	assert_found("c1", "eth0", "");
}

static void test_release_addr(void **state)
{
	const struct addr a = ip("10.0.0.2");
	struct err e = { 0 };

	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	assert_int_equal(lease_release_addr(&store, &a, &e), 0);
	assert_int_equal(lease_release_addr(&store, &a, &e), 0);
	assert_false(is_there("10.0.0.2"));
	assert_string_equal(index_names(), "");
}

static void test_last(void **state)
{
	const struct addr a = ip("10.0.0.200"), b = ip("10.0.0.3"), c = ip("fd00::9");
	struct addr out;

	(void)state;
	assert_int_equal(lease_last(&store, 0, &out), 0);
	lease_set_last(&store, 0, &a);
	lease_set_last(&store, 0, &b);
	lease_set_last(&store, 12, &c);
	assert_content("last_reserved_ip.0", "10.0.0.3");
	assert_content("last_reserved_ip.12", "fd00::9");
	assert_int_equal(lease_last(&store, 0, &out), 1);
	assert_true(addr_equal(&out, &b));
	plant("last_reserved_ip.0", "10.0.0.9\n", 0644);
	assert_int_equal(lease_last(&store, 0, &out), 1);
	plant("last_reserved_ip.0", "", 0644);
	assert_int_equal(lease_last(&store, 0, &out), 0);
	plant("last_reserved_ip.0", "nonsense", 0644);
	assert_int_equal(lease_last(&store, 0, &out), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lease_setup, lease_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_format),	       T(test_taken),	  T(test_find_and_release),
		T(test_find_max),      T(test_planted),	  T(test_lock_is_a_link),
		T(test_empty),	       T(test_in_flight), T(test_removed_while_waiting),
		T(test_bad_arguments), T(test_each),	  T(test_release_addr),
		T(test_last),
	};

	if (geteuid() != 0) {
		print_message("SKIP leases: a mount namespace with its own /run and boot id needs "
			      "root\n");
		return 0;
	}
	return cmocka_run_group_tests_name("leases", tests, lease_own_run, NULL);
}
