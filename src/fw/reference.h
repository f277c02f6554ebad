/*
 * What the reference's plugins left of an attachment in the packet filter, where a node has changed
 * to cnibox under running pods: DEL takes it away. Nothing of it is ever made here.
 *
 * They name their things by the attachment: chains of iptables by a hash of network and container,
 * rules of nftables by a comment, accepts in CNI-FORWARD by the pod's address. What is for all pods
 * (CNI-HOSTPORT-DNAT and its like, the tables themselves) they leave for good, and so do we.
 *
 * Read from pkg/utils, pkg/ip and plugins/meta of their releases 1.1.1 and 1.9.1. nf_tables is
 * asked, and what is in use of the legacy tables of iptables (legacy_leftovers.h).
 *
 * Each is 0, also where there is nothing or the kernel has no nf_tables, or -errno as
 * nft_commit().
 */
#ifndef FW_REFERENCE_H
#define FW_REFERENCE_H

#include <stddef.h>

#include "base/addr.h"
#include "cni/cni.h"

struct err;

int reference_forget_masquerade(const struct cni_attachment *at, struct err *e);
int reference_forget_ports(const struct cni_attachment *at, struct err *e);
int reference_forget_mac_check(const struct cni_attachment *at, struct err *e);

/*
 * CHECK: what is there of it. 1: a rule of this attachment in a family (AF_INET, AF_INET6); 0:
 * none.
 */
int reference_has_masquerade(const struct cni_attachment *at, uint8_t family, struct err *e);
int reference_has_mac_check(const struct cni_attachment *at, struct err *e);
int reference_has_port(const struct cni_attachment *at, uint8_t family, struct err *e);

/* firewall's, for a pod with these addresses. */
int reference_forget_accepts(const struct addr *pod, size_t count, struct err *e);

/* 1: FORWARD asks CNI-FORWARD, which accepts from and to this address; 0. */
int reference_has_accepts(const struct addr *pod, struct err *e);

#endif
