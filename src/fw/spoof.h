/*
 * macspoofchk: a pod sends with its own MAC or not at all.
 *
 * A schema of fw.h, table "bridge cnibox_macs", at constant cost whatever the number of pods: one
 * rule, the checked host ends, and each one's MAC.
 */
#ifndef FW_SPOOF_H
#define FW_SPOOF_H

#include <stdint.h>

#include "fw/fw.h"

extern const struct fw_schema spoof;

/* What comes by this host end has this source MAC, or is dropped. As fw_change(). */
int spoof_add(const struct fw_owner *o, const char *host_end, const uint8_t mac[static 6],
	      struct err *e);

/* CHECK: CNI_ERR_DIFFERS */
int spoof_check(const char *host_end, const uint8_t mac[static 6], struct err *e);

#endif
