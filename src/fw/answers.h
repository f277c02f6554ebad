/*
 * The pod's side of a veth to its node: what came by it is answered by it, what came by the pod's
 * own interface by that; and what came by the veth and is for others is passed on. The table "inet
 * cnibox_answers" in the pod's namespace, with which it ends.
 *
 * nl is a NETLINK_NETFILTER socket in the pod. Whoever changes the table has the namespace's lock.
 */
#ifndef FW_ANSWERS_H
#define FW_ANSWERS_H

struct err;
struct nl;

/* Of packets, and in conntrack, inside the pod: they came by the veth, or by the own interface. */
#define ANSWERS_MARK 0x2000u
#define ANSWERS_WIRE_MARK 0x1000u

/* wire: the pod's own interface; end: the veth. Both may be there already. */
int answers_add(struct nl *nl, const char *wire, const char *end, struct err *e);

/* With the last veth the table goes. What is not there is success; 1: others are left. */
int answers_del(struct nl *nl, const char *wire, const char *end, struct err *e);

/* CNI_ERR_DIFFERS */
int answers_check(struct nl *nl, const char *wire, const char *end, struct err *e);

#endif
