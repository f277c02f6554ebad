/*
 * What the tests of the lease store share: a mount namespace with its own /run and boot id, a store
 * per test, and short verbs. The data directory is a tmpfs beside /run, so that /run can be
 * covered.
 */
#ifndef UNIT_LEASE_H
#define UNIT_LEASE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "ipam/lease_store.h"

#define DATA "/mnt/networks"
#define INDEX "/run/cnibox/leases"
#define FAKE_BOOT_ID "/mnt/boot_id"
#define BOOT_1 "11111111-1111-4111-8111-111111111111"
#define BOOT_2 "22222222-2222-4222-8222-222222222222"

static struct lease_store store;
static char network[32];

static inline struct addr ip(const char *s)
{
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

/* Two buffers in turn: link(in_store(a), in_store(b)). */
static inline const char *in_store(const char *name)
{
	static char path[2][256];
	static unsigned int turn;
	char *p = path[turn++ % 2];

	snprintf(p, sizeof(path[0]), DATA "/%s/%s", network, strcmp(name, ".") == 0 ? "" : name);
	return p;
}

static inline void plant_bytes(const char *name, const char *bytes, size_t len)
{
	int fd = open(in_store(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static inline void plant(const char *name, const char *text, mode_t mode)
{
	plant_bytes(name, text, strlen(text));
	assert_int_equal(chmod(in_store(name), mode), 0);
}

static inline bool is_there(const char *name)
{
	struct stat st;

	return lstat(in_store(name), &st) == 0;
}

static inline void assert_content(const char *name, const char *want)
{
	char text[512];
	int fd = open(in_store(name), O_RDONLY | O_NOFOLLOW);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(fd >= 0 && n >= 0);
	close(fd);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static inline void set_boot(const char *id)
{
	FILE *f = fopen(FAKE_BOOT_ID, "w");

	assert_non_null(f);
	fprintf(f, "%s\n", id);
	assert_int_equal(fclose(f), 0);
}

static inline void open_again(void)
{
	struct err e = { 0 };

	if (lease_open(&store, DATA, network, true, &e) < 0)
		fail_msg("lease_open: %s", e.text);
}

static inline void reopen(void)
{
	lease_close(&store);
	open_again();
}

static inline int take(const char *addr, const char *id, const char *ifname)
{
	const struct lease_owner o = { .id = id, .ifname = ifname };
	const struct addr a = ip(addr);
	struct err e = { 0 };
	int r = lease_take(&store, &a, &o, &e);

	if (r < 0)
		print_error("lease_take: %s\n", e.text);
	return r;
}

static inline int release(const char *id, const char *ifname)
{
	const struct lease_owner o = { .id = id, .ifname = ifname };
	struct err e = { 0 };
	int r = lease_release(&store, &o, &e);

	if (r < 0)
		print_error("lease_release: %s\n", e.text);
	return r;
}

static inline void assert_found(const char *id, const char *ifname, const char *want)
{
	const struct lease_owner o = { .id = id, .ifname = ifname };
	char text[LEASE_RANGES_MAX * ADDR_TEXT] = "", name[ADDR_TEXT];
	struct addr found[LEASE_RANGES_MAX];
	struct err e = { 0 };
	int n = lease_find(&store, &o, found, LEASE_RANGES_MAX, &e);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, addr_format(&found[i], name));
	}
	assert_string_equal(text, want);
}

/* The only index there is: each test begins with an empty /run/cnibox. */
static inline const char *index_path(void)
{
	static char path[300];
	DIR *d = opendir(INDEX);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		if (entry->d_name[0] != '.')
			snprintf(path, sizeof(path), INDEX "/%s", entry->d_name);
	}
	closedir(d);
	return path;
}

static inline const char *index_names(void)
{
	static char text[4096];
	DIR *d = opendir(index_path());
	struct dirent *entry;

	assert_non_null(d);
	text[0] = '\0';
	while ((entry = readdir(d))) {
		if (entry->d_name[0] != '.')
			strcat(text, entry->d_name);
	}
	closedir(d);
	return text;
}

static inline int lease_setup(void **state)
{
	static unsigned int n;

	(void)state;
	snprintf(network, sizeof(network), "net%u", n++);
	umount2("/run", MNT_DETACH);
	if (mount("run", "/run", "tmpfs", 0, NULL) < 0)
		return -1;
	set_boot(BOOT_1);
	open_again();
	return 0;
}

static inline int lease_teardown(void **state)
{
	(void)state;
	lease_close(&store);
	return 0;
}

static inline int lease_own_run(void **state)
{
	(void)state;
	umask(022); /* the modes of files are looked at */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (mount("data", "/mnt", "tmpfs", 0, NULL) < 0 ||
	    mount("run", "/run", "tmpfs", 0, NULL) < 0)
		return -1;
	set_boot(BOOT_1);
	return mount(FAKE_BOOT_ID, "/proc/sys/kernel/random/boot_id", NULL, MS_BIND, NULL);
}

#endif
