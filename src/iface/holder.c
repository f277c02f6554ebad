/* Holders: see holder.h. What a pod's interface calls itself is repeated, and nothing else. */
#include "iface/holder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "iface/iface.h"
#include "net/await.h"
#include "net/ip.h"
#include "net/netns.h"

#define DYING_MS 5000 /* a namespace that nobody holds is taken apart in this time */

struct search {
	const struct iface *i;
	const struct holder_want *want;
	int ns_id; /* of master_ns where we are; -1: it is here */
	struct link found;
	struct addr address; /* which it has */
};

static int match(const struct link *l, void *arg)
{
	struct search *s = arg;

	if (l->peer == s->want->master->index && (!s->want->has || s->want->has(s->i, l)) &&
	    (s->ns_id < 0 ? !l->peer_elsewhere : l->peer_ns == s->ns_id))
		s->found = *l;
	return 0;
}

#define CANDIDATES_MAX 16

struct candidates {
	const struct cni_result *ips;
	int index[CANDIDATES_MAX];
	struct addr address[CANDIDATES_MAX];
	size_t count;
};

static int note_candidate(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct candidates *c = arg;

	(void)scope;
	for (size_t n = 0; n < c->ips->ip_count && c->count < CANDIDATES_MAX; n++) {
		if (!addr_equal(&c->ips->ips[n].address.addr, &p->addr))
			continue;
		c->address[c->count] = p->addr;
		c->index[c->count++] = index;
	}
	return 0;
}

static void search_addresses(struct nl *nl, struct search *s)
{
	struct candidates c = { .ips = &s->i->ips };
	struct link l;

	(void)ifaddr_each(nl, 0, 0, note_candidate, &c, err_ignored());
	for (size_t n = 0; n < c.count && !s->found.index; n++) {
		if (link_find_index(nl, c.index[n], &l, err_ignored()) > 0 &&
		    strcmp(l.kind, s->want->kind) == 0)
			(void)match(&l, s);
		s->address = c.address[n];
	}
}

static void search_links(struct nl *nl, struct search *s)
{
	if (s->want->has)
		(void)link_each_seen(nl, s->want->kind, match, s, err_ignored());
	else
		search_addresses(nl, s);
}

/* 1: it is here, 0: no. */
static int search_in(struct search *s, int ns)
{
	static char buf[1024];
	static struct nl nl;
	int r;

	if (nl_open_in(&nl, ns, s->i->pod.home, NETLINK_ROUTE, buf, sizeof(buf), err_ignored()) < 0)
		return 0;
	s->ns_id = -1;
	r = netns_same(ns, s->want->master_ns)
		    ? 0
		    : netns_id(&nl, s->want->master_ns, &s->ns_id, err_ignored());
	if (r == 0 && (s->ns_id >= 0 || netns_same(ns, s->want->master_ns)))
		search_links(&nl, s);
	nl_close(&nl);
	return s->found.index > 0;
}

static int visit(int ns, void *arg)
{
	return search_in(arg, ns);
}

static void describe(const struct search *s, bool on_node, char *out, size_t size)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;

	if (on_node)
		snprintf(out, size, "interface %s of the node has it", s->found.name);
	else if (attachment_parse(s->found.alias, buf, &at))
		snprintf(out, size, "container %.64s has it as interface %s of network %.64s",
			 at.container_id, at.ifname, at.network);
	else
		snprintf(out, size, "interface %s of another namespace has it", s->found.name);
	str_flatten(out);
}

/* -EBUSY with the holder's name, or 0: nobody living has it. */
static int find_holder(struct iface *i, const struct holder_want *want, struct err *e)
{
	struct search s = { .i = i, .want = want };
	bool on_node = search_in(&s, i->pod.home);
	char who[400], which[ADDR_TEXT + 8] = "";

	if (!on_node && netns_each(i->pod.home, visit, &s, err_ignored()) <= 0)
		return 0;
	describe(&s, on_node, who, sizeof(who));
	if (!want->has)
		snprintf(which, sizeof(which), "%s on ", addr_text(&s.address));
	return err_code(e, err_set(e, EBUSY, "%s%s is taken: %s", which, want->key, who),
			CNI_ERR_EXISTS);
}

struct attempt {
	struct iface *i;
	const struct holder_want *want;
	struct err refusal;
};

static int try(void *arg, struct err *e)
{
	struct attempt *a = arg;
	int r;

	err_clear(&a->refusal);
	r = a->want->take(a->i, &a->refusal);
	if (r == 0)
		return 1;
	return r == -a->want->refusal ? find_holder(a->i, a->want, e) : err_take(e, &a->refusal);
}

int holder_outlive(struct iface *i, const struct holder_want *want, struct err *e)
{
	struct attempt a = { .i = i, .want = want };
	const bool here = want->master_ns == i->pod.home;
	const struct await w = {
		.group = RTNLGRP_LINK,
		.ns = here ? -1 : want->master_ns,
		.home = here ? -1 : i->pod.home,
		.timeout_ms = DYING_MS,
		.holds = try,
		.arg = &a,
	};
	int r = await_state(&w, e);

	return r == -ETIMEDOUT ? err_take(e, &a.refusal) : r;
}
