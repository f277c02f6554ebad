/*
 * This machine as the node program finds it: links, addresses, sysctls that were changed before,
 * chains that see forwarded packets. Read once, before anything is judged or changed; want_build()
 * and have_read() make items of it.
 */
#ifndef NODE_SITE_H
#define NODE_SITE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "net/nft.h"
#include "net/nl.h"
#include "node/item.h"

struct arena;
struct cluster;
struct err;
struct node;

/*
 * Our mark on routes: a number that neither the kernel's rtnetlink.h (up to 192: Eigrp) nor
 * iproute2's rt_protos names.
 */
#define NODE_ROUTE_PROTOCOL 193

/* Our mark on rules in chains of others: comments that begin so. */
#define NODE_COMMENT "cnibox node: "

#define NODE_STATE_DIR "/run/cnibox/node"
#define NODE_LOCK_DIR "/run/cnibox"
#define NODE_LOCK "node.lock"
#define NODE_CONFIG_DIR "/etc/cni/net.d"

#define NODE_TABLE "inet cnibox_node"
#define NODE_CHAIN                                                                                 \
	NODE_TABLE " postrouting" /* nft(8) takes no keyword, such as masquerade, for a name */
extern const struct nft_table node_table;
extern const struct nft_chain node_chain;

struct site_addr {
	int index;
	struct prefix prefix; /* host bits are the address */
};

struct site_link {
	int index;
	char name[IF_NAMESIZE];
	bool uplink; /* neither lo, nor a bridge's port, nor a veth: router advertisements may be of
			use there */
	char accept_ra[4]; /* "" when there is none */
};

/* A sysctl that we have changed: what it was, and what we made of it. */
struct site_sysctl {
	const char *path, *before, *ours;
};

/* A chain with rules of ours: one that sees forwarded packets, or that of our own table. */
struct site_chain {
	struct nft_table table;
	const char *name;
	const char *text;    /* "ip filter FORWARD" */
	bool base;	     /* hooked where it should be */
	bool needed;	     /* our rules should stand here */
	const char *present; /* what our rules here say; "" when there are none */
	struct list handles; /* uint64_t, of our rules */
};

struct site {
	struct arena *arena;
	struct nl *route;
	struct nl *nft;		       /* fd -1: the kernel has no nftables */
	const struct cluster *cluster; /* NULL: nothing is wanted */
	const struct node *self;
	struct list addrs;     /* struct site_addr */
	struct list links;     /* struct site_link */
	struct list sysctls;   /* struct site_sysctl */
	struct list chains;    /* struct site_chain, that see forwarded packets */
	struct site_chain own; /* of node_table; text NULL: the table is not there */
	char forwarding6[4];   /* net.ipv6.conf.all.forwarding; "" without IPv6 */
};

/* Everything but cluster and self, which the caller sets; arena, route and nft are given. */
int site_read(struct site *s, struct err *e);
int site_read_chains(struct site *s, struct err *e);  /* its part in forward.c */
int site_read_sysctls(struct site *s, struct err *e); /* its part in sysctls.c */

bool site_has_addr(const struct site *s, const struct addr *a);
const struct site_sysctl *site_sysctl(const struct site *s, const char *path);

/* The node that this machine is: by name, else the host's name, else an address of ours. */
int site_find_self(struct site *s, const char *name, struct err *e);

/*
 * What should be: pure, from the cluster file and the site. Errors are about the file (next hops
 * that cannot be reached).
 */
int want_build(const struct site *s, struct list *want, struct err *e);

/*
 * What is. want is sorted; it says which unmarked objects would be in the way (-EEXIST for a
 * foreign route).
 */
int have_read(struct site *s, const struct list *want, struct list *have, struct err *e);
int have_read_masquerade(struct site *s, const struct list *want, struct list *have, struct err *e);
int have_read_config(struct site *s, struct list *have, struct err *e);
void have_read_forward(const struct site *s, struct list *have);

/* Warnings about what no change of ours can mend. */
void site_warn(void);

/*
 * What the forward rules should say in this chain, and what the masquerade's; "" for nothing. In
 * the arena; NULL: the list is bad.
 */
const char *forward_wanted(const struct site *s, const struct site_chain *c, struct list *l);
const char *masquerade_wanted(const struct site *s, struct list *l);
const char *config_text(const struct site *s, struct list *l);

/*
 * Making it so. Each gets the changes of its own kinds, those that are ITEM_OK included, and
 * reports what it has changed.
 */
struct apply {
	struct site *site;
	const struct change *changes;
	size_t count;
};
int apply_sysctls(const struct apply *a, struct err *e);
int apply_routes(const struct apply *a, struct err *e);
int apply_masquerade(const struct apply *a, struct err *e);
int apply_forward(const struct apply *a, struct err *e);
int apply_config(const struct apply *a, struct err *e);

/* One change after the other until one fails. */
typedef int change_fn(struct site *s, const struct change *c, struct err *e);
int apply_each(const struct apply *a, change_fn *fn, struct err *e);

/* Print a change that was made. */
void change_done(const struct change *c);

#endif
