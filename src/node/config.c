/*
 * This node's CNI configuration: a file for the container runtime, in a directory that is not ours. A key in it says that it is ours; runtimes
 * ignore keys that they do not know (CNI specification 1.1.0, "Section 1").
 */
#include "node/site.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"
#include "node/cluster.h"

#define MARK "cnibox.node"
#define CONFLIST ".conflist"
#define CONFIG_NAME "10-cnibox.conflist"	/* of the file that is written when the cluster file names none */
#define CONFIG_SIZE 65536

/* The widest prefix inside of first..last that still holds p. */
static struct prefix widen(const struct prefix *p, const struct addr *first, const struct addr *last)
{
	struct prefix best = *p;

	while (best.len > 0) {
		struct prefix wider = { .addr = best.addr, .len = (uint8_t)(best.len - 1) };
		struct addr low = prefix_first(&wider), high = prefix_last(&wider);

		if (addr_cmp(&low, first) < 0 || addr_cmp(&high, last) > 0)
			break;
		best = prefix_masked(&wider);
	}
	return best;
}

/* The cluster network that holds the subnet; without networks, the widest prefix that is nothing but subnets. */
static struct prefix cluster_network(const struct site *s, const struct prefix *p)
{
	const struct cluster *c = s->cluster;
	struct addr first = prefix_first(p), last = first, next;
	size_t i;

	for (i = 0; i < c->network_count; i++) {
		if (prefix_covers(&c->networks[i], p))
			return c->networks[i];
	}
	/* The row of subnets without a gap in which p stands. */
	for (i = 0; i < c->subnet_count; i++) {
		const struct prefix *at = &c->subnets[i].prefix;

		next = addr_next(&last);
		if (i == 0 || !addr_equal(&at->addr, &next)) {
			if (i > 0 && addr_cmp(&last, &p->addr) > 0)
				break;
			first = at->addr;
		}
		last = prefix_last(at);
	}
	return widen(p, &first, &last);
}

static void put_bash_cni(struct json_writer *w, const struct site *s)
{
	const struct prefix *p = &s->self->subnets[0];
	struct prefix network = cluster_network(s, p);

	json_member_str(w, "type", "bash-cni");
	json_member_str(w, "network", prefix_text(&network));
	json_member_str(w, "subnet", prefix_text(p));
	if (strcmp(s->cluster->bridge, "cni0") != 0)
		json_member_str(w, "bridge", s->cluster->bridge);
}

static void put_bridge(struct json_writer *w, const struct site *s)
{
	json_member_str(w, "type", "bridge");
	json_member_str(w, "bridge", s->cluster->bridge);
	json_member_bool(w, "isDefaultGateway", true);
	json_member_bool(w, "hairpinMode", true);
	json_key(w, "ipam");
	json_open(w, '{');
	json_member_str(w, "type", "host-local");
	json_key(w, "ranges");
	json_open(w, '[');
	for (size_t i = 0; i < s->self->subnet_count; i++) {
		json_open(w, '[');
		json_open(w, '{');
		json_member_str(w, "subnet", prefix_text(&s->self->subnets[i]));
		json_close(w, '}');
		json_close(w, ']');
	}
	json_close(w, ']');
	json_close(w, '}');
}

const char *config_text(const struct site *s, struct list *l)
{
	static char buf[CONFIG_SIZE];
	struct json_writer w;
	struct text t;

	text_init(&t, buf, sizeof(buf));
	json_begin(&w, &t, 2);
	json_open(&w, '{');
	json_member_str(&w, "cniVersion", "1.0.0");
	json_member_str(&w, "name", s->cluster->network);
	json_member_str(&w, MARK, s->self->name);
	json_key(&w, "plugins");
	json_open(&w, '[');
	json_open(&w, '{');
	if (s->self->subnet_count == 1 && s->self->subnets[0].addr.family == AF_INET)
		put_bash_cni(&w, s);
	else
		put_bridge(&w, s);
	if (s->cluster->mtu)
		json_member_int(&w, "mtu", s->cluster->mtu);
	json_close(&w, '}');
	json_close(&w, ']');
	json_close(&w, '}');
	text_char(&t, '\n');
	l->bad |= t.bad;
	return list_text(l, t.at, t.len);
}

static bool is_marked(const char *text, size_t len)
{
	struct json_iter it = json_members((struct json_raw){ text, len });
	struct json_raw key, value;

	if (json_check(text, len, err_ignored()) < 0)
		return false;
	while (json_next(&it, &key, &value)) {
		if (key.text && json_key_is(key, MARK))
			return true;
	}
	return false;
}

struct scan {
	const char *path;	/* of the directory */
	const char *wanted;	/* path of the wanted file; NULL: none */
	struct list *have;
};

/* What file_replace() leaves when it is killed: half of our file, perhaps not even its mark. */
static bool is_remnant(const struct scan *s, const char *name)
{
	const char *names[] = { s->wanted ? strrchr(s->wanted, '/') + 1 : CONFIG_NAME, CONFIG_NAME };
	char remnant[NAME_MAX + 8];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(remnant, sizeof(remnant), ".%s.new", names[i]);
		if (strcmp(name, remnant) == 0)
			return true;
	}
	return false;
}

/* Files that are not ours are of no interest, unless one has the wanted file's name. */
static void see_file(const struct scan *s, int dir, const char *name)
{
	static char buf[CONFIG_SIZE];
	struct item it = { .kind = ITEM_CONFIG };
	char path[PATH_MAX];
	ssize_t len;
	int path_len = snprintf(path, sizeof(path), "%s/%s", s->path, name);

	if (path_len >= (int)sizeof(path))
		return;
	len = file_read(dir, name, buf, sizeof(buf), err_ignored());
	if (len == -ENOENT)
		return;
	it.foreign = !is_remnant(s, name) && (len < 0 || !is_marked(buf, (size_t)len));
	if (it.foreign && (!s->wanted || strcmp(path, s->wanted) != 0))
		return;
	it.name = list_text(s->have, path, (size_t)path_len);
	it.value = list_text(s->have, buf, len < 0 ? 0 : (size_t)len);
	list_add(s->have, &it);
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* struct linux_dirent64: u64 inode, s64 offset, u16 length, u8 type, name. */
static int scan_dir(const struct scan *s, int dir, struct err *e)
{
	_Alignas(8) char buf[4096];
	uint16_t len;
	long n;

	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n; at += len) {
			memcpy(&len, buf + at + 16, sizeof(len));
			if (ends_with(buf + at + 19, CONFLIST) || ends_with(buf + at + 19, CONFLIST ".new"))
				see_file(s, dir, buf + at + 19);
		}
	}
	return n < 0 ? err_sys(e, errno, "read directory %s", s->path) : 0;
}

/* The directory of a path; it is known to be absolute. */
static const char *parent(const char *path, char out[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	str_copy(out, PATH_MAX, path);
	out[slash - path] = '\0';
	return out;
}

static int open_existing(const char *path, struct err *e)
{
	struct err mine = { 0 };
	int dir = dir_open(path, false, &mine);

	if (dir >= 0 || dir == -ENOENT)
		return dir;
	return err_set(e, -dir, "cniConfig: %s", mine.text);
}

static bool same_dir(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Ours may stand in the default directory and, when the cluster file says so, in another. */
int have_read_config(struct site *s, struct list *have, struct err *e)
{
	const char *wanted = s->cluster ? s->cluster->config : NULL;
	char path[PATH_MAX] = NODE_CONFIG_DIR;
	struct scan scan = { .path = path, .wanted = s->self ? wanted : NULL, .have = have };
	int usual = dir_open(NODE_CONFIG_DIR, false, err_ignored()), other = -ENOENT, r = 0;

	if (wanted)
		other = open_existing(parent(wanted, path), e);
	if (other < 0 && other != -ENOENT)
		r = other;
	if (r == 0 && other >= 0)
		r = scan_dir(&scan, other, e);
	if (r == 0 && usual >= 0 && !same_dir(usual, other)) {
		str_copy(path, sizeof(path), NODE_CONFIG_DIR);
		r = scan_dir(&scan, usual, e);
	}
	if (usual >= 0)
		close(usual);
	if (other >= 0)
		close(other);
	return r;
}

static int write_config(const struct item *want, struct err *e)
{
	char path[PATH_MAX];
	int dir = dir_open(parent(want->name, path), true, e);
	int r;

	if (dir < 0)
		return dir;
	r = file_replace(dir, strrchr(want->name, '/') + 1, want->value, strlen(want->value), 0644, FILE_SYNC, e);
	close(dir);
	return r;
}

static int remove_config(const struct item *have, struct err *e)
{
	char path[PATH_MAX];
	int dir = dir_open(parent(have->name, path), false, e);
	int r = 0;

	if (dir < 0)
		return dir;
	if (unlinkat(dir, strrchr(have->name, '/') + 1, 0) < 0 && errno != ENOENT)
		r = err_sys(e, errno, "remove");
	else if (fsync(dir) < 0)
		r = err_sys(e, errno, "fsync its directory");
	close(dir);
	return r;
}

static int apply_file(struct site *s, const struct change *c, struct err *e)
{
	int r = c->want ? write_config(c->want, e) : remove_config(c->have, e);

	(void)s;
	return err_ctx(e, r, "CNI configuration %s", c->item->name);
}

int apply_config(const struct apply *a, struct err *e)
{
	return apply_each(a, apply_file, e);
}
