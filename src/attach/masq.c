/*
 * ipMasq in one table at constant cost: see masq.h. Adding and checking; taking away is masq_del.c.
 *
 *	table inet cnibox {
 *		set masq4 { type ipv4_addr }			pods that are masqueraded
 *		set home4 { type ipv4_addr . ipv4_addr }	subnet . subnet: inside one network
 *nothing is translated set masq6, home6 chain postrouting { type nat hook postrouting priority
 *srcnat ip saddr @masq4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 masquerade
 *fully-random the same for IPv6, ff00::/8
 *		}
 *	}
 *
 * An ADD is one transaction of two elements. Only when the table is missing it is made, and the
 *transaction tried again. The last DEL of a subnet removes its home, the last of all the table, on
 *condition of the ruleset's generation, so that it cannot take a new pod's with it.
 */
#include "attach/masq_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "attach/attachment.h"
#include "base/err.h"
#include "net/nl.h"

#define SRCNAT_PRIORITY 100

const struct nft_table masq_table = { .family = NFPROTO_INET, .name = "cnibox" };
static const struct nft_chain chain = {
	.name = "postrouting",
	.type = "nat",
	.hook = NF_INET_POST_ROUTING,
	.priority = SRCNAT_PRIORITY,
};

const struct masq_family masq_families[MASQ_FAMILIES] = {
	{ NFPROTO_IPV4,
	  { "masq4", { NFT_TYPE_IPV4 } },
	  { "home4", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true },
	  { { AF_INET, { 224 } }, 4 } },
	{ NFPROTO_IPV6,
	  { "masq6", { NFT_TYPE_IPV6 } },
	  { "home6", { NFT_TYPE_IPV6, NFT_TYPE_IPV6 }, .interval = true },
	  { { AF_INET6, { 0xff } }, 8 } },
};

const struct masq_family *masq_family_of(const struct addr *a)
{
	return &masq_families[a->family == AF_INET6];
}

int masq_open(struct nl **out, struct err *e)
{
	static char buf[65536];
	static struct nl nl;
	static bool open;
	int r = open ? 0 : nl_open(&nl, NETLINK_NETFILTER, buf, sizeof(buf), e);

	open = r == 0;
	*out = &nl;
	return r;
}

void masq_comment(const struct cni_attachment *at, char out[static MASQ_COMMENT_SIZE])
{
	char name[IF_NAMESIZE];

	snprintf(out, MASQ_COMMENT_MAX + 1, "%s %s/%s/%s", attachment_host_name(at, name),
		 at->network, at->container_id, at->ifname);
}

int masq_find(struct nl *nl, const struct addr *a, struct err *e)
{
	const struct nft_elem pod = { .key[0].addr = *a };

	return nft_elem_find(nl, &masq_table, &masq_family_of(a)->masq, &pod, NULL, e);
}

static void put_rule(struct nl *nl, const struct masq_family *f)
{
	nft_rule_begin(nl, &masq_table, chain.name, false);
	nft_match_family(nl, f->proto);
	nft_match_set(nl, &f->masq, NFT_OF(NFT_SADDR), false);
	nft_match_set(nl, &f->home, NFT_OF(NFT_SADDR, NFT_DADDR), true);
	nft_match_daddr(nl, &f->multicast, true);
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, "leaves its network");
}

/*
 * Made again from nothing if a part of it was missing: the chain is flushed first, so that rules
 * are never there twice.
 */
static int make_table(struct nl *nl, struct err *e)
{
	nft_begin(nl);
	nft_table_add(nl, &masq_table);
	for (size_t i = 0; i < MASQ_FAMILIES; i++) {
		nft_set_add(nl, &masq_table, &masq_families[i].masq);
		nft_set_add(nl, &masq_table, &masq_families[i].home);
	}
	nft_chain_add(nl, &masq_table, &chain);
	nft_chain_flush(nl, &masq_table, chain.name);
	for (size_t i = 0; i < MASQ_FAMILIES; i++)
		put_rule(nl, &masq_families[i]);
	return nft_commit(nl, NULL, e);
}

/* An element that a killed ADD left for this address would keep its old comment. */
static int put_address(struct nl *nl, const struct cni_ip *ip, const char *comment, bool stale)
{
	const struct masq_family *f = masq_family_of(&ip->address.addr);
	const struct nft_elem pod = { .key[0].addr = ip->address.addr, .comment = comment };
	const union nft_value first = { prefix_first(&ip->address) },
			      last = { prefix_last(&ip->address) };
	const struct nft_elem home = { .key = { first, first },
				       .last = { last, last },
				       .range = true };

	if (stale)
		nft_elem_del(nl, &masq_table, &f->masq, &pod);
	nft_elem_add(nl, &masq_table, &f->masq, &pod);
	nft_elem_add(nl, &masq_table, &f->home, &home);
	return 0;
}

static int find_stale(struct nl *nl, const struct cni_result *r, bool stale[static CNI_IPS_MAX],
		      struct err *e)
{
	int found = 0;

	for (size_t i = 0; found >= 0 && i < r->ip_count; i++) {
		found = masq_find(nl, &r->ips[i].address.addr, e);
		stale[i] = found > 0;
	}
	return found < 0 ? found : 0;
}

static int add_elements(struct nl *nl, const struct cni_attachment *at, const struct cni_result *r,
			struct err *e)
{
	bool stale[CNI_IPS_MAX];
	char comment[MASQ_COMMENT_SIZE];
	int res = find_stale(nl, r, stale, e);

	if (res < 0)
		return res;
	masq_comment(at, comment);
	nft_begin(nl);
	for (size_t i = 0; i < r->ip_count; i++)
		put_address(nl, &r->ips[i], comment, stale[i]);
	return nft_commit(nl, NULL, e);
}

/*
 * ENOENT: no table yet, or somebody has flushed the ruleset, or the last DEL of another pod has
 * just taken the table away.
 */
int masq_add(const struct cni_attachment *at, const struct cni_result *r, struct err *e)
{
	struct err local = { 0 };
	struct nl *nl;
	int res = masq_open(&nl, e);

	if (res < 0)
		return err_ctx(e, res, "ipMasq");
	for (int i = 0; i < MASQ_TRIES; i++) {
		err_clear(&local);
		res = add_elements(nl, at, r, &local);
		if (res != -ENOENT)
			break;
		err_clear(&local);
		res = make_table(nl, &local);
		if (res < 0)
			break;
	}
	if (res < 0)
		*e = local;
	return err_ctx(e, res, "ipMasq");
}

int masq_check(const struct cni_result *r, struct err *e)
{
	struct nl *nl;
	int found = masq_open(&nl, e);

	if (found < 0)
		return err_ctx(e, found, "ipMasq");
	for (size_t i = 0; found >= 0 && i < r->ip_count; i++) {
		const struct addr *a = &r->ips[i].address.addr;

		found = masq_find(nl, a, e);
		if (found == 0)
			found = err_code(
				e,
				err_set(e, ENOENT, "%s is not masqueraded any more", addr_text(a)),
				CNI_ERR_DIFFERS);
	}
	return err_ctx(e, found < 0 ? found : 0, "ipMasq");
}
