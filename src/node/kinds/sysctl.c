/*
 * Forwarding, and what must be changed with it. What a sysctl was before us is written down before
 * it is changed (saved.h).
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/sysctl.h"
#include "node/kind.h"
#include "node/saved.h"
#include "node/site.h"

#define VALUE_SIZE 64

enum { RANK_FIRST, RANK_FORWARDING };

#define ACCEPT_RA "accept_ra"

static const char forwarding4[] = "net/ipv4/ip_forward";
static const char forwarding6[] = "net/ipv6/conf/all/forwarding";

static void want_sysctl(struct list *want, unsigned int rank, const char *path, const char *value)
{
	struct sysctl_item it = { .rank = rank, .path = path, .value = value };

	list_add(want, &it);
}

static void want_accept_ra(struct work *w, const struct site_link *l, const char *value)
{
	char path[SYSCTL_LINK_PATH];

	sysctl_link_path("ipv6", l->name, ACCEPT_RA, path);
	want_sysctl(&w->want, RANK_FIRST, list_text(&w->want, path), value);
}

/* Nobody is made to accept advertisements who does not do so already. */
static bool loses_default(const struct site *s, const struct site_link *l)
{
	char path[SYSCTL_LINK_PATH];

	if (strcmp(l->accept_ra, "1") == 0)
		return l->ra_default;
	return strcmp(l->accept_ra, "2") == 0 &&
	       saved_find(&s->saved, sysctl_link_path("ipv6", l->name, ACCEPT_RA, path));
}

/*
 * A host that forwards ignores router advertisements, and forgets the default routes that it has
 * from them, unless accept_ra is 2 (Linux Documentation/networking/ip-sysctl.rst, net/ipv6/route.c,
 * rt6_purge_dflt_routers()). It comes first, so that the node's way out stays. Where forwarding was
 * on before us, they were ignored before us.
 */
static void keep_default_routes(struct work *w)
{
	const struct site *s = w->site;
	const struct saved_sysctl *known = saved_find(&s->saved, forwarding6);
	const struct site_link *l = s->links.at;

	if (strcmp(known ? known->before : s->forwarding6, "0") != 0)
		return;
	for (size_t i = 0; i < s->links.count; i++) {
		if (!loses_default(s, &l[i]))
			continue;
		if (l[i].uplink && strcmp(l[i].name, s->cluster->bridge) != 0)
			want_accept_ra(w, &l[i], "2");
		else
			work_warn(
				w,
				"%s has a default route from a router advertisement and loses it, "
				"since pods or guests could send such, too: give it another by "
				"hand",
				l[i].name);
	}
}

/* What a pod sends must not become a route of this node. */
static void close_bridge(struct work *w)
{
	const struct site_link *l = site_find_link(w->site, w->site->cluster->bridge);

	if (l && l->accept_ra[0])
		want_accept_ra(w, l, "0");
}

static int sysctl_want(struct work *w, struct err *e)
{
	(void)e;
	if (!w->site->self->subnet_count)
		return 0;
	close_bridge(w);
	want_sysctl(&w->want, RANK_FORWARDING, forwarding4, "1");
	if (!node_has_family(w->site->self, AF_INET6))
		return 0;
	keep_default_routes(w);
	want_sysctl(&w->want, RANK_FORWARDING, forwarding6, "1");
	return 0;
}

/* A bridge stays closed while pods hang on it. */
static bool is_closed(const struct site *s, const struct saved_sysctl *known)
{
	const struct site_link *l = s->links.at;
	char path[SYSCTL_LINK_PATH];

	for (size_t i = 0; i < s->links.count; i++) {
		sysctl_link_path("ipv6", l[i].name, ACCEPT_RA, path);
		if (l[i].bridge && l[i].ports && strcmp(known->path, path) == 0)
			return strcmp(known->ours, "0") == 0;
	}
	return false;
}

/* it has rank and path; the rest is read. */
static int read_sysctl(struct work *w, struct sysctl_item *it, struct err *e)
{
	const struct saved_sysctl *known = saved_find(&w->site->saved, it->path);
	char value[VALUE_SIZE];
	struct err mine = { 0 };
	int r = sysctl_get(it->path, value, sizeof(value), &mine);

	if (r == -ENOENT && known)
		value[0] = '\0'; /* its link has gone */
	else if (r < 0)
		return err_take(e, &mine);
	it->value = list_text(&w->have, value);
	it->saved = known ? known->before : NULL;
	list_add(&w->have, it);
	return 0;
}

/* Those that are wanted, and those that we have changed before. */
static int sysctl_have(struct work *w, struct err *e)
{
	const struct saved_sysctl *known = w->site->saved.at;
	const struct sysctl_item *want = w->want.at;
	int r = 0;

	for (size_t i = 0; i < w->want.count && r == 0; i++) {
		struct sysctl_item it = want[i];

		r = read_sysctl(w, &it, e);
	}
	for (size_t i = 0; i < w->site->saved.count && r == 0; i++) {
		bool first = strstr(known[i].path, "/" ACCEPT_RA);
		struct sysctl_item it = { .rank = first ? RANK_FIRST : RANK_FORWARDING,
					  .path = known[i].path };

		if (!items_find(&sysctl_kind, &w->want, &it) && !is_closed(w->site, &known[i]))
			r = read_sysctl(w, &it, e);
	}
	return r;
}

static int sysctl_cmp_key(const void *a, const void *b)
{
	const struct sysctl_item *x = a, *y = b;

	return x->rank != y->rank ? (int)x->rank - (int)y->rank : strcmp(x->path, y->path);
}

static int sysctl_cmp(const void *a, const void *b)
{
	const struct sysctl_item *x = a, *y = b;
	int r = sysctl_cmp_key(a, b);

	return r ? r : strcmp(x->value, y->value);
}

/*
 * Write down what was, of all that is wanted: once noted, a former value stays. What is stale stays
 * noted until it is restored.
 */
static void put_saved(const struct work *w, const struct change *c, bool keep_stale, struct text *t)
{
	const struct sysctl_item *want = c->want, *have = c->have, *it = c->item;
	const struct saved_sysctl *known;

	if (c->verdict == ITEM_STALE && !keep_stale)
		return;
	known = saved_find(&w->site->saved, it->path);
	if (known)
		saved_put(t, &(struct saved_sysctl){ known->path, known->before,
						     want ? want->value : known->ours });
	else if (c->verdict == ITEM_DIFFERS)
		saved_put(t, &(struct saved_sysctl){ want->path, have->value, want->value });
}

static int save(const struct work *w, bool keep_stale, struct err *e)
{
	char *buf = arena_alloc(w->site->arena, SAVED_SIZE);
	struct text t;

	if (!buf)
		return err_set(e, ENOMEM, "no memory for the sysctls");
	text_init(&t, buf, SAVED_SIZE);
	for (size_t i = 0; i < w->count; i++)
		put_saved(w, &w->changes[i], keep_stale, &t);
	return saved_write(&t, e);
}

/*
 * Forwarding first, then what was changed for its sake: the order of the items backwards. Links may
 * be gone with their sysctls.
 */
static int restore(struct work *w, const struct change *c, struct err *e)
{
	const struct sysctl_item *have = c->have;
	const struct saved_sysctl *known = saved_find(&w->site->saved, have->path);
	struct err mine = { 0 };
	int r = 0;

	if (known && strcmp(have->value, known->ours) == 0)
		r = sysctl_set(known->path, known->before, &mine);
	if (r < 0 && r != -ENOENT)
		return err_take(e, &mine);
	work_done(w, c);
	return 0;
}

static int change_all(struct work *w, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < w->count && r >= 0; i++) {
		const struct change *c = &w->changes[i];
		const struct sysctl_item *want = c->want;

		if (c->verdict != ITEM_DIFFERS)
			continue;
		r = sysctl_set(want->path, want->value, e);
		if (r >= 0)
			work_done(w, c);
	}
	return r < 0 ? r : 0;
}

static int restore_all(struct work *w, struct err *e)
{
	int r = 0;

	for (size_t i = w->count; i-- > 0 && r == 0;) {
		const struct change *c = &w->changes[i];

		if (c->verdict == ITEM_STALE)
			r = restore(w, c, e);
	}
	return r;
}

static bool any(const struct work *w, enum verdict v)
{
	size_t i = 0;

	while (i < w->count && w->changes[i].verdict != v)
		i++;
	return i < w->count;
}

static int sysctl_apply(struct work *w, struct err *e)
{
	bool stale = any(w, ITEM_STALE);
	int r = any(w, ITEM_DIFFERS) ? save(w, true, e) : 0;

	if (r == 0)
		r = change_all(w, e);
	if (r == 0 && stale)
		r = restore_all(w, e);
	return r == 0 && stale ? save(w, false, e) : r;
}

static void describe_value(struct text *t, const char *path, const char *value)
{
	text_printf(t, "sysctl %s = %s", path, value);
}

static void sysctl_describe(struct text *t, const void *item)
{
	const struct sysctl_item *it = item;

	describe_value(t, it->path, it->value);
}

static void sysctl_describe_restored(struct text *t, const void *have)
{
	const struct sysctl_item *it = have;

	describe_value(t, it->path, it->saved);
}

const struct kind sysctl_kind = {
	.name = "sysctl",
	.size = sizeof(struct sysctl_item),
	.want = sysctl_want,
	.have = sysctl_have,
	.cmp_key = sysctl_cmp_key,
	.cmp = sysctl_cmp,
	.apply = sysctl_apply,
	.describe = sysctl_describe,
	.describe_restored = sysctl_describe_restored,
};
