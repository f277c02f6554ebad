/*
 * The lease directory of somebody else: one file of any name and content in it, the store's index
 * beside it. Input: the file's name, the id and the interface of a container, each ended by a NUL,
 * a byte whose lowest bit marks the file as ours, and the content.
 */
#include "ipam/lease_store.c"

#include <dirent.h>
#include <sys/socket.h>

#include "base/text.h"
#include "fuzz.h"

static char base[] = "/dev/shm/cnibox-fuzz-XXXXXX";
static int base_fd = -1;

static void clear(const char *name)
{
	int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fd);
	struct dirent *f;

	require(d);
	while ((f = readdir(d)))
		unlinkat(fd, f->d_name, 0);
	closedir(d);
}

static void leave(void)
{
	clear("store");
	clear("index");
	unlinkat(base_fd, "store", AT_REMOVEDIR);
	unlinkat(base_fd, "index", AT_REMOVEDIR);
	rmdir(base);
}

static struct lease_store open_both(void)
{
	struct lease_store s = { .lock = -1, .boot_current = true };

	if (base_fd < 0) {
		require(mkdtemp(base));
		base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		require(mkdirat(base_fd, "store", 0755) == 0 &&
			mkdirat(base_fd, "index", 0755) == 0);
		atexit(leave);
	}
	s.dir = openat(base_fd, "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.index = openat(base_fd, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(s.dir >= 0 && s.index >= 0);
	return s;
}

static bool plant(int dir, const char *name, struct json_raw content, bool ours)
{
	int fd = name_is_plain(name)
			 ? openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)
			 : -1;

	if (fd < 0)
		return false;
	require(!ours || fchmod(fd, LEASE_MODE) == 0);
	require(write(fd, content.text, content.len) == (ssize_t)content.len);
	close(fd);
	return true;
}

struct seen {
	unsigned int count;
	struct addr addr;
	char id[LEASE_TEXT_MAX + 1], ifname[LEASE_TEXT_MAX + 1];
};

static int see(const struct addr *a, const struct lease_owner *o, void *arg)
{
	struct seen *seen = arg;

	seen->count++;
	seen->addr = *a;
	require(str_copy(seen->id, sizeof(seen->id), o->id) &&
		str_copy(seen->ifname, sizeof(seen->ifname), o->ifname));
	require(!strstr(o->id, "\r\n") && !strchr(" \t\n\v\f\r", o->id[0]) == (o->id[0] != '\0'));
	return 0;
}

/* What a foreign lease says is found and released like ours. */
static void check_foreign(struct lease_store *s, const struct seen *seen)
{
	const struct lease_owner o = { .id = seen->id, .ifname = seen->ifname };
	struct err e = { 0 };
	struct addr found[2];

	require(lease_find(s, &o, found, 2, &e) == (*o.id ? 1 : 0));
	require(!*o.id || addr_equal(found, &seen->addr));
	require(lease_release(s, &o, &e) == (*o.id ? 1 : 0));
	require(lease_release_addr(s, &seen->addr, &e) >= 0 &&
		lease_in_flight(s, &seen->addr, &e) == 0);
	require(lease_find(s, &o, found, 2, &e) == 0);
}

static void check_own(struct lease_store *s, const struct lease_owner *o)
{
	const struct addr a = { .family = AF_INET, .bytes = { 10, 1, 2, 3 } };
	struct lease_file f;
	struct err e = { 0 };
	struct addr found[4];
	int r = lease_take(s, &a, o, &e);

	check_err(r, &e);
	if (r <= 0)
		return;
	require(lease_file_read(s->dir, "10.1.2.3", &f) == 1 && str_equal(f.owner.id, o->id));
	require(str_equal(f.owner.ifname, o->ifname) && lease_in_flight(s, &a, &e) == 1);
	require(lease_find(s, o, found, 4, &e) >= 1 && lease_release(s, o, &e) >= 1 &&
		lease_find(s, o, found, 4, &e) == 0);
}

static void check_store(struct lease_store *s, const struct lease_owner *o, const char *name,
			bool planted)
{
	struct seen seen = { 0 };
	struct err e = { 0 };
	struct addr a, last;
	bool is_address = planted && lease_name_parse(name, &a);

	require(lease_each(s, see, &seen, &e) == 0 && seen.count == is_address);
	require(!is_address || addr_equal(&seen.addr, &a));
	if (lease_last(s, 0, &last)) {
		lease_set_last(s, 0, &last);
		require(lease_last(s, 0, &a) == 1 && addr_equal(&a, &last));
	}
	check_own(s, o);
	seen.count = 0;
	require(lease_each(s, see, &seen, &e) == 0);
	if (seen.count)
		check_foreign(s, &seen);
	require(boot_update(s, &e) == 0 && s->boot_current);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lease_store s = open_both();
	struct input in = input_begin(data, size);
	const char *name = input_string(&in);
	struct lease_owner o = { 0 };
	bool ours = false;

	o.id = input_string(&in);
	o.ifname = input_string(&in);
	if (in.left)
		ours = input_take(&in, 1, false)[0] & 1;
	check_store(&s, &o, name, plant(s.dir, name, input_rest(&in, false), ours));
	lease_close(&s);
	close_range((unsigned int)base_fd + 1, ~0U,
		    0); /* the locks of taken leases, which live as long as a plugin's process */
	clear("store");
	clear("index");
	input_end(&in);
	return 0;
}
