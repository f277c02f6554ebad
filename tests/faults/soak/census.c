/*
 * How many there are of everything, on the host and in each pod. A snapshot (snapshot.c) says what
 * there is, without what stays by design; the census counts also that, because locks, logs and
 * folders may stay but not become more.
 */
#include "soak.h"

#include <dirent.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_MS 1000
#define LINES_MAX 12 /* of a difference that are shown */
#define BYTES_PER_POD                                                                              \
	24 /* addresses are longer or shorter, in leases and results that are kept                 \
	    */

/* The beginning of a snapshot's line, or a folder, whose inodes are counted. */
static const struct kind {
	const char *name;
	bool sized; /* the bytes in it are counted, too */
} kinds[] = {
	{ "link", false },	 { "addr", false },	  { "route", false },
	{ "rule", false },	 { "nft table", false },  { "nft chain", false },
	{ "nft set", false },	 { "nft rule", false },	  { "nft element", false },
	{ "mount", false },	 { "index", false },	  { "/run", false },
	{ "/run/cnibox", true }, { "/run/netns", false }, { "/var/lib/cni", true },
	{ "/etc/cni", true },	 { "/opt/cni", false },	  { "/var/log", false },
	{ "/tmp", true },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(KINDS <= KINDS_MAX, "a census has no room for the kinds");

static bool is_folder(const struct kind *k)
{
	return k->name[0] == '/';
}

static struct snapshot inside;
static unsigned int inodes;
static unsigned long long bytes;

static int see_inode(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	inodes++;
	if (type == FTW_F || type == FTW_SL)
		bytes += (unsigned long long)st->st_size;
	return 0;
}

static void count_lines(const struct snapshot *s, unsigned int *counts)
{
	for (unsigned int i = 0; i < s->count; i++) {
		const char *line = s->text + s->line[i];

		for (unsigned int k = 0; k < KINDS; k++) {
			size_t len = strlen(kinds[k].name);

			if (strncmp(line, kinds[k].name, len) == 0 && line[len] == ' ')
				counts[k]++;
		}
	}
}

static void count_folders(struct census *c)
{
	for (unsigned int k = 0; k < KINDS; k++) {
		if (!is_folder(&kinds[k]))
			continue;
		inodes = 0;
		bytes = 0;
		nftw(kinds[k].name, see_inode, 16, FTW_PHYS);
		c->host[k] = inodes;
		c->bytes += kinds[k].sized ? bytes : 0;
	}
}

static unsigned int count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!d)
		die("/proc/self/fd cannot be read");
	while (readdir(d))
		n++;
	closedir(d);
	return n - 3; /* ".", "..", and d itself */
}

static int look_inside(const char *arg)
{
	(void)arg;
	inside.len = inside.count = 0;
	snapshot_netlink(&inside, "");
	return 0;
}

void census_take(struct census *c)
{
	memset(c, 0, offsetof(struct census, snapshot));
	snapshot_take(&c->snapshot);
	count_lines(&c->snapshot, c->host);
	count_folders(c);
	for (unsigned int i = 0; i < pod_count; i++) {
		pod_run(pods[i].name, look_inside, NULL);
		count_lines(&inside, c->pod[i]);
	}
	c->descriptors = count_descriptors();
}

static void print_counts(const char *where, const unsigned int *counts)
{
	const char *before = ":";

	fputs(where, stdout);
	for (unsigned int k = 0; k < KINDS; k++) {
		if (counts[k] == 0)
			continue;
		printf("%s %s %u", before, kinds[k].name, counts[k]);
		before = ",";
	}
	putchar('\n');
}

void census_print(const struct census *c)
{
	unsigned int sum[KINDS_MAX] = { 0 };

	for (unsigned int i = 0; i < pod_count; i++)
		for (unsigned int k = 0; k < KINDS; k++)
			sum[k] += c->pod[i][k];
	print_counts("host", c->host);
	print_counts("pods", sum);
	printf("harness: descriptors %u; bytes in files %llu\n", c->descriptors, c->bytes);
}

static char text[1 << 14];
static size_t used;

__attribute__((format(printf, 1, 2))) static void put(const char *fmt, ...)
{
	size_t room = sizeof(text) - used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + used, room, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < room)
		used += (size_t)n;
}

static void put_differences(const char *where, const unsigned int *wanted, const unsigned int *now)
{
	for (unsigned int k = 0; k < KINDS; k++)
		if (now[k] != wanted[k])
			put("    %s: %u of %s, was %u\n", where, now[k], kinds[k].name, wanted[k]);
}

/* The lines that differ, of the kinds whose number does. */
static void put_lines(const struct census *wanted, const struct census *now)
{
	const char *line = snapshot_diff(&wanted->snapshot, &now->snapshot, NULL);
	unsigned int shown = 0;

	for (; *line && shown < LINES_MAX; line += strcspn(line, "\n") + 1) {
		const char *what = line + strlen("    + "),
			   *path = strncmp(what, "file ", 5) == 0 ? what + 5 : what;

		for (unsigned int k = 0; k < KINDS; k++) {
			if (now->host[k] == wanted->host[k] ||
			    strncmp(path, kinds[k].name, strlen(kinds[k].name)) != 0)
				continue;
			put("%.*s\n", (int)strcspn(line, "\n"), line);
			shown++;
			break;
		}
	}
}

static void compare(const struct census *wanted, const struct census *now)
{
	const unsigned long long slack = 256 + BYTES_PER_POD * (unsigned long long)pod_count;

	used = 0;
	text[0] = '\0';
	put_differences("host", wanted->host, now->host);
	for (unsigned int i = 0; i < pod_count; i++)
		put_differences(pods[i].name, wanted->pod[i], now->pod[i]);
	if (now->descriptors != wanted->descriptors)
		put("    %u open descriptors, was %u\n", now->descriptors, wanted->descriptors);
	if (now->bytes > wanted->bytes + slack)
		put("    %llu bytes in files, was %llu\n", now->bytes, wanted->bytes);
	if (used)
		put_lines(wanted, now);
}

const char *census_compare(const struct census *wanted, struct census *now)
{
	for (unsigned int ms = 0; ms < SETTLE_MS; ms += 20) {
		census_take(now);
		compare(wanted, now);
		if (!used)
			break;
		usleep(20000);
	}
	return text;
}
