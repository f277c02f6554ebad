/* What is, from the kernel and the files: see site.h. */
#include "node/site.h"

#include <errno.h>
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

/* A route of others to a subnet of the cluster would win over ours, or ours over it. */
static int refuse_foreign(const struct route_walk *w, const struct item *it, const struct route *r)
{
	if (!items_find(w->want, it))
		return 0;
	return err_set(w->e, EEXIST,
		       "route %s%s%s (protocol %u) is there already and not ours: delete it first",
		       prefix_text(&r->dst), addr_is_set(&r->via) ? " via " : "",
		       addr_text(&r->via), r->protocol);
}

static int see_route(const struct route *r, void *arg)
{
	const struct route_walk *w = arg;
	struct item it = { .kind = ITEM_ROUTE,
			   .a = r->dst.addr,
			   .len = r->dst.len,
			   .b = r->via,
			   .index = r->index,
			   .metric = r->metric,
			   .onlink = r->onlink };

	if (r->protocol != NODE_ROUTE_PROTOCOL)
		return refuse_foreign(w, &it, r);
	list_add(w->have, &it);
	return 0;
}

/* it has kind, rank and name; the rest is read. */
static int read_sysctl(const struct site *s, struct item *it, struct list *have, struct err *e)
{
	const struct site_sysctl *known = site_sysctl(s, it->name);
	char value[VALUE_SIZE];
	struct err mine = { 0 };
	int r = sysctl_get(it->name, value, sizeof(value), &mine);

	if (r == -ENOENT && known)
		value[0] = '\0'; /* its link has gone */
	else if (r < 0)
		return err_take(e, &mine);
	it->value = list_text(have, value);
	it->saved = known ? known->before : NULL;
	list_add(have, it);
	return 0;
}

/* Those that are wanted, and those that we have changed before. */
static int have_sysctls(const struct site *s, const struct list *want, struct list *have,
			struct err *e)
{
	const struct site_sysctl *known = s->sysctls.at;
	const struct item *w = want->at;
	int r = 0;

	for (size_t i = 0; i < want->count && w[i].kind == ITEM_SYSCTL && r == 0; i++) {
		struct item it = w[i];

		r = read_sysctl(s, &it, have, e);
	}
	for (size_t i = 0; i < s->sysctls.count && r == 0; i++) {
		struct item it = { .kind = ITEM_SYSCTL,
				   .rank = strstr(known[i].path, "/accept_ra") == NULL,
				   .name = known[i].path };

		if (!items_find(want, &it))
			r = read_sysctl(s, &it, have, e);
	}
	return r;
}

int have_read(struct site *s, const struct list *want, struct list *have, struct err *e)
{
	struct route_walk w = { .want = want, .have = have, .e = e };
	int r = have_sysctls(s, want, have, e);

	if (r == 0)
		r = route_each(s->route, 0, want->count ? 0 : NODE_ROUTE_PROTOCOL, RT_TABLE_MAIN,
			       see_route, &w, e);
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
