/* What is, from the kernel and the files: see site.h. */
#include "node/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/ip.h"
#include "net/sysctl.h"

#define VALUE_SIZE 64

struct route_walk {
	const struct list *want;
	struct list *have;
	struct err *e;
};

static int by_key(const void *a, const void *b)
{
	return item_cmp(a, b);
}

/* A route of others to a subnet of the cluster would win over ours, or ours over it. */
static int refuse_foreign(const struct route_walk *w, const struct item *it, const struct route *r)
{
	if (!w->want->count || !bsearch(it, w->want->at, w->want->count, sizeof(*it), by_key))
		return 0;
	return err_set(w->e, EEXIST, "route %s%s%s (protocol %u) is there already and not ours: delete it first",
		       prefix_text(&r->dst), addr_is_set(&r->via) ? " via " : "", addr_text(&r->via), r->protocol);
}

static int see_route(const struct route *r, void *arg)
{
	const struct route_walk *w = arg;
	struct item it = { .kind = ITEM_ROUTE, .a = r->dst.addr, .len = r->dst.len, .b = r->via, .index = r->index,
			   .metric = r->metric, .onlink = r->onlink };

	if (r->protocol != NODE_ROUTE_PROTOCOL)
		return refuse_foreign(w, &it, r);
	list_add(w->have, &it);
	return 0;
}

/* Another's value, so that *e stays clean for what can be told apart. */
static int read_sysctl(const char *path, const struct site_sysctl *known, struct item *it, struct list *have, struct err *e)
{
	char value[VALUE_SIZE];
	struct err mine = { 0 };
	int r = sysctl_get(path, value, sizeof(value), &mine);

	if (r == -ENOENT && known)
		value[0] = '\0';	/* its link has gone */
	else if (r < 0)
		return err_set(e, -r, "%s", mine.text);
	it->name = path;
	it->value = list_text(have, value, strlen(value));
	it->saved = known ? known->before : NULL;
	list_add(have, it);
	return 0;
}

static bool is_wanted(const struct list *want, const char *path)
{
	const struct item *at = want->at;

	/* Sysctls sort before all else. */
	for (size_t i = 0; i < want->count && at[i].kind == ITEM_SYSCTL; i++) {
		if (strcmp(at[i].name, path) == 0)
			return true;
	}
	return false;
}

static int have_sysctls(const struct site *s, const struct list *want, struct list *have, struct err *e)
{
	const struct site_sysctl *known = s->sysctls.at;
	const struct item *w = want->at;
	int r = 0;

	for (size_t i = 0; i < want->count && w[i].kind == ITEM_SYSCTL && r == 0; i++) {
		struct item it = { .kind = ITEM_SYSCTL, .rank = w[i].rank };

		r = read_sysctl(w[i].name, site_sysctl(s, w[i].name), &it, have, e);
	}
	for (size_t i = 0; i < s->sysctls.count && r == 0; i++) {
		struct item it = { .kind = ITEM_SYSCTL, .rank = strstr(known[i].path, "/accept_ra") == NULL };

		if (!is_wanted(want, known[i].path))
			r = read_sysctl(known[i].path, &known[i], &it, have, e);
	}
	return r;
}

int have_read(struct site *s, const struct list *want, struct list *have, struct err *e)
{
	struct route_walk w = { .want = want, .have = have, .e = e };
	int r = have_sysctls(s, want, have, e);

	if (r == 0)
		r = route_each(s->route, 0, want->count ? 0 : NODE_ROUTE_PROTOCOL, RT_TABLE_MAIN, see_route, &w, e);
	if (r == 0)
		r = have_read_masquerade(s, want, have, e);
	if (r == 0)
		r = have_read_config(s, have, e);
	if (r < 0)
		return r;
	have_read_forward(s, have);
	r = list_check(have, "what is in the kernel", e);
	if (r == 0)
		items_sort(have);
	return r;
}
