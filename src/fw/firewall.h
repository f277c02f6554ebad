/*
 * firewall: what pods send and what is sent to them is forwarded, whatever others drop.
 *
 * A schema of fw.h, table "inet cnibox_firewall", at constant cost whatever the number of pods: an
 * element for each address, and the same rules for all. A drop in a chain of others is final, so
 * the table accepts nothing itself: it marks the pods' packets with one bit, and in each chain of
 * others that drops what nobody has accepted stands one rule that accepts by that bit
 * (foreign_accept.h). The bit is there from the first chain at the forward hook to the last, and
 * nowhere else: neither routing nor a traffic class meets it.
 */
#ifndef FW_FIREWALL_H
#define FW_FIREWALL_H

#include "cni/result.h"
#include "fw/fw.h"

struct list;

#define FIREWALL_MARK 0x80000 /* outside what Kubernetes, Calico, Cilium and AWS' plugin use */

extern const struct fw_schema firewall;

/* Who may begin a connection to the pod. */
enum ingress {
	INGRESS_OPEN,	     /* whoever has a route */
	INGRESS_SAME_BRIDGE, /* not the pods of other bridges with a policy like this */
	INGRESS_ISOLATED     /* nor those of its own */
};

struct firewall_want {
	const struct cni_result *prev; /* whose addresses in the pod count */
	enum ingress ingress;
	char bridge[IF_NAMESIZE]; /* unless INGRESS_OPEN */
	const char *admin_chain;  /* of iptables, asked first; at most FIREWALL_CHAIN_MAX bytes */
};

#define FIREWALL_CHAIN_MAX 28 /* XT_EXTENSION_MAXNAMELEN and its end */

/* As fw_change(). A pod without an address wants nothing. */
int firewall_add(const struct fw_owner *o, const struct firewall_want *w, struct err *e);

/* CHECK: CNI_ERR_DIFFERS */
int firewall_check(const struct firewall_want *w, struct err *e);

/* STATUS: -EPERM names a chain that drops and that nobody but its owner can change. */
int firewall_status(struct err *e);

/* The names of the admin chains that anybody has asked for, once each: 1 if any, 0, -errno. */
int firewall_admins(struct nl *nl, struct list *out, struct err *e);

/* Is it an address of the pod's, or one that prev has of the host? */
bool firewall_counts(const struct cni_result *prev, const struct cni_ip *ip);

#endif
