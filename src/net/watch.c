/* Events of the kernel: see watch.h. */
#include "net/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/err.h"
#include "net/nft_wire.h"

#include <linux/filter.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

/* The netconf groups tell of forwarding; a write into /proc/sys says nothing else to anybody. */
static const unsigned int route_groups[] = {
	RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR,  RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,	  RTNLGRP_IPV4_RULE,
	RTNLGRP_IPV6_RULE,  RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF,
};

static int watch_open(struct net_watch *w, int protocol, const unsigned int *groups, size_t count,
		      struct err *e)
{
	int r = nl_open(&w->nl, protocol, NULL, 0, e);

	w->changed = w->lost = false;
	w->who[0] = '\0';
	for (size_t i = 0; i < count && r == 0; i++)
		r = nl_listen(&w->nl, groups[i], e);
	if (r < 0)
		nl_close(&w->nl);
	return r;
}

int net_watch_open_route(struct net_watch *w, const struct nl *own, struct err *e)
{
	w->own = own;
	return watch_open(w, NETLINK_ROUTE, route_groups,
			  sizeof(route_groups) / sizeof(route_groups[0]), e);
}

int net_watch_open_nft(struct net_watch *w, const struct nl *own, struct err *e)
{
	static const unsigned int group = NFNLGRP_NFTABLES;

	w->own = own;
	return watch_open(w, NETLINK_NETFILTER, &group, 1, e);
}

/* The kernel filters (sk_filter() in do_one_broadcast()): its loads are big endian. */
int net_watch_follow(struct net_watch *w, int index, struct err *e)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ndmsg, ndm_ifindex)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)index), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (setsockopt(nl_fd(&w->nl), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return err_errno(e, "filter events of neighbours");
	return 0;
}

int net_watch_open_neigh(struct net_watch *w, const struct nl *own, struct err *e)
{
	static const unsigned int group = RTNLGRP_NEIGH;
	int r;

	w->own = own;
	r = watch_open(w, NETLINK_ROUTE, NULL, 0, e);
	if (r == 0)
		r = net_watch_follow(w, 0, e);
	if (r == 0)
		r = nl_listen(&w->nl, group, e);
	if (r < 0)
		nl_close(&w->nl);
	return r;
}

/* The last event of a transaction names its process. */
static void read_who(struct net_watch *w, const struct nlmsghdr *h)
{
	const struct nlattr *a[NFTA_GEN_PROC_NAME + 1];
	char name[32];

	if (!nft_is(h, NFT_MSG_NEWGEN) ||
	    !nl_attrs(h, sizeof(struct nfgenmsg), a, NFTA_GEN_PROC_NAME) ||
	    !nl_str(a[NFTA_GEN_PROC_NAME], name, sizeof(name)))
		return;
	snprintf(w->who, sizeof(w->who), "%s (%u)", name, nl_be32(a[NFTA_GEN_PROC_PID]));
}

struct reading {
	struct net_watch *w;
	uint32_t own;
};

static int on_event(const struct nlmsghdr *h, void *arg)
{
	struct reading *r = arg;

	if (r->own && h->nlmsg_pid == r->own)
		return 0;
	r->w->changed = true;
	read_who(r->w, h);
	return 0;
}

int net_watch_read(struct net_watch *w, struct err *e)
{
	struct reading reading = { .w = w, .own = nl_port(w->own) };
	int r = nl_events(&w->nl, on_event, &reading, e);

	if (r > 0)
		w->changed = w->lost = true;
	return r < 0 ? r : 0;
}
