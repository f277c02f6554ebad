/*
 * Traffic control: queueing disciplines, classes and filters of a link, as far as they limit
 * bandwidth. Follows net/sched/sch_api.c, net/sched/sch_tbf.c,
 * net/sched/sch_htb.c, net/sched/sch_ingress.c, net/sched/cls_u32.c, net/sched/act_mirred.c.
 *
 * Functions without a result only write their request into the batch; nl_commit() sends it. What is
 * added is added exclusively: -EEXIST, when the link has one there.
 */
#ifndef NET_QDISC_H
#define NET_QDISC_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct nl;
struct prefix;

struct tc_limit {
	uint64_t rate;	/* bytes in a second */
	uint32_t burst; /* bytes */
};

/* Bytes that may wait: the burst, and what comes in 25 ms at the rate. */
uint32_t tc_limit_queue(const struct tc_limit *l);

/* What leaves by the link goes through one bucket: the root, 1:. */
void qdisc_add_tbf(struct nl *nl, int index, const struct tc_limit *l);

/*
 * The same by classes: the root, 1:, classes 1:minor below it, and filters, which choose one by the
 * source or destination; what none chooses goes to the default class.
 */
void qdisc_add_htb(struct nl *nl, int index, uint16_t default_minor);
void class_add_htb(struct nl *nl, int index, uint16_t minor, const struct tc_limit *l);
void filter_add_subnet(struct nl *nl, int index, const struct prefix *p, bool source,
		       uint16_t minor);

/* What comes in by the link passes here: ffff:. */
void qdisc_add_ingress(struct nl *nl, int index);
/* And all of it leaves by another link, which sends it back when it has let it through: an ifb. */
void filter_add_redirect(struct nl *nl, int index, int to);

void qdisc_del_root(struct nl *nl, int index);
void qdisc_del_ingress(struct nl *nl, int index);

struct qdisc {
	char kind[16];
	struct tc_limit limit;	/* of a tbf; burst as the kernel rounds it */
	uint32_t queue;		/* of a tbf: bytes that may wait */
	uint16_t default_minor; /* of an htb */
};

/* The root that somebody has put there: 1, 0, -errno. */
int qdisc_find_root(struct nl *nl, int index, struct qdisc *out, struct err *e);

/* The class 1:minor of an htb: 1, 0, -errno. */
int class_find_htb(struct nl *nl, int index, uint16_t minor, struct tc_limit *out, struct err *e);

/* Where filter_add_redirect() on this link leads: an ifindex, 0: nowhere, or -errno. */
int filter_find_redirect(struct nl *nl, int index, struct err *e);

#endif
