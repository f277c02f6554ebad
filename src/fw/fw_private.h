/* What the parts of fw share; nobody else includes this. */
#ifndef FW_PRIVATE_H
#define FW_PRIVATE_H

#include "fw/fw.h"
#include "fw/store.h"
#include "net/link.h"

#define FW_COMMENT_MAX 120 /* nft.h */
#define FW_COMMENT_SIZE 128
#define FW_TRIES 8 /* against others who change the ruleset */

/*
 * Opened once and left to the end of the process: closing a netfilter socket waits for the kernel
 * to destroy what the last transaction removed, 5 ms of grace periods (nft_rcv_nl_event(),
 * net/netfilter/nf_tables_api.c), which pass unnoticed while DEL deletes the link. Its buffer takes
 * the deletion of 512 elements. -EPROTONOSUPPORT: no netfilter.
 */
int fw_open(struct nl **out, struct err *e);

/*
 * "veth0123456789a network/container/interface", cut where it must be: the hash in front identifies
 * it, the network stands whole.
 */
void fw_comment(const struct cni_attachment *at, char out[static FW_COMMENT_SIZE]);

/* The host end's name in a comment; false: the comment is none of ours. */
bool fw_comment_name(const char *comment, char out[static IF_NAMESIZE]);

/* The owner's host end: 1, 0, -errno. */
int fw_find_host_end(const char *host_name, struct link *out, struct err *e);
int fw_is_alive(const char *host_name, struct err *e);

/* What was found in one look at the table. */
#define FW_QUERIES_MAX (FW_ELEMS_MAX + 8)
struct fw_view {
	bool table;	  /* is there */
	bool complete;	  /* with all its sets, chains and rules, and not dormant */
	char missing[64]; /* what is not, for a message */
	struct nft_query q[FW_QUERIES_MAX];
	struct nft_query *elem; /* elem[i]: the i-th element */
};
int fw_look(struct nl *nl, const struct fw_schema *s, const struct fw_elem *elems, size_t count,
	    struct fw_view *v, struct err *e);

/* Make the table anew with what every owner that is alive has on record, unless it is complete. */
int fw_restore(struct nl *nl, const struct fw_schema *s, int dir, struct err *e);

/* Do two elements of a set have a key in common? */
bool fw_overlaps(const struct nft_set *s, const struct nft_elem *x, const struct nft_elem *y);

#endif
