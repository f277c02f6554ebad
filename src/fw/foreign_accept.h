/*
 * What the firewall plugin has in chains of others: in each that drops forwarded packets which
 * nobody has accepted (foreign_chain.h), one accept for a family by the mark of firewall.h, in
 * firewalld's behind jumps to its policies; and in the filter tables of iptables a jump to the
 * administrator's chain, where there is one.
 *
 * How many they are depends on those chains, not on the number of pods. iptables-nft prints them.
 * They are the functions of a struct fw_outside.
 */
#ifndef FW_FOREIGN_ACCEPT_H
#define FW_FOREIGN_ACCEPT_H

#include "fw/fw.h"

int foreign_accept_put(struct nl *nl, struct err *e);
int foreign_accept_check(struct nl *nl, char missing[static FW_MISSING_SIZE], struct err *e);
int foreign_accept_remove(struct nl *nl, uint32_t generation, struct err *e);

/*
 * A chain that drops the pods' packets and that nothing can be put into, because its table belongs
 * to a running program: 1, "ip filter FORWARD"; 0: there is none.
 */
int foreign_accept_find_closed(struct nl *nl, char out[static FW_MISSING_SIZE], struct err *e);

#endif
