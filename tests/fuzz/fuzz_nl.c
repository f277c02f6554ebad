/*
 * Netlink answers. The first byte chooses the question, then come datagrams: two bytes of length
 * (little endian) and the bytes as the kernel sends them, but that sequence numbers count from the
 * one that is expected, 0. Linked with --wrap for send and recvmsg.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sanitizer/asan_interface.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

#include "cni/attachment.h"
#include "fuzz.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nft.h"
#include "net/nl.h"

#define LOST 0xffff    /* length of a datagram that was dropped: ENOBUFS */
#define FOREIGN 0x8000 /* from another process */

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);

static char batch[8192];
static struct nl nl;
static const uint8_t *at;
static size_t left;

ssize_t __wrap_send(int fd, const void *buf, size_t len, int flags)
{
	(void)fd, (void)buf, (void)flags;
	return (ssize_t)len;
}

static void number(char *buf, size_t len)
{
	const uint32_t first = nl.seq - nl.count + 1;
	struct nlmsghdr h;

	for (size_t i = 0; i < len && len - i >= sizeof(h); i += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, buf + i, sizeof(h));
		h.nlmsg_seq += first;
		memcpy(buf + i, &h, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len - i)
			break;
	}
}

/*
 * The next datagram; what lies behind it in the buffer is out of bounds until the next call, whose
 * last says EAGAIN.
 */
static ssize_t receive(char *buf, size_t cap, struct sockaddr_nl *from)
{
	size_t len = left < 2 ? 0 : (size_t)(at[0] | at[1] << 8);

	__asan_unpoison_memory_region(buf, cap);
	errno = left < 2 ? EAGAIN : ENOBUFS;
	if (left < 2)
		return -1;
	at += 2, left -= 2;
	if (len == LOST)
		return -1;
	from->nl_pid = len & FOREIGN ? 4711 : 0;
	len &= ~(size_t)FOREIGN;
	if (len > left)
		len = left;
	if (len > cap)
		len = cap;
	memcpy(buf, at, len);
	at += len, left -= len;
	number(buf, len);
	__asan_poison_memory_region(buf + len, cap - len);
	return (ssize_t)len;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	(void)fd, (void)flags;
	return receive(m->msg_iov->iov_base, m->msg_iov->iov_len, m->msg_name);
}

static int see_link(const struct link *l, void *arg)
{
	char buf[LINK_ALIAS_SIZE], again[LINK_ALIAS_SIZE];
	struct cni_attachment a;

	(void)arg;
	require(l->index > 0 && strlen(l->name) < sizeof(l->name) &&
		strlen(l->kind) < sizeof(l->kind));
	require(strlen(l->alias) < sizeof(l->alias));
	if (attachment_parse(l->alias, buf, &a))
		require(*a.network && *a.container_id && *a.ifname &&
			strlen(attachment_alias(&a, again)) < sizeof(again));
	return 0;
}

static int see_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	char text[PREFIX_TEXT];

	(void)index, (void)scope, (void)arg;
	require(addr_is_set(&p->addr) && strlen(prefix_format(p, text)) < sizeof(text));
	return 0;
}

static int see_route(const struct route *r, void *arg)
{
	(void)arg;
	require(addr_is_set(&r->dst.addr) &&
		(!addr_is_set(&r->via) || r->via.family == r->dst.addr.family));
	return 0;
}

static int see_chain(const struct nft_chain_info *c, void *arg)
{
	(void)arg;
	require(strlen(c->table) < sizeof(c->table) && strlen(c->name) < sizeof(c->name));
	return 0;
}

static int see_rule(const struct nft_rule_info *r, void *arg)
{
	(void)arg;
	require(strlen(r->comment) < sizeof(r->comment));
	return 0;
}

static void check_value(enum nft_type type, const union nft_value *v)
{
	if (type == NFT_TYPE_IPV4 || type == NFT_TYPE_IPV6)
		require(addr_is_set(&v->addr));
	if (type == NFT_TYPE_IFNAME)
		require(strlen(v->ifname) < sizeof(v->ifname));
	if (type == NFT_TYPE_VERDICT && v->verdict.chain)
		require(strlen(v->verdict.chain) < NFT_NAME_SIZE);
}

static int see_element(const struct nft_elem *el, void *arg)
{
	const struct nft_set *s = arg;

	require(el->comment && strlen(el->comment) < 256);
	for (int i = 0; i < NFT_PARTS_MAX && s->key[i]; i++) {
		check_value(s->key[i], &el->key[i]);
		check_value(s->key[i], &el->last[i]);
	}
	for (int i = 0; i < NFT_PARTS_MAX && s->data[i]; i++)
		if (s->data[i] == NFT_TYPE_VERDICT || addr_is_set(&el->data[i].addr))
			check_value(s->data[i], &el->data[i]);
	return 0;
}

static const struct nft_table table = { .family = NFPROTO_INET, .name = "cnibox" };

static const struct nft_set sets[] = {
	{ "s", { NFT_TYPE_IPV4 } },
	{ "s", { NFT_TYPE_IPV6 } },
	{ "s", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 } },
	{ "s", { NFT_TYPE_IPV6, NFT_TYPE_IPV6 } },
	{ "s", { NFT_TYPE_IFNAME } },
	{ "s", { NFT_TYPE_IPV4 }, .interval = true },
	{ "s", { NFT_TYPE_IPV6 }, .interval = true },
	{ "s", { NFT_TYPE_IPV4, NFT_TYPE_IPV4 }, .interval = true },
	{ "s", { NFT_TYPE_IPV6, NFT_TYPE_IPV6 }, .interval = true },
	{ "s", { NFT_TYPE_PORT }, { NFT_TYPE_VERDICT }, .interval = true },
	{ "s", { NFT_TYPE_PROTO, NFT_TYPE_PORT }, { NFT_TYPE_IPV4, NFT_TYPE_PORT } },
	{ "s", { NFT_TYPE_IFNAME, NFT_TYPE_MAC }, { NFT_TYPE_VERDICT } },
	{ "s", { NFT_TYPE_MARK }, { NFT_TYPE_IFNAME } },
};
#define SETS (sizeof(sets) / sizeof(sets[0]))

/* Questions n: a walk through a set, and from SETS on a search in one. */
static int ask_set(unsigned int n, struct err *e)
{
	const struct nft_set *s = &sets[n % SETS];
	struct nft_elem el = { .range = s->interval };
	struct nft_found found;
	int r;

	if (n < SETS)
		return nft_elem_each(&nl, &table, s, see_element, (void *)(uintptr_t)s, e);
	for (int i = 0; i < NFT_PARTS_MAX; i++)
		if (s->key[i] == NFT_TYPE_IPV4 || s->key[i] == NFT_TYPE_IPV6)
			el.key[i].addr =
				(struct addr){ s->key[i] == NFT_TYPE_IPV4 ? AF_INET : AF_INET6,
					       { 10 } };
	memcpy(el.last, el.key, sizeof(el.last));
	if (s->key[0] == NFT_TYPE_IFNAME)
		memcpy(el.key[0].ifname, "eth0", 5);
	r = nft_elem_find(&nl, &table, s, &el, &found, e);
	return r > 0 ? see_element(&found.el, (void *)(uintptr_t)s) : r;
}

static int transact(struct err *e)
{
	const struct nft_chain nat = { .name = "postrouting",
				       .type = "nat",
				       .hook = NF_INET_POST_ROUTING };
	const struct nft_set s = { .name = "s", .key = { NFT_TYPE_IPV4 } };
	const struct nft_elem el = { .key[0].addr = { .family = AF_INET, .bytes = { 10 } },
				     .comment = "whose" };

	nft_begin(&nl);
	nft_table_add(&nl, &table);
	nft_set_add(&nl, &table, &s);
	nft_elem_add(&nl, &table, &s, &el);
	nft_chain_add(&nl, &table, &nat);
	nft_rule_begin(&nl, &table, nat.name, false);
	nft_match_family(&nl, NFPROTO_IPV4);
	nft_do_masquerade(&nl, true);
	nft_rule_end(&nl, "why");
	return nft_commit(&nl, NULL, e);
}

static int batch_links(struct err *e)
{
	const struct veth v = { .host = "veth0", .pod = "eth0", .alias = "ours" };
	const struct prefix p = { .addr = { .family = AF_INET, .bytes = { 10 } }, .len = 24 };

	link_up(&nl, 1);
	link_add_veth(&nl, &v);
	link_join_veth(&nl, &v, true);
	ifaddr_add(&nl, 2, &p);
	return nl_commit(&nl, NULL, e);
}

static int ask(unsigned int question, struct err *e)
{
	struct link l = { .index = 0 };
	uint32_t generation;
	int r;

	switch (question) {
	case 0:
		return link_each(&nl, NULL, see_link, NULL, e);
	case 1:
		return link_each(&nl, "veth", see_link, NULL, e);
	case 2:
		r = link_find(&nl, "eth0", &l, e);
		return r > 0 ? see_link(&l, NULL) : r;
	case 3:
		r = link_find_index(&nl, 7, &l, e);
		return r > 0 ? see_link(&l, NULL) : r;
	case 4:
		return ifaddr_each(&nl, 0, 0, see_address, NULL, e);
	case 5:
		return ifaddr_each(&nl, AF_INET, 7, see_address, NULL, e);
	case 6:
		return route_each(&nl, 0, 0, 0, see_route, NULL, e);
	case 7:
		return route_each(&nl, AF_INET6, 3, 254, see_route, NULL, e);
	case 8:
		return nft_chain_each(&nl, NFPROTO_UNSPEC, see_chain, NULL, e);
	case 9:
		return nft_rule_each(&nl, &table, "postrouting", see_rule, NULL, e);
	case 10:
		return nft_table_find(&nl, &table, e);
	case 11:
		return nft_generation(&nl, &generation, e);
	case 12:
		return transact(e);
	case 13:
		return batch_links(e);
	default:
		return ask_set((question - 14) % (2 * SETS), e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };

	if (size == 0)
		return 0;
	nl = (struct nl){ .fd = -1, .buf = batch, .cap = sizeof(batch) };
	at = data + 1;
	left = size - 1;
	check_err(ask(data[0], &e), &e);
	require(nl.len == 0 && nl.count == 0);
	return 0;
}
