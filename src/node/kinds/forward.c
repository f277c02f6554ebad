/*
 * Accepts for the packets of this node's pods, in those chains of others that drop what nobody has
 * accepted (see foreign_chain.h). They are bound to what they are for: from the pods' bridge with
 * an address of the pods here, and to the pods' bridge with such an address; so a forged source on
 * another link passes nothing. They are found again by their comments.
 */
#include "node/kinds/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "fw/foreign_chain.h"
#include "net/nft.h"
#include "net/nl.h"
#include "node/kind.h"
#include "node/site.h"

#define RULES_TEXT 8192 /* two rules for each of CLUSTER_OWN_SUBNETS_MAX subnets */
#define COMMENT_SIZE 128
#define TRIES 8 /* with others that change the chain */

static const uint8_t families[] = { AF_INET, AF_INET6 };

/* What a rule says, behind the mark. */
static const char *rule_text(const struct site *s, const struct prefix *p, bool from,
			     char out[static COMMENT_SIZE])
{
	snprintf(out, COMMENT_SIZE, "%s %s %s", from ? "from" : "to", s->cluster->bridge,
		 prefix_text(p));
	return out;
}

/* What the rules for a family should say; "" for nothing. NULL: no memory. */
static const char *rules_text(const struct site *s, uint8_t family)
{
	char buf[RULES_TEXT], comment[COMMENT_SIZE];
	const struct prefix *p = s->self->subnets;
	struct text t;

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < s->self->subnet_count; i++) {
		if (p[i].addr.family != family)
			continue;
		text_comma(&t);
		text_str(&t, rule_text(s, &p[i], true, comment));
		text_comma(&t);
		text_str(&t, rule_text(s, &p[i], false, comment));
	}
	return arena_strndup(s->arena, t.at, t.len);
}

static void warn_place(struct work *w, const struct foreign_chain *c, const struct chain_end *end)
{
	if (c->owned)
		work_warn(w,
			  "nftables %s drops the pods' packets, and only the running program that "
			  "owns its table may change it: accepts from and to %s must be made there",
			  c->text, w->site->cluster->bridge);
	else if (end->by)
		work_warn(
			w,
			"nftables %s: the accepts stand before its jump to %s, which lets nothing "
			"come back: what %s drops is not dropped for pods",
			c->text, end->by, end->by);
}

static void want_rules(struct work *w, struct foreign_chain *c, uint8_t family)
{
	const struct chain_end *end = foreign_chain_end(c, family);
	struct forward_item it = { .chain = c, .family = family };

	if (end->verdict != CHAIN_DROPS || !node_has_family(w->site->self, family))
		return;
	warn_place(w, c, end);
	if (c->owned)
		return;
	it.rules = rules_text(w->site, family);
	w->want.bad |= !it.rules;
	list_add(&w->want, &it);
}

static int forward_want(struct work *w, struct err *e)
{
	struct foreign_chain *c = w->site->chains.at;

	(void)e;
	for (size_t i = 0; i < w->site->chains.count; i++) {
		for (size_t k = 0; k < sizeof(families); k++)
			want_rules(w, &c[i], families[k]);
	}
	return 0;
}

/* Rules in another place than where they belong say so, and are made anew there. */
static void collect_rules(struct work *w, struct foreign_chain *c, uint8_t family)
{
	struct forward_item it = { .chain = c, .family = family };
	const struct chain_end *end = foreign_chain_end(c, family);
	const struct chain_rule *r = c->rules.at;
	char buf[RULES_TEXT];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < c->rules.count; i++) {
		if (!chain_rule_is_ours(&r[i], family))
			continue;
		text_comma(&t);
		text_str(&t, r[i].ours);
	}
	if (!t.len)
		return;
	if (!chain_rules_in_place(&c->rules, family, end->place))
		text_str(&t, ", in another place");
	it.rules = list_text(&w->have, t.at);
	list_add(&w->have, &it);
}

static void warn_legacy(struct work *w, const char *file, const char *command)
{
	char names[256]; /* of filter, nat, mangle, raw and security, those that are loaded */

	if (file_read(AT_FDCWD, file, names, sizeof(names), err_ignored()) <= 0 ||
	    !strstr(names, "filter"))
		return;
	work_warn(w,
		  "the legacy %s filter table is loaded; its FORWARD rules are not in nftables and "
		  "may drop the pods' packets",
		  command);
}

static int forward_have(struct work *w, struct err *e)
{
	struct foreign_chain *c = w->site->chains.at;

	(void)e;
	for (size_t i = 0; i < w->site->chains.count; i++) {
		for (size_t k = 0; k < sizeof(families); k++) {
			if (foreign_chain_has(&c[i], families[k]))
				collect_rules(w, &c[i], families[k]);
		}
	}
	warn_legacy(w, "/proc/net/ip_tables_names", "iptables");
	warn_legacy(w, "/proc/net/ip6_tables_names", "ip6tables");
	return 0;
}

static int forward_cmp_key(const void *a, const void *b)
{
	const struct forward_item *x = a, *y = b;
	int r = strcmp(x->chain->text, y->chain->text);

	return r ? r : (int)x->family - (int)y->family;
}

static int forward_cmp(const void *a, const void *b)
{
	const struct forward_item *x = a, *y = b;
	int r = forward_cmp_key(a, b);

	return r ? r : strcmp(x->rules, y->rules);
}

/* The form that iptables-nft prints: matches, counter, verdict. */
static void put_rule(const struct site *s, const struct foreign_chain *c, const struct prefix *p,
		     bool from, uint64_t before)
{
	char text[COMMENT_SIZE], comment[COMMENT_SIZE + sizeof(NODE_COMMENT)];
	struct nl *nl = s->nft;

	snprintf(comment, sizeof(comment), NODE_COMMENT "%s", rule_text(s, p, from, text));
	nft_rule_begin_before(nl, &c->table, c->name, before);
	if (c->table.family == NFPROTO_INET)
		nft_match_family(nl, p->addr.family);
	(from ? nft_match_iif : nft_match_oif)(nl, s->cluster->bridge, false);
	(from ? nft_match_saddr : nft_match_daddr)(nl, p, false);
	nft_do_counter(nl);
	nft_do_accept(nl);
	nft_rule_end(nl, comment);
}

static void put_rules(const struct site *s, const struct foreign_chain *c, uint8_t family)
{
	const struct prefix *p = s->self->subnets;
	uint64_t before = chain_rules_at(&c->rules, foreign_chain_end(c, family)->place);

	for (size_t i = 0; i < s->self->subnet_count; i++) {
		if (p[i].addr.family != family)
			continue;
		put_rule(s, c, &p[i], true, before);
		put_rule(s, c, &p[i], false, before);
	}
}

/* One transaction: all rules or none. */
static int replace_rules(const struct site *s, const struct foreign_chain *c, uint8_t family,
			 bool wanted, struct err *e)
{
	const struct chain_rule *r = c->rules.at;

	nft_begin(s->nft);
	for (size_t i = 0; i < c->rules.count; i++) {
		if (chain_rule_is_ours(&r[i], family))
			nft_rule_del(s->nft, &c->table, c->name, r[i].handle);
	}
	if (wanted)
		put_rules(s, c, family);
	return nft_commit(s->nft, NULL, e);
}

/*
 * A rule that has gone since the chain was read, ours or the one that ours stand before, is no
 * error: the chain is read again.
 */
static int apply_chain(const struct site *s, const struct change *ch, struct err *e)
{
	const struct forward_item *it = ch->item;
	struct err mine = { 0 };
	int r = -ENOENT;

	for (unsigned int i = 0; i < TRIES && r == -ENOENT; i++) {
		err_clear(&mine);
		r = i ? foreign_chain_reread(s->nft, it->chain, &mine) : 0;
		if (r == 0)
			r = replace_rules(s, it->chain, it->family, ch->want, &mine);
	}
	if (r < 0)
		err_take(e, &mine);
	return err_ctx(e, r, "accept forwarded packets in %s", it->chain->text);
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
