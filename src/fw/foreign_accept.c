/*
 * Accepts in chains of others: see foreign_accept.h.
 *
 * All is read, then changed; what has changed meanwhile makes a transaction fail (-ENOENT), and all
 * is read again. Two callers at once may both put a rule: the next one takes the second away.
 */
#include "fw/foreign_accept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "fw/firewall.h"
#include "fw/foreign_ask.h"
#include "fw/foreign_chain.h"
#include "fw/legacy_accept.h"
#include "net/nl.h"

#define COMMENT FIREWALL_COMMENT
#define PODS "pods"    /* the comment's rest of an accept, */
#define ADMIN "admin " /* and of a jump, with the chain's name */
#define TEXT_SIZE 64
#define MEMORY (1 << 20) /* rules of a chain in which each pod has some */
#define TRIES 8

static const uint8_t families[] = { AF_INET, AF_INET6 };

struct outside {
	struct nl *nl;
	struct arena arena;
	struct list chains; /* struct foreign_chain */
	struct list admins; /* const char * */
};

static int read_all(struct outside *o, struct nl *nl, struct err *e)
{
	static _Alignas(16) char memory[MEMORY];
	int r;

	o->nl = nl;
	arena_init(&o->arena, memory, sizeof(memory));
	list_init(&o->chains, &o->arena, sizeof(struct foreign_chain));
	list_init(&o->admins, &o->arena, sizeof(const char *));
	r = foreign_chains_read(nl, COMMENT, &o->chains, e);
	if (r == 0)
		r = firewall_admins(nl, &o->admins, e);
	return r < 0 ? r : list_check(&o->admins, "names of chains", e);
}

/* ---- one chain ---- */

static bool wants_accept(const struct foreign_chain *c, uint8_t family)
{
	return foreign_chain_has(c, family) && !c->owned &&
	       foreign_chain_end(c, family)->verdict == CHAIN_DROPS;
}

static bool is_accept(const struct chain_rule *r, uint8_t family)
{
	return chain_rule_is_ours(r, family) && strcmp(r->ours, PODS) == 0;
}

/* One, and in its place. */
static bool has_accept(const struct foreign_chain *c, uint8_t family)
{
	const struct chain_rule *r = c->rules.at;
	size_t others = 0, count = 0, place = 0;

	for (size_t i = 0; i < c->rules.count; i++) {
		if (is_accept(&r[i], family)) {
			count++;
			place = others;
		}
		others += r[i].foreign;
	}
	return count == 1 && place == foreign_chain_end(c, family)->place;
}

static bool has_no_accept(const struct foreign_chain *c, uint8_t family)
{
	const struct chain_rule *r = c->rules.at;

	for (size_t i = 0; i < c->rules.count; i++) {
		if (is_accept(&r[i], family))
			return false;
	}
	return true;
}

static bool accept_is_right(const struct foreign_chain *c, uint8_t family)
{
	return wants_accept(c, family) ? has_accept(c, family) : has_no_accept(c, family);
}

/* FORWARD of iptables or ip6tables. */
static bool takes_admin(const struct foreign_chain *c)
{
	return c->base && c->table.family != NFPROTO_INET && strcmp(c->table.name, "filter") == 0 &&
	       !c->owned;
}

static bool is_jump_to(const struct chain_rule *r, const char *name)
{
	return r->ours && strncmp(r->ours, ADMIN, strlen(ADMIN)) == 0 &&
	       strcmp(r->ours + strlen(ADMIN), name) == 0;
}

/* Where accepts and what is asked before them belong; false: nowhere. */
static bool find_place(const struct foreign_chain *c, size_t *place)
{
	for (size_t k = 0; k < sizeof(families); k++) {
		if (!wants_accept(c, families[k]))
			continue;
		*place = foreign_chain_end(c, families[k])->place;
		return true;
	}
	return false;
}

/* Is a jump asked: before the accepts, and before what drops? */
static bool is_asked(const struct foreign_chain *c, const struct chain_rule *jump)
{
	size_t others = 0, place;

	for (const struct chain_rule *r = c->rules.at; r < jump; r++) {
		if (r->ours && strcmp(r->ours, PODS) == 0)
			return false;
		others += r->foreign;
	}
	return !find_place(c, &place) || others <= place;
}

static bool has_jump(const struct foreign_chain *c, const char *name)
{
	const struct chain_rule *r = c->rules.at;

	for (size_t i = 0; i < c->rules.count; i++) {
		if (is_jump_to(&r[i], name) && is_asked(c, &r[i]))
			return true;
	}
	return false;
}

/* A jump that nobody asks for any more, or that is never come to. */
static bool is_left_jump(const struct outside *o, const struct foreign_chain *c,
			 const struct chain_rule *r)
{
	const char **name = o->admins.at;

	if (!r->ours || strncmp(r->ours, ADMIN, strlen(ADMIN)) != 0)
		return false;
	for (size_t i = 0; i < o->admins.count; i++) {
		if (is_jump_to(r, name[i]))
			return !is_asked(c, r);
	}
	return true;
}

static bool asks_hold(const struct foreign_chain *c, const struct foreign_asks *a)
{
	size_t place = 0;

	find_place(c, &place);
	return foreign_asks_hold(c, place, a);
}

static bool is_left(const struct outside *o, const struct foreign_chain *c,
		    const struct foreign_asks *a, const struct chain_rule *r)
{
	if (foreign_is_ask(r) && !asks_hold(c, a))
		return true;
	for (size_t k = 0; k < sizeof(families); k++) {
		if (foreign_chain_has(c, families[k]) && is_accept(r, families[k]) &&
		    !(accept_is_right(c, families[k]) && asks_hold(c, a)))
			return true;
	}
	return is_left_jump(o, c, r);
}

/* ---- changes, written into the batch ---- */

static void begin_rule(struct outside *o, const struct foreign_chain *c, uint64_t before)
{
	nft_rule_begin_before(o->nl, &c->table, c->name, before);
}

/* Accepts are put again, behind them. */
static size_t put_asks(struct outside *o, const struct foreign_chain *c,
		       const struct foreign_asks *a)
{
	size_t place;

	if (asks_hold(c, a) || !find_place(c, &place))
		return 0;
	return foreign_asks_put(o->nl, c, place, a);
}

static size_t put_accept(struct outside *o, const struct foreign_chain *c,
			 const struct foreign_asks *a, uint8_t family)
{
	if (!wants_accept(c, family) || (has_accept(c, family) && asks_hold(c, a)))
		return 0;
	begin_rule(o, c, chain_rules_at(&c->rules, foreign_chain_end(c, family)->place));
	if (c->table.family == NFPROTO_INET)
		nft_match_family(o->nl, family);
	nft_match_mark(o->nl, FIREWALL_MARK, FIREWALL_MARK, false);
	nft_do_counter(o->nl);
	nft_do_accept(o->nl);
	nft_rule_end(o->nl, COMMENT PODS);
	return 1;
}

static size_t put_jump(struct outside *o, const struct foreign_chain *c, const char *name)
{
	char comment[sizeof(COMMENT ADMIN) + TEXT_SIZE];

	snprintf(comment, sizeof(comment), COMMENT ADMIN "%s", name);
	nft_rule_begin(o->nl, &c->table, c->name, true);
	nft_do_counter(o->nl);
	nft_do_jump(o->nl, name);
	nft_rule_end(o->nl, comment);
	return 1;
}

static size_t put_changes(struct outside *o, const struct foreign_chain *c,
			  const struct foreign_asks *a, const char *const *jumps, size_t jump_count)
{
	const struct chain_rule *r = c->rules.at;
	size_t n = 0;

	for (size_t i = 0; i < c->rules.count; i++) {
		if (!is_left(o, c, a, &r[i]))
			continue;
		nft_rule_del(o->nl, &c->table, c->name, r[i].handle);
		n++;
	}
	n += put_asks(o, c, a);
	for (size_t k = 0; k < sizeof(families); k++)
		n += put_accept(o, c, a, families[k]);
	for (size_t i = 0; i < jump_count; i++)
		n += put_jump(o, c, jumps[i]);
	return n;
}

/* The admin chains that its table has, and that it does not jump to. They are o's, reordered. */
static int find_jumps(struct outside *o, const struct foreign_chain *c, const char **out,
		      size_t *count, struct err *e)
{
	const char **name = o->admins.at;

	*count = 0;
	for (size_t i = 0; takes_admin(c) && i < o->admins.count; i++) {
		int r = has_jump(c, name[i]) ? 0 : foreign_has_chain(o->nl, &c->table, name[i], e);

		if (r < 0)
			return r;
		if (r > 0)
			out[(*count)++] = name[i];
	}
	return 0;
}

static int find_asks(struct outside *o, const struct foreign_chain *c, struct foreign_asks *out,
		     struct err *e)
{
	size_t place;

	out->count = 0;
	return find_place(c, &place) ? foreign_asks_find(o->nl, c, out, e) : 0;
}

/*
 * How many changes a chain needs; they are in the batch. With make, it is not there, and is made
 * if it needs any.
 */
static int plan_jumps(struct outside *o, const struct foreign_chain *c,
		      const struct nft_chain *make, struct err *e)
{
	const char **jumps = arena_array(&o->arena, o->admins.count + 1, sizeof(*jumps));
	struct foreign_asks asks;
	size_t count;
	int r;

	if (!jumps)
		return err_set(e, ENOMEM, "no memory left for names of chains");
	r = find_jumps(o, c, jumps, &count, e);
	if (r == 0)
		r = find_asks(o, c, &asks, e);
	if (r < 0)
		return r;
	nft_begin(o->nl);
	if (make && count)
		nft_chain_add(o->nl, &c->table, make);
	return (int)put_changes(o, c, &asks, jumps, count);
}

static int plan_chain(struct outside *o, const struct foreign_chain *c, struct err *e)
{
	return plan_jumps(o, c, NULL, e);
}

/*
 * An admin chain that nothing could jump to: iptables-nft makes FORWARD when somebody needs it, and
 * now that is we. As it makes it, and as it leaves it behind.
 */
static int plan_forward(struct outside *o, const struct nft_table *t, struct err *e)
{
	static const struct nft_chain forward = {
		.name = "FORWARD", .type = "filter", .hook = NF_INET_FORWARD, .priority = 0
	};
	const struct foreign_chain made = { .table = *t, .name = forward.name, .base = true };
	const struct foreign_chain *c = o->chains.at;

	for (size_t i = 0; i < o->chains.count; i++) {
		if (c[i].table.family == t->family && strcmp(c[i].table.name, t->name) == 0)
			return 0;
	}
	return plan_jumps(o, &made, &forward, e);
}

/* ---- all of them ---- */

static const struct nft_table filters[] = { { NFPROTO_IPV4, "filter" },
					    { NFPROTO_IPV6, "filter" } };

static void warn_owned(const struct foreign_chain *c)
{
	for (size_t k = 0; c->owned && k < sizeof(families); k++) {
		if (foreign_chain_has(c, families[k]) &&
		    foreign_chain_end(c, families[k])->verdict == CHAIN_DROPS)
			log_line(LOG_WARN,
				 "nftables %s drops the pods' packets, and only the running "
				 "program that owns its table may change it",
				 c->text);
	}
}

/* What is in the batch takes effect: changes, or 0. */
static int commit_plan(struct outside *o, int changes, const char *where, struct err *e)
{
	int r;

	if (changes <= 0) {
		nl_discard(o->nl);
		return changes;
	}
	r = nft_commit(o->nl, NULL, e);
	return r < 0 ? err_ctx(e, r, "accept forwarded packets in %s", where) : changes;
}

static int put_once(struct nl *nl, struct err *e)
{
	struct outside o;
	const struct foreign_chain *c;
	int r = read_all(&o, nl, e), changes = 0;

	c = o.chains.at;
	for (size_t i = 0; i < o.chains.count && r >= 0; i++) {
		warn_owned(&c[i]);
		r = commit_plan(&o, plan_chain(&o, &c[i], e), c[i].text, e);
		changes += r;
	}
	for (size_t i = 0; i < 2 && r >= 0; i++) {
		r = commit_plan(&o, plan_forward(&o, &filters[i], e), "filter FORWARD", e);
		changes += r;
	}
	return r < 0 ? r : changes;
}

int foreign_accept_put(struct nl *nl, struct err *e)
{
	struct err local = { 0 };
	int r = -ENOENT, legacy;

	for (int i = 0; r == -ENOENT && i < TRIES; i++) {
		err_clear(&local);
		r = put_once(nl, &local);
	}
	legacy = r < 0 ? 0 : legacy_accept_settle(nl, &local); /* no change of nftables' */
	r = legacy < 0 ? legacy : r;
	return r < 0 ? err_take(e, &local) : r > 0;
}

int foreign_accept_check(struct nl *nl, char missing[static FW_MISSING_SIZE], struct err *e)
{
	struct outside o;
	const struct foreign_chain *c;
	int r = read_all(&o, nl, e);

	c = o.chains.at;
	for (size_t i = 0; i < o.chains.count && r >= 0; i++) {
		r = plan_chain(&o, &c[i], e);
		nl_discard(nl);
		if (r <= 0)
			continue;
		snprintf(missing, FW_MISSING_SIZE, "lacks its rules in %s", c[i].text);
		return 0;
	}
	for (size_t i = 0; i < 2 && r >= 0; i++) {
		r = plan_forward(&o, &filters[i], e);
		nl_discard(nl);
		if (r <= 0)
			continue;
		snprintf(missing, FW_MISSING_SIZE, "lacks the jump to an administrator's chain");
		return 0;
	}
	return r < 0 ? r : legacy_accept_check(nl, missing, e);
}

int foreign_accept_remove(struct nl *nl, uint32_t generation, struct err *e)
{
	struct outside o;
	const struct foreign_chain *c;
	size_t count = 0;
	int r = read_all(&o, nl, e);

	if (r < 0)
		return r;
	c = o.chains.at;
	nft_begin_at(nl, generation);
	for (size_t i = 0; i < o.chains.count; i++) {
		const struct chain_rule *rule = c[i].rules.at;

		for (size_t k = 0; k < c[i].rules.count; k++) {
			if (!rule[k].ours || c[i].owned)
				continue;
			nft_rule_del(nl, &c[i].table, c[i].name, rule[k].handle);
			count++;
		}
	}
	if (count == 0)
		nl_discard(nl);
	else
		r = err_ctx(e, nft_commit(nl, NULL, e), "accepts in chains of others");
	if (r == 0)
		r = legacy_accept_settle(nl, e);
	return r < 0 ? r : 0;
}

int foreign_accept_find_closed(struct nl *nl, char out[static FW_MISSING_SIZE], struct err *e)
{
	struct outside o;
	const struct foreign_chain *c;
	int r = read_all(&o, nl, e);

	c = o.chains.at;
	for (size_t i = 0; i < o.chains.count && r == 0; i++) {
		for (size_t k = 0; c[i].owned && k < sizeof(families); k++) {
			if (!foreign_chain_has(&c[i], families[k]) ||
			    foreign_chain_end(&c[i], families[k])->verdict != CHAIN_DROPS)
				continue;
			str_copy(out, FW_MISSING_SIZE, c[i].text);
			return 1;
		}
	}
	return r;
}
