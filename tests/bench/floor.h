/* What the parts of the floor share: see floor.c. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/neigh.h"
#include "net/nft.h"
#include "net/nl.h"
#include "net/sysctl.h"

/*
 * The pod's end gets an index of our choice, so that nobody has to ask for it. The kernel heeds
 * that only if the host's end has one, too (veth_newlink()).
 */
#define POD_INDEX 1000
#define HOST_INDEX 100000 /* and the number in its name */

/* A name flrN: N. */
unsigned int number_of(const char *name);

extern struct nl host, pod, nft;
extern struct err err;
extern uint8_t mac[6]; /* of the pod's interface; the last byte is the attachment's */

void must(int r); /* or it ends, and says why */
void open_host(void);
void open_nft(void);
void open_pod(const char *path);

void put_table(const struct nft_table *t, const struct nft_set *sets, int count); /* opens nft */

/* A pair, the host's end up and in this bridge (0: none). */
void put_veth(const char *name, const char *in_pod, const char *ns_path, uint32_t bridge);
void guard(const char *name); /* against what a pod may tell its node about routes */

/*
 * What wire's arguments say, in the pod, with its name; what brings it up is in the batch of pod.
 * Are its neighbours to hear of its address?
 */
bool put_wire(char **argv, struct link *out);

/* A mode of floor; argv is what follows its name. */
typedef void mode_fn(char **argv, bool masq);

mode_fn node, add, del, mark, reap, collect, lo, wire, unwire;
mode_fn dhcp_add, dhcp_del;			      /* floor_dhcp.c */
mode_fn chain_node, chain_add, chain_del;	      /* floor_chain.c */
mode_fn veth_host_node, veth_host_add, veth_host_del; /* floor_veth_host.c */

#endif
