/*
 * Accepts for forwarded packets of the cluster, at the head of those chains of others that may drop
 * them (see foreign_chain.h). They are found again by their comments.
 */
#include "node/kinds/kinds.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/nft.h"
#include "net/nl.h"
#include "node/foreign_chain.h"
#include "node/kind.h"
#include "node/marked_rules.h"
#include "node/site.h"

static bool concerns(const struct foreign_chain *c, const struct prefix *p)
{
	return c->table.family == NFPROTO_INET || c->table.family == p->addr.family;
}

/* Without networks of the cluster: what this node forwards is always from or to its own pods. */
static const struct prefix *networks(const struct site *s, size_t *count)
{
	const struct cluster *c = s->cluster;

	*count = c->network_count ? c->network_count : s->self->subnet_count;
	return c->network_count ? c->networks : s->self->subnets;
}

/* What the rules of a chain should say; "" for nothing. NULL: no memory. */
static const char *rules_text(const struct site *s, const struct foreign_chain *c)
{
	char buf[MARKED_RULES_TEXT], net[PREFIX_TEXT];
	struct text t;
	size_t count;
	const struct prefix *p = networks(s, &count);

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < count; i++) {
		if (!concerns(c, &p[i]))
			continue;
		text_comma(&t);
		prefix_format(&p[i], net);
		text_printf(&t, "from %s, to %s", net, net);
	}
	return arena_strndup(s->arena, t.at, t.len);
}

static int forward_want(struct work *w, struct err *e)
{
	const struct foreign_chain *c = w->site->chains.at;

	(void)e;
	for (size_t i = 0; i < w->site->chains.count; i++) {
		struct forward_item it = { .chain = &c[i] };

		if (!c[i].needed)
			continue;
		it.rules = rules_text(w->site, &c[i]);
		w->want.bad |= !it.rules;
		if (it.rules && *it.rules)
			list_add(&w->want, &it);
	}
	return 0;
}

/* Other rules belong behind ours. */
static int read_rules(struct work *w, const struct foreign_chain *c, struct err *e)
{
	struct forward_item it = { .chain = c };
	struct marked_rules rules;
	int r = marked_rules_read(w->site->nft, &c->table, c->name, w->site->arena, &rules, e);

	if (r < 0 || rules.handles.count == 0)
		return r;
	it.handles = rules.handles.at;
	it.handle_count = rules.handles.count;
	it.rules = rules.text;
	if (rules.behind) {
		it.rules = arena_printf(w->site->arena, "%s, behind other rules", rules.text);
		w->have.bad |= !it.rules;
	}
	list_add(&w->have, &it);
	return 0;
}

static void warn_legacy(struct work *w, const char *file, const char *command)
{
	char names[256]; /* of filter, nat, mangle, raw and security, those that are loaded */
	const char *text;

	if (file_read(AT_FDCWD, file, names, sizeof(names), err_ignored()) <= 0 ||
	    !strstr(names, "filter"))
		return;
	text = arena_printf(w->site->arena,
			    "the legacy %s filter table is loaded; its FORWARD rules are not in "
			    "nftables and may drop the pods' packets",
			    command);
	list_add(w->warnings, &text);
}

static int forward_have(struct work *w, struct err *e)
{
	const struct foreign_chain *c = w->site->chains.at;
	int r = 0;

	for (size_t i = 0; i < w->site->chains.count && r == 0; i++)
		r = read_rules(w, &c[i], e);
	warn_legacy(w, "/proc/net/ip_tables_names", "iptables");
	warn_legacy(w, "/proc/net/ip6_tables_names", "ip6tables");
	return r;
}

static int forward_cmp_key(const void *a, const void *b)
{
	const struct forward_item *x = a, *y = b;

	return strcmp(x->chain->text, y->chain->text);
}

static int forward_cmp(const void *a, const void *b)
{
	const struct forward_item *x = a, *y = b;
	int r = forward_cmp_key(a, b);

	return r ? r : strcmp(x->rules, y->rules);
}

/* The form that iptables-nft prints: matches, counter, verdict. */
static void put_rule(struct nl *nl, const struct foreign_chain *c, const struct prefix *p,
		     bool from)
{
	char comment[128];

	snprintf(comment, sizeof(comment), NODE_COMMENT "%s %s", from ? "from" : "to",
		 prefix_text(p));
	nft_rule_begin(nl, &c->table, c->name, true);
	if (c->table.family == NFPROTO_INET)
		nft_match_family(nl, p->addr.family);
	(from ? nft_match_saddr : nft_match_daddr)(nl, p, false);
	nft_do_counter(nl);
	nft_do_accept(nl);
	nft_rule_end(nl, comment);
}

/* Each goes to the head, so the last comes first. */
static void put_rules(const struct site *s, const struct foreign_chain *c)
{
	size_t count;
	const struct prefix *p = networks(s, &count);

	while (count-- > 0) {
		if (!concerns(c, &p[count]))
			continue;
		put_rule(s->nft, c, &p[count], false);
		put_rule(s->nft, c, &p[count], true);
	}
}

/* One transaction for each chain: all rules or none. */
static int apply_chain(const struct site *s, const struct change *ch, struct err *e)
{
	const struct forward_item *it = ch->item, *have = ch->have;
	const struct foreign_chain *c = it->chain;

	nft_begin(s->nft);
	for (size_t i = 0; have && i < have->handle_count; i++)
		nft_rule_del(s->nft, &c->table, c->name, have->handles[i]);
	if (ch->want)
		put_rules(s, c);
	return err_ctx(e, nft_commit(s->nft, NULL, e), "accept forwarded packets in %s", c->text);
}

static int forward_apply(struct work *w, struct err *e)
{
	return work_each(w, apply_chain, e);
}

static void forward_describe(struct text *t, const void *item)
{
	const struct forward_item *it = item;

	text_printf(t, "nftables %s: accept %s", it->chain->text, it->rules);
}

const struct kind forward_kind = {
	.name = "forward",
	.size = sizeof(struct forward_item),
	.want = forward_want,
	.have = forward_have,
	.cmp_key = forward_cmp_key,
	.cmp = forward_cmp,
	.apply = forward_apply,
	.describe = forward_describe,
};
