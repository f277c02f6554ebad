/* Looking at a schema's table: see fw_private.h. */
#include "fw/fw_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "cni/request.h"
#include "net/nl.h"

#define PARTS_MAX 32 /* of a table: itself, sets, chains */

int fw_open(struct nl **out, struct err *e)
{
	static struct {
		bool open;
		struct nl nl;
		char buf[262144];
	} s;
	int r = s.open ? 0 : nl_open(&s.nl, NETLINK_NETFILTER, s.buf, sizeof(s.buf), e);

	s.open = r == 0;
	*out = &s.nl;
	return r;
}

int fw_status(struct err *e)
{
	struct nl *nl;
	uint32_t generation;
	int r = fw_open(&nl, e);

	return r < 0 ? r : nft_generation(nl, &generation, e);
}

void fw_comment(const struct cni_attachment *at, char out[static FW_COMMENT_SIZE])
{
	char name[IF_NAMESIZE];
	struct attachment_names buf;
	const struct cni_attachment brief = attachment_shorten(at, &buf);

	snprintf(out, FW_COMMENT_MAX + 1, "%s %s/%s/%s", attachment_host_name(at, name),
		 brief.network, brief.container_id, brief.ifname);
}

bool fw_is_joint(const struct fw_schema *s, const struct nft_set *set)
{
	return set >= s->sets + (s->set_count - s->joint);
}

size_t fw_chain_count(const struct fw_schema *s)
{
	return s->count_chains ? s->count_chains() : s->chain_count;
}

bool fw_comment_name(const char *comment, char out[static IF_NAMESIZE])
{
	size_t len = strcspn(comment, " ");

	if (comment[len] != ' ' || len == 0 || len >= IF_NAMESIZE || memchr(comment, '/', len))
		return false;
	memcpy(out, comment, len);
	out[len] = '\0';
	return true;
}

static bool comment_is_in_network(const char *comment, const char *network)
{
	const char *at = strchr(comment, ' ');
	char buf[CNI_NETWORK_SHORT + 1];
	const char *brief = attachment_short_network(network, buf);
	size_t len = strlen(brief);

	return at && strncmp(at + 1, brief, len) == 0 && at[1 + len] == '/';
}

/* A comment that is cut does not name its attachment any more, only its hash. */
static bool cut_is_valid(const struct cni_request *gc, const char *comment)
{
	char mine[FW_COMMENT_SIZE];

	for (size_t i = 0; i < gc->valid_count; i++) {
		struct cni_attachment at = gc->valid[i];

		at.network = gc->at.network;
		fw_comment(&at, mine);
		if (strcmp(comment, mine) == 0)
			return true;
	}
	return false;
}

static bool is_valid(const struct cni_request *gc, const char *comment)
{
	char names[FW_COMMENT_SIZE];
	char *id, *ifname;

	if (strlen(comment) >= FW_COMMENT_MAX)
		return cut_is_valid(gc, comment);
	str_copy(names, sizeof(names), comment);
	id = strchr(names, '/');
	ifname = id ? strchr(id + 1, '/') : NULL;
	if (!ifname)
		return false;
	*ifname = '\0';
	return cni_is_valid(gc, id + 1, ifname + 1);
}

bool fw_comment_is_stale(const char *comment, const struct cni_request *gc)
{
	return comment_is_in_network(comment, gc->at.network) && !is_valid(gc, comment);
}

struct host_end_search {
	const char *host_name;
	struct link *out;
	bool found;
};

static int match_alias(const struct link *l, void *arg)
{
	struct host_end_search *s = arg;
	char buf[LINK_ALIAS_SIZE], name[IF_NAMESIZE];
	struct cni_attachment at;

	if (attachment_parse(l->alias, buf, &at) &&
	    strcmp(attachment_host_name(&at, name), s->host_name) == 0) {
		*s->out = *l;
		s->found = true;
	}
	return 0;
}

/* udev and administrators rename. */
int fw_find_host_end(const char *host_name, struct link *out, struct err *e)
{
	static char buf[8192];
	static struct nl nl;
	static bool open;
	struct host_end_search s = { .host_name = host_name, .out = out };
	int r = open ? 0 : nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), e);

	open = r == 0;
	if (r == 0)
		r = link_find(&nl, host_name, out, e);
	if (r != 0)
		return r;
	r = link_each(&nl, "veth", match_alias, &s, e);
	return r < 0 ? r : s.found;
}

int fw_is_alive(const char *host_name, struct err *e)
{
	struct link l;

	return fw_find_host_end(host_name, &l, e);
}

int fw_owner_is_alive(const struct fw_record *r, const char *host_name, struct err *e)
{
	return r->host_end ? fw_is_alive(host_name, e) : 1;
}

int fw_look(const struct fw_place *p, const struct fw_elem *elems, size_t count, struct fw_view *v,
	    struct err *e)
{
	size_t n = 2;
	int r;

	assert(n + count <= FW_QUERIES_MAX);
	memset(v->q, 0, (n + count) * sizeof(*v->q));
	v->q[0].generation = true; /* first: what comes later is as old, or newer */
	for (size_t i = 0; i < count; i++) {
		v->q[n].set = elems[i].set;
		v->q[n++].el = &elems[i].el;
	}
	r = nft_query(p->nl, &p->s->table, v->q, n, e);
	v->generation = v->q[0].use;
	v->table = v->q[1].found;
	v->elem = v->q + 2;
	return r;
}

static bool missing_set(char missing[static FW_MISSING_SIZE], const char *verb, const char *what,
			const char *name)
{
	snprintf(missing, FW_MISSING_SIZE, "%s%s%s", verb, what, name);
	return true;
}

/* False: nothing is missing so far. */
static bool find_missing(const struct fw_schema *s, size_t chains, const struct nft_query *q,
			 char missing[static FW_MISSING_SIZE])
{
	if (!q->found)
		return missing_set(missing, "is not there", "", "");
	if (!q->alike)
		return missing_set(missing, "is dormant", "", "");
	for (size_t i = 0; i < s->set_count; i++) {
		q++;
		if (!q->found || !q->alike)
			return missing_set(missing, q->found ? "has another" : "lacks the", " set ",
					   s->sets[i].name);
	}
	for (size_t i = 0; i < chains; i++) {
		q++;
		if (!q->found || !q->alike)
			return missing_set(missing, q->found ? "has another" : "lacks the",
					   " chain ", s->chains[i].name);
	}
	return false;
}

static int inspect_rules(const struct fw_place *p, char missing[static FW_MISSING_SIZE],
			 struct err *e)
{
	struct nft_rules_differ d;
	int r = nft_rules_check(p->nl, &p->s->table, p->s->put_rules, &d, e);

	if (r == 0)
		missing_set(missing, d.lacks ? "lacks rules" : "has other rules", " in the chain ",
			    d.chain);
	return r;
}

int fw_inspect(const struct fw_place *p, char missing[static FW_MISSING_SIZE], struct err *e)
{
	struct nft_query q[PARTS_MAX] = { { .chain = NULL } }; /* the first: the table */
	size_t n = 1, chains = fw_chain_count(p->s);
	int r;

	assert(n + p->s->set_count + chains <= PARTS_MAX);
	for (size_t i = 0; i < p->s->set_count; i++)
		q[n++].set = &p->s->sets[i];
	for (size_t i = 0; i < chains; i++)
		q[n++].chain = &p->s->chains[i];
	r = nft_query(p->nl, &p->s->table, q, n, e);
	if (r < 0)
		return r;
	return find_missing(p->s, chains, q, missing) ? 0 : inspect_rules(p, missing, e);
}

static bool is_sealed(const struct fw_place *p, uint32_t generation)
{
	return p->seal.generation == generation && !p->hurried;
}

void fw_begin(const struct fw_place *p, uint32_t generation)
{
	if (is_sealed(p, generation))
		nft_begin_at(p->nl, generation);
	else
		nft_begin(p->nl);
}

/* As the kernel counts: 0 is no generation (nf_tables_commit()). */
static uint32_t generation_next(uint32_t generation)
{
	return generation == UINT32_MAX ? 1 : generation + 1;
}

static void guard(struct fw_place *p)
{
	if (p->guard == 0)
		p->guard = seal_guard(p->dir);
}

void fw_unguard(struct fw_place *p)
{
	if (p->guard <= 0)
		return;
	close(p->guard);
	p->guard = 0;
}

static bool fits(const struct fw_place *p, const struct fw_view *v)
{
	return !v->table || !p->seal.generation || p->seal.generation == v->generation;
}

int fw_look_sealed(struct fw_place *p, bool again, const struct fw_elem *elems, size_t count,
		   struct fw_view *v, struct err *e)
{
	int r;

	if (again)
		guard(p);
	seal_read(&p->seal);
	r = fw_look(p, elems, count, v, e);
	if (r < 0 || p->guard || fits(p, v))
		return r;
	guard(p);
	seal_read(&p->seal);
	return fw_look(p, elems, count, v, e);
}

int fw_commit(struct fw_place *p, uint32_t generation, int grown, struct err *e)
{
	bool empty = nl_count(p->nl) <= 1; /* nothing behind its mark */
	uint32_t from = 0;
	int r;

	guard(p);
	r = nft_commit(p->nl, NULL, e);
	if (r == 0 && is_sealed(p, generation) && !empty) {
		p->seal.generation = generation_next(generation);
		from = generation;
	}
	if (r == 0) {
		p->seal.elements += (uint32_t)grown;
		seal_write(&p->seal, from);
	}
	fw_unguard(p);
	return r < 0 ? r : 0;
}

static int compare(enum nft_type type, const union nft_value *x, const union nft_value *y)
{
	switch (type) {
	case NFT_TYPE_IPV4:
	case NFT_TYPE_IPV6:
		return addr_cmp(&x->addr, &y->addr);
	case NFT_TYPE_MAC:
		return memcmp(x->mac, y->mac, sizeof(x->mac));
	case NFT_TYPE_PROTO:
		return x->proto - y->proto;
	case NFT_TYPE_PORT:
		return x->port - y->port;
	case NFT_TYPE_MARK:
		return x->mark < y->mark ? -1 : x->mark > y->mark;
	case NFT_TYPE_IFNAME:
		return strncmp(x->ifname, y->ifname, sizeof(x->ifname));
	case NFT_TYPE_VERDICT:
	case NFT_TYPE_NONE:
		break;
	}
	return 0;
}

static bool parts_equal(const enum nft_type *types, const union nft_value *x,
			const union nft_value *y)
{
	for (unsigned int i = 0; i < NFT_PARTS_MAX && types[i] != NFT_TYPE_NONE; i++) {
		if (compare(types[i], &x[i], &y[i]) != 0)
			return false;
	}
	return true;
}

bool fw_elem_equal(const struct fw_elem *x, const struct fw_elem *y)
{
	const struct nft_set *s = x->set;

	return s == y->set && x->el.range == y->el.range &&
	       parts_equal(s->key, x->el.key, y->el.key) &&
	       (!x->el.range || parts_equal(s->key, x->el.last, y->el.last)) &&
	       parts_equal(s->data, x->el.data, y->el.data);
}

bool fw_overlaps(const struct nft_set *s, const struct nft_elem *x, const struct nft_elem *y)
{
	const union nft_value *x_last = x->range ? x->last : x->key,
			      *y_last = y->range ? y->last : y->key;

	for (unsigned int i = 0; i < NFT_PARTS_MAX && s->key[i] != NFT_TYPE_NONE; i++) {
		if (compare(s->key[i], &x->key[i], &y_last[i]) > 0 ||
		    compare(s->key[i], &y->key[i], &x_last[i]) > 0)
			return false;
	}
	return true;
}
