/*
 * The same accept by the mark of firewall.h in the legacy tables of iptables, where they are in use
 * and FORWARD drops. They are no part of nftables' ruleset, and no generation tells that they have
 * changed: whoever may have to put it back looks each time.
 */
#ifndef FW_LEGACY_ACCEPT_H
#define FW_LEGACY_ACCEPT_H

#include "fw/fw.h"

/* 1: put into a table; 0: nothing to do. Takes /run/xtables.lock when there is. */
int legacy_accept_put(struct err *e);

/* As fw_outside's check. */
int legacy_accept_check(char missing[static FW_MISSING_SIZE], struct err *e);

/* Unless the firewall's table is there. */
int legacy_accept_remove(struct nl *nl, struct err *e);

#endif
