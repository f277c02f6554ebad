/*
 * This node's CNI configuration: a file for the container runtime, in a directory that is not ours.
 * A key in it says that it is ours; runtimes ignore keys that they do not know (CNI
 * specification 1.1.0, "Section 1").
 */
#include "node/site.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"
#include "cluster/cluster.h"

#define MARK "cnibox.node"
#define CONFLIST ".conflist"
#define CONFIG_NAME                                                                                \
	"10-cnibox.conflist" /* of the file that is written when the cluster file names none */
#define CONFIG_SIZE 65536

/* Is there nothing in p but subnets? They come ascending. */
static bool is_all_subnets(const struct cluster *c, const struct prefix *p)
{
	struct addr next = prefix_first(p), end = prefix_last(p);

	for (size_t i = 0; i < c->subnet_count; i++) {
		struct addr last = prefix_last(&c->subnets[i].prefix);

		if (!addr_equal(&c->subnets[i].prefix.addr, &next))
			continue;
		if (addr_equal(&last, &end))
			return true;
		next = addr_next(&last);
	}
	return false;
}

/*
 * The cluster network that holds the subnet; without networks, the widest prefix that is nothing
 * but subnets.
 */
static struct prefix cluster_network(const struct cluster *c, const struct prefix *p)
{
	struct prefix widest = *p, wider = *p;

	for (size_t i = 0; i < c->network_count; i++) {
		if (prefix_covers(&c->networks[i], p))
			return c->networks[i];
	}
	while (wider.len-- > 0 && is_all_subnets(c, &wider))
		widest = prefix_masked(&wider);
	return widest;
}

static void put_bash_cni(struct json_writer *w, const struct site *s)
{
	const struct prefix *p = &s->self->subnets[0];
	struct prefix network = cluster_network(s->cluster, p);

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
	return list_text(l, t.at);
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
	const char *path;   /* of the directory */
	const char *wanted; /* path of the wanted file; NULL: none */
	struct list *have;
	struct err *err;
};

/* What file_replace() leaves when it is killed: half of our file, perhaps not even its mark. */
static bool is_remnant(const char *name, const char *of)
{
	char remnant[NAME_MAX + 8];

	snprintf(remnant, sizeof(remnant), ".%s.new", of);
	return strcmp(name, remnant) == 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* Files that are not ours are of no interest, unless one has the wanted file's name. */
static int see_file(int dir, const char *name, void *arg)
{
	static char buf[CONFIG_SIZE];
	const struct scan *s = arg;
	struct item it = { .kind = ITEM_CONFIG };
	char path[PATH_MAX];
	struct err mine = { 0 };
	ssize_t len = -ENOENT;
	bool ours;

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", s->path, name) < PATH_MAX &&
	    (ends_with(name, CONFLIST) || ends_with(name, CONFLIST ".new")))
		len = file_read(dir, name, buf, sizeof(buf), &mine);
	if (len == -ENOENT)
		return 0;
	if (len < 0 && !file_is_foreign((int)len))
		return err_set(s->err, mine.errnum, "%s: %s", s->path, mine.text);
	ours = is_remnant(name, CONFIG_NAME) ||
	       (s->wanted && is_remnant(name, strrchr(s->wanted, '/') + 1)) ||
	       (len >= 0 && is_marked(buf, (size_t)len));
	if (!ours && (!s->wanted || strcmp(path, s->wanted) != 0))
		return 0;
	it.foreign = !ours;
	it.name = list_text(s->have, path);
	it.value = list_text(s->have, buf);
	list_add(s->have, &it);
	return 0;
}

/* The directory of a path; it is known to be absolute. */
static const char *parent(const char *path, char out[static PATH_MAX])
{
	str_copy(out, PATH_MAX, path);
	*strrchr(out, '/') = '\0';
	return out;
}

static int scan_dir(struct scan *s, int dir, const char *path, struct err *e)
{
	int r;

	s->path = path;
	r = dir_each_all(dir, path, see_file, s, e);
	close(dir);
	return r;
}

static bool same_dir(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Ours may stand in the default directory and, when the cluster file says so, in another. */
int have_read_config(struct site *s, struct list *have, struct err *e)
{
	const char *wanted = s->cluster ? s->cluster->config : NULL;
	struct scan scan = { .wanted = s->self ? wanted : NULL, .have = have, .err = e };
	char path[PATH_MAX] = "";
	struct err mine = { 0 };
	int r = 0, dir = wanted ? dir_open(parent(wanted, path), false, &mine) : -ENOENT;

	if (dir >= 0)
		r = scan_dir(&scan, dir, path, e);
	else if (dir != -ENOENT)
		r = err_set(e, -dir, "cniConfig: %s", mine.text);
	if (r < 0 || same_dir(path, NODE_CONFIG_DIR))
		return r;
	err_clear(&mine);
	dir = dir_open(NODE_CONFIG_DIR, false, &mine);
	if (dir >= 0)
		return scan_dir(&scan, dir, NODE_CONFIG_DIR, e);
	return dir == -ENOENT || dir == -ENOTDIR ? 0 : err_set(e, -dir, "%s", mine.text);
}

static int remove_file(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_errno(e, "remove");
	return fsync(dir) < 0 ? err_errno(e, "fsync its directory") : 0;
}

static int apply_file(struct site *s, const struct change *c, struct err *e)
{
	const char *name = strrchr(c->item->name, '/') + 1;
	char path[PATH_MAX];
	int dir = dir_open(parent(c->item->name, path), c->want, e), r = dir;

	(void)s;
	if (dir >= 0) {
		r = c->want ? file_replace(dir, name, c->want->value, strlen(c->want->value), 0644,
					   FILE_SYNC, e)
			    : remove_file(dir, name, e);
		close(dir);
	}
	return err_ctx(e, r, "CNI configuration %s", c->item->name);
}

int apply_config(const struct apply *a, struct err *e)
{
	return apply_each(a, apply_file, e);
}
