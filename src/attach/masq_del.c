/*
 * Taking the masquerade away: see masq.h. Elements are found by address, or by the comment that
 * says whose they are; then what they leave behind, a subnet without pods and at last the table,
 * goes on condition of the ruleset's generation.
 */
#include "attach/masq_private.h"

#include <errno.h>
#include <string.h>

#include "attach/attachment.h"
#include "base/err.h"
#include "base/text.h"
#include "net/nl.h"

#define HOMES_MAX 64 /* more stay until the table goes */

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
		h->used[i] |= addr_cmp(&h->at[i].key[0].addr, &el->key[0].addr) <= 0 &&
			      addr_cmp(&el->key[0].addr, &h->at[i].last[0].addr) <= 0;
	return 0;
}

static int see_homes(struct nl *nl, struct homes homes[static MASQ_FAMILIES], struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < MASQ_FAMILIES; i++) {
		homes[i].count = homes[i].pods = 0;
		r = nft_elem_each(nl, &masq_table, &masq_families[i].home, see_home, &homes[i], e);
		if (r >= 0)
			r = nft_elem_each(nl, &masq_table, &masq_families[i].masq, see_pod,
					  &homes[i], e);
	}
	return r;
}

/*
 * Written into the transaction: the table when it has no pod any more, else each subnet without
 * one.
 */
static void put_tidying(struct nl *nl, const struct homes homes[static MASQ_FAMILIES])
{
	if (homes[0].pods + homes[1].pods == 0) {
		nft_table_del(nl, &masq_table);
		return;
	}
	for (size_t i = 0; i < MASQ_FAMILIES; i++) {
		for (size_t k = 0; k < homes[i].count; k++) {
			if (!homes[i].used[k])
				nft_elem_del(nl, &masq_table, &masq_families[i].home,
					     &homes[i].at[k]);
		}
	}
}

/* -ERESTART: somebody has changed the ruleset since we looked; look again. */
static int tidy(struct nl *nl, struct err *e)
{
	static struct homes homes[MASQ_FAMILIES];
	struct err local = { 0 };
	uint32_t generation;
	int r = -ERESTART;

	for (int i = 0; r == -ERESTART && i < MASQ_TRIES; i++) {
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

#define FOUND_MAX 512 /* addresses removed in one pass of a search by comment */

struct search {
	const struct addr *addrs; /* these, or */
	size_t addr_count;
	const struct cni_attachment *at; /* this attachment's, or */
	const struct cni_request *gc;	 /* those that are not valid, or */
	char (*names)[IF_NAMESIZE];	 /* those with these host ends */
	size_t name_count;
	struct addr found[FOUND_MAX];
	size_t count;
};

static bool comment_is_of(const char *comment, const struct cni_attachment *at)
{
	char mine[MASQ_COMMENT_SIZE];

	masq_comment(at, mine);
	return strcmp(comment, mine) == 0;
}

static bool comment_is_in_network(const char *comment, const char *network)
{
	const char *at = strchr(comment, ' ');
	size_t len = strlen(network);

	return at && strncmp(at + 1, network, len) == 0 && at[1 + len] == '/';
}

/* A comment that is cut does not name its attachment any more, only its hash. */
static bool cut_is_valid(const struct cni_request *gc, const char *comment)
{
	char mine[MASQ_COMMENT_SIZE];

	for (size_t i = 0; i < gc->valid_count; i++) {
		struct cni_attachment at = gc->valid[i];

		at.network = gc->at.network;
		masq_comment(&at, mine);
		if (strcmp(comment, mine) == 0)
			return true;
	}
	return false;
}

static bool is_valid(const struct cni_request *gc, const char *comment)
{
	char names[MASQ_COMMENT_SIZE];
	char *id, *ifname;

	if (strlen(comment) >= MASQ_COMMENT_MAX)
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
		return comment_is_in_network(comment, s->gc->at.network) &&
		       !is_valid(s->gc, comment);
	return s->at ? comment_is_of(comment, s->at) : has_name(s, comment);
}

static int see_element(const struct nft_elem *el, void *arg)
{
	struct search *s = arg;

	if (s->count < FOUND_MAX && is_searched(s, el->comment))
		s->found[s->count++] = el->key[0].addr;
	return 0;
}

/* By address without a dump. */
static int look_at(struct nl *nl, struct search *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->addr_count; i++) {
		r = masq_find(nl, &s->addrs[i], e);
		if (r > 0)
			s->found[s->count++] = s->addrs[i];
	}
	return r;
}

static int look(struct nl *nl, struct search *s, struct err *e)
{
	int r = 0;

	s->count = 0;
	if (s->addr_count)
		return look_at(nl, s, e);
	for (size_t i = 0; r >= 0 && i < MASQ_FAMILIES; i++)
		r = nft_elem_each(nl, &masq_table, &masq_families[i].masq, see_element, s, e);
	return r;
}

static int del_elements(struct nl *nl, const struct search *s, struct err *e)
{
	nft_begin(nl);
	for (size_t i = 0; i < s->count; i++) {
		const struct nft_elem pod = { .key[0].addr = s->found[i] };

		nft_elem_del(nl, &masq_table, &masq_family_of(&s->found[i])->masq, &pod);
	}
	return nft_commit(nl, NULL, e);
}

/*
 * In passes, until nothing more is found. Looking first is not only for the search: a transaction
 * that fails because an element is not there costs the kernel a grace period (__nf_tables_abort()).
 * -ENOENT: another's was faster with one of them.
 */
static int del_found(struct nl *nl, struct search *s, struct err *e)
{
	struct err local = { 0 };
	int r;

	for (int tries = 0; tries < MASQ_TRIES; tries += r == -ENOENT) {
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
	int r = masq_open(&nl, e);

	if (r == 0)
		r = del_found(nl, s, e);
	if (r == 0)
		r = tidy(nl, e);
	return no_masquerade(e, r);
}

int masq_has(const struct addr *addrs, size_t count, struct err *e)
{
	struct nl *nl;
	int r = masq_open(&nl, e);

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
