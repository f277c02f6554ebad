/*
 * Links of tunnels that no node is reached by any more. None is ever wanted here; what is there
 * goes, when the routes have found their new way. Everything that hangs on it goes with it.
 */
#include "node/kinds/kinds.h"

#include <errno.h>

#include "base/err.h"
#include "base/text.h"
#include "net/nl.h"
#include "node/kind.h"
#include "node/site.h"
#include "node/tunnels.h"

static int former_tunnel_want(struct work *w, struct err *e)
{
	(void)w;
	(void)e;
	return 0;
}

/* A link of another kind that has the name is none of ours. */
static int former_tunnel_have(struct work *w, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < BACKENDS; i++) {
		const struct site_tunnel *t = &w->site->tunnels[i];
		struct former_tunnel_item it = { (enum cluster_backend)i, t->link.index };

		if (it.index && !t->wanted && tunnel_owns(it.backend, &t->link))
			list_add(&w->have, &it);
	}
	return 0;
}

static int former_tunnel_cmp(const void *a, const void *b)
{
	const struct former_tunnel_item *x = a, *y = b;

	return (int)x->backend - (int)y->backend;
}

static int remove_link(const struct site *s, const struct change *c, struct err *e)
{
	const struct former_tunnel_item *it = c->have;
	struct err mine = { 0 };
	int r;

	link_del(s->route, it->index);
	r = nl_commit(s->route, NULL, &mine);
	if (r == 0 || r == -ENODEV)
		return 0;
	err_take(e, &mine);
	return err_ctx(e, r, "link %s", tunnel_name(it->backend));
}

static int former_tunnel_apply(struct work *w, struct err *e)
{
	return work_each(w, remove_link, e);
}

static void former_tunnel_describe(struct text *t, const void *item)
{
	const struct former_tunnel_item *it = item;

	text_printf(t, "%s %s", tunnel_title(it->backend), tunnel_name(it->backend));
}

const struct kind former_tunnel_kind = {
	.name = "former tunnel",
	.size = sizeof(struct former_tunnel_item),
	.want = former_tunnel_want,
	.have = former_tunnel_have,
	.cmp_key = former_tunnel_cmp,
	.cmp = former_tunnel_cmp,
	.apply = former_tunnel_apply,
	.describe = former_tunnel_describe,
};
