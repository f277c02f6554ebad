/*
 * Answers by the way of the request: see answers.h.
 *
 *	table inet cnibox_answers {
 *		set ends { type ifname }	veths to the node
 *		set wires { type ifname }	the pod's own interfaces beside them
 *		chain prerouting { type filter hook prerouting priority mangle
 *			ct state new iifname @ends ct mark set ct mark | 0x2000
 *			iifname @ends meta mark set meta mark | 0x2000
 *			the same with @wires and 0x1000
 *		}
 *		chain output { type route hook output priority mangle
 *			ct mark & 0x2000 == 0x2000 meta mark set meta mark | 0x2000
 *			the same with 0x1000
 *		}
 *		chain forward { type filter hook forward priority filter
 *			iifname @wires oifname @ends ct mark & 0x2000 != 0x2000 drop
 *		}
 *		chain postrouting { type nat hook postrouting priority srcnat - 3
 *			oifname @wires ct mark & 0x2000 == 0x2000 masquerade
 *		}
 *	}
 *
 * Packets that come in are marked for the reverse path filter, which asks the pod's rules for the
 * way of the answer with the mark of the request, where src_valid_mark is set.
 *
 * The pod forwards for its node, and for nobody else on the wire.
 */
#include "fw/answers.h"

#include <errno.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/cni.h"
#include "net/nft.h"
#include "net/nl.h"

#define MANGLE (-150)
#define SNAT_PRIORITY 97

static const struct nft_table table = { .family = NFPROTO_INET, .name = "cnibox_answers" };

static const struct nft_set sets[] = {
	{ "ends", { NFT_TYPE_IFNAME } },
	{ "wires", { NFT_TYPE_IFNAME } },
};
#define ENDS (&sets[0])
#define WIRES (&sets[1])

static const struct nft_chain chains[] = {
	{ .name = "prerouting", .type = "filter", .hook = NF_INET_PRE_ROUTING, .priority = MANGLE },
	{ .name = "output", .type = "route", .hook = NF_INET_LOCAL_OUT, .priority = MANGLE },
	{ .name = "forward", .type = "filter", .hook = NF_INET_FORWARD },
	{ .name = "postrouting",
	  .type = "nat",
	  .hook = NF_INET_POST_ROUTING,
	  .priority = SNAT_PRIORITY },
};
#define CHAINS (sizeof(chains) / sizeof(chains[0]))

static void put_way(struct nl *nl, const struct nft_set *links, uint32_t mark)
{
	nft_rule_begin(nl, &table, chains[0].name, false);
	nft_match_ct_state(nl, NF_CT_STATE_BIT(IP_CT_NEW));
	nft_match_set(nl, links, NFT_OF(NFT_IIFNAME), false);
	nft_do_ct_mark(nl, mark);
	nft_rule_end(nl, "came this way");
	nft_rule_begin(nl, &table, chains[0].name, false);
	nft_match_set(nl, links, NFT_OF(NFT_IIFNAME), false);
	nft_do_mark(nl, mark);
	nft_rule_end(nl, "for the reverse path filter");
	nft_rule_begin(nl, &table, chains[1].name, false);
	nft_match_ct_mark(nl, mark, mark, false);
	nft_do_mark(nl, mark);
	nft_rule_end(nl, "goes back there");
}

static void put_rules(struct nl *nl)
{
	put_way(nl, ENDS, ANSWERS_MARK);
	put_way(nl, WIRES, ANSWERS_WIRE_MARK);
	nft_rule_begin(nl, &table, chains[2].name, false);
	nft_match_set(nl, WIRES, NFT_OF(NFT_IIFNAME), false);
	nft_match_set(nl, ENDS, NFT_OF(NFT_OIFNAME), false);
	nft_match_ct_mark(nl, ANSWERS_MARK, ANSWERS_MARK, true);
	nft_do_drop(nl);
	nft_rule_end(nl, "the pod is no router to its node");
	nft_rule_begin(nl, &table, chains[3].name, false);
	nft_match_set(nl, WIRES, NFT_OF(NFT_OIFNAME), false);
	nft_match_ct_mark(nl, ANSWERS_MARK, ANSWERS_MARK, false);
	nft_do_masquerade(nl, false);
	nft_rule_end(nl, "passed on with the pod's address");
}

static struct nft_elem elem_of(const char *name)
{
	struct nft_elem el;

	memset(&el, 0, sizeof(el));
	str_copy(el.key[0].ifname, sizeof(el.key[0].ifname), name);
	return el;
}

static void put_table(struct nl *nl)
{
	nft_table_add(nl, &table);
	nft_set_add(nl, &table, ENDS);
	nft_set_add(nl, &table, WIRES);
	for (size_t i = 0; i < CHAINS; i++) {
		nft_chain_add(nl, &table, &chains[i]);
		nft_chain_flush(nl, &table, chains[i].name);
	}
	put_rules(nl);
}

int answers_add(struct nl *nl, const char *wire, const char *end, struct err *e)
{
	const struct nft_elem wires = elem_of(wire), ends = elem_of(end);

	nft_begin(nl);
	put_table(nl);
	nft_elem_add(nl, &table, WIRES, &wires);
	nft_elem_add(nl, &table, ENDS, &ends);
	return err_ctx(e, nft_commit(nl, NULL, e), "in the pod");
}

struct others {
	const char *name;
	bool found;
};

static int find_other(const struct nft_elem *el, void *arg)
{
	struct others *o = arg;

	o->found = o->found || strncmp(el->key[0].ifname, o->name, sizeof(el->key[0].ifname)) != 0;
	return 0;
}

static int del_elem(struct nl *nl, const struct nft_set *s, const char *name, struct err *e)
{
	const struct nft_elem el = elem_of(name);
	int r = nft_elem_find(nl, &table, s, &el, NULL, e);

	if (r <= 0)
		return r;
	nft_begin(nl);
	nft_elem_del(nl, &table, s, &el);
	return nft_commit(nl, NULL, e);
}

int answers_del(struct nl *nl, const char *wire, const char *end, struct err *e)
{
	struct others o = { .name = end };
	struct err local = { 0 };
	int r = nft_table_find(nl, &table, &local);

	if (r <= 0)
		return r == 0 || r == -EOPNOTSUPP ? 0 : err_take(e, &local);
	r = nft_elem_each(nl, &table, ENDS, find_other, &o, e);
	if (r < 0)
		return r;
	if (!o.found) {
		nft_begin(nl);
		nft_table_del(nl, &table);
		return nft_commit(nl, NULL, e);
	}
	r = del_elem(nl, ENDS, end, e);
	if (r == 0)
		r = del_elem(nl, WIRES, wire, e);
	return r < 0 ? r : 1;
}

static int check_elem(struct nl *nl, const struct nft_set *s, const char *name, struct err *e)
{
	const struct nft_elem el = elem_of(name);
	int r = nft_elem_find(nl, &table, s, &el, NULL, e);

	return r ? (r < 0 ? r : 0)
		 : err_set(e, ENOENT, "the pod's table inet %s lacks %s in its set %s", table.name,
			   name, s->name);
}

int answers_check(struct nl *nl, const char *wire, const char *end, struct err *e)
{
	struct nft_rules_differ differ;
	int r = nft_table_find(nl, &table, e);

	if (r == 0)
		r = err_set(e, ENOENT, "the pod has lost its table inet %s", table.name);
	if (r > 0)
		r = nft_rules_check(nl, &table, put_rules, &differ, e);
	if (r == 0)
		r = err_set(e, ENOENT, "the pod's table inet %s has other rules in its chain %s",
			    table.name, differ.chain);
	if (r > 0)
		r = check_elem(nl, ENDS, end, e);
	if (r == 0)
		r = check_elem(nl, WIRES, wire, e);
	return err_code(e, r, CNI_ERR_DIFFERS);
}
