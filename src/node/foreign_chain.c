/* Chains of others at the forward hook: see foreign_chain.h. */
#include "node/foreign_chain.h"

#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>

#include "base/err.h"
#include "base/list.h"

#define DOCKER_USER "DOCKER-USER"

static bool is_iptables_filter(const struct foreign_chain *c)
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
				   .base = in->base && in->hook == NF_INET_FORWARD };
	const char *family = family_text(in->family);
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
	c.needed =
		in->drop || !c.base || (is_iptables_filter(&c) && strcmp(c.name, "FORWARD") == 0);
	chain_add(l, &c);
	return 0;
}

/* Where Docker offers a chain for rules like ours, the base chain that calls it first needs none.
 */
static void prefer_docker_user(struct list *l)
{
	struct foreign_chain *c = l->at;

	for (size_t i = 0; i < l->count; i++) {
		for (size_t k = 0; k < l->count && !c[i].base; k++) {
			if (c[k].base && c[k].table.family == c[i].table.family &&
			    is_iptables_filter(&c[k]))
				c[k].needed = false;
		}
	}
}

int foreign_chains_read(struct nl *nft, struct list *out, struct err *e)
{
	int r = nft_chain_each(nft, NFPROTO_UNSPEC, collect_chain, out, e);

	if (r < 0)
		return r;
	prefer_docker_user(out);
	return list_check(out, "nftables chains", e);
}
