/*
 * cnibox install: put this program and its applets' names into a directory of CNI plugins.
 *
 * Theory of operation. The program is one file, DIR/cnibox; every name is a symbolic link to it, so
 * that one rename(2) replaces all applets at once and a node never runs two versions side by side,
 * that a copy of the directory stays small, and that what belongs to cnibox can be read from the
 * directory alone. Hard links would need one rename for each name, and after the first of them
 * nothing would say any more whose the others are.
 *
 * Everything is judged before anything changes. Then each entry is made beside its place under a
 * fixed temporary name and renamed over it. A run that was killed leaves at most such a name, and
 * the next run removes it; the directory's lock keeps two runs from using the same one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets.h"
#include "base/err.h"
#include "base/file.h"
#include "tools/tools.h"

#define DEFAULT_DIR "/opt/cni/bin"
#define PROGRAM "cnibox"
#define LOCK_TIMEOUT_MS 30000

struct install {
	const char *path;
	int dir;
	bool quiet;
	bool changed;
	const void *image; /* our own executable */
	size_t size;
};

static void say(struct install *in, const char *what, const char *name, const char *why)
{
	in->changed = true;
	if (!in->quiet)
		printf("%s %s%s\n", what, name, why);
}

/*
 * rename(2) would replace an empty directory's place only with an error, and a full one never; but
 * ask before anything changed.
 */
static int check_place(const struct install *in, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(in->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "%s/%s is a directory: it is not replaced", in->path,
			       name);
	return 0;
}

/* A file's content, mapped until the program ends; NULL with errno set. */
static const void *map_file(int dir, const char *name, int flags, struct stat *st)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	void *content = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (fstat(fd, st) == 0)
		content = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return content == MAP_FAILED ? NULL : content;
}

static int map_self(struct install *in, struct err *e)
{
	struct stat st;

	in->image = map_file(AT_FDCWD, "/proc/self/exe", 0, &st);
	if (!in->image)
		return err_sys(e, errno, "map /proc/self/exe");
	in->size = (size_t)st.st_size;
	return 0;
}

/* Is DIR/cnibox this very program already? */
static bool same_program(const struct install *in)
{
	struct stat st;
	const void *theirs = map_file(in->dir, PROGRAM, O_NOFOLLOW, &st);

	return theirs && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0755 &&
	       (size_t)st.st_size == in->size && memcmp(theirs, in->image, in->size) == 0;
}

static int put_program(struct install *in, struct err *e)
{
	struct stat st;
	bool there = fstatat(in->dir, PROGRAM, &st, AT_SYMLINK_NOFOLLOW) == 0;
	int r;

	if (same_program(in))
		return 0;
	r = file_replace(in->dir, PROGRAM, in->image, in->size, 0755, FILE_SYNC, e);
	if (r == 0)
		say(in, there ? "updated" : "installed", PROGRAM, "");
	return r;
}

enum entry { ENTRY_NONE, ENTRY_OURS, ENTRY_OLD, ENTRY_FOREIGN };

/*
 * OLD: a name of ours in another form, e.g. a hard link or a link by a longer path to the same
 * file.
 */
static enum entry look(const struct install *in, const char *name)
{
	char target[PATH_MAX];
	struct stat st, program;
	ssize_t len = readlinkat(in->dir, name, target, sizeof(target));

	if (len == (ssize_t)strlen(PROGRAM) && memcmp(target, PROGRAM, (size_t)len) == 0)
		return ENTRY_OURS;
	if (fstatat(in->dir, name, &st, 0) == 0 && fstatat(in->dir, PROGRAM, &program, 0) == 0 &&
	    st.st_dev == program.st_dev && st.st_ino == program.st_ino)
		return ENTRY_OLD;
	return fstatat(in->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? ENTRY_FOREIGN : ENTRY_NONE;
}

static int put_name(struct install *in, const char *name, enum entry before, struct err *e)
{
	char temp[NAME_MAX + 1];
	int r;

	if (before == ENTRY_OURS)
		return 0;
	r = file_beside(in->dir, name, temp, e);
	if (r < 0)
		return r;
	if (symlinkat(PROGRAM, in->dir, temp) < 0)
		return err_sys(e, errno, "link %s/%s", in->path, name);
	if (renameat(in->dir, temp, in->dir, name) < 0) {
		err_sys(e, errno, "rename %s to %s/%s", temp, in->path, name);
		unlinkat(in->dir, temp, 0);
		return -e->errnum;
	}
	if (before == ENTRY_FOREIGN)
		say(in, "replaced", name, " (not cnibox's)");
	else
		say(in, "linked", name, "");
	return 0;
}

/* What a killed run left of names that this one may not write. */
static int sweep(const struct install *in, const char *name, struct err *e)
{
	char temp[NAME_MAX + 1];

	return err_ctx(e, file_beside(in->dir, name, temp, e), "%s", in->path);
}

static int prepare(struct install *in, struct err *e)
{
	int r = map_self(in, e);

	if (r == 0)
		r = lock_take(in->dir, in->path, LOCK_TIMEOUT_MS, e);
	if (r == 0)
		r = check_place(in, PROGRAM, e);
	for (unsigned int i = 0; r == 0 && i < applet_count(); i++) {
		if (!applet_at(i).hidden)
			r = check_place(in, applet_at(i).name, e);
	}
	if (r == 0)
		r = sweep(in, PROGRAM, e);
	for (unsigned int i = 0; r == 0 && i < applet_count(); i++)
		r = sweep(in, applet_at(i).name, e);
	return r;
}

static int install(struct install *in, struct err *e)
{
	enum entry before[APPLETS_MAX] = { 0 };
	int r = prepare(in, e);

	for (unsigned int i = 0; i < applet_count(); i++)
		before[i] = look(in, applet_at(i).name);
	if (r == 0)
		r = put_program(in, e);
	for (unsigned int i = 0; r == 0 && i < applet_count(); i++) {
		if (!applet_at(i).hidden)
			r = put_name(in, applet_at(i).name, before[i], e);
	}
	if (in->changed && fsync(in->dir) < 0 && r == 0)
		r = err_sys(e, errno, "fsync %s", in->path);
	if (r == 0 && !in->changed && !in->quiet)
		printf("%s is up to date\n", in->path);
	return r;
}

static void install_help(void)
{
	printf("usage: cnibox install [-q|--quiet] [DIR]\n\n"
	       "Copies this program to DIR/cnibox (DIR is made if missing; default " DEFAULT_DIR
	       ") and links to it:\n ");
	for (unsigned int i = 0; i < applet_count(); i++) {
		if (!applet_at(i).hidden)
			printf(" %s", applet_at(i).name);
	}
	printf(".\n\nEach by one rename, so that it can be repeated at any time. Foreign files of "
	       "these names are replaced,\n"
	       "directories never. Says what it changed, unless --quiet.\n");
}

/*
 * "DIR/." follows DIR where it is a symbolic link, as administrators make them; dir_open() alone
 * refuses that.
 */
static int open_target(const char *path, struct err *e)
{
	char inside[PATH_MAX];

	if ((size_t)snprintf(inside, sizeof(inside), "%s/.", path) >= sizeof(inside))
		return err_set(e, ENAMETOOLONG, "%.64s...: path too long", path);
	return dir_open(inside, true, e);
}

static bool parse_arguments(struct install *in, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quiet") == 0 || strcmp(argv[i], "-q") == 0)
			in->quiet = true;
		else if (argv[i][0] == '-' || !argv[i][0] || in->path)
			return false;
		else
			in->path = argv[i];
	}
	if (!in->path)
		in->path = DEFAULT_DIR;
	return true;
}

static int install_main(int argc, char **argv)
{
	struct install in = { 0 };
	struct err e = { 0 };
	int r;

	if (!parse_arguments(&in, argc, argv)) {
		fputs("usage: cnibox install [-q|--quiet] [DIR]\n", stderr);
		return 2;
	}
	in.dir = open_target(in.path, &e);
	r = in.dir < 0 ? in.dir : install(&in, &e);
	if (in.dir >= 0)
		close(in.dir);
	if (r < 0)
		fprintf(stderr, "install: %s\n", e.text);
	return r < 0 || fflush(stdout) != 0 ? 1 : 0;
}

const struct tool install_tool = {
	.name = "install",
	.summary = "put this program and its names into a directory",
	.main = install_main,
	.caps = CAPS_INSTALL,
	.help = install_help,
	.hidden = true,
};
