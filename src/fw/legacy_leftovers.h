/*
 * What the reference's plugins left of one pod in a legacy table (reference.h): in a chain that has
 * rules of all pods, jumps to a chain of the pod's own, and that chain; or accepts of its
 * addresses. Nothing where the table is not in use.
 */
#ifndef FW_LEGACY_LEFTOVERS_H
#define FW_LEGACY_LEFTOVERS_H

#include <stddef.h>
#include <stdint.h>

struct addr;
struct err;

struct legacy_leftovers {
	const char *table, *place; /* "nat", "POSTROUTING" */
	const char *chain;	   /* the pod's own; NULL: it has none */
	const struct addr *pod;	   /* whose accepts */
	size_t pod_count;
};

/*
 * None of it is there any more, in both families. What cannot be read or has another jump to it
 * stays, with a warning: a DEL succeeds some day.
 */
int legacy_leftovers_forget(const struct legacy_leftovers *l, struct err *e);

/* Is there a rule of it in a family: 1, 0. With addresses: one from and one to each. */
int legacy_leftovers_find(const struct legacy_leftovers *l, uint8_t family, struct err *e);

#endif
