/* Seals: see seal.h. Lines of fixed length, so that one write replaces one of them whole. */
#include "fw/seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "fw/fw.h"

#define GENERATION "generation "
#define ELEMENTS " elements "
#define DIGITS 10
#define ELEMENTS_AT (sizeof(GENERATION) - 1 + DIGITS)
#define LINE (ELEMENTS_AT + sizeof(ELEMENTS) - 1 + DIGITS + 1) /* with its end */
#define MENDS "mends "
#define MENDS_LINE (sizeof(MENDS) - 1 + DIGITS + 1)
#define NAME_SIZE 64
#define GUARD "../seals.lock" /* stays, as the other locks in /run/cnibox do */
#define GUARD_TIMEOUT_MS 1000

static const char *file_name(const struct fw_schema *s, char out[static NAME_SIZE])
{
	snprintf(out, NAME_SIZE, ".seal.%s", s->name);
	return out;
}

void seal_open(int dir, const struct fw_schema *s, bool create, struct fw_seal *out)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0);
	char name[NAME_SIZE];

	*out = (struct fw_seal){ .fd = -1 };
	if (dir > 0)
		out->fd = openat(dir, file_name(s, name), flags, 0600);
}

int seal_guard(int dir)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_CREAT,
	    fd = dir > 0 ? openat(dir, GUARD, flags, 0600) : -1;

	if (fd < 0 || lock_take(fd, "the seals", GUARD_TIMEOUT_MS, err_ignored()) == 0)
		return fd;
	close(fd);
	return -1;
}

void seal_close(struct fw_seal *seal)
{
	if (seal->fd >= 0)
		close(seal->fd);
	seal->fd = -1;
}

/* The number behind this word. */
static bool parse(const char *at, const char *word, uint32_t *out)
{
	size_t len = strlen(word);
	unsigned long n;
	char *end;

	if (strncmp(at, word, len) != 0 || at[len] < '0' || at[len] > '9')
		return false;
	n = strtoul(at + len, &end, 10);
	*out = (uint32_t)n;
	return n <= UINT32_MAX && end == at + len + DIGITS;
}

void seal_read(struct fw_seal *seal)
{
	char line[LINE + 1] = "";

	if (seal->fd < 0 || pread(seal->fd, line, LINE, 0) != LINE ||
	    !parse(line, GENERATION, &seal->generation) ||
	    !parse(line + ELEMENTS_AT, ELEMENTS, &seal->elements))
		seal->generation = seal->elements = 0;
}

void seal_write(const struct fw_seal *seal)
{
	char line[LINE + 1];

	snprintf(line, sizeof(line), GENERATION "%0*u" ELEMENTS "%0*u\n", DIGITS, seal->generation,
		 DIGITS, seal->elements);
	if (seal->fd >= 0)
		(void)!pwrite(seal->fd, line, LINE, 0);
}

void seal_follow(int dir, const struct fw_schema *s, uint32_t from, uint32_t to)
{
	struct fw_seal seal;

	seal_open(dir, s, false, &seal);
	seal_read(&seal);
	if (seal.generation && seal.generation == from) {
		seal.generation = to;
		seal_write(&seal);
	}
	seal_close(&seal);
}

uint32_t seal_mends(const struct fw_seal *seal)
{
	char line[MENDS_LINE + 1] = "";
	uint32_t n = 0;

	if (seal->fd < 0 || pread(seal->fd, line, MENDS_LINE, LINE) != (ssize_t)MENDS_LINE ||
	    !parse(line, MENDS, &n))
		return 0;
	return n;
}

void seal_count_mend(const struct fw_seal *seal)
{
	char line[MENDS_LINE + 1];

	snprintf(line, sizeof(line), MENDS "%0*u\n", DIGITS, seal_mends(seal) + 1);
	if (seal->fd >= 0)
		(void)!pwrite(seal->fd, line, MENDS_LINE, LINE);
}

void seal_remove(int dir, const struct fw_schema *s)
{
	char name[NAME_SIZE];

	unlinkat(dir, file_name(s, name), 0);
}
