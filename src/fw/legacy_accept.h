/*
 * What firewall has in chains of others, in the legacy tables of iptables: where FORWARD drops, the
 * accept by the mark of firewall.h, and jumps to the administrators' chains (legacy_forward.h).
 */
#ifndef FW_LEGACY_ACCEPT_H
#define FW_LEGACY_ACCEPT_H

#include "fw/fw.h"

/*
 * Make it what it should be: with firewall's table all of it, without it nothing. 1: that was a
 * change, 0. Takes /run/xtables.lock when there is one to make.
 */
int legacy_accept_settle(struct nl *nl, struct err *e);

/* As fw_outside's check. */
int legacy_accept_check(struct nl *nl, char missing[static FW_MISSING_SIZE], struct err *e);

/*
 * A chain of a legacy table on the way of forwarded packets that drops all of them, and in which no
 * accept of ours would help: 1, "iptables raw PREROUTING"; 0. A family that the node does not
 * forward is not asked.
 */
int legacy_accept_find_closed(char out[static FW_MISSING_SIZE], struct err *e);

#endif
