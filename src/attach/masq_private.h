/* What the parts of ipMasq (masq.c, masq_del.c) share; nobody else includes this. */
#ifndef ATTACH_MASQ_PRIVATE_H
#define ATTACH_MASQ_PRIVATE_H

#include "attach/masq.h"

#include "net/nft.h"

struct nl;

#define MASQ_COMMENT_MAX 120 /* nft.h */
#define MASQ_COMMENT_SIZE 128
#define MASQ_TRIES 8 /* against others who change the ruleset */
#define MASQ_FAMILIES 2

struct masq_family {
	uint8_t proto;
	struct nft_set masq, home;
	struct prefix multicast;
};

extern const struct nft_table masq_table;
extern const struct masq_family masq_families[MASQ_FAMILIES];

const struct masq_family *masq_family_of(const struct addr *a);

/*
 * Opened once and left to the end of the process: closing a netfilter socket waits for the kernel
 * to destroy what the last transaction removed, 5 ms of grace periods (nft_rcv_nl_event(),
 * net/netfilter/nf_tables_api.c), which pass unnoticed while DEL deletes the link. Its buffer takes
 * the deletion of 512 elements. -EPROTONOSUPPORT: no netfilter.
 */
int masq_open(struct nl **out, struct err *e);

/*
 * "veth0123456789a network/container/interface", cut where it must be: the hash in front identifies
 * it, the network stands whole.
 */
void masq_comment(const struct cni_attachment *at, char out[static MASQ_COMMENT_SIZE]);

/* Is this address masqueraded? 1; 0 also without the table; -errno. */
int masq_find(struct nl *nl, const struct addr *a, struct err *e);

#endif
