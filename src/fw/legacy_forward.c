/* FORWARD of a legacy table: see legacy_forward.h. */
#include "fw/legacy_forward.h"

#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "fw/chain_rules.h"
#include "fw/firewall.h"
#include "net/xtables.h"

#define COMMENT FW_MARK "firewall: "
#define PODS COMMENT "pods"
#define ADMIN COMMENT "admin "
#define DOCKER_USER "DOCKER-USER"
#define DEPTH_MAX 16 /* of jumps that are followed */

/* ---- what is there ---- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_rule(const struct xtables *t, size_t i)
{
	return t->entries[i].kind == XTABLES_RULE;
}

static bool is_foreign(const struct xtables_rule *r)
{
	return !begins(r->comment, FW_MARK);
}

/* ---- what becomes of a packet that no rule with a match has decided about ---- */

struct end {
	enum chain_verdict verdict;
	size_t place; /* of the accept, if it drops */
	size_t ahead; /* of the jumps: what they must stand before, in the hook's own chain */
};

/* Does it say no more than the rule behind it, or nothing at all? */
static bool belongs_to_next(const struct xtables_rule *r)
{
	if (!is_foreign(r) || r->matches)
		return !is_foreign(r);
	return r->end == XTABLES_NONE || (r->end == XTABLES_DROP && r->by_proto);
}

/* at is the rule that drops, or the policy: the first rule of others that belongs to it. */
static size_t find_place(const struct xtables *t, size_t first, size_t at)
{
	struct xtables_rule r;
	size_t place = at;

	while (at > first) {
		xtables_rule(t, --at, &r);
		if (!belongs_to_next(&r))
			break;
		place = is_foreign(&r) ? at : place;
	}
	return place;
}

static enum chain_verdict find_end(const struct xtables *t, size_t first, unsigned int depth,
				   struct end *out);

/* What a jump leads to. In DOCKER-USER is the accept's place, too. */
static enum chain_verdict follow(const struct xtables *t, size_t to, unsigned int depth,
				 struct end *out)
{
	struct end inner = { 0 };
	enum chain_verdict v = CHAIN_PASSES;

	if (depth < DEPTH_MAX)
		v = find_end(t, to, depth + 1, &inner);
	if (v == CHAIN_DROPS && strcmp(xtables_chain_name(t, to), DOCKER_USER) == 0)
		out->place = inner.place;
	return v;
}

/* CHAIN_PASSES with *done: the chain's end decides. */
static enum chain_verdict ask_rule(const struct xtables *t, size_t i, unsigned int depth,
				   struct end *out, bool *done)
{
	enum chain_verdict v = CHAIN_PASSES;
	struct xtables_rule r;

	xtables_rule(t, i, &r);
	if (!is_foreign(&r) || r.matches || r.by_proto)
		return v;
	switch (r.end) {
	case XTABLES_NONE:
		return v;
	case XTABLES_ACCEPT:
		v = CHAIN_ACCEPTS;
		break;
	case XTABLES_DROP:
		v = CHAIN_DROPS;
		break;
	case XTABLES_RETURN:
		break;
	case XTABLES_JUMP:
	case XTABLES_GOTO:
		v = follow(t, r.to, depth, out);
		break;
	}
	*done = v != CHAIN_PASSES || r.end == XTABLES_RETURN || r.end == XTABLES_GOTO;
	return v;
}

static enum chain_verdict find_end(const struct xtables *t, size_t first, unsigned int depth,
				   struct end *out)
{
	struct xtables_rule last;
	bool done = false;
	size_t at = first;

	out->verdict = CHAIN_PASSES;
	out->place = XTABLES_NOWHERE;
	while (!done && t->entries[at].kind != XTABLES_LAST) {
		out->verdict = ask_rule(t, at, depth, out, &done);
		at += !done;
	}
	out->ahead = find_place(t, first, at);
	if (out->place == XTABLES_NOWHERE)
		out->place = out->ahead;
	while (t->entries[at].kind != XTABLES_LAST)
		at++;
	xtables_rule(t, at, &last);
	if (out->verdict == CHAIN_PASSES && depth == 0)
		out->verdict = last.end == XTABLES_DROP ? CHAIN_DROPS : CHAIN_ACCEPTS;
	return out->verdict;
}

/* ---- what is wanted ---- */

struct plan {
	struct xtables *t;
	const struct legacy_want *want;
	size_t first; /* of FORWARD */
	struct end end;
	bool drops;   /* an accept is wanted */
	bool settled; /* it is there, once, and in its place */
	int changes;
};

static bool is_pods(const struct xtables *t, size_t i)
{
	struct xtables_rule r;

	xtables_rule(t, i, &r);
	return strcmp(r.comment, PODS) == 0;
}

/* Nothing of others is between them. */
static bool stands_before(const struct xtables *t, size_t i, size_t place)
{
	struct xtables_rule r;

	if (i >= place || t->entries[i].chain != t->entries[place].chain)
		return false;
	for (i++; i < place; i++) {
		xtables_rule(t, i, &r);
		if (is_foreign(&r))
			return false;
	}
	return true;
}

static bool is_settled(const struct plan *p)
{
	size_t count = 0, in_place = 0;

	for (size_t i = 0; i < p->t->layout.count; i++) {
		if (!is_rule(p->t, i) || !is_pods(p->t, i))
			continue;
		count++;
		in_place += stands_before(p->t, i, p->end.place);
	}
	return p->drops ? count == 1 && in_place == 1 : count == 0;
}

/* The jump to this chain is there, before whatever decides and before the accept. */
static bool has_jump(const struct plan *p, const char *name, size_t to)
{
	struct xtables_rule r;

	for (size_t i = p->first; i < p->end.ahead; i++) {
		xtables_rule(p->t, i, &r);
		if (strcmp(r.comment, PODS) == 0 && p->settled)
			return false;
		if (begins(r.comment, ADMIN) && strcmp(r.comment + strlen(ADMIN), name) == 0 &&
		    r.end == XTABLES_JUMP && r.to == to)
			return true;
	}
	return false;
}

/* Where the table has the chain; else it cannot be asked. */
static size_t admin_chain(const struct plan *p, const char *name)
{
	return p->want->pods && strcmp(p->t->name, "filter") == 0 ? xtables_chain(p->t, name)
								  : XTABLES_NOWHERE;
}

/* Ours, by its comment: is it as it should be? A second jump to a chain changes nothing. */
static bool is_wanted(const struct plan *p, const struct xtables_rule *r)
{
	size_t to;

	if (strcmp(r->comment, PODS) == 0)
		return p->drops && p->settled;
	for (size_t k = 0; begins(r->comment, ADMIN) && k < p->want->admin_count; k++) {
		const char *name = p->want->admins[k];

		if (strcmp(r->comment + strlen(ADMIN), name) != 0)
			continue;
		to = admin_chain(p, name);
		return to != XTABLES_NOWHERE && has_jump(p, name, to);
	}
	return false;
}

static void drop_unwanted(struct plan *p)
{
	struct xtables_rule r;

	for (size_t i = 0; i < p->t->layout.count; i++) {
		if (!is_rule(p->t, i))
			continue;
		xtables_rule(p->t, i, &r);
		if (!begins(r.comment, COMMENT) || is_wanted(p, &r))
			continue;
		p->t->entries[i].gone = true;
		p->changes++;
	}
}

static void put_jumps(struct plan *p)
{
	char comment[sizeof(ADMIN) + FIREWALL_CHAIN_MAX];

	for (size_t k = 0; k < p->want->admin_count; k++) {
		const char *name = p->want->admins[k];
		const struct xtables_new_rule jump = { .comment = comment,
						       .to = admin_chain(p, name) };

		if (jump.to == XTABLES_NOWHERE || has_jump(p, name, jump.to))
			continue;
		snprintf(comment, sizeof(comment), ADMIN "%.*s", FIREWALL_CHAIN_MAX, name);
		xtables_put(p->t, p->first, &jump);
		p->changes++;
	}
}

static void put_accept(struct plan *p)
{
	static const struct xtables_new_rule accept = { .mark = FIREWALL_MARK,
							.comment = PODS,
							.to = XTABLES_NOWHERE };

	if (!p->drops || p->settled)
		return;
	xtables_put(p->t, p->end.place, &accept);
	p->changes++;
}

int legacy_forward_plan(struct xtables *t, const struct legacy_want *w)
{
	struct plan p = { .t = t, .want = w, .first = xtables_hook(t, NF_INET_FORWARD) };

	if (p.first == XTABLES_NOWHERE)
		return 0;
	p.drops = find_end(t, p.first, 0, &p.end) == CHAIN_DROPS && w->pods;
	p.settled = is_settled(&p);
	drop_unwanted(&p);
	put_jumps(&p); /* ahead of the accept, if both stand first */
	put_accept(&p);
	return p.changes;
}

/* ---- what nobody can mend ---- */

bool legacy_closes(const struct xtables *t, unsigned int hook)
{
	size_t at = xtables_hook(t, hook);
	struct xtables_rule r = { .end = XTABLES_ACCEPT };

	for (bool more = at != XTABLES_NOWHERE; more; at++) {
		xtables_rule(t, at, &r);
		more = t->entries[at].kind != XTABLES_LAST &&
		       (r.end == XTABLES_NONE ||
			(r.end == XTABLES_DROP && (r.matches || r.by_proto)));
	}
	return r.end == XTABLES_DROP && !r.matches && !r.by_proto;
}
