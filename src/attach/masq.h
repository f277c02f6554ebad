/*
 * ipMasq: what a pod sends outside its own subnet gets the node's address.
 *
 * One table "inet cnibox", at constant cost whatever the number of pods: a rule per family, a set
 * of the pods' addresses (the comment says whose), a set of subnets that are home to each other.
 * The first ADD that needs it makes it, the DEL that empties it takes it away.
 */
#ifndef ATTACH_MASQ_H
#define ATTACH_MASQ_H

#include <net/if.h>

#include "cni/request.h"
#include "cni/result.h"

struct err;

/* The addresses of r become masqueraded; what another left for them is replaced. All or nothing. */
int masq_add(const struct cni_attachment *at, const struct cni_result *r, struct err *e);

/*
 * These addresses are masqueraded no more. With count 0, because nobody knows them any more, the
 * attachment's elements are looked for by their comments. Nothing there is success.
 */
int masq_del(const struct cni_attachment *at, const struct addr *addrs, size_t count,
	     struct err *e);

/* Is one of these addresses masqueraded? 1, 0, -errno. */
int masq_has(const struct addr *addrs, size_t count, struct err *e);

/*
 * A crowd's DEL: what is masqueraded of the attachments with these host ends, in one transaction.
 * Nothing there is success.
 */
int masq_del_links(char (*names)[IF_NAMESIZE], size_t count, struct err *e);

/* GC: elements of req's network that are not of a valid attachment. */
int masq_gc(const struct cni_request *req, struct err *e);

/* CHECK: CNI_ERR_DIFFERS when an address of r is not masqueraded. */
int masq_check(const struct cni_result *r, struct err *e);

#endif
