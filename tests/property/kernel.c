/* Links, addresses and routes of a network namespace, read from rtnetlink with nothing of src/. */
#include "property.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "../faults/sweep.h"

#define ATTRS_MAX 80

struct message {
	const struct nlmsghdr *header;
	const void *fixed;
	const struct nlattr *attr[ATTRS_MAX];
};

typedef void see_fn(const struct message *m, struct kernel *out);

static void attrs_read(const char *at, size_t len, const struct nlattr *out[static ATTRS_MAX])
{
	memset(out, 0, ATTRS_MAX * sizeof(*out));
	while (len >= sizeof(struct nlattr)) {
		const struct nlattr *a = (const void *)at;
		unsigned int type = a->nla_type & NLA_TYPE_MASK;
		size_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < sizeof(*a) || a->nla_len > len)
			return;
		if (type < ATTRS_MAX)
			out[type] = a;
		at += step;
		len = step < len ? len - step : 0;
	}
}

static int64_t number(const struct nlattr *a, int64_t otherwise)
{
	uint32_t n;

	if (!a)
		return otherwise;
	memcpy(&n, a + 1, sizeof(n));
	return n;
}

static struct ip ip_attr(const struct nlattr *a, int family, unsigned int len)
{
	struct ip ip = { .family = family, .len = len };

	if (a)
		memcpy(ip.bytes, a + 1, family == AF_INET ? 4 : 16);
	return ip;
}

static void see_link(const struct message *m, struct kernel *out)
{
	const struct ifinfomsg *i = m->fixed;
	struct link_seen *l = &out->links[out->link_count];
	const uint8_t *mac =
		m->attr[IFLA_ADDRESS] ? (const void *)(m->attr[IFLA_ADDRESS] + 1) : NULL;

	if (++out->link_count == sizeof(out->links) / sizeof(out->links[0]))
		die("too many links");
	*l = (struct link_seen){
		.index = i->ifi_index,
		.up = i->ifi_flags & IFF_UP,
		.peer = (int)number(m->attr[IFLA_LINK], 0),
		.master = (int)number(m->attr[IFLA_MASTER], 0),
		.mtu = (unsigned int)number(m->attr[IFLA_MTU], 0),
	};
	snprintf(l->name, sizeof(l->name), "%s", (const char *)(m->attr[IFLA_IFNAME] + 1));
	if (mac)
		snprintf(l->mac, sizeof(l->mac), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
}

/* IPv6 link-local addresses are the kernel's own. */
static void see_addr(const struct message *m, struct kernel *out)
{
	const struct ifaddrmsg *i = m->fixed;
	const struct nlattr *a = m->attr[IFA_LOCAL] ? m->attr[IFA_LOCAL] : m->attr[IFA_ADDRESS];

	if (i->ifa_family == AF_INET6 && i->ifa_scope == RT_SCOPE_LINK)
		return;
	out->addrs[out->addr_count].ip = ip_attr(a, i->ifa_family, i->ifa_prefixlen);
	out->addrs[out->addr_count].index = (int)i->ifa_index;
	if (++out->addr_count == sizeof(out->addrs) / sizeof(out->addrs[0]))
		die("too many addresses");
}

/* Only what somebody has set: not what comes by itself with a link or an address. */
static void see_route(const struct message *m, struct kernel *out)
{
	const struct rtmsg *i = m->fixed;
	const struct nlattr *metrics[ATTRS_MAX] = { 0 };
	const struct nlattr *gw = m->attr[RTA_GATEWAY], *x = m->attr[RTA_METRICS];
	struct route *r = &out->routes[out->route_count];

	if (i->rtm_protocol == RTPROT_KERNEL || i->rtm_flags & RTM_F_CLONED ||
	    i->rtm_table == RT_TABLE_LOCAL)
		return;
	if (x)
		attrs_read((const char *)(x + 1), x->nla_len - sizeof(*x), metrics);
	*r = (struct route){
		.dst = ip_attr(m->attr[RTA_DST], i->rtm_family, i->rtm_dst_len),
		.mtu = number(metrics[RTAX_MTU], -1),
		.advmss = number(metrics[RTAX_ADVMSS], -1),
		.priority = number(m->attr[RTA_PRIORITY], 0),
		.table = number(m->attr[RTA_TABLE], i->rtm_table),
		.scope = i->rtm_scope,
		.index = (int)number(m->attr[RTA_OIF], 0),
	};
	if (gw)
		r->gw = ip_attr(gw, i->rtm_family, i->rtm_family == AF_INET ? 32 : 128);
	if (++out->route_count == sizeof(out->routes) / sizeof(out->routes[0]))
		die("too many routes");
}

static void see_all(const char *at, size_t len, size_t fixed, see_fn *see, struct kernel *out)
{
	struct message m;

	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)at;
		size_t step = NLMSG_ALIGN(h->nlmsg_len), body = NLMSG_HDRLEN + NLMSG_ALIGN(fixed);

		if (h->nlmsg_len > len || h->nlmsg_len < body)
			return;
		m.header = h;
		m.fixed = at + NLMSG_HDRLEN;
		attrs_read(at + body, h->nlmsg_len - body, m.attr);
		see(&m, out);
		at += step;
		len = step < len ? len - step : 0;
	}
}

/* The last datagram of a dump holds the end mark alone, or behind other messages. */
static bool ends(const char *at, size_t len)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)at;

		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return true;
		at += NLMSG_ALIGN(h->nlmsg_len);
		len -= NLMSG_ALIGN(h->nlmsg_len) < len ? NLMSG_ALIGN(h->nlmsg_len) : len;
	}
	return false;
}

static void dump(int fd, unsigned short type, size_t fixed, see_fn *see, struct kernel *out)
{
	static char buf[1 << 16] __attribute__((aligned(8)));
	struct {
		struct nlmsghdr h;
		char body[32];
	} q = { .h = { .nlmsg_len = (unsigned int)(NLMSG_HDRLEN + NLMSG_ALIGN(fixed)),
		       .nlmsg_type = type,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	ssize_t n;

	if (send(fd, &q, q.h.nlmsg_len, 0) < 0)
		die("ask the kernel: %s", strerror(errno));
	do {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0)
			die("the kernel's answer: %s", strerror(errno));
		see_all(buf, (size_t)n, fixed, see, out);
	} while (!ends(buf, (size_t)n));
}

int kernel_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		die("netlink: %s", strerror(errno));
	return fd;
}

void kernel_read(int fd, struct kernel *out)
{
	memset(out, 0, sizeof(*out));
	dump(fd, RTM_GETLINK, sizeof(struct ifinfomsg), see_link, out);
	dump(fd, RTM_GETADDR, sizeof(struct ifaddrmsg), see_addr, out);
	dump(fd, RTM_GETROUTE, sizeof(struct rtmsg), see_route, out);
}

const struct link_seen *kernel_link(const struct kernel *k, const char *name)
{
	for (unsigned int i = 0; i < k->link_count; i++)
		if (strcmp(k->links[i].name, name) == 0)
			return &k->links[i];
	return NULL;
}
