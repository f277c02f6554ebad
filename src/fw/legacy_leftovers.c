/* Leftovers of the reference's plugins in legacy tables: see legacy_leftovers.h. */
#include "fw/legacy_leftovers.h"

#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "fw/legacy.h"

static size_t find_place(const struct xtables *t, const struct legacy_leftovers *l)
{
	return strcmp(l->place, "POSTROUTING") == 0 ? xtables_hook(t, NF_INET_POST_ROUTING)
	       : strcmp(l->place, "FORWARD") == 0   ? xtables_hook(t, NF_INET_FORWARD)
						    : xtables_chain(t, l->place);
}

static size_t find_own(const struct xtables *t, const struct legacy_leftovers *l)
{
	return l->chain ? xtables_chain(t, l->chain) : XTABLES_NOWHERE;
}

static bool leads_to(const struct xtables_rule *r, size_t first)
{
	return first != XTABLES_NOWHERE && r->to == first;
}

static bool accepts(const struct xtables_rule *r, const struct addr *pod)
{
	return r->end == XTABLES_ACCEPT &&
	       (addr_equal(&r->saddr, pod) || addr_equal(&r->daddr, pod));
}

static bool is_left(const struct legacy_leftovers *l, const struct xtables_rule *r, size_t own)
{
	for (size_t i = 0; i < l->pod_count; i++) {
		if (accepts(r, &l->pod[i]))
			return true;
	}
	return leads_to(r, own);
}

/* Rules of the pod in the chain that is for all: how many. */
static int mark_rules(struct xtables *t, const struct legacy_leftovers *l, size_t own)
{
	size_t at = find_place(t, l);
	struct xtables_rule r;
	int count = 0;

	for (; at != XTABLES_NOWHERE && t->entries[at].kind == XTABLES_RULE; at++) {
		xtables_rule(t, at, &r);
		t->entries[at].gone = is_left(l, &r, own);
		count += t->entries[at].gone;
	}
	return count;
}

/* Does a rule that stays, and that is not its own, lead to the chain? */
static bool is_wanted(const struct xtables *t, size_t own)
{
	struct xtables_rule r;

	for (size_t i = 0; i < t->layout.count; i++) {
		if (t->entries[i].gone || t->entries[i].chain == t->entries[own].chain)
			continue;
		xtables_rule(t, i, &r);
		if (r.to != XTABLES_NOWHERE && t->entries[r.to].chain == t->entries[own].chain)
			return true;
	}
	return false;
}

static int plan_forget(struct xtables *t, void *arg, struct err *e)
{
	const struct legacy_leftovers *l = arg;
	size_t own = find_own(t, l);
	int count = mark_rules(t, l, own);

	(void)e;
	if (own == XTABLES_NOWHERE)
		return count;
	if (is_wanted(t, own)) {
		log_line(LOG_WARN,
			 "what the reference's plugins left in the legacy table %s: other rules "
			 "jump to chain %s",
			 l->table, l->chain);
		return 0;
	}
	xtables_delete_chain(t, own);
	return count + 1;
}

int legacy_leftovers_forget(const struct legacy_leftovers *l, struct err *e)
{
	struct legacy_leftovers want = *l;
	struct err mine = { 0 };
	int r = 0;

	for (size_t i = 0; i < LEGACY_FAMILIES && r >= 0; i++) {
		r = legacy_change(legacy_families[i], l->table, plan_forget, &want, &mine);
		if (r != -E2BIG && r != -EPROTO && r != -ENOMEM)
			continue;
		log_line(LOG_WARN, "what the reference's plugins left stays: %s", mine.text);
		err_clear(&mine);
		r = 0;
	}
	return r < 0 ? err_take(e, &mine) : 0;
}

static bool has_both(const struct xtables *t, size_t at, const struct addr *pod)
{
	bool from = false, to = false;
	struct xtables_rule r;

	for (; at != XTABLES_NOWHERE && t->entries[at].kind == XTABLES_RULE; at++) {
		xtables_rule(t, at, &r);
		from = from || (accepts(&r, pod) && addr_equal(&r.saddr, pod));
		to = to || (accepts(&r, pod) && addr_equal(&r.daddr, pod));
	}
	return from && to;
}

static int plan_find(struct xtables *t, void *arg, struct err *e)
{
	const struct legacy_leftovers *l = arg;
	size_t place = find_place(t, l);

	(void)e;
	for (size_t i = 0; i < l->pod_count; i++) {
		if (!has_both(t, place, &l->pod[i]))
			return 0;
	}
	return l->pod_count > 0 || mark_rules(t, l, find_own(t, l)) > 0;
}

int legacy_leftovers_find(const struct legacy_leftovers *l, uint8_t family, struct err *e)
{
	struct legacy_leftovers want = *l;

	return legacy_look(family, l->table, plan_find, &want, e);
}
