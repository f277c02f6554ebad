/*
 * The lease store and what others left in it: their formats, their changes, hints that lie, leases
 * of an earlier boot. Needs root, as tests/unit/test_lease.c.
 */
#include "unit_lease.h"

/* More addresses than an index entry holds: the store scans, and releases all. */
static void test_too_many_for_the_index(void **state)
{
	char name[32];

	(void)state;
	for (int i = 1; i <= 150; i++) {
		snprintf(name, sizeof(name), "10.0.0.%d", i);
		plant(name, "c1\r\neth0", 0644);
	}
	reopen();
	assert_int_equal(release("c1", "eth0"), 150);
	assert_int_equal(release("c1", "eth0"), 0);
	assert_false(is_there("10.0.0.150"));
}

/* The reference before 0.8 wrote the id alone; it trims blanks when it reads. */
static void test_other_formats(void **state)
{
	(void)state;
	plant("10.0.0.2", "old", 0644);
	plant("10.0.0.3", " new\r\neth0\n", 0600);
	plant("10.0.0.4", "new eth0", 0600);
	reopen();
	assert_false(store.index_whole);
	assert_found("old", "eth0", "10.0.0.2");
	assert_found("old", "eth7", "10.0.0.2");
	assert_found("new", "eth0", "10.0.0.3");
	assert_found("new", "eth1", "");
	assert_true(store.index_whole);
	assert_int_equal(release("old", "eth0"), 1);
	assert_int_equal(release("new", "eth0"), 1);
	assert_true(is_there("10.0.0.4"));
}

/*
 * Whatever the reference does while we are away is seen; and what we do ourselves is not taken for
 * somebody else's.
 */
static void test_foreign_changes(void **state)
{
	(void)state;
	assert_found("c1", "eth0", "");
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	reopen();
	assert_true(store.index_whole);
	lease_close(&store);
	plant("10.0.0.3", "c2\r\neth0", 0644);
	unlink(in_store("10.0.0.2"));
	open_again();
	assert_false(store.index_whole);
	assert_found("c2", "eth0", "10.0.0.3");
	assert_found("c1", "eth0", "");
	assert_true(store.index_whole);
	reopen();
	assert_true(store.index_whole);
	assert_found("c2", "eth0", "10.0.0.3");
}

/* A hint that lies is not believed: the lease is another's now, or no file at all. */
static void test_stale_hint(void **state)
{
	(void)state;
	assert_found("c1", "eth0", "");
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	assert_int_equal(take("10.0.0.3", "c1", "eth0"), 1);
	unlink(in_store("10.0.0.2"));
	plant("10.0.0.2", "c2\r\neth0", 0644);
	unlink(in_store("10.0.0.3"));
	assert_int_equal(symlink("/dev/zero", in_store("10.0.0.3")), 0);
	assert_true(store.index_whole);
	assert_found("c1", "eth0", "");
	assert_int_equal(release("c1", "eth0"), 0);
	assert_true(is_there("10.0.0.2"));
}

/* Two directories changed within one tick have equal mtimes; only a stamp counts. */
static void test_equal_mtimes_are_no_stamp(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	lease_close(&store);
	plant("10.0.0.3", "c2\r\neth0", 0644);
	assert_int_equal(stat(in_store("."), &st), 0);
	assert_int_equal(
		utimensat(AT_FDCWD, index_path(), (struct timespec[]){ st.st_atim, st.st_mtim }, 0),
		0);
	open_again();
	assert_false(store.index_whole);
	assert_found("c2", "eth0", "10.0.0.3");
}

static void test_index_of_somebody_else(void **state)
{
	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	lease_close(&store);
	assert_int_equal(chown(index_path(), 12345, 12345), 0);
	open_again();
	assert_int_equal(store.index, -1);
	assert_found("c1", "eth0", "10.0.0.2");
	assert_int_equal(take("10.0.0.3", "c1", "eth0"), 1);
	assert_int_equal(release("c1", "eth0"), 2);
}

/* /run cannot be written: everything by scan. */
static void test_no_run(void **state)
{
	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	lease_close(&store);
	assert_int_equal(mount("ro", "/run", "tmpfs", MS_RDONLY, NULL), 0);
	open_again();
	assert_int_equal(store.index, -1);
	assert_int_equal(take("10.0.0.3", "c1", "eth0"), 1);
	assert_found("c1", "eth0", "10.0.0.2 10.0.0.3");
	assert_int_equal(release("c1", "eth0"), 2);
	assert_int_equal(take("10.0.0.4", "c1", "eth0"), 1);
	lease_close(&store);
	assert_int_equal(umount("/run"), 0);
	open_again();
	assert_false(store.index_whole);
	assert_found("c1", "eth0", "10.0.0.4");
}

static void test_boot(void **state)
{
	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	plant("10.0.0.3", "c2\r\neth0", 0644);
	plant("10.0.0.4", "c3\r\neth0", 0600);
	plant("10.0.0.5", "", 01644);
	plant("foreign", "c1\r\neth0", 01644);
	reopen();
	assert_int_equal(store.reclaimed, 0);
	lease_close(&store);
	set_boot(BOOT_2);
	open_again();
	assert_int_equal(store.reclaimed, 2);
	assert_false(is_there("10.0.0.2"));
	assert_false(is_there("10.0.0.5"));
	assert_true(is_there("foreign"));
	assert_content("boot_id", BOOT_2 "\n");
	assert_found("c1", "eth0", "");
	assert_found("c2", "eth0", "10.0.0.3");
	assert_found("c3", "eth0", "10.0.0.4");
	reopen();
	assert_int_equal(store.reclaimed, 0);
}

/* The reference's leases that were met in one boot are dead in the next. */
static void test_boot_of_foreign_leases(void **state)
{
	(void)state;
	plant("10.0.0.3", "c2\r\neth0", 0644);
	plant("10.0.0.4", "c3\r\neth0", 0400);
	reopen();
	assert_found("c2", "eth0", "10.0.0.3");
	assert_found("c3", "eth0", "10.0.0.4");
	lease_close(&store);
	plant("10.0.0.5", "c4\r\neth0", 0644); /* nobody met this one */
	set_boot(BOOT_2);
	open_again();
	assert_int_equal(store.reclaimed, 2);
	assert_false(is_there("10.0.0.3"));
	assert_false(is_there("10.0.0.4"));
	assert_found("c4", "eth0", "10.0.0.5");
	lease_close(&store);
	set_boot(BOOT_1);
	open_again();
	assert_int_equal(store.reclaimed, 1);
	assert_false(is_there("10.0.0.5"));
}

/* Those that are there when the first boot_id is written may be of any boot: the next one knows. */
static void test_boot_of_first_call(void **state)
{
	(void)state;
	lease_close(&store);
	unlink(in_store("boot_id"));
	plant("10.0.0.3", "c2\r\neth0", 0644);
	open_again();
	assert_int_equal(store.reclaimed, 0);
	assert_true(is_there("10.0.0.3"));
	lease_close(&store);
	set_boot(BOOT_2);
	open_again();
	assert_int_equal(store.reclaimed, 1);
}

static int each_host_end(const struct addr *a, const struct lease_owner *o, void *arg)
{
	(void)a;
	*(unsigned int *)arg += o->host_end;
	return 0;
}

/* A mark of ours on a lease of others never says that its pod has a host end. */
static void test_marks(void **state)
{
	const struct lease_owner o = { .id = "c1", .ifname = "eth0", .host_end = true };
	const struct addr a = ip("10.0.0.2");
	unsigned int count = 0;
	struct err e = { 0 };

	(void)state;
	plant("10.0.0.3", "c2\r\neth0", 0400);
	assert_int_equal(take("10.0.0.4", "c3", "eth0"), 1);
	reopen();
	assert_found("c2", "eth0", "10.0.0.3");
	assert_int_equal(lease_each(&store, each_host_end, &count, &e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(lease_take(&store, &a, &o, &e), 1);
	assert_int_equal(lease_each(&store, each_host_end, &count, &e), 0);
	assert_int_equal(count, 1);
}

static unsigned int reclaimed_after(const char *id)
{
	take("10.0.0.2", "c1", "eth0");
	lease_close(&store);
	unlink(in_store("boot_id"));
	if (id)
		plant("boot_id", id, 0644);
	open_again();
	assert_content("boot_id", BOOT_1 "\n");
	return store.reclaimed;
}

static void test_boot_id_contents(void **state)
{
	char big[300];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(reclaimed_after(NULL), 0);
	assert_int_equal(reclaimed_after(BOOT_1 "\n"), 0);
	assert_int_equal(reclaimed_after(big), 0);
	assert_int_equal(reclaimed_after(""), 1);
	assert_int_equal(reclaimed_after(BOOT_2 "\n"), 1);
	assert_int_equal(reclaimed_after("half"), 1);
}

static void test_boot_id_is_a_link(void **state)
{
	(void)state;
	assert_int_equal(take("10.0.0.2", "c1", "eth0"), 1);
	lease_close(&store);
	plant("victim", "precious", 0644);
	unlink(in_store("boot_id"));
	assert_int_equal(symlink("victim", in_store("boot_id")), 0);
	open_again();
	assert_int_equal(store.reclaimed, 0);
	assert_content("victim", "precious");
	assert_content("boot_id", BOOT_1 "\n");
}

/*
 * A boot_id that cannot be replaced: an ADD is refused, for its lease would be reclaimed; DEL goes
 * on.
 */
static void test_boot_id_cannot_be_written(void **state)
{
	const struct lease_owner o = { .id = "c9", .ifname = "eth0" };
	const struct addr a = ip("10.0.0.9");
	struct err e = { 0 };

	(void)state;
	plant("10.0.0.3", "c2\r\neth0", 0644);
	lease_close(&store);
	unlink(in_store("boot_id"));
	assert_int_equal(mkdir(in_store("boot_id"), 0755), 0);
	assert_int_equal(lease_open(&store, DATA, network, true, &e), -EISDIR);
	assert_non_null(strstr(e.text, "boot_id"));
	assert_int_equal(store.dir, -1);
	e = (struct err){ 0 };
	assert_int_equal(lease_open(&store, DATA, network, false, &e), 0);
	assert_int_equal(lease_take(&store, &a, &o, &e), -EROFS);
	assert_non_null(strstr(e.text, "10.0.0.9"));
	assert_int_equal(release("c2", "eth0"), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, lease_setup, lease_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_too_many_for_the_index),
		T(test_other_formats),
		T(test_foreign_changes),
		T(test_stale_hint),
		T(test_equal_mtimes_are_no_stamp),
		T(test_index_of_somebody_else),
		T(test_no_run),
		T(test_boot),
		T(test_boot_of_foreign_leases),
		T(test_boot_of_first_call),
		T(test_marks),
		T(test_boot_id_contents),
		T(test_boot_id_is_a_link),
		T(test_boot_id_cannot_be_written),
	};

	if (geteuid() != 0) {
		print_message("SKIP leases: a mount namespace with its own /run and boot id needs "
			      "root\n");
		return 0;
	}
	return cmocka_run_group_tests_name("leases of others", tests, lease_own_run, NULL);
}
