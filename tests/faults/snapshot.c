/*
 * What there is on the host, as sorted lines. What the kernel changes by itself and later (carrier,
 * duplicate address detection, link-local addresses, counters, life times) is left out, and so are
 * the files that remain by design: locks, the last address given, the boot's id, empty directories,
 * the log.
 */
#include "sweep.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX "/run/cnibox/leases/"

static struct snapshot *filling;

void snapshot_line(struct snapshot *s, const char *fmt, ...)
{
	size_t room = sizeof(s->text) - s->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->text + s->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || s->count == sizeof(s->line) / sizeof(s->line[0]))
		die("the host has grown beyond a snapshot");
	s->line[s->count++] = (unsigned int)s->len;
	s->len += (size_t)n + 1;
}

static unsigned long long hash(const void *data, size_t len, unsigned long long h)
{
	const unsigned char *at = data;

	while (len--)
		h = (h ^ *at++) * 0x100000001b3;
	return h;
}

static bool stays_by_design(const char *path, const char *name)
{
	size_t len = strlen(name);

	return strcmp(name, "lock") == 0 || strcmp(name, "boot_id") == 0 ||
	       strncmp(name, "last_reserved_ip.", 17) == 0 || strcmp(name, ".seals") == 0 ||
	       (len > 5 && strcmp(name + len - 5, ".lock") == 0) ||
	       strncmp(path, "/var/log/", 9) == 0;
}

/* A cached result holds random MACs, a seal a number that grows: their sizes are the same. */
static bool content_changes(const char *path)
{
	return strstr(path, "/results/") || strstr(path, "/.seals");
}

static void put_file(const char *path, const struct stat *st)
{
	unsigned long long h = 0xcbf29ce484222325;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char buf[1 << 16];
	ssize_t n;

	while (fd >= 0 && st->st_size > 0 && !content_changes(path) &&
	       (n = read(fd, buf, sizeof(buf))) > 0)
		h = hash(buf, (size_t)n, h);
	if (fd >= 0)
		close(fd);
	snapshot_line(filling, "file %s %o %u %lld %llx", path, st->st_mode, st->st_uid,
		      (long long)st->st_size, h);
}

/* The index of leases: its entries are sets of addresses, and hints. */
static void put_index(const char *path, char *target)
{
	for (char *word = strtok(target, " "); word; word = strtok(NULL, " "))
		snapshot_line(filling, "index %s: %s", path + strlen(INDEX), word);
}

static int see_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char target[1024];
	ssize_t n;

	if (type == FTW_D || stays_by_design(path, path + ftw->base))
		return 0;
	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strncmp(path, INDEX, strlen(INDEX)) == 0)
			put_index(path, target);
		else
			snapshot_line(filling, "symlink %s -> %s", path, target);
		return 0;
	}
	put_file(path, st);
	return 0;
}

static void put_files(void)
{
	static const char *const roots[] = { "/run", "/var/lib/cni", "/etc/cni", "/opt/cni",
					     "/var/log" };

	for (unsigned int i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		nftw(roots[i], see_file, 16, FTW_PHYS);
}

/* The legacy tables that are in use, without counts. */
static void put_legacy(struct snapshot *s, const char *names, const char *save)
{
	char line[1024];
	FILE *f = fopen(names, "re");
	bool none = !f || !fgets(line, sizeof(line), f);

	if (f)
		fclose(f);
	f = none ? NULL : popen(save, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, line[0] == ':' ? "[\n" : "\n")] = '\0';
		if (line[0] != '#')
			snapshot_line(s, "%s %s", save, line);
	}
	if (f && pclose(f) != 0)
		die("%s did not run", save);
}

static void put_mounts(struct snapshot *s)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], point[1024];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %1023s", point) == 1)
			snapshot_line(s, "mount %s", point);
	if (f)
		fclose(f);
}

static void put_sysctls(struct snapshot *s)
{
	static const char *const names[] = {
		"ipv4/ip_forward",
		"ipv4/conf/all/rp_filter",
		"ipv4/conf/default/rp_filter",
		"ipv6/conf/all/forwarding",
		"ipv6/conf/default/forwarding",
		"ipv6/conf/up0/accept_ra",
		"ipv4/conf/up0/rp_filter",
	};
	char path[128], value[64];

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/sys/net/%s", names[i]);
		f = fopen(path, "re");
		if (f && fscanf(f, "%63s", value) == 1)
			snapshot_line(s, "sysctl %s %s", names[i], value);
		if (f)
			fclose(f);
	}
}

static int put_pod(const char *prefix)
{
	snapshot_netlink(filling, prefix);
	return 0;
}

static const char *sorting;

static int by_text(const void *a, const void *b)
{
	return strcmp(sorting + *(const unsigned int *)a, sorting + *(const unsigned int *)b);
}

static int find_text(const void *wanted, const void *line)
{
	return strcmp(wanted, sorting + *(const unsigned int *)line);
}

void snapshot_take(struct snapshot *s)
{
	s->len = 0;
	s->count = 0;
	filling = s;
	snapshot_netlink(s, "");
	if (pod_there(POD))
		pod_run(POD, put_pod, "pod a: ");
	if (pod_there(NEIGHBOUR))
		pod_run(NEIGHBOUR, put_pod, "pod b: ");
	put_files();
	put_mounts(s);
	put_legacy(s, "/proc/net/ip_tables_names", "iptables-legacy-save");
	put_legacy(s, "/proc/net/ip6_tables_names", "ip6tables-legacy-save");
	put_sysctls(s);
	sorting = s->text;
	qsort(s->line, s->count, sizeof(s->line[0]), by_text);
}

/* Only what needs no time to settle: the kernel tells carriers when it comes to it (linkwatch). */
unsigned long long snapshot_by_tools(void)
{
	FILE *f = popen("{ ip -br link; ip -br -4 addr; ip -4 route show table all; ip rule; nft "
			"list ruleset; ip -n " POD " -br -4 addr; ls /run/netns; } | "
			"sed -E 's/ (UP|DOWN|UNKNOWN|LOWERLAYERDOWN) +/ /; "
			"s/NO-CARRIER,|,LOWER_UP//g; s/ linkdown//'",
			"re");
	unsigned long long h = 0xcbf29ce484222325;
	char buf[4096];
	size_t n;

	while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		h = hash(buf, n, h);
	if (!f || pclose(f) != 0)
		die("ip and nft did not run");
	return h;
}

static bool has(const struct snapshot *s, const char *line)
{
	sorting = s->text;
	return bsearch(line, s->line, s->count, sizeof(s->line[0]), find_text) != NULL;
}

static char differences[1 << 16];
static size_t differences_len;

static void put_missing(char sign, const struct snapshot *from, const struct snapshot *in,
			const struct snapshot *also)
{
	for (unsigned int i = 0; i < from->count; i++) {
		const char *line = from->text + from->line[i];
		bool excused = also && (sign == '+' ? has(also, line) : !has(also, line));
		size_t room = sizeof(differences) - differences_len;
		int n;

		if (has(in, line) || excused)
			continue;
		n = snprintf(differences + differences_len, room, "    %c %.300s\n", sign, line);
		if (n > 0 && (size_t)n < room)
			differences_len += (size_t)n;
	}
}

/* Whatever is wrong with the index is put right by the next one who asks it. */
bool snapshot_diff_is_index(const char *diff)
{
	while (*diff) {
		if (strncmp(diff, "    + index ", 12) != 0 &&
		    strncmp(diff, "    - index ", 12) != 0)
			return false;
		diff += strcspn(diff, "\n") + 1;
	}
	return true;
}

const char *snapshot_diff(const struct snapshot *a, const struct snapshot *b,
			  const struct snapshot *also)
{
	differences_len = 0;
	differences[0] = '\0';
	put_missing('-', a, b, also);
	put_missing('+', b, a, also);
	return differences;
}
