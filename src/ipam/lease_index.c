/*
 * The index: which addresses a container holds, one symbolic link per container, and when it can be
 * believed (lease_store.h).
 *
 * Nothing here reports an error: what cannot be recorded makes the index not whole, then its mtime
 * is not set to the store's, and the next use builds it anew or scans.
 */
#include "ipam/lease_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#define RUN_DIR "/run/cnibox"
#define INDEX_TEXT (LEASE_INDEX_MAX * ADDR_TEXT)

/*
 * Seconds that our mtimes lie in the past: more than the coarsest clock of a file system (FAT: 2
 * s).
 */
#define STAMP_AGE 4

struct key {
	char name[17];
};

static struct key key_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, 64 bit */
	struct key k;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	snprintf(k.name, sizeof(k.name), "%016" PRIx64, hash);
	return k;
}

/*
 * Equal mtimes alone prove nothing: a death can leave both directories changed within one tick of
 * the kernel's clock. A change sets mtime and ctime to the same time; only a stamp leaves the mtime
 * behind.
 */
static bool is_stamped(const struct stat *index, const struct stat *store)
{
	const struct timespec *a = &index->st_mtim, *b = &store->st_mtim;

	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec &&
	       index->st_ctim.tv_sec - a->tv_sec >= STAMP_AGE / 2;
}

/* Step by step, so that no component is followed where somebody planted a link. */
static int open_index(const struct key *k)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	const char *const names[] = { "leases", k->name };
	int fd = dir_open(RUN_DIR, true, err_ignored());

	for (unsigned int i = 0; fd >= 0 && i < 2; i++) {
		int parent = fd;

		fd = openat(parent, names[i], flags);
		if (fd < 0 && errno == ENOENT && mkdirat(parent, names[i], 0755) == 0)
			fd = openat(parent, names[i], flags);
		close(parent);
	}
	return fd < 0 ? -1 : fd;
}

/* An index of somebody else could only hide leases, but that it shall not either. */
void lease_index_open(struct lease_store *s, const char *path)
{
	const struct key k = key_of(path);
	struct stat store, st;

	s->index = open_index(&k);
	if (s->index < 0)
		return;
	if (fstat(s->dir, &store) < 0 || fstat(s->index, &st) < 0 || st.st_uid != geteuid()) {
		close(s->index);
		s->index = -1;
		return;
	}
	s->index_whole = s->boot_current && is_stamped(&st, &store);
}

/* The store's mtime is read back, because the file system may have cut it to what it can keep. */
static void index_stamp(struct lease_store *s)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &times[1]);
	times[1].tv_sec -= STAMP_AGE;
	if (futimens(s->dir, times) < 0 || fstat(s->dir, &st) < 0)
		return;
	times[1] = st.st_mtim;
	futimens(s->index, times);
}

void lease_index_close(struct lease_store *s)
{
	if (s->index < 0)
		return;
	if (s->index_whole && s->changed)
		index_stamp(s);
	close(s->index);
	s->index = -1;
}

/* The text of an entry, NUL-terminated; empty when there is none. */
static void entry_read(struct lease_store *s, struct key k, char text[static INDEX_TEXT])
{
	ssize_t n = readlinkat(s->index, k.name, text, INDEX_TEXT - 1);

	if (n < 0 && errno != ENOENT)
		s->index_whole = false;
	text[n > 0 ? n : 0] = '\0';
}

/* Written by removing first: a death in between leaves mtimes that differ. */
static void entry_write(struct lease_store *s, struct key k, const struct text *t)
{
	s->changed = true;
	if (unlinkat(s->index, k.name, 0) < 0 && errno != ENOENT)
		s->index_whole = false;
	if (t->bad || (t->len > 0 && symlinkat(t->at, s->index, k.name) < 0))
		s->index_whole = false;
}

static size_t entry_parse(char *text, struct addr *out, size_t max)
{
	char *save = NULL;
	size_t n = 0;

	for (char *at = strtok_r(text, " ", &save); at && n < max; at = strtok_r(NULL, " ", &save))
		n += addr_parse(at, &out[n]);
	return n;
}

size_t lease_index_get(struct lease_store *s, const char *id, struct addr *out, size_t max)
{
	char text[INDEX_TEXT];

	entry_read(s, key_of(id), text);
	return entry_parse(text, out, max);
}

static void entry_put(struct text *t, const struct addr *a)
{
	text_printf(t, "%s%s", t->len ? " " : "", addr_text(a));
}

/* The entry again without a, and with it at the end when add is set. */
static void entry_change(struct lease_store *s, struct key k, const struct addr *a, bool add)
{
	struct addr all[LEASE_INDEX_MAX];
	char old[INDEX_TEXT], new[INDEX_TEXT];
	struct text t;
	size_t n;

	text_init(&t, new, sizeof(new));
	entry_read(s, k, old);
	n = entry_parse(old, all, LEASE_INDEX_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!addr_equal(&all[i], a))
			entry_put(&t, &all[i]);
	}
	if (add)
		entry_put(&t, a);
	if (add && n == LEASE_INDEX_MAX)
		t.bad = true;
	entry_write(s, k, &t);
}

void lease_index_add(struct lease_store *s, const char *id, const struct addr *a)
{
	struct key k = key_of(id);

	if (!s->index_whole)
		return;
	s->changed = true;
	if (symlinkat(addr_text(a), s->index, k.name) == 0)
		return;
	if (errno == EEXIST)
		entry_change(s, k, a, true);
	else
		s->index_whole = false;
}

void lease_index_del(struct lease_store *s, const char *id, const struct addr *a)
{
	if (s->index_whole && *id)
		entry_change(s, key_of(id), a, false);
}

static int entry_remove(int dir, const char *name, void *arg)
{
	(void)arg;
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

static int entry_build(const struct addr *a, const struct lease_owner *o, void *arg)
{
	struct lease_store *s = arg;

	if (*o->id)
		lease_index_add(s, o->id, a);
	return s->index_whole ? 0 : -ENOSPC;
}

bool lease_index_ready(struct lease_store *s)
{
	if (s->index_whole || s->index < 0 || !s->boot_current)
		return s->index_whole;
	s->changed = true;
	s->index_whole = lease_each_entry(s->index, entry_remove, NULL, err_ignored()) == 0;
	if (s->index_whole && lease_each(s, entry_build, s, err_ignored()) != 0)
		s->index_whole = false;
	lease_mark_foreign(s);
	return s->index_whole;
}
