/*
 * This machine as the node program finds it: the facts that what is wanted depends on. Read once in
 * a pass, before anything is compared or changed.
 */
#ifndef NODE_SITE_H
#define NODE_SITE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "cluster/cluster.h"
#include "json/json.h"
#include "net/link.h"

struct arena;
struct err;
struct nl;

/*
 * Our mark on routes: a number that neither the kernel's rtnetlink.h (up to 192: Eigrp) nor
 * iproute2's rt_protos names.
 */
#define NODE_ROUTE_PROTOCOL 193
#define NODE_BLACKHOLE_PROTOCOL 194 /* another: who flushes the routes leaves these */

/* Our mark on rules: comments that begin so. */
#define NODE_COMMENT "cnibox node: "

#define NODE_STATE_DIR "/run/cnibox/node"
#define NODE_LOCK_DIR "/run/cnibox"
#define NODE_LOCK "node.lock"
#define NODE_RUN_LOCK "node-run.lock"
#define NODE_CONFIG_DIR "/etc/cni/net.d"

struct site_addr {
	int index;
	struct prefix prefix; /* host bits are the address */
};

/* One end of a tunnel: this machine's (tunnels.h). */
struct site_tunnel {
	bool wanted;
	struct addr local; /* the outer address */
	uint32_t mtu;	   /* that its link should have */
	struct link link;  /* that has its name now; index 0: none */
	int index;	   /* of that, if it need not be made anew; 0 */
};

struct site_link {
	int index, master; /* master 0: in no bridge or bond */
	uint32_t mtu;
	char name[IF_NAMESIZE];
	char alias[LINK_ALIAS_SIZE];
	bool loopback, bridge;
	bool wired;	   /* hardware, or made of it */
	bool uplink;	   /* routers may be behind it: no port, and no bridge without a wire */
	bool ra_default;   /* a router advertisement gave it a default route */
	size_t ports;	   /* links whose master it is */
	char accept_ra[4]; /* "" when there is none */
};

struct site {
	struct arena *arena;
	struct nl *route;
	struct nl *generic;	       /* generic netlink */
	struct nl *nft;		       /* not open: the kernel has no nftables */
	const struct cluster *cluster; /* NULL: none is known */
	const char *source;	       /* where the cluster comes from, for errors about it */
	const struct node *self;       /* NULL: nothing is wanted */
	struct site_tunnel tunnels[BACKENDS];
	struct list addrs;    /* struct site_addr */
	struct list links;    /* struct site_link */
	struct list saved;    /* struct saved_sysctl */
	struct list chains;   /* struct foreign_chain */
	struct list recorded; /* const struct fw_schema *: that attachments have records of */
	struct json_raw
		config;	     /* our CNI configuration as it is; text NULL: none (config_text.h) */
	bool config_there;   /* where runtimes read it, not withheld */
	char forwarding6[4]; /* net.ipv6.conf.all.forwarding; "" without IPv6 */
};

/* All lists; arena, sockets, cluster and source are given. */
int site_read(struct site *s, struct err *e);

/*
 * The node that this machine is: by name, else the host's name, else an address of ours. -EINVAL:
 * none is, or another is by another of these.
 */
int site_find_self(struct site *s, const char *name, struct err *e);

/* NULL: no link has this name. */
const struct site_link *site_find_link(const struct site *s, const char *name);

bool site_has_addr(const struct site *s, const struct addr *a);

/* Any one of the node's. */
bool site_has_addr_of(const struct site *s, const struct node *n);

#endif
