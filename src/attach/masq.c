/*
 * ipMasq in one table at constant cost: see masq.h.
 *
 *	table inet cnibox {
 *		set masq4 { type ipv4_addr }			pods that are masqueraded
 *		set home4 { type ipv4_addr . ipv4_addr }	subnet . subnet: inside one network nothing is translated
 *		set masq6, home6
 *		chain postrouting {
 *			type nat hook postrouting priority srcnat
 *			ip saddr @masq4 ip saddr . ip daddr != @home4 ip daddr != 224.0.0.0/4 masquerade fully-random
 *			the same for IPv6, ff00::/8
 *		}
 *	}
 *
 * An ADD is one transaction of two elements. Only when the table is missing it is made, and the transaction tried again. The last DEL of a
 * subnet removes its home, the last of all the table, on condition of the ruleset's generation, so that it cannot take a new pod's with it.
 */
#include "attach/masq.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netfilter.h>

#include "attach/attachment.h"
#include "base/err.h"
#include "base/text.h"
#include "net/nft.h"
#include "net/nl.h"

#define COMMENT_MAX 120	/* nft.h */
#define COMMENT_SIZE 128
#define TRIES 8
#define SRCNAT_PRIORITY 100

static const struct nft_table table = { .family = NFPROTO_INET, .name = "cnibox" };
static const struct nft_chain chain = {
	.name = "postrouting", .type = "nat", .hook = NF_INET_POST_ROUTING, .priority = SRCNAT_PRIORITY,
};

static const struct family {
	uint8_t proto;
	struct nft_set masq, home;
	struct prefix multicast;
} families[] = {
	{ NFPROTO_IPV4, { "masq4", NFT_KEY_IPV4, false }, { "home4", NFT_KEY_IPV4_IPV4, true },
	  { { AF_INET, { 224 } }, 4 } },
	{ NFPROTO_IPV6, { "masq6", NFT_KEY_IPV6, false }, { "home6", NFT_KEY_IPV6_IPV6, true },
	  { { AF_INET6, { 0xff } }, 8 } },
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

static const struct family *family_of(const struct addr *a)
{
	return &families[a->family == AF_INET6];
}

/*
 * Opened once and left to the end of the process: closing a netfilter socket waits for the kernel to destroy what the last transaction removed, 5 ms of
 * grace periods (nft_rcv_nl_event(), net/netfilter/nf_tables_api.c), which pass unnoticed while DEL deletes the link.
 */
static int open_socket(struct nl **out, struct err *e)
{
	static char buf[65536];		/* FOUND_MAX elements */
	static struct nl nl;
	static bool open;
	int r = open ? 0 : nl_open(&nl, NETLINK_NETFILTER, buf, sizeof(buf), e);

	open = r == 0;
	*out = &nl;
	return r;
}

/* "veth0123456789a network/container/interface", cut where it must be: the hash in front identifies it, the network stands whole. */
static void make_comment(const struct cni_attachment *at, char out[static COMMENT_SIZE])
{
	char name[IF_NAMESIZE];

	snprintf(out, COMMENT_MAX + 1, "%s %s/%s/%s", attachment_host_name(at, name), at->network, at->container_id, at->ifname);
}

static bool comment_is_of(const char *comment, const struct cni_attachment *at)
{
	char mine[COMMENT_SIZE];

	make_comment(at, mine);
	return strcmp(comment, mine) == 0;
}

static bool comment_is_in_network(const char *comment, const char *network)
{
	const char *at = strchr(comment, ' ');
	size_t len = strlen(network);

	return at && strncmp(at + 1, network, len) == 0 && at[1 + len] == '/';
}

static void put_rule(struct nl *nl, const struct family *f)
{
	nft_rule_begin(nl, &table, chain.name, false);
	nft_match_family(nl, f->proto);
	nft_match_saddr_set(nl, &f->masq, false);
	nft_match_pair_set(nl, &f->home, true);
	nft_match_daddr(nl, &f->multicast, true);
	nft_do_masquerade(nl, true);
	nft_rule_end(nl, "leaves its network");
}

/* Made again from nothing if a part of it was missing: the chain is flushed first, so that rules are never there twice. */
static int make_table(struct nl *nl, struct err *e)
{
	nft_begin(nl);
	nft_table_add(nl, &table);
	for (size_t i = 0; i < FAMILIES; i++) {
		nft_set_add(nl, &table, &families[i].masq);
		nft_set_add(nl, &table, &families[i].home);
	}
	nft_chain_add(nl, &table, &chain);
	nft_chain_flush(nl, &table, chain.name);
	for (size_t i = 0; i < FAMILIES; i++)
		put_rule(nl, &families[i]);
	return nft_commit(nl, NULL, e);
}

/* An element that a killed ADD left for this address would keep its old comment. */
static int put_address(struct nl *nl, const struct cni_ip *ip, const char *comment, bool stale)
{
	const struct family *f = family_of(&ip->address.addr);
	const struct nft_elem pod = { .first = ip->address.addr, .comment = comment };
	const struct nft_elem home = {
		.first = prefix_first(&ip->address), .last = prefix_last(&ip->address),
		.first2 = prefix_first(&ip->address), .last2 = prefix_last(&ip->address),
	};

	if (stale)
		nft_elem_del(nl, &table, &f->masq, &pod);
	nft_elem_add(nl, &table, &f->masq, &pod);
	nft_elem_add(nl, &table, &f->home, &home);
	return 0;
}

static int find_stale(struct nl *nl, const struct cni_result *r, bool stale[static CNI_IPS_MAX], struct err *e)
{
	int found = 0;

	for (size_t i = 0; found >= 0 && i < r->ip_count; i++) {
		const struct nft_elem pod = { .first = r->ips[i].address.addr };

		found = nft_elem_find(nl, &table, &family_of(&pod.first)->masq, &pod, e);
		stale[i] = found > 0;
	}
	return found < 0 ? found : 0;
}

static int add_elements(struct nl *nl, const struct cni_attachment *at, const struct cni_result *r, struct err *e)
{
	bool stale[CNI_IPS_MAX];
	char comment[COMMENT_SIZE];
	int res = find_stale(nl, r, stale, e);

	if (res < 0)
		return res;
	make_comment(at, comment);
	nft_begin(nl);
	for (size_t i = 0; i < r->ip_count; i++)
		put_address(nl, &r->ips[i], comment, stale[i]);
	return nft_commit(nl, NULL, e);
}

/* ENOENT: no table yet, or somebody has flushed the ruleset, or the last DEL of another pod has just taken the table away. */
int masq_add(const struct cni_attachment *at, const struct cni_result *r, struct err *e)
{
	struct err local = { 0 };
	struct nl *nl;
	int res = open_socket(&nl, e);

	if (res < 0)
		return err_ctx(e, res, "ipMasq");
	for (int i = 0; i < TRIES; i++) {
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

#define HOMES_MAX 64	/* more stay until the table goes */

/* The subnets of a family, and which of them have a pod. */
struct homes {
	struct nft_elem at[HOMES_MAX];
	bool used[HOMES_MAX];
	size_t count, pods;
};

static int see_home(const struct nft_elem *el, void *arg)
{
	struct homes *h = arg;

	if (h->count < HOMES_MAX) {
		h->at[h->count] = *el;
		h->at[h->count].comment = NULL;
		h->used[h->count++] = false;
	}
	return 0;
}

static int see_pod(const struct nft_elem *el, void *arg)
{
	struct homes *h = arg;

	h->pods++;
	for (size_t i = 0; i < h->count; i++)
		h->used[i] |= addr_cmp(&h->at[i].first, &el->first) <= 0 && addr_cmp(&el->first, &h->at[i].last) <= 0;
	return 0;
}

static int see_homes(struct nl *nl, struct homes homes[static FAMILIES], struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < FAMILIES; i++) {
		homes[i].count = homes[i].pods = 0;
		r = nft_elem_each(nl, &table, &families[i].home, see_home, &homes[i], e);
		if (r >= 0)
			r = nft_elem_each(nl, &table, &families[i].masq, see_pod, &homes[i], e);
	}
	return r;
}

/* Written into the transaction: the table when it has no pod any more, else each subnet without one. */
static void put_tidying(struct nl *nl, const struct homes homes[static FAMILIES])
{
	if (homes[0].pods + homes[1].pods == 0) {
		nft_table_del(nl, &table);
		return;
	}
	for (size_t i = 0; i < FAMILIES; i++) {
		for (size_t k = 0; k < homes[i].count; k++) {
			if (!homes[i].used[k])
				nft_elem_del(nl, &table, &families[i].home, &homes[i].at[k]);
		}
	}
}

/* -ERESTART: somebody has changed the ruleset since we looked; look again. */
static int tidy(struct nl *nl, struct err *e)
{
	static struct homes homes[FAMILIES];
	struct err local = { 0 };
	uint32_t generation;
	int r = -ERESTART;

	for (int i = 0; r == -ERESTART && i < TRIES; i++) {
		err_clear(&local);
		r = nft_generation(nl, &generation, &local);
		if (r == 0)
			r = see_homes(nl, homes, &local);
		if (r < 0)
			break;
		nft_begin_at(nl, generation);
		put_tidying(nl, homes);
		r = nft_commit(nl, NULL, &local);
	}
	if (r == 0 || r == -ENOENT || r == -ERESTART)
		return 0;
	*e = local;
	return r;
}

#define FOUND_MAX 512	/* addresses removed in one pass of a search by comment */

struct search {
	const struct addr *addrs;		/* these, or */
	size_t addr_count;
	const struct cni_attachment *at;	/* this attachment's, or */
	const struct cni_request *gc;		/* those that are not valid, or */
	char (*names)[IF_NAMESIZE];		/* those with these host ends */
	size_t name_count;
	struct addr found[FOUND_MAX];
	size_t count;
};

/* A comment that is cut does not name its attachment any more, only its hash. */
static bool cut_is_valid(const struct cni_request *gc, const char *comment)
{
	char mine[COMMENT_SIZE];

	for (size_t i = 0; i < gc->valid_count; i++) {
		struct cni_attachment at = gc->valid[i];

		at.network = gc->at.network;
		make_comment(&at, mine);
		if (strcmp(comment, mine) == 0)
			return true;
	}
	return false;
}

static bool is_valid(const struct cni_request *gc, const char *comment)
{
	char names[COMMENT_SIZE];
	char *id, *ifname;

	if (strlen(comment) >= COMMENT_MAX)
		return cut_is_valid(gc, comment);
	str_copy(names, sizeof(names), comment);
	id = strchr(names, '/');
	ifname = id ? strchr(id + 1, '/') : NULL;
	if (!ifname)
		return false;
	*ifname = '\0';
	return cni_is_valid(gc, id + 1, ifname + 1);
}

static bool has_name(const struct search *s, const char *comment)
{
	size_t len = strcspn(comment, " ");

	for (size_t i = 0; i < s->name_count; i++) {
		if (strncmp(comment, s->names[i], len) == 0 && !s->names[i][len])
			return true;
	}
	return false;
}

static bool is_searched(const struct search *s, const char *comment)
{
	if (s->gc)
		return comment_is_in_network(comment, s->gc->at.network) && !is_valid(s->gc, comment);
	return s->at ? comment_is_of(comment, s->at) : has_name(s, comment);
}

static int see_element(const struct nft_elem *el, void *arg)
{
	struct search *s = arg;

	if (s->count < FOUND_MAX && is_searched(s, el->comment))
		s->found[s->count++] = el->first;
	return 0;
}

/* By address without a dump. */
static int look_at(struct nl *nl, struct search *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->addr_count; i++) {
		const struct nft_elem pod = { .first = s->addrs[i] };

		r = nft_elem_find(nl, &table, &family_of(&pod.first)->masq, &pod, e);
		if (r > 0)
			s->found[s->count++] = pod.first;
	}
	return r;
}

static int look(struct nl *nl, struct search *s, struct err *e)
{
	int r = 0;

	s->count = 0;
	if (s->addr_count)
		return look_at(nl, s, e);
	for (size_t i = 0; r >= 0 && i < FAMILIES; i++)
		r = nft_elem_each(nl, &table, &families[i].masq, see_element, s, e);
	return r;
}

static int del_elements(struct nl *nl, const struct search *s, struct err *e)
{
	nft_begin(nl);
	for (size_t i = 0; i < s->count; i++) {
		const struct nft_elem pod = { .first = s->found[i] };

		nft_elem_del(nl, &table, &family_of(&pod.first)->masq, &pod);
	}
	return nft_commit(nl, NULL, e);
}

/*
 * In passes, until nothing more is found. Looking first is not only for the search: a transaction that fails because an element is not there
 * costs the kernel a grace period (__nf_tables_abort()). -ENOENT: another's was faster with one of them.
 */
static int del_found(struct nl *nl, struct search *s, struct err *e)
{
	struct err local = { 0 };
	int r;

	for (int tries = 0; tries < TRIES; tries += r == -ENOENT) {
		err_clear(&local);
		r = look(nl, s, &local);
		if (r < 0 || !s->count)
			break;
		r = del_elements(nl, s, &local);
		if (r < 0 && r != -ENOENT)
			break;
	}
	if (r >= 0)
		return 0;
	*e = local;
	return r;
}

/* A kernel without nf_tables masquerades nothing. */
static int no_masquerade(struct err *e, int r)
{
	if (r != -EPROTONOSUPPORT && r != -EOPNOTSUPP)
		return err_ctx(e, r, "ipMasq");
	err_clear(e);
	return 0;
}

static struct search search;

static int remove_searched(struct search *s, struct err *e)
{
	struct nl *nl;
	int r = open_socket(&nl, e);

	if (r == 0)
		r = del_found(nl, s, e);
	if (r == 0)
		r = tidy(nl, e);
	return no_masquerade(e, r);
}

int masq_has(const struct addr *addrs, size_t count, struct err *e)
{
	struct nl *nl;
	int r = open_socket(&nl, e);

	search = (struct search){ .addrs = addrs, .addr_count = count };
	if (r == 0)
		r = look_at(nl, &search, e);
	return r < 0 ? no_masquerade(e, r) : search.count > 0;
}

int masq_del(const struct cni_attachment *at, const struct addr *addrs, size_t count, struct err *e)
{
	search = (struct search){ .at = at, .addrs = addrs, .addr_count = count };
	return remove_searched(&search, e);
}

int masq_del_links(char (*names)[IF_NAMESIZE], size_t count, struct err *e)
{
	search = (struct search){ .names = names, .name_count = count };
	return remove_searched(&search, e);
}

int masq_gc(const struct cni_request *req, struct err *e)
{
	search = (struct search){ .gc = req };
	return remove_searched(&search, e);
}

int masq_check(const struct cni_result *r, struct err *e)
{
	struct nl *nl;
	int found = open_socket(&nl, e);

	if (found < 0)
		return err_ctx(e, found, "ipMasq");
	for (size_t i = 0; found >= 0 && i < r->ip_count; i++) {
		const struct nft_elem pod = { .first = r->ips[i].address.addr };

		found = nft_elem_find(nl, &table, &family_of(&pod.first)->masq, &pod, e);
		if (found == 0)
			found = err_code(e, err_set(e, ENOENT, "%s is not masqueraded any more",
						    addr_text(&pod.first)), CNI_ERR_DIFFERS);
	}
	return err_ctx(e, found < 0 ? found : 0, "ipMasq");
}
