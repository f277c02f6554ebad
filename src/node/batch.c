/* See batch.h. */
#include "node/batch.h"

#include <errno.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nl.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"

#define BATCH                                                                                      \
	512 /* requests; NL_REQUESTS_MAX allows more, the kernel's lock is held for one batch */

struct run {
	struct work *work;
	const struct batch *batch;
	int links[BACKENDS];
	const struct change *changes[BATCH];
	size_t count;
};

static int fail(const struct run *x, const struct change *c, int r, struct err *e)
{
	char buf[160];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	x->batch->describe(&t, c->item);
	return err_ctx(e, r, "%s", buf);
}

/* What a thing that is not there answers, or one on a link that is not. */
static bool is_gone(int r)
{
	return r == -ESRCH || r == -ENOENT || r == -EADDRNOTAVAIL || r == -ENODEV;
}

/* A batch that found one gone is repeated one by one. */
static int delete_each(struct run *x, struct err *e)
{
	struct nl *nl = x->work->site->route;

	for (size_t i = 0; i < x->count; i++) {
		struct err mine = { 0 };
		int r;

		x->batch->put(nl, x->changes[i], x->links);
		r = nl_commit(nl, NULL, &mine);
		if (r < 0 && !is_gone(r))
			return fail(x, x->changes[i], err_take(e, &mine), e);
	}
	return 0;
}

static int commit(struct run *x, struct err *e)
{
	struct err mine = { 0 };
	unsigned int failed = 0;
	int r = nl_commit(x->work->site->route, &failed, &mine);

	if (is_gone(r) && x->changes[0]->verdict == ITEM_STALE)
		r = delete_each(x, e);
	else if (r < 0)
		r = fail(x, x->changes[failed < x->count ? failed : 0], err_take(e, &mine), e);
	for (size_t i = 0; i < x->count && r == 0; i++)
		work_done(x->work, x->changes[i]);
	x->count = 0;
	return r;
}

static int apply_part(struct run *x, bool stale, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < x->work->count && r == 0; i++) {
		const struct change *c = &x->work->changes[i];

		if (c->verdict == ITEM_OK || (c->verdict == ITEM_STALE) != stale)
			continue;
		x->batch->put(x->work->site->route, c, x->links);
		x->changes[x->count++] = c;
		if (x->count == BATCH)
			r = commit(x, e);
	}
	return r == 0 && x->count ? commit(x, e) : r;
}

static bool any(const struct work *w)
{
	size_t i = 0;

	while (i < w->count && w->changes[i].verdict == ITEM_OK)
		i++;
	return i < w->count;
}

int batch_apply(struct work *w, const struct batch *b, struct err *e)
{
	struct run x = { .work = w, .batch = b };
	int r = 0;

	if (!any(w))
		return 0;
	for (size_t i = 0; i < BACKENDS && r == 0; i++)
		r = tunnel_find_index(w->site, (enum cluster_backend)i, &x.links[i], e);
	if (r == 0)
		r = apply_part(&x, false, e);
	return r < 0 ? r : apply_part(&x, true, e);
}
