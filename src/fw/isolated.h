/*
 * ingressPolicy isolated, inside a bridge: pods' host ends that hear nothing of each other.
 *
 * A schema of fw.h, table "bridge cnibox_isolated": one rule, and an element for each pod. What a
 * bridge passes on by itself comes to no chain for IP, but with br_netfilter; firewall.h's own
 * rules are for what goes by the node.
 */
#ifndef FW_ISOLATED_H
#define FW_ISOLATED_H

#include "fw/fw.h"

extern const struct fw_schema isolated;

/* As fw_change(). */
int isolated_add(const struct fw_owner *o, const char *host_end, struct err *e);

/* CHECK: CNI_ERR_DIFFERS */
int isolated_check(const char *host_end, struct err *e);

#endif
