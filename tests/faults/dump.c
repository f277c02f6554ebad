/*
 * The kernel's side of a snapshot: dumps of rtnetlink and nftables as lines. Written with nothing
 * of src, so that a fault of src/net cannot hide itself.
 */
#include "sweep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <net/if.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

#define ATTRS_MAX 64

struct dump {
	struct snapshot *s;
	const char *prefix;
	int rt, nft;
};

bool snapshot_macs = true;

typedef void see_fn(struct dump *d, const struct nlmsghdr *h);

/* Payloads that are words are printed as such, everything else in hexadecimal. */
static void put_payload(char *out, size_t size, const struct nlattr *a)
{
	const unsigned char *at = (const void *)(a + 1);
	size_t len = a->nla_len - sizeof(*a), n = 0;
	bool word = len > 1 && at[len - 1] == '\0';

	for (size_t i = 0; word && i + 1 < len; i++)
		word = at[i] > ' ' && at[i] < 0x7f;
	if (word) {
		snprintf(out, size, "%s", (const char *)at);
		return;
	}
	out[0] = '\0';
	for (size_t i = 0; i < len && n + 3 < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%02x", at[i]);
}

/*
 * "TYPE=PAYLOAD TYPE=PAYLOAD", without the types whose bit is set in skip. Indexes of links become
 * names.
 */
static void put_attrs(char *out, size_t size, const void *at, size_t len, unsigned long long skip)
{
	size_t n = 0;

	out[0] = '\0';
	while (len >= sizeof(struct nlattr)) {
		const struct nlattr *a = at;
		size_t step = NLA_ALIGN(a->nla_len);
		unsigned int type = a->nla_type & NLA_TYPE_MASK;

		if (a->nla_len < sizeof(*a) || a->nla_len > len)
			return;
		if (type >= 64 || !(skip >> type & 1)) {
			n += (size_t)snprintf(out + n, size - n, " %u=", type);
			put_payload(out + n, size - n, a);
			n += strlen(out + n);
		}
		at = (const char *)at + step;
		len = step < len ? len - step : 0;
	}
}

static const struct nlattr *find(const void *at, size_t len, unsigned int type)
{
	while (len >= sizeof(struct nlattr)) {
		const struct nlattr *a = at;
		size_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < sizeof(*a) || a->nla_len > len)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		at = (const char *)at + step;
		len = step < len ? len - step : 0;
	}
	return NULL;
}

static const char *text_of(const struct nlattr *a)
{
	return a ? (const char *)(a + 1) : "";
}

static unsigned int number_of(const struct nlattr *a)
{
	unsigned int n = 0;

	if (a)
		memcpy(&n, a + 1, sizeof(n));
	return n;
}

static const char *device(unsigned int index)
{
	static char name[IF_NAMESIZE];

	return index && if_indextoname(index, name) ? name : "-";
}

/* The macros of linux/netlink.h drop const and mix signs. */
static const void *payload(const struct nlmsghdr *h)
{
	return (const char *)h + NLMSG_HDRLEN;
}

static const struct nlmsghdr *message(const char *at)
{
	return (const void *)at;
}

static const void *body(const struct nlmsghdr *h, size_t fixed, size_t *len)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(fixed);

	*len = h->nlmsg_len > at ? h->nlmsg_len - at : 0;
	return (const char *)h + at;
}

/* The MAC of a veth is random, a bridge's must not change with its ports. */
static void see_link(struct dump *d, const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = payload(h);
	size_t len;
	const void *at = body(h, sizeof(*m), &len);
	const struct nlattr *info = find(at, len, IFLA_LINKINFO);
	const char *kind =
		info ? text_of(find(info + 1, info->nla_len - sizeof(*info), IFLA_INFO_KIND)) : "";
	char mac[64] = "";

	if (snapshot_macs && strcmp(kind, "bridge") == 0 && find(at, len, IFLA_ADDRESS))
		put_payload(mac, sizeof(mac), find(at, len, IFLA_ADDRESS));
	snapshot_line(
		d->s, "%slink %s %s %s%s master %s alias \"%s\" group %x mtu %u mac %s", d->prefix,
		text_of(find(at, len, IFLA_IFNAME)), kind, m->ifi_flags & IFF_UP ? "up" : "down",
		m->ifi_flags & IFF_PROMISC ? " promisc" : "",
		device(number_of(find(at, len, IFLA_MASTER))), text_of(find(at, len, IFLA_IFALIAS)),
		number_of(find(at, len, IFLA_GROUP)), number_of(find(at, len, IFLA_MTU)), mac);
}

static void see_addr(struct dump *d, const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = payload(h);
	size_t len;
	const void *at = body(h, sizeof(*m), &len);
	char attrs[1024];

	if (m->ifa_family == AF_INET6 && m->ifa_scope == RT_SCOPE_LINK)
		return;
	put_attrs(attrs, sizeof(attrs), at, len, 1ull << IFA_CACHEINFO | 1ull << IFA_FLAGS);
	snapshot_line(d->s, "%saddr %s /%u scope %u%s", d->prefix, device(m->ifa_index),
		      m->ifa_prefixlen, m->ifa_scope, attrs);
}

/* IPv6's local table fills as duplicate address detection ends; the addresses say the same. */
static void see_route(struct dump *d, const struct nlmsghdr *h)
{
	const struct rtmsg *m = payload(h);
	size_t len;
	const void *at = body(h, sizeof(*m), &len);
	const unsigned long long skip = 1ull << RTA_CACHEINFO | 1ull << RTA_OIF | 1ull << RTA_PREF;
	const struct nlattr *dst = find(at, len, RTA_DST);
	char attrs[1024];

	if (m->rtm_family == AF_INET6 &&
	    (m->rtm_table == RT_TABLE_LOCAL || m->rtm_flags & RTM_F_CLONED ||
	     (dst && (memcmp(dst + 1, "\xfe\x80", 2) == 0 || memcmp(dst + 1, "\xff", 1) == 0))))
		return;
	put_attrs(attrs, sizeof(attrs), at, len, skip);
	snapshot_line(d->s, "%sroute /%u dev %s table %u proto %u scope %u type %u%s", d->prefix,
		      m->rtm_dst_len, device(number_of(find(at, len, RTA_OIF))), m->rtm_table,
		      m->rtm_protocol, m->rtm_scope, m->rtm_type, attrs);
}

/* The kernel makes one for VRFs with a namespace's first, for good (vrf_add_fib_rules()). */
static void see_rule(struct dump *d, const struct nlmsghdr *h)
{
	const struct fib_rule_hdr *m = payload(h);
	size_t len;
	const void *at = body(h, sizeof(*m), &len);
	char attrs[1024];

	if (find(at, len, FRA_L3MDEV))
		return;
	put_attrs(attrs, sizeof(attrs), at, len, 0);
	snapshot_line(d->s, "%srule family %u table %u action %u%s", d->prefix, m->family, m->table,
		      m->action, attrs);
}

/* What somebody has set, and not what traffic teaches. */
static void see_neigh(struct dump *d, const struct nlmsghdr *h)
{
	const struct ndmsg *m = payload(h);
	size_t len;
	const void *at = body(h, sizeof(*m), &len);
	char attrs[256];

	if (!(m->ndm_state & NUD_PERMANENT) && !(m->ndm_flags & NTF_PROXY))
		return;
	put_attrs(attrs, sizeof(attrs), at, len, 1ull << NDA_CACHEINFO | 1ull << NDA_PROBES);
	snapshot_line(d->s, "%sneighbour dev %s flags %x%s", d->prefix,
		      device((unsigned int)m->ndm_ifindex), m->ndm_flags, attrs);
}

/*
 * Neither groups, nor the MACs that ports have themselves (permanent, with a master). A MAC that
 * leads nowhere is that of a link's child, and as random.
 */
static void see_fdb(struct dump *d, const struct nlmsghdr *h)
{
	const struct ndmsg *m = payload(h);
	size_t len;
	const void *at = body(h, sizeof(*m), &len);
	const struct nlattr *mac = find(at, len, NDA_LLADDR), *dst = find(at, len, NDA_DST);
	bool set = m->ndm_state & NUD_NOARP || dst;
	char mac_text[64] = "", dst_text[64] = "";

	if (!(m->ndm_state & (NUD_PERMANENT | NUD_NOARP)) || !mac ||
	    *(const unsigned char *)(mac + 1) & 1 || (!set && find(at, len, NDA_MASTER)))
		return;
	if (set)
		put_payload(mac_text, sizeof(mac_text), mac);
	if (dst)
		put_payload(dst_text, sizeof(dst_text), dst);
	snapshot_line(d->s, "%sfdb dev %s state %x flags %x mac %s dst %s", d->prefix,
		      device((unsigned int)m->ndm_ifindex), m->ndm_state, m->ndm_flags, mac_text,
		      dst_text);
}

/* The default, whichever it is, has no handle. */
static void see_qdisc(struct dump *d, const struct nlmsghdr *h)
{
	const struct tcmsg *m = payload(h);
	const unsigned long long skip = 1ull << TCA_STATS | 1ull << TCA_STATS2 | 1ull << TCA_XSTATS;
	size_t len;
	const void *at = body(h, sizeof(*m), &len);
	char attrs[1024];

	if (!m->tcm_handle)
		return;
	put_attrs(attrs, sizeof(attrs), at, len, skip);
	snapshot_line(d->s, "%sqdisc dev %s handle %x parent %x%s", d->prefix,
		      device((unsigned int)m->tcm_ifindex), m->tcm_handle, m->tcm_parent, attrs);
}

static void dump(struct dump *d, int fd, struct nlmsghdr *request, see_fn *fn)
{
	static char buf[1 << 16] __attribute__((aligned(8)));
	ssize_t n;

	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	if (send(fd, request, request->nlmsg_len, 0) < 0)
		die("dump: %s", strerror(errno));
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (size_t at = 0; at + sizeof(struct nlmsghdr) <= (size_t)n;
		     at += NLMSG_ALIGN(message(buf + at)->nlmsg_len)) {
			const struct nlmsghdr *h = message(buf + at);

			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return;
			fn(d, h);
		}
	}
}

static void dump_rt(struct dump *d, unsigned short type, unsigned char family, see_fn *fn)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg m;
	} r = {
		.h = { .nlmsg_len = sizeof(r), .nlmsg_type = type },
		.m = { .rtm_family = family },
	};

	dump(d, d->rt, &r.h, fn);
}

static void dump_qdiscs(struct dump *d)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg m;
	} r = { .h = { .nlmsg_len = sizeof(r), .nlmsg_type = RTM_GETQDISC } };

	dump(d, d->rt, &r.h, see_qdisc);
}

struct nft_request {
	struct nlmsghdr h;
	struct nfgenmsg g;
	char attrs[512];
};

static void dump_nft(struct dump *d, struct nft_request *r, unsigned int type, see_fn *fn)
{
	if (!r->h.nlmsg_len)
		r->h.nlmsg_len = NLMSG_LENGTH(sizeof(r->g));
	r->h.nlmsg_type = (unsigned short)(NFNL_SUBSYS_NFTABLES << 8 | type);
	dump(d, d->nft, &r->h, fn);
}

/* Handles and use counts are left out: an object that is made again is the same to everybody. */
static void put_nft(struct dump *d, const struct nlmsghdr *h, const char *what,
		    unsigned long long skip)
{
	const struct nfgenmsg *g = payload(h);
	static char attrs[1 << 14];
	size_t len;
	const void *at = body(h, sizeof(*g), &len);

	put_attrs(attrs, sizeof(attrs), at, len, skip);
	snapshot_line(d->s, "%snft %s family %u%.1500s", d->prefix, what, g->nfgen_family, attrs);
}

static void see_table(struct dump *d, const struct nlmsghdr *h)
{
	put_nft(d, h, "table", 1ull << NFTA_TABLE_HANDLE | 1ull << NFTA_TABLE_USE);
}

static void see_chain(struct dump *d, const struct nlmsghdr *h)
{
	put_nft(d, h, "chain",
		1ull << NFTA_CHAIN_HANDLE | 1ull << NFTA_CHAIN_USE | 1ull << NFTA_CHAIN_COUNTERS);
}

static void see_nft_rule(struct dump *d, const struct nlmsghdr *h)
{
	put_nft(d, h, "rule", 1ull << NFTA_RULE_HANDLE | 1ull << NFTA_RULE_POSITION);
}

static void see_elems(struct dump *d, const struct nlmsghdr *h)
{
	size_t len, inner, step;
	const void *at = body(h, sizeof(struct nfgenmsg), &len);
	const struct nlattr *list = find(at, len, NFTA_SET_ELEM_LIST_ELEMENTS);
	const char *set = text_of(find(at, len, NFTA_SET_ELEM_LIST_SET));
	const char *e = list ? (const char *)(list + 1) : NULL;
	char attrs[1024];

	for (inner = list ? list->nla_len - sizeof(*list) : 0; inner >= sizeof(struct nlattr);) {
		const struct nlattr *a = (const void *)e;

		put_attrs(attrs, sizeof(attrs), a + 1, a->nla_len - sizeof(*a),
			  1ull << NFTA_SET_ELEM_EXPIRATION);
		snapshot_line(d->s, "%snft element of %s%s", d->prefix, set, attrs);
		step = NLA_ALIGN((size_t)a->nla_len);
		e += step;
		inner -= step < inner ? step : inner;
	}
}

#define SET_TYPE_AND_COUNT                                                                         \
	(3ull << 19) /* NFTA_SET_TYPE, NFTA_SET_COUNT: since Linux 6.16, of the implementation */
#define SETS_MAX 64
static struct {
	unsigned char family;
	char table[128], name[128];
} sets[SETS_MAX];
static unsigned int set_count;

static void see_set(struct dump *d, const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = payload(h);
	size_t len;
	const void *at = body(h, sizeof(*g), &len);

	put_nft(d, h, "set", 1ull << NFTA_SET_HANDLE | 1ull << NFTA_SET_ID | SET_TYPE_AND_COUNT);
	if (set_count == SETS_MAX)
		die("more than %d sets", SETS_MAX);
	sets[set_count].family = g->nfgen_family;
	snprintf(sets[set_count].table, sizeof(sets[0].table), "%s",
		 text_of(find(at, len, NFTA_SET_TABLE)));
	snprintf(sets[set_count].name, sizeof(sets[0].name), "%s",
		 text_of(find(at, len, NFTA_SET_NAME)));
	set_count++;
}

static void put_name(struct nft_request *r, unsigned short type, const char *name)
{
	struct nlattr *a = (void *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	*a = (struct nlattr){ .nla_len = (unsigned short)(sizeof(*a) + strlen(name) + 1),
			      .nla_type = type };
	strcpy((char *)(a + 1), name);
	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

static void dump_ruleset(struct dump *d)
{
	set_count = 0;
	dump_nft(d, &(struct nft_request){ 0 }, NFT_MSG_GETTABLE, see_table);
	dump_nft(d, &(struct nft_request){ 0 }, NFT_MSG_GETCHAIN, see_chain);
	dump_nft(d, &(struct nft_request){ 0 }, NFT_MSG_GETRULE, see_nft_rule);
	dump_nft(d, &(struct nft_request){ 0 }, NFT_MSG_GETSET, see_set);
	for (unsigned int i = 0; i < set_count; i++) {
		struct nft_request r = { .h.nlmsg_len = NLMSG_LENGTH(sizeof(r.g)),
					 .g.nfgen_family = sets[i].family };

		put_name(&r, NFTA_SET_ELEM_LIST_TABLE, sets[i].table);
		put_name(&r, NFTA_SET_ELEM_LIST_SET, sets[i].name);
		dump_nft(d, &r, NFT_MSG_GETSETELEM, see_elems);
	}
}

void snapshot_netlink(struct snapshot *s, const char *prefix)
{
	struct dump d = { .s = s, .prefix = prefix };

	d.rt = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	d.nft = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (d.rt < 0 || d.nft < 0)
		die("netlink: %s", strerror(errno));
	dump_rt(&d, RTM_GETLINK, AF_UNSPEC, see_link);
	dump_rt(&d, RTM_GETADDR, AF_UNSPEC, see_addr);
	dump_rt(&d, RTM_GETROUTE, AF_INET, see_route);
	dump_rt(&d, RTM_GETROUTE, AF_INET6, see_route);
	dump_rt(&d, RTM_GETRULE, AF_UNSPEC, see_rule);
	dump_rt(&d, RTM_GETNEIGH, AF_UNSPEC, see_neigh);
	dump_rt(&d, RTM_GETNEIGH, AF_BRIDGE, see_fdb);
	dump_qdiscs(&d);
	dump_ruleset(&d);
	close(d.rt);
	close(d.nft);
}
