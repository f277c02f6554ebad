/*
 * One pass over all kinds: see pass.h.
 *
 * Theory of operation. Declarative, without a memory of its own: what should be is computed from
 * the cluster, what is is read from the kernel by our marks, and the difference is applied. So a
 * second pass finds nothing to do, a changed cluster takes away what it no longer asks for, and
 * after a kill at any point another pass, or one that wants nothing, ends where it would have
 * ended. The one thing that the kernel cannot tell, what sysctls were before, is written down
 * before they are changed (saved.c).
 */
#include "node/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cluster/cluster.h"
#include "node/kind.h"

static int work_init(struct pass *p, struct err *e)
{
	struct arena *a = p->site.arena;

	list_init(&p->warnings, a, sizeof(const char *));
	p->work = arena_array(a, kind_count, sizeof(*p->work));
	if (!p->work)
		return err_set(e, ENOMEM, "no memory for a pass");
	for (size_t i = 0; i < kind_count; i++) {
		struct work *w = &p->work[i];

		*w = (struct work){ .kind = kinds[i],
				    .site = &p->site,
				    .done = p->done,
				    .warnings = &p->warnings };
		list_init(&w->want, a, kinds[i]->size);
		list_init(&w->have, a, kinds[i]->size);
	}
	return 0;
}

static int work_want(struct work *w, struct err *e)
{
	int r = w->kind->want(w, e);

	if (r == 0)
		r = list_check(&w->want, "what the cluster file asks for", e);
	if (r == 0)
		items_sort(w->kind, &w->want);
	return r;
}

static int work_have(struct work *w, struct err *e)
{
	int r = w->kind->have(w, e);

	if (r == 0)
		r = list_check(&w->have, "what is in the kernel", e);
	if (r == 0)
		items_sort(w->kind, &w->have);
	return r;
}

static int work_compare(struct work *w, struct err *e)
{
	size_t most = w->want.count + w->have.count;

	w->changes = arena_array(w->site->arena, most + 1, sizeof(*w->changes));
	if (!w->changes)
		return err_set(e, ENOMEM, "%zu things to manage are too many", most);
	w->count = items_diff(w->kind, &w->want, &w->have, w->changes);
	return 0;
}

size_t pass_to_do(const struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		n += w->changes[i].verdict != ITEM_OK;
	return n;
}

/* Of all kinds, one after the other. */
static int each(struct pass *p, int (*fn)(struct work *w, struct err *e), struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < kind_count && r == 0; i++)
		r = fn(&p->work[i], e);
	return r;
}

static void warn_faults(struct pass *p)
{
	const struct cluster_fault *f = p->site.cluster->faults.at;

	for (size_t i = 0; i < p->site.cluster->faults.count; i++)
		work_warn(&p->work[0], "left out: %s", f[i].why);
}

static int read_want(struct pass *p, struct err *e)
{
	int r = site_find_self(&p->site, p->name, e);

	warn_faults(p);

	if (r == 0)
		r = each(p, work_want, e);
	return err_ctx(e, r, "%s", p->site.source);
}

int pass_read(struct pass *p, struct err *e)
{
	int r = work_init(p, e);

	if (r == 0)
		r = site_read(&p->site, e);
	if (r == 0 && p->wanted)
		r = read_want(p, e);
	if (r == 0)
		r = each(p, work_have, e);
	if (r == 0)
		r = each(p, work_compare, e);
	if (r < 0)
		return r;
	p->to_do = 0;
	for (size_t i = 0; i < kind_count; i++)
		p->to_do += pass_to_do(&p->work[i]);
	return list_check(&p->warnings, "warnings", e);
}

static int work_check_owners(const struct work *w, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < w->count && r == 0 && w->kind->check_owner; i++) {
		if (w->changes[i].have)
			r = w->kind->check_owner(w->changes[i].have, e);
	}
	return r;
}

int pass_check_owners(const struct pass *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < kind_count && r == 0; i++)
		r = work_check_owners(&p->work[i], e);
	return r;
}

int pass_apply(struct pass *p, enum pass_order order, struct err *e)
{
	int first = 0;

	for (size_t i = 0; i < kind_count && (first == 0 || order == PASS_DOWN); i++) {
		struct work *w = &p->work[order == PASS_DOWN ? kind_count - 1 - i : i];
		int r = w->kind->apply(w, e);

		if (first == 0)
			first = r;
	}
	return first;
}

void pass_leave_out(struct pass *p, struct work *w)
{
	p->to_do -= pass_to_do(w);
	w->count = 0;
}

static int open_lock(const char *name, struct err *e)
{
	int dir = dir_open(NODE_LOCK_DIR, true, e), fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		fd = err_errno(e, "%s/%s", NODE_LOCK_DIR, name);
	close(dir);
	return fd;
}

int pass_lock(unsigned int timeout_ms, struct err *e)
{
	int fd = open_lock(NODE_LOCK, e), r;

	if (fd < 0)
		return fd;
	r = lock_take(fd, NODE_LOCK_DIR "/" NODE_LOCK, timeout_ms, e);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

int pass_lock_program(bool alone, struct err *e)
{
	int fd = open_lock(NODE_RUN_LOCK, e), r;

	if (fd < 0)
		return fd;
	r = alone ? lock_take(fd, NODE_LOCK_DIR "/" NODE_RUN_LOCK, PASS_LOCK_MS, e)
		  : lock_share(fd, NODE_LOCK_DIR "/" NODE_RUN_LOCK, 0, e);
	if (r < 0)
		close(fd);
	return r < 0 ? err_ctx(e, r, "a node program that stays keeps this machine as it is") : fd;
}

void pass_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}
