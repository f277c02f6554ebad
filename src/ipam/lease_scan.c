/* Reading leases: one file, or the whole directory. */
#include "ipam/lease_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Go's TrimSpace(), with which the reference reads: blanks around the content do not count. */
static char *trim(char *s, size_t len)
{
	while (len > 0 && is_blank(s[len - 1]))
		len--;
	s[len] = '\0';
	while (is_blank(*s))
		s++;
	return s;
}

static void lease_text_split(struct lease_file *f, size_t len)
{
	char *id = trim(f->text, len), *end = strstr(id, "\r\n");

	f->owner.ifname = end ? end + 2 : "";
	if (end)
		*end = '\0';
	f->owner.id = id;
}

/*
 * 1 read, 0 no regular file, -errno. What does not fit, or has a NUL (a page that a power cut
 * lost), is no lease.
 */
static int file_read_open(int fd, struct lease_file *f)
{
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	f->owner.host_end = (st.st_mode & LEASE_OF_BOOT) && !(st.st_mode & S_IWUSR);
	if (st.st_size > LEASE_TEXT_MAX)
		return 1;
	len = read(fd, f->text, LEASE_TEXT_MAX);
	if (len < 0)
		return -errno;
	if (len > 0 && !memchr(f->text, '\0', (size_t)len))
		lease_text_split(f, (size_t)len);
	return 1;
}

/* O_NONBLOCK: a planted FIFO must not stop us; a planted link (ELOOP) or socket (ENXIO) neither. */
int lease_file_read(int dir, const char *name, struct lease_file *f)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r;

	f->owner = (struct lease_owner){ .id = "", .ifname = "" };
	if (fd < 0 && errno == EACCES)
		return 1;
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	r = file_read_open(fd, f);
	close(fd);
	return r;
}

bool lease_file_is_of(const struct lease_file *f, const struct lease_owner *o)
{
	if (!*f->owner.id || strcmp(f->owner.id, o->id) != 0)
		return false;
	return !*f->owner.ifname || strcmp(f->owner.ifname, o->ifname) == 0;
}

bool lease_name_parse(const char *name, struct addr *a)
{
	struct addr parsed;

	if (!addr_parse(name, &parsed) || strcmp(addr_text(&parsed), name) != 0)
		return false;
	*a = parsed;
	return true;
}

int lease_each_entry(int dir, dir_entry_fn *fn, void *arg, struct err *e)
{
	return dir_each(dir, "the directory of the leases", fn, arg, e);
}

struct each {
	lease_fn *fn;
	lease_name_fn *name_fn;
	void *arg;
	int unread; /* what the first lease that could not be read said */
	struct err *e;
};

static int on_lease(int dir, const char *name, void *arg)
{
	struct each *each = arg;
	struct lease_file f;
	struct addr a;
	int r;

	if (!lease_name_parse(name, &a))
		return 0;
	r = lease_file_read(dir, name, &f);
	if (r < 0 && !each->unread)
		each->unread = err_sys(each->e, -r, "read lease %s", name);
	return r <= 0 ? 0 : each->fn(&a, &f.owner, each->arg);
}

int lease_each(struct lease_store *s, lease_fn *fn, void *arg, struct err *e)
{
	struct each each = { .fn = fn, .arg = arg, .e = e };
	int r = lease_each_entry(s->dir, on_lease, &each, e);

	return r ? r : each.unread;
}

static int on_name(int dir, const char *name, void *arg)
{
	const struct each *each = arg;
	struct addr a;

	(void)dir;
	return lease_name_parse(name, &a) ? each->name_fn(&a, each->arg) : 0;
}

int lease_each_name(struct lease_store *s, lease_name_fn *fn, void *arg, struct err *e)
{
	struct each each = { .name_fn = fn, .arg = arg };

	return lease_each_entry(s->dir, on_name, &each, e);
}

struct reclaim {
	struct lease_store *store;
	struct err *e;
};

/*
 * One lease that must not be removed (an immutable file) stays taken: that cannot stop every ADD of
 * the node. Any other trouble can pass.
 */
static int reclaim_one(int dir, const char *name, void *arg)
{
	struct reclaim *w = arg;
	struct addr a;
	struct stat st;

	if (!lease_name_parse(name, &a))
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISREG(st.st_mode) || !(st.st_mode & LEASE_OF_BOOT))
			return 0;
		if (unlinkat(dir, name, 0) == 0) {
			w->store->reclaimed++;
			return 0;
		}
	}
	if (errno == ENOENT || errno == EPERM || errno == EACCES)
		return 0;
	return err_sys(w->e, errno, "reclaim lease %s of an earlier boot", name);
}

int lease_reclaim(struct lease_store *s, struct err *e)
{
	struct reclaim w = { .store = s, .e = e };

	return lease_each_entry(s->dir, reclaim_one, &w, e);
}

static int mark_one(int dir, const char *name, void *arg)
{
	struct addr a;
	struct stat st;
	int fd;

	(void)arg;
	if (!lease_name_parse(name, &a) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) || (st.st_mode & LEASE_OF_BOOT))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		(void)fchmod(fd, (st.st_mode & 0777) | LEASE_OF_BOOT | S_IWUSR);
	close(fd);
	return 0;
}

void lease_mark_foreign(struct lease_store *s)
{
	lease_each_entry(s->dir, mark_one, NULL, err_ignored());
}
