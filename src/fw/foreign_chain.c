/* Chains of other programs: see foreign_chain.h. */
#include "fw/foreign_chain.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "base/err.h"
#include "net/nl.h"

#define DOCKER_USER "DOCKER-USER"

static const uint8_t families[] = { AF_INET, AF_INET6 };

static bool is_iptables_filter(const struct foreign_chain *c)
{
	return c->table.family != NFPROTO_INET && strcmp(c->table.name, "filter") == 0;
}

const char *foreign_family_text(uint8_t family)
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

bool foreign_chain_has(const struct foreign_chain *c, uint8_t family)
{
	return c->table.family == NFPROTO_INET || c->table.family == family;
}

const struct chain_end *foreign_chain_end(const struct foreign_chain *c, uint8_t family)
{
	return &c->end[family == AF_INET6];
}

/* A walk that began anew shows chains twice; the last word on each counts. */
static void chain_add(struct list *l, const struct foreign_chain *c)
{
	struct foreign_chain *at = l->at;

	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(at[i].text, c->text) == 0) {
			at[i] = *c;
			return;
		}
	}
	list_add(l, c);
}

static int collect_chain(const struct nft_chain_info *in, void *arg)
{
	struct list *l = arg;
	struct foreign_chain c = { .table.family = in->family,
				   .base = in->base && in->hook == NF_INET_FORWARD,
				   .drop = in->drop };
	const char *family = foreign_family_text(in->family);
	char text[2 * NFT_NAME_SIZE + 8];

	if (!family)
		return 0;
	snprintf(text, sizeof(text), "%s %s %s", family, in->table, in->name);
	if (!c.base && strcmp(in->name, DOCKER_USER) != 0)
		return 0;
	c.text = list_text(l, text);
	c.table.name = list_text(l, in->table);
	c.name = list_text(l, in->name);
	if (l->bad || (!c.base && !is_iptables_filter(&c)))
		return 0;
	chain_add(l, &c);
	return 0;
}

int foreign_chain_reread(struct nl *nft, struct foreign_chain *c, struct err *e)
{
	struct chain_path path = {
		.table = &c->table,
		.rules = &c->rules,
		.policy = !c->base  ? CHAIN_PASSES
			  : c->drop ? CHAIN_DROPS
				    : CHAIN_ACCEPTS,
	};
	int r;

	c->rules.count = 0;
	r = chain_rules_read(nft, &c->table, c->name, c->mark, &c->rules, e);
	for (size_t i = 0; i < sizeof(families) && r == 0; i++) {
		c->end[i] = (struct chain_end){ .verdict = CHAIN_PASSES };
		path.family = families[i];
		if (foreign_chain_has(c, families[i]))
			r = chain_end_find(nft, &path, &c->end[i], e);
	}
	return r;
}

static int read_chain(struct nl *nft, struct foreign_chain *c, struct arena *a, struct err *e)
{
	int r = nft_table_is_owned(nft, &c->table, e);

	if (r < 0)
		return r;
	c->owned = r;
	list_init(&c->rules, a, sizeof(struct chain_rule));
	return foreign_chain_reread(nft, c, e);
}

/*
 * DOCKER-USER counts where a base chain drops by it, and then in its stead; else what it drops has
 * matches.
 */
static void prefer_docker_user(struct foreign_chain *c, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool asked = c[i].base;

		for (size_t k = 0; k < count && !c[i].base; k++) {
			struct chain_end *end = &c[k].end[c[k].table.family == NFPROTO_IPV6];

			if (!c[k].base || c[k].table.family != c[i].table.family ||
			    !is_iptables_filter(&c[k]) || end->verdict != CHAIN_DROPS || !end->by ||
			    strcmp(end->by, DOCKER_USER) != 0)
				continue;
			end->verdict = CHAIN_ACCEPTS;
			asked = true;
		}
		if (!asked)
			c[i].end[0].verdict = c[i].end[1].verdict = CHAIN_PASSES;
	}
}

int foreign_chains_read(struct nl *nft, const char *mark, struct list *out, struct err *e)
{
	struct foreign_chain *c;
	int r = nft_chain_each(nft, NFPROTO_UNSPEC, collect_chain, out, e);

	if (r >= 0)
		r = list_check(out, "nftables chains", e);
	c = out->at;
	for (size_t i = 0; i < out->count && r == 0; i++) {
		c[i].mark = mark;
		r = read_chain(nft, &c[i], out->arena, e);
	}
	if (r == 0)
		prefer_docker_user(c, out->count);
	return r;
}
