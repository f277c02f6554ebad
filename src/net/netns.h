/*
 * Network namespaces: opening one by path, working inside it, telling two apart.
 */
#ifndef NET_NETNS_H
#define NET_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct nl;

/*
 * Open a path as a network namespace (O_CLOEXEC). Verified by NS_GET_NSTYPE, or by the file system
 * where the kernel has no such ioctl for us: anything else is -EINVAL "... is no network
 * namespace"; a missing path is -ENOENT.
 */
int netns_open(const char *path, struct err *e);

/* Does this errno of it say that the path leads to no namespace? */
bool netns_is_none(int errnum);

/* The caller's own. */
int netns_open_self(struct err *e);

/*
 * The one that this open socket was made in, as netns_open_self() of its maker but without a walk
 * through /proc where the kernel allows it (SIOCGSKNS, see sock_ioctl(); O_CLOEXEC).
 */
int netns_open_of(const struct nl *nl, struct err *e);

/* Are both descriptors the same namespace (device and inode)? */
bool netns_same(int a, int b);

/*
 * The number that ns has in the namespace of this rtnetlink socket: what links that have their peer
 * there show (struct link, peer_ns). -1: it has none, so no link has its peer there.
 */
int netns_id(struct nl *nl, int ns, int *id, struct err *e);

/*
 * The numbers that the namespace of this rtnetlink socket has for others, in ascending order: of
 * those that its links have their other ends in, and of those that links have been moved to from it
 * (dev_change_net_namespace() in net/core/dev.c). The first cap of those above after (-1: of all);
 * how many there are in out, or -errno.
 */
int netns_ids(struct nl *nl, int after, int *out, size_t cap, struct err *e);

/*
 * Does the namespace of this number still live? 1; 0: nobody holds it any more, and what is in it
 * is on its way out; -errno. Follows rtnl_get_net_ns_capable() in net/core/rtnetlink.c.
 */
int netns_lives(struct nl *nl, int id, struct err *e);

/*
 * fn for each network namespace that has a name in /run/netns or a process, but home
 * (netns_open_self()); the descriptor is the walk's. Anything but 0 from fn ends the walk and is
 * returned. One that cannot be opened does not end it, and is the error when nothing else does. It
 * does not nest.
 */
typedef int netns_fn(int ns, void *arg);
int netns_each(int home, netns_fn *fn, void *arg, struct err *e);

/* setns() of the calling thread. */
int netns_enter(int ns, struct err *e);

/*
 * Open a netlink socket inside ns and come back to home (netns_open_self()); as nl_open(). Failing
 * to come back is fatal to the call.
 */
int nl_open_in(struct nl *nl, int ns, int home, int protocol, char *buf, unsigned long cap,
	       struct err *e);

#endif
