/*
 * Seals: see seal.h. Lines of fixed length, each the name of its schema first, so that one write
 * replaces a seal whole:
 *
 *	masquerade       generation 0000000007 elements 0000000003 mends 0000000001
 *
 * A line is its schema's wherever it stands; the first one counts. Two that claim one line at once
 * lose a seal, no more.
 */
#include "fw/seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "fw/fw.h"

#define FILE_NAME ".seals"
#define NAME_WIDTH 16
#define DIGITS 10
#define GENERATION " generation "
#define ELEMENTS " elements "
#define MENDS " mends "
#define GENERATION_AT NAME_WIDTH
#define ELEMENTS_AT (GENERATION_AT + sizeof(GENERATION) - 1 + DIGITS)
#define MENDS_AT (ELEMENTS_AT + sizeof(ELEMENTS) - 1 + DIGITS)
#define LINE (MENDS_AT + sizeof(MENDS) - 1 + DIGITS + 1) /* with its end */
#define LINES_MAX 16
#define GUARD "../seals.lock" /* stays, as the other locks in /run/cnibox do */
#define GUARD_TIMEOUT_MS 1000

/* The file as it was read; what it has not is empty. */
struct lines {
	char text[LINES_MAX][LINE];
	size_t count;
};

static void lines_read(int fd, struct lines *out)
{
	ssize_t n = fd >= 0 ? pread(fd, out->text, sizeof(out->text), 0) : 0;

	out->count = n > 0 ? (size_t)n / LINE : 0;
}

static bool is_of(const char line[LINE], const struct fw_schema *s)
{
	size_t len = strlen(s->name);

	return strncmp(line, s->name, len) == 0 && line[len] == ' ';
}

/* Blank, or no line that somebody has written. */
static bool is_free(const char line[LINE])
{
	return line[0] == ' ' || line[LINE - 1] != '\n';
}

/* The line of this schema, or -1. */
static int find(const struct lines *l, const struct fw_schema *s)
{
	for (size_t i = 0; i < l->count; i++) {
		if (is_of(l->text[i], s))
			return (int)i;
	}
	return -1;
}

/* One for a new seal, behind the others if there is no other, or -1. */
static int find_free(const struct lines *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (is_free(l->text[i]))
			return (int)i;
	}
	return l->count < LINES_MAX ? (int)l->count : -1;
}

/* Its line, or one that it can have; -1: there is none. */
static int place_of(const struct lines *l, const struct fw_schema *s)
{
	int i = find(l, s);

	return i >= 0 ? i : find_free(l);
}

static void put(int fd, int line, size_t at, const char *text, size_t len)
{
	if (fd >= 0 && line >= 0)
		(void)!pwrite(fd, text, len, (off_t)((size_t)line * LINE + at));
}

void seal_open(int dir, const struct fw_schema *s, bool create, struct fw_seal *out)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0);

	*out = (struct fw_seal){ .fd = -1, .s = s };
	if (dir > 0)
		out->fd = openat(dir, FILE_NAME, flags, 0600);
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

/* The number behind this word in a line, which ends in time for it. */
static bool parse(const char *at, const char *word, uint32_t *out)
{
	size_t len = strlen(word);
	char digits[DIGITS + 1] = "";
	unsigned long long n;
	char *end;

	memcpy(digits, at + len, DIGITS);
	if (strncmp(at, word, len) != 0 || digits[0] < '0' || digits[0] > '9')
		return false;
	n = strtoull(digits, &end, 10);
	*out = (uint32_t)n;
	return n <= UINT32_MAX && end == digits + DIGITS;
}

static bool parse_line(const char line[LINE], uint32_t *generation, uint32_t *elements)
{
	return parse(line + GENERATION_AT, GENERATION, generation) &&
	       parse(line + ELEMENTS_AT, ELEMENTS, elements);
}

void seal_read(struct fw_seal *seal)
{
	struct lines l;
	int i;

	lines_read(seal->fd, &l);
	i = find(&l, seal->s);
	if (i < 0 || !parse_line(l.text[i], &seal->generation, &seal->elements))
		seal->generation = seal->elements = 0;
}

static uint32_t mends_of(const struct lines *l, int i)
{
	uint32_t n = 0;

	return i >= 0 && parse(l->text[i] + MENDS_AT, MENDS, &n) ? n : 0;
}

static void format(const struct fw_seal *seal, uint32_t mends, char out[LINE + 1])
{
	snprintf(out, LINE + 1, "%-*s" GENERATION "%0*u" ELEMENTS "%0*u" MENDS "%0*u\n", NAME_WIDTH,
		 seal->s->name, DIGITS, seal->generation, DIGITS, seal->elements, DIGITS, mends);
}

/* A new line is whole; of an old one the mends are not this writer's. */
static void put_seal(const struct fw_seal *seal, const struct lines *l)
{
	char line[LINE + 1];
	int i = find(l, seal->s);

	if (i < 0 && !seal->generation)
		return;
	format(seal, 0, line);
	put(seal->fd, place_of(l, seal->s), 0, line, i < 0 ? LINE : MENDS_AT);
}

static void follow(const struct fw_seal *seal, const struct lines *l, uint32_t from)
{
	char text[sizeof(GENERATION) + DIGITS];
	uint32_t generation, elements;

	snprintf(text, sizeof(text), GENERATION "%0*u", DIGITS, seal->generation);
	for (size_t i = 0; i < l->count; i++) {
		if (!is_of(l->text[i], seal->s) && parse_line(l->text[i], &generation, &elements) &&
		    generation == from)
			put(seal->fd, (int)i, GENERATION_AT, text, strlen(text));
	}
}

void seal_write(const struct fw_seal *seal, uint32_t from)
{
	struct lines l;

	if (seal->fd < 0)
		return;
	lines_read(seal->fd, &l);
	put_seal(seal, &l);
	if (from)
		follow(seal, &l, from);
}

uint32_t seal_mends(const struct fw_seal *seal)
{
	struct lines l;

	lines_read(seal->fd, &l);
	return mends_of(&l, find(&l, seal->s));
}

void seal_count_mend(const struct fw_seal *seal)
{
	const struct fw_seal none = { .s = seal->s };
	char line[LINE + 1];
	struct lines l;
	int i;

	lines_read(seal->fd, &l);
	i = find(&l, seal->s);
	format(&none, mends_of(&l, i) + 1, line);
	if (i >= 0)
		put(seal->fd, i, MENDS_AT, line + MENDS_AT, LINE - MENDS_AT);
	else
		put(seal->fd, place_of(&l, seal->s), 0, line, LINE);
}

static bool all_free(const struct lines *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (!is_free(l->text[i]))
			return false;
	}
	return true;
}

void seal_remove(int dir, const struct fw_schema *s)
{
	struct fw_seal seal;
	char blank[LINE + 1];
	struct lines l;
	int i;

	seal_open(dir, s, false, &seal);
	lines_read(seal.fd, &l);
	i = find(&l, s);
	snprintf(blank, sizeof(blank), "%*s\n", (int)LINE - 1, "");
	put(seal.fd, i, 0, blank, LINE);
	if (i >= 0)
		memcpy(l.text[i], blank, LINE);
	if (seal.fd >= 0 && all_free(&l))
		unlinkat(dir, FILE_NAME, 0);
	seal_close(&seal);
}
