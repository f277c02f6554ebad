/* The directory of records: see store.h. */
#include "fw/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/attachment.h"

#define RUN_DIR "/run/cnibox"
#define STORE_DIR RUN_DIR "/fw"
#define LOCK_TIMEOUT_MS 10000
#define NAME_SIZE 64 /* a schema's name and a link's */

static int open_dir(void)
{
	return openat(AT_FDCWD, STORE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int make_dir(struct err *e)
{
	int run = dir_open(RUN_DIR, true, e), r = 0;

	if (run < 0)
		return run;
	if (mkdirat(run, "fw", 0700) < 0 && errno != EEXIST)
		r = err_errno(e, "make directory " STORE_DIR);
	close(run);
	return r;
}

int store_open(bool create, struct err *e)
{
	int fd = open_dir();

	if (fd < 0 && errno == ENOENT) {
		int r = create ? make_dir(e) : 0;

		if (r < 0 || !create)
			return r;
		fd = open_dir();
	}
	return fd < 0 ? err_errno(e, "open directory " STORE_DIR) : fd;
}

int store_lock(int dir, bool alone, struct err *e)
{
	return alone ? lock_take(dir, STORE_DIR, LOCK_TIMEOUT_MS, e)
		     : lock_share(dir, STORE_DIR, LOCK_TIMEOUT_MS, e);
}

void store_unlock(int dir)
{
	flock(dir, LOCK_UN);
}

static const char *file_name(const struct fw_schema *s, const char *host_name,
			     char out[static NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%s.%s", s->name, host_name);
	return out;
}

/* A record that was renamed is none: it must be its owner's. */
static bool is_of(const struct fw_record *r, const char *host_name)
{
	char name[IF_NAMESIZE];

	return strcmp(attachment_host_name(&r->at, name), host_name) == 0;
}

int store_read(int dir, const struct fw_schema *s, const char *host_name, struct fw_record *r,
	       struct err *e)
{
	struct err local = { 0 };
	char name[NAME_SIZE];
	ssize_t len =
		file_read(dir, file_name(s, host_name, name), r->text, sizeof(r->text), &local);

	if (len == -ENOENT)
		return 0;
	if (len < 0)
		return file_is_foreign((int)len)
			       ? err_set(e, EBADMSG, STORE_DIR "/%s: %s", name, local.text)
			       : err_take(e, &local);
	if (strlen(r->text) != (size_t)len || !record_parse(s, r) || !is_of(r, host_name))
		return err_set(e, EBADMSG, STORE_DIR "/%s: no record of this program", name);
	return 1;
}

int store_write(int dir, const struct fw_schema *s, const char *host_name,
		const struct fw_record *r, struct err *e)
{
	static char buf[RECORD_SIZE];
	char name[NAME_SIZE];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	record_format(r, &t);
	if (t.bad)
		return err_set(e, E2BIG, STORE_DIR "/%s: more than a record holds",
			       file_name(s, host_name, name));
	return err_ctx(e,
		       file_replace(dir, file_name(s, host_name, name), t.at, t.len, 0600,
				    FILE_NO_SYNC, e),
		       STORE_DIR);
}

int store_remove(int dir, const struct fw_schema *s, const char *host_name, struct err *e)
{
	char name[NAME_SIZE];

	return err_ctx(e, file_remove(dir, file_name(s, host_name, name), e), STORE_DIR);
}

int store_has(int dir, const struct fw_schema *s, const char *host_name, struct err *e)
{
	char name[NAME_SIZE];

	if (faccessat(dir, file_name(s, host_name, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_errno(e, "find " STORE_DIR "/%s", name);
}

struct walk {
	const struct fw_schema *s;
	const char *but;
	store_fn *fn;
	void *arg;
	struct err *e;
};

/* The host end's name in the name of a record of this schema, else NULL. */
static const char *host_name_in(const struct fw_schema *s, const char *name)
{
	size_t len = strlen(s->name);

	if (strncmp(name, s->name, len) != 0 || name[len] != '.' ||
	    strlen(name + len + 1) >= IF_NAMESIZE)
		return NULL;
	return name + len + 1;
}

static int find_other(int dir, const char *name, void *arg)
{
	const struct walk *w = arg;
	const char *host_name = host_name_in(w->s, name);

	(void)dir;
	return host_name && !(w->but && strcmp(host_name, w->but) == 0);
}

int store_has_other(int dir, const struct fw_schema *s, const char *host_name, struct err *e)
{
	struct walk w = { .s = s, .but = host_name };

	return dir_each(dir, STORE_DIR, find_other, &w, e);
}

static int each_record(int dir, const char *name, void *arg)
{
	static struct fw_record record;
	const struct walk *w = arg;
	const char *host_name = host_name_in(w->s, name);
	struct err local = { 0 };
	int r;

	if (!host_name)
		return 0;
	r = store_read(dir, w->s, host_name, &record, &local);
	if (r == -EBADMSG) {
		log_line(LOG_WARN, "%s", local.text);
		return 0;
	}
	if (r < 0)
		return err_take(w->e, &local);
	return r > 0 ? w->fn(&record, host_name, w->arg) : 0;
}

int store_each(int dir, const struct fw_schema *s, store_fn *fn, void *arg, struct err *e)
{
	struct walk w = { .s = s, .fn = fn, .arg = arg, .e = e };

	return dir_each(dir, STORE_DIR, each_record, &w, e);
}

struct spoilt {
	const struct fw_schema *s;
	store_spoilt_fn *fn;
	void *arg;
};

/* ".SCHEMA.HOSTNAME.new" is what file_replace() writes first. */
static bool half_name(const struct fw_schema *s, const char *name, char out[static IF_NAMESIZE])
{
	static const char suffix[] = ".new";
	const char *host_name = *name == '.' ? name + 1 : name;
	size_t len = strlen(s->name), end = strlen(host_name);

	if (host_name == name || strncmp(host_name, s->name, len) != 0 || host_name[len] != '.' ||
	    end < len + sizeof(suffix) || strcmp(host_name + end - strlen(suffix), suffix) != 0 ||
	    end - len - sizeof(suffix) >= IF_NAMESIZE)
		return false;
	memcpy(out, host_name + len + 1, end - len - sizeof(suffix));
	out[end - len - sizeof(suffix)] = '\0';
	return true;
}

static int each_spoilt(int dir, const char *name, void *arg)
{
	static struct fw_record record;
	const struct spoilt *w = arg;
	const char *host_name;
	char half[IF_NAMESIZE];

	if (half_name(w->s, name, half))
		return w->fn(dir, half, w->arg);
	host_name = host_name_in(w->s, name);
	if (host_name && store_read(dir, w->s, host_name, &record, err_ignored()) == -EBADMSG)
		return w->fn(dir, host_name, w->arg);
	return 0;
}

int store_each_spoilt(int dir, const struct fw_schema *s, store_spoilt_fn *fn, void *arg,
		      struct err *e)
{
	struct spoilt w = { .s = s, .fn = fn, .arg = arg };

	return dir_each_all(dir, STORE_DIR, each_spoilt, &w, e);
}

static const char *mark_name(const struct fw_schema *s, char out[static NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "shared.%s", s->name);
	return out;
}

int store_mark_shared(int dir, const struct fw_schema *s, struct err *e)
{
	char name[NAME_SIZE];
	int fd = openat(dir, mark_name(s, name), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(e, "create " STORE_DIR "/%s", name);
	close(fd);
	return 0;
}

bool store_is_shared(int dir, const struct fw_schema *s)
{
	char name[NAME_SIZE];

	return faccessat(dir, mark_name(s, name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void store_unmark_shared(int dir, const struct fw_schema *s)
{
	char name[NAME_SIZE];

	unlinkat(dir, mark_name(s, name), 0);
}
