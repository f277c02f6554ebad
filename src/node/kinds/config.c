/*
 * This node's CNI configuration: a file for the container runtime, in a directory that is not ours.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "node/config_text.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/surroundings.h"

#define CONFIG_NAME                                                                                \
	"10-cnibox" CONFIG_EXT /* of the file that is written when the cluster file names none */

static bool has_address(const struct site *s, uint8_t family)
{
	const struct node *n = s->self;
	bool asked = false;

	for (size_t i = 0; i < n->address_count; i++) {
		if (n->addresses[i].family == family && site_has_addr(s, &n->addresses[i]))
			return true;
		asked |= n->addresses[i].family == family;
	}
	return !asked;
}

/* At boot addresses come late: until then what the other nodes send does not arrive. */
static bool is_late(struct work *w)
{
	const struct node *n = w->site->self;

	for (size_t i = 0; i < n->subnet_count && w->site->cluster->kubernetes; i++) {
		if (has_address(w->site, n->subnets[i].addr.family))
			continue;
		work_warn(w,
			  "node %s: no link of this machine has its address %s: the CNI "
			  "configuration waits for it",
			  n->name, addr_text(&n->addresses[0]));
		return true;
	}
	return false;
}

/* What is withheld stays so, for what people have added to it. */
static void want_withheld(struct work *w)
{
	const struct site *s = w->site;
	struct config_item it = { 0 };

	if (!s->config.text)
		return;
	it.path = arena_printf(s->arena, "%s" CONFIG_WITHHELD, s->cluster->config);
	it.text = s->config.text;
	w->want.bad |= !it.path;
	list_add(&w->want, &it);
}

/*
 * Without a subnet no pod can be here, and no runtime is told to begin; what it was told before is
 * not taken back for an address that is missing.
 */
static int config_want(struct work *w, struct err *e)
{
	struct config_item it = { .path = w->site->cluster->config };

	(void)e;
	if (!w->site->self->subnet_count) {
		work_warn(w,
			  "node %s has no subnet for pods: it only learns the ways to those of "
			  "other nodes",
			  w->site->self->name);
		return 0;
	}
	if (!w->site->config_there && is_late(w)) {
		want_withheld(w);
		return 0;
	}
	it.text = config_text(w->site);
	w->want.bad |= !it.text;
	list_add(&w->want, &it);
	return 0;
}

struct scan {
	const char *path;   /* of the directory */
	const char *wanted; /* path of the wanted file; NULL: none */
	struct list *have;
	char *buf; /* of CONFIG_SIZE, for one file after the other */
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
static int collect_file(int dir, const char *name, void *arg)
{
	const struct scan *s = arg;
	struct config_item it = { 0 };
	char *buf = s->buf, path[PATH_MAX];
	struct err mine = { 0 };
	ssize_t len = -ENOENT;
	bool ours;

	buf[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", s->path, name) < PATH_MAX &&
	    (ends_with(name, CONFIG_EXT) || ends_with(name, CONFIG_EXT ".new") ||
	     ends_with(name, CONFIG_EXT CONFIG_WITHHELD)))
		len = file_read(dir, name, buf, CONFIG_SIZE, &mine);
	if (len == -ENOENT)
		return 0;
	if (len < 0 && !file_is_foreign((int)len))
		return err_set(s->err, mine.errnum, "%s: %s", s->path, mine.text);
	ours = is_remnant(name, CONFIG_NAME) ||
	       (s->wanted && is_remnant(name, strrchr(s->wanted, '/') + 1)) ||
	       (len >= 0 && config_is_ours(buf, (size_t)len));
	if (!ours && (!s->wanted || strcmp(path, s->wanted) != 0))
		return 0;
	it.foreign = !ours;
	it.path = list_text(s->have, path);
	it.text = list_text(s->have, buf);
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
	r = dir_each_all(dir, path, collect_file, s, e);
	close(dir);
	return r;
}

static bool same_dir(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Ours may stand in the default directory and, when the cluster file says so, in another. */
static int scan_dirs(struct work *w, struct err *e)
{
	const struct cluster *cluster = w->site->cluster;
	const char *wanted = cluster ? cluster->config : NULL;
	struct scan scan = { .wanted = w->site->self ? wanted : NULL, .have = &w->have, .err = e };
	char path[PATH_MAX] = "";
	struct err mine = { 0 };
	int r = 0, dir;

	scan.buf = arena_alloc(w->site->arena, CONFIG_SIZE);
	if (!scan.buf)
		return err_set(e, ENOMEM, "no memory for the CNI configurations");
	dir = wanted ? dir_open(parent(wanted, path), false, &mine) : -ENOENT;
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

static int config_have(struct work *w, struct err *e)
{
	int r = scan_dirs(w, e);

	if (r == 0 && w->site->self)
		surroundings_check(w);
	return r;
}

static int config_cmp_key(const void *a, const void *b)
{
	const struct config_item *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int config_cmp(const void *a, const void *b)
{
	const struct config_item *x = a, *y = b;
	int r = config_cmp_key(a, b);

	r = r ? r : (int)x->foreign - (int)y->foreign;
	return r ? r : strcmp(x->text, y->text);
}

/* A file of another with the wanted name is in the way. */
static int config_check_owner(const void *have, struct err *e)
{
	const struct config_item *it = have;

	if (!it->foreign)
		return 0;
	return err_set(e, EEXIST,
		       "cniConfig: %s exists and was not written by cnibox node: remove it, or "
		       "name another file",
		       it->path);
}

static int remove_file(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_errno(e, "remove");
	return fsync(dir) < 0 ? err_errno(e, "fsync its directory") : 0;
}

static int apply_file(const struct site *s, const struct change *c, struct err *e)
{
	const struct config_item *it = c->item;
	const char *name = strrchr(it->path, '/') + 1;
	char path[PATH_MAX];
	int dir = dir_open(parent(it->path, path), c->want, e), r = dir;

	(void)s;
	if (dir >= 0) {
		r = c->want ? file_replace(dir, name, it->text, strlen(it->text), 0644, FILE_SYNC,
					   e)
			    : remove_file(dir, name, e);
		close(dir);
	}
	return err_ctx(e, r, "CNI configuration %s", it->path);
}

static int config_apply(struct work *w, struct err *e)
{
	return work_each(w, apply_file, e);
}

static void config_describe(struct text *t, const void *item)
{
	const struct config_item *it = item;

	text_printf(t, "CNI configuration %s", it->path);
}

const struct kind config_kind = {
	.name = "configuration",
	.size = sizeof(struct config_item),
	.want = config_want,
	.have = config_have,
	.cmp_key = config_cmp_key,
	.cmp = config_cmp,
	.check_owner = config_check_owner,
	.apply = config_apply,
	.describe = config_describe,
};
