/*
 * Where in a chain of others our accepts belong: see chain_rules.h.
 *
 * A rule without a match, or with none but for the protocol family, decides about all packets that
 * come to it. What stands right before it and only counts, logs, or refuses one protocol in a way
 * of its own (TCP by a reset) belongs to it. A jump that is made in any case is followed: where the
 * chain that it leads to lets nothing come back, the jump is that rule.
 */
#include "fw/chain_rules.h"

#include <string.h>

#include "base/err.h"
#include "net/nl.h"

#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE of include/net/netfilter/nf_tables.h */

struct collecting {
	const char *mark;
	struct list *rules;
};

static int collect_rule(const struct nft_rule_info *in, void *arg)
{
	const struct collecting *c = arg;
	struct list *l = c->rules;
	struct chain_rule r = { .handle = in->handle,
				.end = in->end,
				.family = in->family,
				.by_proto = in->by_proto,
				.matches = in->matches };
	size_t mark = strlen(c->mark);

	if (in->first) /* perhaps not for the first time */
		l->count = 0;
	r.foreign = strncmp(in->comment, FW_MARK, strlen(FW_MARK)) != 0;
	if (strncmp(in->comment, c->mark, mark) == 0)
		r.ours = list_text(l, in->comment + mark);
	if (r.foreign && !in->matches && in->target[0])
		r.target = list_text(l, in->target);
	list_add(l, &r);
	return 0;
}

int chain_rules_read(struct nl *nft, const struct nft_table *t, const char *chain, const char *mark,
		     struct list *out, struct err *e)
{
	struct collecting c = { mark, out };
	int r = nft_rule_each(nft, t, chain, collect_rule, &c, e);

	return r < 0 ? r : list_check(out, "nftables rules", e);
}

/* The walk of a packet through a chain and those that it jumps to. */
struct walk {
	struct nl *nft;
	const struct nft_table *table;
	struct arena *arena;
	uint8_t family;
	unsigned int depth;
};

static bool decides(const struct walk *w, const struct chain_rule *r)
{
	return r->foreign && !r->matches && !r->by_proto && (!r->family || r->family == w->family);
}

/* Does it say no more than the rule behind it, or nothing at all? */
static bool belongs_to_next(const struct walk *w, const struct chain_rule *r)
{
	if (!r->foreign || r->matches)
		return !r->foreign;
	if (r->end == NFT_END_DROP)
		return r->by_proto || (r->family && r->family != w->family);
	return r->end == NFT_END_NONE;
}

/* at is the rule that drops, or the end of the chain. */
static size_t find_place(const struct walk *w, const struct chain_rule *r, size_t at)
{
	size_t place = 0;

	while (at > 0 && belongs_to_next(w, &r[at - 1]))
		at--;
	for (size_t i = 0; i < at; i++)
		place += r[i].foreign;
	return place;
}

static int find_end(struct walk *w, const struct list *rules, enum chain_verdict policy,
		    struct chain_end *out, struct err *e);

static int follow(struct walk *w, const struct chain_rule *r, struct chain_end *out, struct err *e)
{
	struct list rules;
	int ret;

	*out = (struct chain_end){ .verdict = CHAIN_PASSES };
	if (w->depth >= DEPTH_MAX || !r->target)
		return 0;
	list_init(&rules, w->arena, sizeof(struct chain_rule));
	ret = chain_rules_read(w->nft, w->table, r->target, FW_MARK, &rules, e);
	w->depth++;
	if (ret == 0)
		ret = find_end(w, &rules, CHAIN_PASSES, out, e);
	w->depth--;
	return ret;
}

/* What becomes of a packet at this rule; CHAIN_PASSES with *done: the policy decides. */
static int ask_rule(struct walk *w, const struct chain_rule *r, struct chain_end *out, bool *done,
		    struct err *e)
{
	int ret = 0;

	*out = (struct chain_end){ .verdict = CHAIN_PASSES };
	switch (r->end) {
	case NFT_END_NONE:
		break;
	case NFT_END_ACCEPT:
		out->verdict = CHAIN_ACCEPTS;
		break;
	case NFT_END_DROP:
		out->verdict = CHAIN_DROPS;
		break;
	case NFT_END_JUMP:
	case NFT_END_GOTO:
		ret = follow(w, r, out, e);
		out->by = r->target;
		break;
	case NFT_END_RETURN:
		break;
	}
	*done = r->end == NFT_END_RETURN || r->end == NFT_END_GOTO || out->verdict != CHAIN_PASSES;
	return ret;
}

static int find_end(struct walk *w, const struct list *rules, enum chain_verdict policy,
		    struct chain_end *out, struct err *e)
{
	const struct chain_rule *r = rules->at;
	bool done = false;
	size_t i;
	int ret = 0;

	*out = (struct chain_end){ .verdict = CHAIN_PASSES };
	for (i = 0; i < rules->count && !done && ret == 0; i++) {
		if (decides(w, &r[i]))
			ret = ask_rule(w, &r[i], out, &done, e);
	}
	if (out->verdict == CHAIN_PASSES)
		*out = (struct chain_end){ .verdict = policy };
	if (ret == 0)
		out->place = find_place(w, r, done ? i - 1 : rules->count);
	return ret;
}

int chain_end_find(struct nl *nft, const struct chain_path *path, struct chain_end *out,
		   struct err *e)
{
	struct walk w = { .nft = nft,
			  .table = path->table,
			  .arena = path->rules->arena,
			  .family = path->family };

	return find_end(&w, path->rules, path->policy, out, e);
}

uint64_t chain_rules_at(const struct list *rules, size_t place)
{
	const struct chain_rule *r = rules->at;

	for (size_t i = 0; i < rules->count; i++) {
		if (r[i].foreign && place-- == 0)
			return r[i].handle;
	}
	return 0;
}

/* Ours ask for their family wherever their table has both. */
bool chain_rule_is_ours(const struct chain_rule *r, uint8_t family)
{
	return r->ours && (!r->family || r->family == family);
}

bool chain_rules_in_place(const struct list *rules, uint8_t family, size_t place)
{
	const struct chain_rule *r = rules->at;
	size_t others = 0;

	for (size_t i = 0; i < rules->count; i++) {
		if (chain_rule_is_ours(&r[i], family) && others != place)
			return false;
		others += r[i].foreign;
	}
	return true;
}
