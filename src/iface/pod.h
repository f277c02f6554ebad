/*
 * The pod's side of an attachment: its namespace and the interface in it.
 */
#ifndef IFACE_POD_H
#define IFACE_POD_H

#include <stdbool.h>
#include <stdint.h>

#include "cni/request.h"
#include "cni/result.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nl.h"

struct err;

struct pod {
	int ns;	   /* the pod's namespace */
	int home;  /* ours */
	int index; /* of its interface, by pod_configure() */
	uint8_t mac[6];
	bool loopback_opened; /* it was without IPv6, until pod_configure() */
	struct nl nl;	      /* a socket inside the pod's */
	char buf[8192];
};

/*
 * Open the namespace CNI_NETNS; the caller's own is refused, unless CNI_NETNS_OVERRIDE allows it.
 * host: a socket of the caller's own, if it has one open. The struct is large: make it static.
 */
int pod_open(struct pod *p, const struct nl *host, const struct cni_request *req, struct err *e);
void pod_close(struct pod *p);

/*
 * The same for CNI_NETNS as DEL has it: empty, gone, or by now something else. 1: it is open; 0:
 * nothing is left of the pod.
 */
int pod_open_left(struct pod *p, const struct nl *host, const struct cni_request *req,
		  struct err *e);

/*
 * Is the peer of this link of the host (host is a socket there) in_pod, in the pod's namespace? 1,
 * 0 or -errno. A pod chooses the indexes, names and MACs of its links, not which namespace a peer
 * is in.
 */
int pod_is_peer(const struct pod *p, struct nl *host, const struct link *end,
		const struct link *in_pod, struct err *e);

/* -EEXIST, CNI_ERR_EXISTS, if the pod has a link of this name. */
int pod_check_free(struct pod *p, const char *ifname, struct err *e);

/* Bring the interface up. */
int pod_link_up(struct pod *p, const char *ifname, struct err *e);

/* How the pod's side is to be. */
struct pod_want {
	const char *ifname;
	const char *alias; /* and its link group; NULL: they stay */
	uint32_t group;
	bool announce;	 /* there are neighbours, who may have known another pod */
	bool fixed_mac;	 /* the kernel does not set the link's MAC, so going up is what announces */
	bool down;	 /* the interface stays down */
	bool dad;	 /* IPv6 addresses with duplicate address detection */
	bool by_gateway; /* nothing but the gateways, which r knows, is on link */
	uint32_t mtu;	 /* CHECK: 0: any */
	const struct cni_result *r; /* addresses and routes */
};

/*
 * One batch: lo up, the interface up, its addresses and routes. Routes without a next hop get the
 * gateway of the address of their family, or are on link.
 */
int pod_configure(struct pod *p, const struct pod_want *want, struct err *e);

/* The interface is down and without these addresses again: for another pod_configure(). */
void pod_deconfigure(struct pod *p, const struct pod_want *want);

/* Take back what pod_configure() has done besides its interface, which goes as a whole. */
int pod_undo(struct pod *p, struct err *e);

/*
 * Behind pod_configure(), when the interface's packets pass: wait until its addresses can be
 * reached, and announce them.
 */
int pod_ready(struct pod *p, const struct pod_want *want, struct err *e);

/* Bring the loopback up; fn gets its addresses as ifaddr_each() says. */
int pod_loopback_up(struct pod *p, ifaddr_fn *fn, void *arg, struct err *e);

/*
 * CHECK: the interface, number iface in want->r, is there and up with its MAC and MTU, its
 * addresses and the routes stand as they were made; CNI_ERR_DIFFERS names what does not.
 */
int pod_verify(struct pod *p, const struct pod_want *want, int iface, struct err *e);

#endif
