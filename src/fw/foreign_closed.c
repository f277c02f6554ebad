/*
 * Chains of others that are closed: see foreign_closed.h.
 *
 * A walk follows all packets of a family at once, rule by rule. A rule that drops some of them is
 * of no interest; one that may accept some, or of which that cannot be said (a verdict map, a NAT),
 * ends the walk: the chain is open.
 */
#include "fw/foreign_closed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/list.h"
#include "base/text.h"
#include "fw/chain_rules.h"
#include "fw/foreign_chain.h"
#include "net/nl.h"

#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE of include/net/netfilter/nf_tables.h */
#define MEMORY (1 << 20)

struct gate {
	struct nft_table table;
	const char *name;
	const char *text; /* "inet site early" */
	bool drop;	  /* its policy */
};

/* What becomes of all packets of a family in a chain. */
enum fate {
	FATE_OPEN,   /* some may be accepted */
	FATE_PASSES, /* those that are not dropped come to its end, or return */
	FATE_CLOSED, /* all are dropped */
};

struct walk {
	struct nl *nl;
	const struct nft_table *table;
	struct arena *arena;
	uint8_t family;
	bool follow; /* jumps; else nothing happens behind them */
	unsigned int depth;
};

bool foreign_forwards(uint8_t family)
{
	char text[8];

	return file_read(AT_FDCWD,
			 family == AF_INET6 ? "/proc/sys/net/ipv6/conf/all/forwarding"
					    : "/proc/sys/net/ipv4/ip_forward",
			 text, sizeof(text), err_ignored()) > 0 &&
	       text[0] == '1';
}

static int collect_gate(const struct nft_chain_info *in, void *arg)
{
	struct list *l = arg;
	const char *family = foreign_family_text(in->family);
	struct gate g = { .table.family = in->family, .drop = in->drop };
	char text[2 * NFT_NAME_SIZE + 8];

	if (!family || !in->base ||
	    (in->hook != NF_INET_PRE_ROUTING && in->hook != NF_INET_POST_ROUTING))
		return 0;
	snprintf(text, sizeof(text), "%s %s %s", family, in->table, in->name);
	g.text = list_text(l, text);
	g.table.name = list_text(l, in->table);
	g.name = list_text(l, in->name);
	if (!l->bad)
		list_add(l, &g);
	return 0;
}

static int find_fate(struct walk *w, const char *chain, enum fate *out, struct err *e);

/* What becomes of those that the rule matches; FATE_PASSES: they go on behind it, or return. */
static int ask_rule(struct walk *w, const struct chain_rule *r, enum fate *out, struct err *e)
{
	int ret = 0;

	*out = FATE_OPEN;
	switch (r->end) {
	case NFT_END_NONE:
		*out = r->matches ? FATE_OPEN : FATE_PASSES;
		break;
	case NFT_END_ACCEPT:
		break;
	case NFT_END_DROP:
		*out = FATE_CLOSED;
		break;
	case NFT_END_JUMP:
	case NFT_END_GOTO:
		if (!w->follow)
			*out = FATE_PASSES;
		if (!w->follow || !r->target || w->depth >= DEPTH_MAX)
			break;
		w->depth++;
		ret = find_fate(w, r->target, out, e);
		w->depth--;
		break;
	case NFT_END_RETURN:
		*out = FATE_PASSES;
		break;
	}
	return ret;
}

static bool leaves(const struct chain_rule *r)
{
	return r->end == NFT_END_RETURN || r->end == NFT_END_GOTO;
}

/* One that returns some is behind it none that drops all. */
static int walk_rules(struct walk *w, const struct list *rules, enum fate *out, struct err *e)
{
	const struct chain_rule *r = rules->at;
	bool some_left = false;
	int ret = 0;

	*out = FATE_PASSES;
	for (size_t i = 0; i < rules->count && ret == 0; i++) {
		bool all = !r[i].matches && !r[i].by_proto;

		if (r[i].family && r[i].family != w->family)
			continue;
		ret = ask_rule(w, &r[i], out, e);
		if (*out == FATE_OPEN || (all && (*out == FATE_CLOSED || leaves(&r[i]))))
			break;
		some_left = some_left || (*out == FATE_PASSES && leaves(&r[i]));
		*out = FATE_PASSES;
	}
	if (*out == FATE_CLOSED && some_left)
		*out = FATE_PASSES;
	return ret;
}

static int find_fate(struct walk *w, const char *chain, enum fate *out, struct err *e)
{
	struct list rules;
	int r;

	list_init(&rules, w->arena, sizeof(struct chain_rule));
	r = chain_rules_read(w->nl, w->table, chain, FW_MARK, &rules, e);
	return r < 0 ? r : walk_rules(w, &rules, out, e);
}

/*
 * Jumps are followed only where all is dropped behind them: they lead to thousands of rules where
 * there are many Services.
 */
static int is_closed_for(struct walk *w, const struct gate *g, struct err *e)
{
	const size_t mark = w->arena->used;
	bool closed = true;
	int r = 0;

	for (int follow = 0; follow < 2 && closed && r == 0; follow++) {
		struct err mine = { 0 };
		enum fate fate = FATE_OPEN;

		w->follow = follow;
		r = find_fate(w, g->name, &fate, &mine);
		r = r == -ENOMEM ? 0 : r < 0 ? err_take(e, &mine) : r;
		closed = fate == FATE_CLOSED || (fate == FATE_PASSES && g->drop);
		arena_reset(w->arena, mark);
	}
	return r < 0 ? r : closed;
}

static int is_closed(struct nl *nl, const struct gate *g, struct arena *a, struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	const struct foreign_chain chain = { .table = g->table };
	int r = 0;

	for (size_t i = 0; i < sizeof(families) && r == 0; i++) {
		struct walk w = { .nl = nl, .table = &g->table, .arena = a, .family = families[i] };

		if (foreign_chain_has(&chain, families[i]) && foreign_forwards(families[i]))
			r = is_closed_for(&w, g, e);
	}
	if (r <= 0)
		return r;
	r = nft_table_is_dormant(nl, &g->table, e);
	return r < 0 ? r : !r;
}

int foreign_closed_find(struct nl *nl, char out[static FW_MISSING_SIZE], struct err *e)
{
	static _Alignas(16) char memory[MEMORY];
	struct arena arena;
	struct list gates;
	const struct gate *g;
	int r;

	arena_init(&arena, memory, sizeof(memory));
	list_init(&gates, &arena, sizeof(struct gate));
	r = nft_chain_each(nl, NFPROTO_UNSPEC, collect_gate, &gates, e);
	if (r >= 0)
		r = list_check(&gates, "nftables chains", e);
	g = gates.at;
	for (size_t i = 0; i < gates.count && r == 0; i++) {
		r = is_closed(nl, &g[i], &arena, e);
		if (r > 0)
			str_copy(out, FW_MISSING_SIZE, g[i].text);
	}
	return r;
}
