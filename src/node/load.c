/* See load.h. */
#include "node/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"

#define ARENA_MIN (64ull << 20)
#define ARENA_PER_BYTE                                                                             \
	16 /* of the file; some 10 are needed for the shortest entries that are possible */

void *load_reserve(size_t size, struct err *e)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at != MAP_FAILED)
		return at;
	err_errno(e, "%zu MB of memory", size >> 20);
	return NULL;
}

void load_release(struct arena *a)
{
	arena_reset(a, 0);
	madvise(a->base, a->cap, MADV_DONTNEED);
}

/* Links are followed: a ConfigMap's files are some. A pipe without a writer is not waited for. */
static int open_text(const char *name, enum load_from from, struct err *e)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_errno(e, "%s", name);
	if (fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || (from == LOAD_FILE_OR_PIPE && S_ISFIFO(st.st_mode))))
		return fd;
	close(fd);
	return err_set(e, ENXIO, "%s is no file", name);
}

/* A file that is mapped would kill us when another truncates it: it is read. */
ssize_t load_text(const char *name, enum load_from from, char **text, struct err *e)
{
	int fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open_text(name, from, e);
	ssize_t len = -ENOMEM;

	*text = NULL;
	if (fd < 0)
		return fd;
	*text = load_reserve(LOAD_FILE_MAX + 1, e);
	if (*text)
		len = fd_read(fd, name, *text, LOAD_FILE_MAX + 1, e);
	if (fd != STDIN_FILENO)
		close(fd);
	if (len == 0)
		return err_set(e, EINVAL, "%s is empty", name);
	return len;
}

int load_arena(struct arena *a, size_t text_len, struct err *e)
{
	size_t size = (size_t)ARENA_MIN + text_len * ARENA_PER_BYTE;
	void *mem = load_reserve(size, e);

	if (!mem)
		return -ENOMEM;
	arena_init(a, mem, size);
	return 0;
}
