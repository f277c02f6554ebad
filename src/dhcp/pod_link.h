/*
 * One interface of a pod, reached from outside: found again by its namespace's path, opened for
 * DHCP, its address taken away.
 *
 * The pod owns its namespace. It may rename, change or delete the interface at any time, and send
 * what it likes. A path may name another pod's namespace tomorrow, so the namespace is known by its
 * inode and cookie and the interface by its index. Nothing is held open that would keep a namespace
 * alive: who opens a socket closes it as soon as no answer is awaited.
 *
 * Every function but send and receive enters the pod's namespace and comes back: home is an open
 * descriptor of the daemon's own. The errors of all: -ENOENT, -ENODEV: the namespace or the
 * interface is gone, for good. -ENOTRECOVERABLE: the way back home failed; the daemon must end.
 *
 * Follows packet(7), net/packet/af_packet.c, Documentation/networking/filter.rst.
 */
#ifndef DHCP_POD_LINK_H
#define DHCP_POD_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>

#include "base/addr.h"

#define DHCP_NETNS_MAX 255 /* of a path, with the daemon's prefix */

struct dhcp_packet;
struct err;

struct dhcp_pod_link {
	char netns[DHCP_NETNS_MAX + 1];
	uint64_t ns_dev, ns_inode;
	uint64_t ns_cookie; /* SO_NETNS_COOKIE, never given twice; 0: before Linux 5.14 */
	int index;	    /* of the interface; never changes */
	char ifname[IF_NAMESIZE];
	uint8_t mac[6];
};

/* What of the interface the client has to know. */
struct dhcp_link_facts {
	uint16_t mtu;
	bool shares_mac; /* ipvlan: answers to a MAC do not find it */
};

/*
 * First contact: w->netns and w->ifname are given, the rest is found out. The interface is brought
 * up. -EINVAL: not a namespace, or not Ethernet.
 */
int dhcp_pod_link_find(struct dhcp_pod_link *w, int home, struct dhcp_link_facts *out,
		       struct err *e);

/* Is the interface that was found still there? 0 or an error. */
int dhcp_pod_link_check(const struct dhcp_pod_link *w, int home, struct err *e);

/*
 * A non-blocking raw socket on the interface that receives datagrams to UDP port 68: the
 * descriptor, which the caller closes. The interface must be the one that was found.
 */
int dhcp_pod_link_open(const struct dhcp_pod_link *w, int home, struct err *e);

/* -ENETDOWN: the interface is down, for now. */
int dhcp_pod_link_send(int fd, const struct dhcp_pod_link *w, const struct dhcp_packet *p,
		       struct err *e);

struct dhcp_inbox {
	uint8_t frame[2048];
	const uint8_t *message; /* the DHCP message in it, len bytes; not parsed yet */
	size_t len;
	uint8_t mac[6]; /* whom the frame came from */
};

/* The next message that came: 1, 0 when there is none, or -errno. */
int dhcp_pod_link_receive(int fd, struct dhcp_inbox *in, struct err *e);

/* Take the address off the interface, wherever it stands there. Gone already is fine. */
int dhcp_pod_link_drop_address(const struct dhcp_pod_link *w, int home, const struct prefix *p,
			       struct err *e);

#endif
