/*
 * Chains of others that let no packet at all come to the hook forward, or leave behind it: at
 * prerouting and postrouting, where no accept of ours would be in its place. Nobody but their owner
 * can mend that; STATUS names them.
 */
#ifndef FW_FOREIGN_CLOSED_H
#define FW_FOREIGN_CLOSED_H

#include <stdbool.h>
#include <stdint.h>

#include "fw/fw.h"

/* Does this node forward packets of the family (AF_INET, AF_INET6)? */
bool foreign_forwards(uint8_t family);

/*
 * 1: a base chain of nf_tables drops whatever it gets of a family that is forwarded, and out is
 * "inet site early"; 0: there is none. One in which any rule might let a packet pass is none.
 */
int foreign_closed_find(struct nl *nl, char out[static FW_MISSING_SIZE], struct err *e);

#endif
