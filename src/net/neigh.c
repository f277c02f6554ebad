/* Neighbours: see neigh.h. */
#include "net/neigh.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/link.h"
#include "net/nl.h"

void neigh_set(struct nl *nl, int index, const struct addr *a, const uint8_t mac[static 6])
{
	struct ndmsg m = { .ndm_family = a->family,
			   .ndm_ifindex = index,
			   .ndm_state = NUD_PERMANENT };

	nl_request(nl, "set neighbour", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &m, sizeof(m));
	nl_put_addr(nl, NDA_DST, a);
	nl_put(nl, NDA_LLADDR, mac, 6);
}

void neigh_del(struct nl *nl, int index, const struct addr *a)
{
	struct ndmsg m = { .ndm_family = a->family, .ndm_ifindex = index };

	nl_request(nl, "delete neighbour", RTM_DELNEIGH, 0, &m, sizeof(m));
	nl_put_addr(nl, NDA_DST, a);
}

void neigh_notify(struct nl *nl, int index)
{
	struct ifinfomsg m = { .ifi_index = index };

	nl_request(nl, "set arp_notify", RTM_SETLINK, 0, &m, sizeof(m));
	nl_nest (nl, IFLA_AF_SPEC) {
		nl_nest (nl, AF_INET) {
			nl_nest (nl, IFLA_INET_CONF)
				nl_put_u32(nl, IPV4_DEVCONF_ARP_NOTIFY, 1);
		}
	}
}

void neigh_announce(struct nl *nl, int index, const uint8_t mac[static 6])
{
	link_set_mac(nl, index, mac);
}

static void put_fdb(struct nl *nl, const char *what, uint16_t type, uint16_t flags,
		    const struct neigh *n)
{
	struct ndmsg m = { .ndm_family = AF_BRIDGE,
			   .ndm_ifindex = n->index,
			   .ndm_state = NUD_PERMANENT | NUD_NOARP,
			   .ndm_flags = NTF_SELF };

	nl_request(nl, what, type, flags, &m, sizeof(m));
	nl_put(nl, NDA_LLADDR, n->mac, sizeof(n->mac));
	nl_put_addr(nl, NDA_DST, &n->addr);
}

void fdb_replace(struct nl *nl, const struct neigh *n)
{
	put_fdb(nl, "set forwarding entry", RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, n);
}

void fdb_del(struct nl *nl, const struct neigh *n)
{
	put_fdb(nl, "delete forwarding entry", RTM_DELNEIGH, 0, n);
}

struct neigh_walk {
	int index;	/* 0: of all links */
	uint8_t family; /* of the messages */
	neigh_fn *fn;
	void *arg;
};

static bool read_addr(const struct nlattr *a, uint8_t family, struct addr *out)
{
	if (family == AF_BRIDGE)
		family = nl_size(a) == 4 ? AF_INET : AF_INET6;
	return nl_addr(a, family, out);
}

/* A kernel before 4.20 lists those of all links, and one without the family others. */
static int neigh_answer(const struct nlmsghdr *h, void *arg)
{
	const struct neigh_walk *w = arg;
	const struct nlattr *a[NDA_LLADDR + 1];
	struct neigh n = { 0 };
	struct ndmsg m;

	if (h->nlmsg_type != RTM_NEWNEIGH || !nl_attrs(h, sizeof(m), a, NDA_LLADDR))
		return 0;
	memcpy(&m, h + 1, sizeof(m));
	n.index = m.ndm_ifindex;
	if ((w->index && n.index != w->index) || m.ndm_family != w->family ||
	    !(m.ndm_state & NUD_PERMANENT) || nl_size(a[NDA_LLADDR]) != sizeof(n.mac) ||
	    !read_addr(a[NDA_DST], w->family, &n.addr))
		return 0;
	memcpy(n.mac, nl_data(a[NDA_LLADDR]), sizeof(n.mac));
	return w->fn(&n, w->arg);
}

static int neigh_walk(struct nl *nl, struct neigh_walk *w, struct err *e)
{
	struct ndmsg m = { .ndm_family = w->family };

	if (w->family == AF_BRIDGE)
		m.ndm_ifindex = w->index;
	nl_request(nl, "list neighbours", RTM_GETNEIGH, NLM_F_DUMP, &m, sizeof(m));
	if (w->family != AF_BRIDGE && w->index)
		nl_put_u32(nl, NDA_IFINDEX, (uint32_t)w->index);
	return nl_dump(nl, neigh_answer, NULL, w, e);
}

int neigh_each(struct nl *nl, uint8_t family, int index, neigh_fn *fn, void *arg, struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct neigh_walk w = { .index = index, .fn = fn, .arg = arg };
	int r = 0;

	for (size_t i = 0; i < sizeof(families) && r == 0; i++) {
		w.family = families[i];
		if (!family || family == w.family)
			r = neigh_walk(nl, &w, e);
	}
	return r;
}

int fdb_each(struct nl *nl, int index, neigh_fn *fn, void *arg, struct err *e)
{
	struct neigh_walk w = { .index = index, .family = AF_BRIDGE, .fn = fn, .arg = arg };

	return neigh_walk(nl, &w, e);
}
