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

static void put_deletion(struct nl *nl, const struct found *f)
{
	bool v6 = f->c.dst.family == AF_INET6;

	request(nl, "delete conntrack entry", IPCTNL_MSG_CT_DELETE, 0, f->c.dst.family);
	nl_nest (nl, CTA_TUPLE_ORIG) {
		nl_nest (nl, CTA_TUPLE_IP) {
			nl_put_addr(nl, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, &f->c.src);
			nl_put_addr(nl, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, &f->c.dst);
		}
		nl_nest (nl, CTA_TUPLE_PROTO) {
			nl_put_u8(nl, CTA_PROTO_NUM, f->c.proto);
			put_port(nl, CTA_PROTO_SRC_PORT, f->c.sport);
			put_port(nl, CTA_PROTO_DST_PORT, f->c.dport);
		}
	}
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

/* enum ctattr_filter's flags are the kernel's own: net/netfilter/nf_internals.h. */
#define FILTER_SRC (1U << 0)
#define FILTER_DST (1U << 1)
#define FILTER_PROTO (1U << 3)
#define FILTER_SPORT (1U << 4)
#define FILTER_DPORT (1U << 5)

static uint32_t flags_of(const struct tuple *t)
{
	return (t->src.family ? FILTER_SRC : 0) | (t->dst.family ? FILTER_DST : 0) |
	       (t->proto ? FILTER_PROTO : 0) | (t->sport ? FILTER_SPORT : 0) |
	       (t->dport ? FILTER_DPORT : 0);
}

static void put_some(struct nl *nl, uint16_t type, const struct tuple *t)
{
	nl_nest (nl, type) {
		nl_nest (nl, CTA_TUPLE_IP) {
			if (t->src.family)
				nl_put_addr(nl, CTA_IP_V4_SRC, &t->src);
			if (t->dst.family)
				nl_put_addr(nl, CTA_IP_V4_DST, &t->dst);
		}
		nl_nest (nl, CTA_TUPLE_PROTO) {
			if (t->proto)
				nl_put_u8(nl, CTA_PROTO_NUM, t->proto);
			if (t->sport)
				put_port(nl, CTA_PROTO_SRC_PORT, t->sport);
			if (t->dport)
				put_port(nl, CTA_PROTO_DST_PORT, t->dport);
		}
	}
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
	const struct tuple orig = { like->proto, like->src, like->dst, like->sport, like->dport },
			   reply = { .proto = like->reply_sport ? like->proto : 0,
				     .src = like->reply_src,
				     .sport = like->reply_sport };
	struct err local = { 0 };
	int r;

	if (family != AF_INET)
		return no_filter(e);
	if (!flags_of(&orig) && !flags_of(&reply))
		return err_set(e, EINVAL, "a pattern of connections that is empty");
	request(nl, "delete conntrack entries", IPCTNL_MSG_CT_DELETE, 0, family);
	if (flags_of(&orig))
		put_some(nl, CTA_TUPLE_ORIG, &orig);
	if (flags_of(&reply))
		put_some(nl, CTA_TUPLE_REPLY, &reply);
	nl_nest (nl, CTA_FILTER) {
		nl_put_u32(nl, CTA_FILTER_ORIG_FLAGS, flags_of(&orig));
		nl_put_u32(nl, CTA_FILTER_REPLY_FLAGS, flags_of(&reply));
	}
	r = nl_commit(nl, NULL, &local);
	if (r == -EINVAL || r == -EOPNOTSUPP)
		return no_filter(e);
	return r < 0 ? err_take(e, &local) : 0;
}
