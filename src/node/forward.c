/*
 * Accepts for forwarded packets of the cluster, in the chains of others.
 *
 * An accept in our own table would not help: every base chain of a hook is asked, and a drop in any
 * of them is final. So the accepts stand at the head of the very chains that may drop: those whose
 * policy is drop, and iptables-nft's FORWARD (whose rules may), or DOCKER-USER, which Docker calls
 * first and never touches, where it exists. They are found again by their comments.
 */
#include "node/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "base/err.h"
#include "base/text.h"
#include "cluster/cluster.h"

#define RULES_TEXT 16384 /* of CLUSTER_NETWORKS_MAX networks, two rules each */
#define DOCKER_USER "DOCKER-USER"

static bool is_iptables_filter(const struct site_chain *c)
{
	return c->table.family != NFPROTO_INET && strcmp(c->table.name, "filter") == 0;
}

/* NULL: a family that does not forward packets. */
static const char *family_text(uint8_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	default:
		return NULL;
	}
}

/* A walk that began anew shows chains twice; the last word on each counts. */
static void chain_add(struct list *l, const struct site_chain *c)
{
	struct site_chain *at = l->at;

	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(at[i].text, c->text) == 0) {
			at[i] = *c;
			return;
		}
	}
	list_add(l, c);
}

static int gather_chain(const struct nft_chain_info *in, void *arg)
{
	struct site *s = arg;
	struct list *l = &s->chains;
	struct site_chain c = { .table.family = in->family,
				.base = in->base && in->hook == NF_INET_FORWARD };
	const char *family = family_text(in->family);
	char text[2 * NFT_NAME_SIZE + 8];

	if (!family)
		return 0;
	snprintf(text, sizeof(text), "%s %s %s", family, in->table, in->name);
	if (strcmp(text, NODE_CHAIN) == 0)
		s->own.base = in->base && in->hook == node_chain.hook &&
			      in->priority == node_chain.priority;
	if (!c.base && strcmp(in->name, DOCKER_USER) != 0)
		return 0;
	c.text = list_text(l, text);
	c.table.name = list_text(l, in->table);
	c.name = list_text(l, in->name);
	if (l->bad || (!c.base && !is_iptables_filter(&c)))
		return 0;
	c.needed =
		in->drop || !c.base || (is_iptables_filter(&c) && strcmp(c.name, "FORWARD") == 0);
	chain_add(l, &c);
	return 0;
}

/* Where Docker offers a chain for rules like ours, the base chain that calls it first needs none.
 */
static void prefer_docker_user(struct list *l)
{
	struct site_chain *c = l->at;

	for (size_t i = 0; i < l->count; i++) {
		for (size_t k = 0; k < l->count && !c[i].base; k++) {
			if (c[k].base && c[k].table.family == c[i].table.family &&
			    is_iptables_filter(&c[k]))
				c[k].needed = false;
		}
	}
}

struct rule_walk {
	struct list *handles;
	struct text t;
	bool foreign; /* a rule of another was seen */
	bool behind;  /* one of ours stands behind it */
};

static int gather_rule(const struct nft_rule_info *r, void *arg)
{
	struct rule_walk *w = arg;

	if (r->first) { /* perhaps not for the first time */
		w->handles->count = 0;
		w->t.len = 0;
		w->foreign = w->behind = false;
	}
	if (strncmp(r->comment, NODE_COMMENT, strlen(NODE_COMMENT)) != 0) {
		w->foreign = true;
		return 0;
	}
	w->behind |= w->foreign;
	text_comma(&w->t);
	text_str(&w->t, r->comment + strlen(NODE_COMMENT));
	list_add(w->handles, &r->handle);
	return 0;
}

/* Other rules belong behind ours, and none into our own table. */
static int read_rules(struct site *s, struct site_chain *c, struct err *e)
{
	static char buf[RULES_TEXT];
	struct rule_walk w = { .handles = &c->handles };
	int r;

	list_init(&c->handles, s->arena, sizeof(uint64_t));
	text_init(&w.t, buf, sizeof(buf));
	r = nft_rule_each(s->nft, &c->table, c->name, gather_rule, &w, e);
	if (r < 0)
		return r;
	if (w.behind || (c == &s->own && w.foreign)) {
		text_comma(&w.t);
		text_str(&w.t, w.behind ? "behind other rules" : "with rules of others");
	}
	c->present = list_text(&s->chains, w.t.at);
	return list_check(&c->handles, "nftables rules", e);
}

/* Our own table is there if there is anything to tell of its chain. */
static int read_own(struct site *s, struct err *e)
{
	int r = nft_table_find(s->nft, &node_table, e);

	if (r <= 0)
		return r;
	s->own.text = NODE_TABLE;
	if (s->own.base)
		r = read_rules(s, &s->own, e);
	if (!s->own.present || !*s->own.present)
		s->own.present = "nothing";
	return r < 0 ? r : 0;
}

int site_read_chains(struct site *s, struct err *e)
{
	struct err mine = { 0 };
	struct site_chain *c;
	int r = -EOPNOTSUPP;

	list_init(&s->chains, s->arena, sizeof(struct site_chain));
	s->own = (struct site_chain){ .table = node_table, .name = node_chain.name };
	if (s->nft->fd >= 0)
		r = nft_chain_each(s->nft, NFPROTO_UNSPEC, gather_chain, s, &mine);
	if (r == -EOPNOTSUPP) { /* such a kernel can still route: the lack is told when a rule is
				   wanted */
		nl_close(s->nft);
		return 0;
	}
	if (r < 0)
		return err_take(e, &mine);
	prefer_docker_user(&s->chains);
	c = s->chains.at;
	r = read_own(s, e);
	for (size_t i = 0; i < s->chains.count && r >= 0; i++)
		r = read_rules(s, &c[i], e);
	return r < 0 ? r : list_check(&s->chains, "nftables chains", e);
}

static bool concerns(const struct site_chain *c, const struct prefix *p)
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

const char *forward_wanted(const struct site *s, const struct site_chain *c, struct list *l)
{
	static char buf[RULES_TEXT];
	char net[PREFIX_TEXT];
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
	return list_text(l, t.at);
}

void have_read_forward(const struct site *s, struct list *have)
{
	const struct site_chain *c = s->chains.at;

	for (size_t i = 0; i < s->chains.count; i++) {
		struct item it = { .kind = ITEM_FORWARD,
				   .name = c[i].text,
				   .value = c[i].present,
				   .chain = &c[i] };

		if (c[i].handles.count)
			list_add(have, &it);
	}
}

/* The form that iptables-nft prints: matches, counter, verdict. */
static void put_rule(struct nl *nl, const struct site_chain *c, const struct prefix *p, bool from)
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
static void put_rules(const struct site *s, const struct site_chain *c)
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
static int apply_chain(struct site *s, const struct change *ch, struct err *e)
{
	const struct site_chain *c = ch->item->chain;
	const uint64_t *handles = c->handles.at;

	nft_begin(s->nft);
	for (size_t i = 0; i < c->handles.count; i++)
		nft_rule_del(s->nft, &c->table, c->name, handles[i]);
	if (ch->want)
		put_rules(s, c);
	return err_ctx(e, nft_commit(s->nft, NULL, e), "accept forwarded packets in %s", c->text);
}

int apply_forward(const struct apply *a, struct err *e)
{
	return apply_each(a, apply_chain, e);
}
