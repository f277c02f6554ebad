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

/* O_NONBLOCK: a planted FIFO must not stop us. What does not fit, or has a NUL (a page that a power cut lost), is no lease. */
int lease_file_read(int dir, const char *name, struct lease_file *f)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t len = -1;

	f->owner = (struct lease_owner){ .id = "", .ifname = "" };
	f->ours = false;
	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	f->ours = (st.st_mode & S_ISVTX) != 0;
	if (st.st_size <= LEASE_TEXT_MAX)
		len = read(fd, f->text, LEASE_TEXT_MAX);
	close(fd);
	if (len > 0 && !memchr(f->text, '\0', (size_t)len))
		lease_text_split(f, (size_t)len);
	return 0;
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
};

static int on_lease(int dir, const char *name, void *arg)
{
	const struct each *each = arg;
	struct lease_file f;
	struct addr a;

	if (!lease_name_parse(name, &a))
		return 0;
	if (lease_file_read(dir, name, &f) < 0)
		return 0;
	return each->fn(&a, &f.owner, f.ours, each->arg);
}

int lease_each(struct lease_store *s, lease_fn *fn, void *arg, struct err *e)
{
	struct each each = { .fn = fn, .arg = arg };

	return lease_each_entry(s->dir, on_lease, &each, e);
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

/* One lease that cannot be removed (an immutable file) stays taken; it must not stop every ADD of the node. */
static int reclaim_one(int dir, const char *name, void *arg)
{
	struct lease_store *s = arg;
	struct addr a;
	struct stat st;

	if (!lease_name_parse(name, &a))
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & S_ISVTX))
		return 0;
	if (unlinkat(dir, name, 0) == 0)
		s->reclaimed++;
	return 0;
}

int lease_reclaim(struct lease_store *s, struct err *e)
{
	return lease_each_entry(s->dir, reclaim_one, s, e);
}
