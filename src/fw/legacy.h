/*
 * Legacy tables of iptables and ip6tables, changed as iptables changes them: under its lock. They
 * are no part of nftables' ruleset, and no generation tells that they have changed: whoever may
 * have to put something back looks each time. A table that is not in use has nothing.
 */
#ifndef FW_LEGACY_H
#define FW_LEGACY_H

#include "net/xtables.h"

struct err;

#define LEGACY_FAMILIES 2
extern const uint8_t legacy_families[LEGACY_FAMILIES];

/* "iptables", "ip6tables" */
const char *legacy_command(uint8_t family);

/*
 * Plans what is to be changed in a table that has just been read: how many changes, 0, -errno. It
 * is asked twice, the second time under the lock, and must not trust what it found before.
 */
typedef int legacy_plan_fn(struct xtables *t, void *arg, struct err *e);

/* 1: changed; 0: there was nothing to change. -EPERM as others, and -EPROTO, -E2BIG, -ENOMEM. */
int legacy_change(uint8_t family, const char *table, legacy_plan_fn *plan, void *arg,
		  struct err *e);

/* How many changes there would be. */
int legacy_look(uint8_t family, const char *table, legacy_plan_fn *plan, void *arg, struct err *e);

#endif
