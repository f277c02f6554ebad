/* Forgetting connections: see conntrack.h. */
#include "net/conntrack.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/err.h"
#include "net/nl.h"

#define FOUND_MAX 128
#define PASSES 64

struct found {
	struct conntrack c;
	uint16_t zone; /* as on the wire */
	uint32_t id;   /* as on the wire: another entry of the same tuple has another */
};

struct walk {
	conntrack_fn *fn;
	void *arg;
	uint8_t family;
	struct found at[FOUND_MAX];
	unsigned int count;
};

static void request(struct nl *nl, const char *what, uint16_t msg, uint16_t flags, uint8_t family)
{
	const struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0 };

	nl_request(nl, what, NFNL_SUBSYS_CTNETLINK << 8 | msg, flags, &g, sizeof(g));
}

static bool read_port(const struct nlattr *a, uint16_t *out)
{
	if (nl_size(a) < sizeof(*out))
		return false;
	memcpy(out, nl_data(a), sizeof(*out));
	*out = be16toh(*out);
	return true;
}

struct tuple {
	uint8_t proto;
	struct addr src, dst;
	uint16_t sport, dport;
};

static bool read_tuple(const struct nlattr *nest, uint8_t family, struct tuple *t)
{
	const struct nlattr *a[CTA_TUPLE_PROTO + 1], *ip[CTA_IP_V6_DST + 1],
		*p[CTA_PROTO_DST_PORT + 1];
	bool v6 = family == AF_INET6;

	nl_attrs_nested(nest, a, CTA_TUPLE_PROTO);
	nl_attrs_nested(a[CTA_TUPLE_IP], ip, CTA_IP_V6_DST);
	nl_attrs_nested(a[CTA_TUPLE_PROTO], p, CTA_PROTO_DST_PORT);
	t->proto = nl_u8(p[CTA_PROTO_NUM]);
	return nl_addr(ip[v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC], family, &t->src) &&
	       nl_addr(ip[v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST], family, &t->dst) &&
	       read_port(p[CTA_PROTO_SRC_PORT], &t->sport) &&
	       read_port(p[CTA_PROTO_DST_PORT], &t->dport);
}

static int collect(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[CTA_ZONE + 1];
	struct walk *w = arg;
	struct found *f = &w->at[w->count];
	struct tuple orig, reply;

	if (w->count == FOUND_MAX ||
	    h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return 0;
	nl_attrs(h, sizeof(struct nfgenmsg), a, CTA_ZONE);
	if (!read_tuple(a[CTA_TUPLE_ORIG], w->family, &orig) ||
	    !read_tuple(a[CTA_TUPLE_REPLY], w->family, &reply))
		return 0;
	f->c = (struct conntrack){ orig.proto, orig.src,  orig.dst,   orig.sport,
				   orig.dport, reply.src, reply.sport };
	f->zone = nl_u16(a[CTA_ZONE]);
	f->id = nl_u32(a[CTA_ID]);
	w->count += w->fn(&f->c, w->arg);
	return 0;
}

static void restart(void *arg)
{
	struct walk *w = arg;

	w->count = 0;
}

static void put_port(struct nl *nl, uint16_t type, uint16_t port)
{
	nl_put_u16(nl, type, htobe16(port));
}

/* Parts of a tuple. The kernel's own, for CTA_FILTER: net/netfilter/nf_internals.h. */
#define PART_SRC (1U << 0)
#define PART_DST (1U << 1)
#define PART_PROTO (1U << 3)
#define PART_SPORT (1U << 4)
#define PART_DPORT (1U << 5)
#define PARTS (PART_SRC | PART_DST | PART_PROTO | PART_SPORT | PART_DPORT)

static void put_tuple(struct nl *nl, uint16_t type, bool v6, const struct tuple *t, uint32_t parts)
{
	nl_nest (nl, type) {
		nl_nest (nl, CTA_TUPLE_IP) {
			if (parts & PART_SRC)
				nl_put_addr(nl, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, &t->src);
			if (parts & PART_DST)
				nl_put_addr(nl, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, &t->dst);
		}
		nl_nest (nl, CTA_TUPLE_PROTO) {
			if (parts & PART_PROTO)
				nl_put_u8(nl, CTA_PROTO_NUM, t->proto);
			if (parts & PART_SPORT)
				put_port(nl, CTA_PROTO_SRC_PORT, t->sport);
			if (parts & PART_DPORT)
				put_port(nl, CTA_PROTO_DST_PORT, t->dport);
		}
	}
}

static struct tuple orig_of(const struct conntrack *c)
{
	return (struct tuple){ c->proto, c->src, c->dst, c->sport, c->dport };
}

static void put_deletion(struct nl *nl, const struct found *f)
{
	const struct tuple orig = orig_of(&f->c);
	uint8_t family = f->c.dst.family;

	request(nl, "delete conntrack entry", IPCTNL_MSG_CT_DELETE, 0, family);
	put_tuple(nl, CTA_TUPLE_ORIG, family == AF_INET6, &orig, PARTS);
	if (f->zone)
		nl_put_u16(nl, CTA_ZONE, f->zone);
	nl_put_u32(nl, CTA_ID, f->id);
}

/* One each: what has ended by itself meanwhile stops no other. */
static int delete_all(struct nl *nl, const struct walk *w, struct err *e)
{
	struct err local = { 0 };
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < w->count; i++) {
		err_clear(&local);
		put_deletion(nl, &w->at[i]);
		r = nl_commit(nl, NULL, &local);
		r = r == -ENOENT ? 0 : r;
	}
	return r < 0 ? err_take(e, &local) : 0;
}

/* nfnetlink says EINVAL of a subsystem that is not there. */
static int walk(struct nl *nl, struct walk *w, struct err *e)
{
	struct err local = { 0 };
	int r;

	w->count = 0;
	request(nl, "list conntrack entries", IPCTNL_MSG_CT_GET, NLM_F_DUMP, w->family);
	r = nl_dump(nl, collect, restart, w, &local);
	if (r == -EINVAL || r == -EOPNOTSUPP)
		return err_set(e, EOPNOTSUPP,
			       "the kernel's connections cannot be asked for (module "
			       "nf_conntrack_netlink, CONFIG_NF_CT_NETLINK)");
	return r < 0 ? err_take(e, &local) : 0;
}

int conntrack_forget(struct nl *nl, uint8_t family, conntrack_fn *fn, void *arg, struct err *e)
{
	static struct walk w;
	int r, sum = 0, passes = 0;

	w.fn = fn;
	w.arg = arg;
	w.family = family;
	do {
		r = walk(nl, &w, e);
		if (r == 0)
			r = delete_all(nl, &w, e);
		sum += (int)w.count;
	} while (r == 0 && w.count == FOUND_MAX && ++passes < PASSES);
	return r < 0 ? r : sum;
}

/* What a pattern says. */
static uint32_t parts_of(const struct tuple *t)
{
	return (t->src.family ? PART_SRC : 0) | (t->dst.family ? PART_DST : 0) |
	       (t->proto ? PART_PROTO : 0) | (t->sport ? PART_SPORT : 0) |
	       (t->dport ? PART_DPORT : 0);
}

static int no_filter(struct err *e)
{
	return err_set(e, EOPNOTSUPP, "the kernel has no filter for connections to delete");
}

/*
 * A kernel without the filter takes the tuples for whole ones of a single entry, and refuses them,
 * since a pattern lacks parts. With no tuple at all it would delete everything.
 */
int conntrack_flush(struct nl *nl, uint8_t family, const struct conntrack *like, struct err *e)
{
	const struct tuple orig = orig_of(like),
			   reply = { .proto = like->reply_sport ? like->proto : 0,
				     .src = like->reply_src,
				     .sport = like->reply_sport };
	const uint32_t of_orig = parts_of(&orig), of_reply = parts_of(&reply);
	struct err local = { 0 };
	int r;

	if (family != AF_INET)
		return no_filter(e);
	if (!of_orig && !of_reply)
		return err_set(e, EINVAL, "a pattern of connections that is empty");
	request(nl, "delete conntrack entries", IPCTNL_MSG_CT_DELETE, 0, family);
	if (of_orig)
		put_tuple(nl, CTA_TUPLE_ORIG, false, &orig, of_orig);
	if (of_reply)
		put_tuple(nl, CTA_TUPLE_REPLY, false, &reply, of_reply);
	nl_nest (nl, CTA_FILTER) {
		nl_put_u32(nl, CTA_FILTER_ORIG_FLAGS, of_orig);
		nl_put_u32(nl, CTA_FILTER_REPLY_FLAGS, of_reply);
	}
	r = nl_commit(nl, NULL, &local);
	if (r == -EINVAL || r == -EOPNOTSUPP)
		return no_filter(e);
	return r < 0 ? err_take(e, &local) : 0;
}
