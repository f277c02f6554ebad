/* Who is asked before the accepts: see foreign_ask.h. */
#include "fw/foreign_ask.h"

#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "base/err.h"
#include "fw/firewall.h"
#include "net/nl.h"

#define ASK "ask "
#define TEXT_SIZE 64

static const struct nft_table firewalld = { NFPROTO_INET, "firewalld" };
static const char *const policies[FOREIGN_ASKS_MAX] = { "filter_FORWARD_POLICIES_pre",
							"filter_FORWARD_POLICIES_post" };

int foreign_has_chain(struct nl *nl, const struct nft_table *t, const char *name, struct err *e)
{
	struct nft_chain chain = { .name = name };
	struct nft_query q = { .chain = &chain };
	int r = nft_query(nl, t, &q, 1, e);

	return r < 0 ? r : q.found;
}

int foreign_asks_find(struct nl *nl, const struct foreign_chain *c, struct foreign_asks *out,
		      struct err *e)
{
	out->count = 0;
	if (c->table.family != firewalld.family || strcmp(c->table.name, firewalld.name) != 0)
		return 0;
	for (size_t i = 0; i < FOREIGN_ASKS_MAX; i++) {
		int r = foreign_has_chain(nl, &c->table, policies[i], e);

		if (r < 0)
			return r;
		if (r > 0)
			out->name[out->count++] = policies[i];
	}
	return 0;
}

bool foreign_is_ask(const struct chain_rule *r)
{
	return r->ours && strncmp(r->ours, ASK, strlen(ASK)) == 0;
}

bool foreign_asks_hold(const struct foreign_chain *c, size_t place, const struct foreign_asks *a)
{
	const struct chain_rule *r = c->rules.at;
	size_t count = 0, others = 0;
	bool accepted = false;

	for (size_t i = 0; i < c->rules.count; i++) {
		others += r[i].foreign;
		accepted = accepted || (r[i].ours && !foreign_is_ask(&r[i]));
		if (!foreign_is_ask(&r[i]))
			continue;
		if (accepted || others != place || count == a->count ||
		    strcmp(r[i].ours + strlen(ASK), a->name[count]) != 0)
			return false;
		count++;
	}
	return count == a->count;
}

size_t foreign_asks_put(struct nl *nl, const struct foreign_chain *c, size_t place,
			const struct foreign_asks *a)
{
	char comment[sizeof(FIREWALL_COMMENT ASK) + TEXT_SIZE];

	for (size_t i = 0; i < a->count; i++) {
		snprintf(comment, sizeof(comment), FIREWALL_COMMENT ASK "%s", a->name[i]);
		nft_rule_begin_before(nl, &c->table, c->name, chain_rules_at(&c->rules, place));
		nft_match_mark(nl, FIREWALL_MARK, FIREWALL_MARK, false);
		nft_do_counter(nl);
		nft_do_jump(nl, a->name[i]);
		nft_rule_end(nl, comment);
	}
	return a->count;
}
