/* Looking at a schema's table: see fw_private.h. */
#include "fw/fw_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "net/nl.h"

int fw_open(struct nl **out, struct err *e)
{
	static char buf[65536];
	static struct nl nl;
	static bool open;
	int r = open ? 0 : nl_open(&nl, NETLINK_NETFILTER, buf, sizeof(buf), e);

	open = r == 0;
	*out = &nl;
	return r;
}

void fw_comment(const struct cni_attachment *at, char out[static FW_COMMENT_SIZE])
{
	char name[IF_NAMESIZE];
	struct attachment_names buf;
	const struct cni_attachment brief = attachment_shorten(at, &buf);

	snprintf(out, FW_COMMENT_MAX + 1, "%s %s/%s/%s", attachment_host_name(at, name),
		 brief.network, brief.container_id, brief.ifname);
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

int fw_find_host_end(const char *host_name, struct link *out, struct err *e)
{
	static char buf[1024];
	static struct nl nl;
	static bool open;
	int r = open ? 0 : nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), e);

	open = r == 0;
	return r < 0 ? r : link_find(&nl, host_name, out, e);
}

int fw_is_alive(const char *host_name, struct err *e)
{
	struct link l;

	return fw_find_host_end(host_name, &l, e);
}

/* The table, its chains, the elements: all in one message to the kernel. */
static size_t ask(const struct fw_schema *s, const struct fw_elem *elems, size_t count,
		  struct nft_query q[static FW_QUERIES_MAX])
{
	size_t n = 0;

	assert(1 + s->chain_count + count <= FW_QUERIES_MAX);
	memset(q, 0, (1 + s->chain_count + count) * sizeof(*q));
	n++;
	for (size_t i = 0; i < s->chain_count; i++)
		q[n++].chain = &s->chains[i].chain;
	for (size_t i = 0; i < count; i++) {
		q[n].set = elems[i].set;
		q[n++].el = &elems[i].el;
	}
	return n;
}

/*
 * A chain counts its rules and a table its chains and sets, so that none need be read. A set cannot
 * be deleted while a rule looks into it.
 */
static void view_read(const struct fw_schema *s, struct fw_view *v)
{
	const struct nft_query *table = &v->q[0];

	v->missing[0] = '\0';
	v->table = table->found;
	if (!table->found)
		snprintf(v->missing, sizeof(v->missing), "is not there");
	else if (!table->alike)
		snprintf(v->missing, sizeof(v->missing), "is dormant");
	else if (table->use < s->chain_count + s->set_count)
		snprintf(v->missing, sizeof(v->missing), "lacks a chain or a set");
	for (size_t i = 0; !v->missing[0] && i < s->chain_count; i++) {
		const struct nft_query *q = &v->q[1 + i];
		const struct fw_chain *c = &s->chains[i];

		if (!q->found || !q->alike)
			snprintf(v->missing, sizeof(v->missing), "%s chain %s",
				 q->found ? "has another" : "lacks", c->chain.name);
		else if (q->use < c->rules)
			snprintf(v->missing, sizeof(v->missing), "lacks rules in chain %s",
				 c->chain.name);
	}
	v->complete = !v->missing[0];
}

int fw_look(struct nl *nl, const struct fw_schema *s, const struct fw_elem *elems, size_t count,
	    struct fw_view *v, struct err *e)
{
	size_t n = ask(s, elems, count, v->q);
	int r = nft_query(nl, &s->table, v->q, n, e);

	v->elem = v->q + 1 + s->chain_count;
	if (r == 0)
		view_read(s, v);
	return r;
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
