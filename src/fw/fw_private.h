/* What the parts of fw share; nobody else includes this. */
#ifndef FW_PRIVATE_H
#define FW_PRIVATE_H

#include "fw/fw.h"
#include "fw/seal.h"
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

/*
 * Is it a set whose elements are of all who ask for them? These have a comment of their own, which
 * names no owner.
 */
#define FW_JOINT_COMMENT "of-all-who-ask-for-it"
bool fw_is_joint(const struct fw_schema *s, const struct nft_set *set);

/* How many of its chains are for this kernel. */
size_t fw_chain_count(const struct fw_schema *s);

/* The host end's name in a comment; false: the comment is none of ours. */
bool fw_comment_name(const char *comment, char out[static IF_NAMESIZE]);

/* GC: its owner is of gc's network, and not valid. */
bool fw_comment_is_stale(const char *comment, const struct cni_request *gc);

/* Is the owner's host end there (fw_find_host_end())? */
int fw_is_alive(const char *host_name, struct err *e);

/*
 * The same for whoever wrote a record: alive without a host end. Another pod may have the addresses
 * of one that is gone.
 */
int fw_owner_is_alive(const struct fw_record *r, const char *host_name, struct err *e);

/*
 * Has the ADD that made its host end not ended, so that what is not there is perhaps not there yet?
 * What comes behind it in a chain is not told so.
 */
bool fw_is_in_flight(const struct fw_record *r, const char *host_name);

/* The kernel and the records of one schema. */
struct fw_place {
	struct nl *nl; /* from fw_open() */
	int dir;       /* from store_open(); 0: there is none, so no record and no seal */
	const struct fw_schema *s;
	struct fw_seal seal; /* as it was read last */
	int guard;	     /* of the seals, above 0 while it is held; -1: not to be had */
	bool hurried;	     /* others change the ruleset all the time: no condition any more */
};

/* What was found in one look, which is one system call or two. */
#define FW_QUERIES_MAX (FW_ELEMS_MAX + 8)
struct fw_view {
	uint32_t generation;	      /* no later than what is found */
	bool table;		      /* is there */
	const struct nft_query *elem; /* elem[i]: the i-th element */
	struct nft_query q[FW_QUERIES_MAX];
};
int fw_look(const struct fw_place *p, const struct fw_elem *elems, size_t count, struct fw_view *v,
	    struct err *e);

/*
 * The same beside the seal, which is read first. Where that is for another generation, somebody may
 * be about to write it: then under the guard, as always in a second try (again). fw_commit() gives
 * that back; who does not come to it does fw_unguard().
 */
int fw_look_sealed(struct fw_place *p, bool again, const struct fw_elem *elems, size_t count,
		   struct fw_view *v, struct err *e);
void fw_unguard(struct fw_place *p);

/*
 * 1: the table is there with all its sets, chains and rules, each as the schema says, and is not
 * dormant. 0: it is not, and missing says why: "lacks the set masq4".
 */
int fw_inspect(const struct fw_place *p, char missing[static FW_MISSING_SIZE], struct err *e);

/*
 * A transaction on what was seen at a generation. If that is sealed, it takes effect at no other
 * (fw_commit(): -ERESTART, look again), and then the next one is sealed. grown: how many elements
 * more, or fewer, the sets have with it. Errors as nft_commit().
 */
void fw_begin(const struct fw_place *p, uint32_t generation);
int fw_commit(struct fw_place *p, uint32_t generation, int grown, struct err *e);

/*
 * Before a change: is the table, as it was seen, whole, and has it what all records ask for? Then
 * p->seal is of that generation, though not written yet: 0. Else, or if that cannot be told, it is
 * made so: -ERESTART, look again. *mended is false at first, and kept from one look to the next.
 */
int fw_ensure(struct fw_place *p, const struct fw_view *v, bool *mended, struct err *e);

/*
 * Make the table anew, with what all records ask for, unless it is whole by now. Takes the store's
 * lock alone, and gives it back.
 */
int fw_restore(struct fw_place *p, struct err *e);

/*
 * Give every owner that is alive what it has on record and lacks, if all of that is free. Under the
 * store's lock. How many owners still lack something, since others have it: the store is marked as
 * shared then.
 */
int fw_mend(struct fw_place *p, struct err *e);

/* How many owners that are alive, and not in flight, lack an element, without putting it back. */
int fw_count_lacking(struct fw_place *p, size_t *out, struct err *e);

/*
 * Elements of joint sets that no record asks for go; gone: of those that this one had, NULL: of
 * all.
 */
int fw_prune(struct fw_place *p, const struct fw_record *gone, struct err *e);

/* Do two elements of a set have a key in common? */
bool fw_overlaps(const struct nft_set *s, const struct nft_elem *x, const struct nft_elem *y);

#endif
