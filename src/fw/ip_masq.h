/*
 * ipMasq: what a pod sends outside its own subnet gets the node's address.
 *
 * A schema of fw.h, table "inet cnibox", at constant cost whatever the number of pods: a rule for
 * each family, a set of the pods' addresses, a set of what is inside each one's subnet. So networks
 * may overlap and contain each other. The first ADD that needs it makes it, the DEL that empties it
 * takes it away.
 */
#ifndef FW_IP_MASQ_H
#define FW_IP_MASQ_H

#include "cni/result.h"
#include "fw/fw.h"

extern const struct fw_schema masquerade;

/* ADD: the addresses of r become masqueraded, as fw_change(). */
int masquerade_add(const struct fw_owner *o, const struct cni_result *r, struct err *e);

/*
 * CHECK: CNI_ERR_DIFFERS when an address of r is not masqueraded any more. In a chain others may
 * have added addresses: those of another interface than at's do not count. Without an address
 * there is nothing to ask for, not even the table.
 */
int masquerade_check(const struct cni_attachment *at, const struct cni_result *r, struct err *e);

#endif
