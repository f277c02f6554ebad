/*
 * Routes to the pods of the other nodes, in batches of some hundred requests.
 */
#include "node/site.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/text.h"
#include "net/ip.h"

#define BATCH                                                                                      \
	512 /* requests; NL_REQUESTS_MAX allows more, the kernel's lock is held for one batch */

static struct route route_of(const struct item *it)
{
	return (struct route){
		.dst = { it->a, it->len },
		.via = it->b,
		.index = it->index,
		.metric = it->metric,
		.protocol = NODE_ROUTE_PROTOCOL,
		.onlink = it->onlink,
	};
}

static int fail(const struct item *it, int r, struct err *e)
{
	char buf[160];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	item_describe(&t, it);
	return err_ctx(e, r, "%s", buf);
}

static void put_change(struct nl *nl, const struct change *c)
{
	struct route r = route_of(c->item);

	if (c->verdict == ITEM_MISSING)
		route_add(nl, &r);
	else if (c->verdict == ITEM_DIFFERS)
		route_replace(nl, &r);
	else
		route_del(nl, &r);
}

/*
 * Routes vanish by themselves when a link goes down; a batch that found one gone is repeated one by
 * one.
 */
static int delete_each(const struct apply *a, const struct change *const *batch, size_t count,
		       struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct err mine = { 0 };
		int r;

		put_change(a->site->route, batch[i]);
		r = nl_commit(a->site->route, NULL, &mine);
		if (r < 0 && r != -ESRCH)
			return fail(batch[i]->item, err_take(e, &mine), e);
	}
	return 0;
}

static int commit(const struct apply *a, const struct change *const *batch, size_t count,
		  struct err *e)
{
	struct err mine = { 0 };
	unsigned int failed = 0;
	int r = nl_commit(a->site->route, &failed, &mine);

	if (r == -ESRCH && batch[0]->verdict == ITEM_STALE)
		r = delete_each(a, batch, count, e);
	else if (r < 0)
		r = fail(batch[failed < count ? failed : 0]->item, err_take(e, &mine), e);
	for (size_t i = 0; i < count && r == 0; i++)
		change_done(batch[i]);
	return r;
}

static int apply_pass(const struct apply *a, bool stale, struct err *e)
{
	const struct change *batch[BATCH];
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < a->count && r == 0; i++) {
		const struct change *c = &a->changes[i];

		if (c->verdict == ITEM_OK || (c->verdict == ITEM_STALE) != stale)
			continue;
		put_change(a->site->route, c);
		batch[count++] = c;
		if (count == BATCH) {
			r = commit(a, batch, count, e);
			count = 0;
		}
	}
	return r == 0 && count ? commit(a, batch, count, e) : r;
}

/* New ones first: while a subnet is split or joined, the old route still leads to its node. */
int apply_routes(const struct apply *a, struct err *e)
{
	int r = apply_pass(a, false, e);

	return r < 0 ? r : apply_pass(a, true, e);
}
