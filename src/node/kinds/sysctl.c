/*
 * Forwarding, and what must be changed with it. What a sysctl was before us is written down before
 * it is changed (saved.h).
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/sysctl.h"
#include "node/kind.h"
#include "node/saved.h"
#include "node/site.h"

#define VALUE_SIZE 64

enum { RANK_FIRST, RANK_FORWARDING };

static bool want_accept_ra(const struct site *s, const struct site_link *l, const char *path)
{
	if (!l->uplink || strcmp(l->name, s->cluster->bridge) == 0)
		return false;
	return strcmp(l->accept_ra, "1") == 0 ||
	       (strcmp(l->accept_ra, "2") == 0 && saved_find(&s->saved, path));
}

static void want_sysctl(struct list *want, unsigned int rank, const char *path, const char *value)
{
	struct sysctl_item it = { .rank = rank, .path = path, .value = value };

	list_add(want, &it);
}

/*
 * A host that forwards ignores router advertisements unless accept_ra is 2 (Linux
 * Documentation/networking/ip-sysctl.rst). It comes first, so that none is missed. Where forwarding
 * was on before us, they were ignored before us.
 */
static void want_sysctls6(const struct site *s, struct list *want)
{
	static const char forwarding[] = "net/ipv6/conf/all/forwarding";
	const struct saved_sysctl *known = saved_find(&s->saved, forwarding);
	const struct site_link *l = s->links.at;
	char path[64];

	want_sysctl(want, RANK_FORWARDING, forwarding, "1");
	if (strcmp(known ? known->before : s->forwarding6, "0") != 0)
		return;
	for (size_t i = 0; i < s->links.count; i++) {
		snprintf(path, sizeof(path), "net/ipv6/conf/%s/accept_ra", l[i].name);
		if (want_accept_ra(s, &l[i], path))
			want_sysctl(want, RANK_FIRST, list_text(want, path), "2");
	}
}

static int sysctl_want(struct work *w, struct err *e)
{
	(void)e;
	want_sysctl(&w->want, RANK_FORWARDING, "net/ipv4/ip_forward", "1");
	if (node_has_family(w->site->self, AF_INET6))
		want_sysctls6(w->site, &w->want);
	return 0;
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
		bool first = strstr(known[i].path, "/accept_ra");
		struct sysctl_item it = { .rank = first ? RANK_FIRST : RANK_FORWARDING,
					  .path = known[i].path };

		if (!items_find(&sysctl_kind, &w->want, &it))
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
	char buf[SAVED_SIZE];
	struct text t;

	text_init(&t, buf, sizeof(buf));
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
