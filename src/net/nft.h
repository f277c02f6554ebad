/*
 * nf_tables, encode-only for what cnibox uses: one table per owner, chains, sets and maps,
 * elements, rules.
 *
 * A transaction is built into an nl batch between nft_begin() and nft_commit(), which adds the
 * batch marks, sends all in one sendmsg() and drains the answers without counting acknowledgements
 * (batch marks are acknowledged only since Linux 6.10). Nothing of a failed transaction stays.
 * Follows include/uapi/linux/netfilter/nf_tables.h and net/netfilter/nf_tables_api.c.
 */
#ifndef NET_NFT_H
#define NET_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct err;
struct nl;

#define NFT_NAME_SIZE 256 /* NFT_NAME_MAXLEN: of tables, chains and sets */

/* Families: NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET. */
struct nft_table {
	uint8_t family;
	const char *name;
};

struct nft_chain {
	const char *name;
	const char *type; /* "filter", "nat", "route"; NULL: a chain without hook */
	uint32_t hook;	  /* NF_INET_* */
	int32_t priority;
	bool drop; /* policy drop */
};

enum nft_key { /* data types of set keys; the numbers of nft(8) are in nft.c, so that `nft list`
		  prints them well */
	       NFT_KEY_IPV4,
	       NFT_KEY_IPV6,
	       NFT_KEY_IPV4_IPV4, /* concatenation saddr . daddr */
	       NFT_KEY_IPV6_IPV6,
	       NFT_KEY_IFNAME,
};

struct nft_set {
	const char *name;
	enum nft_key key;
	bool interval;
};

/*
 * An element. With interval sets, first..last is the range (prefixes: first and last address), both
 * inclusive. Addresses are of the set's family (asserted). Elements read from an interval set
 * always have last.
 */
struct nft_elem {
	struct addr first, last;   /* last none: the single address */
	struct addr first2, last2; /* second field of a concatenation */
	const char *ifname;	   /* NFT_KEY_IFNAME: instead of addresses */
	const char *comment; /* may be NULL; at most 120 bytes, more fails the transaction; shown by
				nft(8) */
};

void nft_begin(struct nl *nl);

/*
 * Read, then act: a transaction that only takes effect if the ruleset is still of this generation,
 * else nft_commit() says -ERESTART. nft_generation() reads it before anything else is read.
 */
int nft_generation(struct nl *nl, uint32_t *out, struct err *e);
void nft_begin_at(struct nl *nl, uint32_t generation);

/*
 * 0 or the first error, named with the object it is about; the batch is empty afterwards. *failed
 * (may be NULL) as nl_commit() counts, the opening mark excluded; UINT_MAX: the transaction as a
 * whole. -ENOENT: a table, chain, set or element is missing. -EOPNOTSUPP: the kernel lacks
 * something, the error says which module. -EMSGSIZE: it did not fit the buffer or NL_REQUESTS_MAX
 * (two of which are the marks), or a comment or interface name was too long.
 */
int nft_commit(struct nl *nl, unsigned int *failed, struct err *e);

void nft_table_add(struct nl *nl, const struct nft_table *t); /* no error if it is there */
void nft_table_del(struct nl *nl, const struct nft_table *t);
void nft_chain_add(struct nl *nl, const struct nft_table *t,
		   const struct nft_chain *c); /* no error if it is there alike */
void nft_chain_flush(struct nl *nl, const struct nft_table *t,
		     const char *chain); /* delete its rules */
void nft_chain_del(struct nl *nl, const struct nft_table *t, const char *chain);
void nft_set_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s);
void nft_set_flush(struct nl *nl, const struct nft_table *t, const char *set);
/*
 * Adding what is there is no error and keeps its old comment; a range that overlaps another without
 * being it is -EEXIST.
 */
void nft_elem_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el);
void nft_elem_del(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el);

/*
 * A rule is begun, given expressions in order, and ended. head: insert before all others instead of
 * appending. comment as in elements.
 */
void nft_rule_begin(struct nl *nl, const struct nft_table *t, const char *chain, bool head);
void nft_rule_end(struct nl *nl, const char *comment);
void nft_rule_del(struct nl *nl, const struct nft_table *t, const char *chain, uint64_t handle);

/* Expressions. Registers are the encoder's business: each match loads and compares at once. */
void nft_match_family(
	struct nl *nl,
	uint8_t family); /* AF_INET or AF_INET6; meta nfproto: needed in inet before addresses */
void nft_match_saddr(struct nl *nl, const struct prefix *p,
		     bool negate); /* ip[6] saddr [!=] prefix */
void nft_match_daddr(struct nl *nl, const struct prefix *p, bool negate);
void nft_match_saddr_set(struct nl *nl, const struct nft_set *s,
			 bool negate); /* ip[6] saddr [!=] @set */
void nft_match_daddr_set(struct nl *nl, const struct nft_set *s, bool negate);
void nft_match_pair_set(struct nl *nl, const struct nft_set *s,
			bool negate); /* ip[6] saddr . ip[6] daddr [!=] @set */
void nft_match_iif(struct nl *nl, const char *name, bool negate);	     /* iifname */
void nft_match_oif(struct nl *nl, const char *name, bool negate);	     /* oifname */
void nft_match_iif_set(struct nl *nl, const struct nft_set *s, bool negate); /* iifname @set */
void nft_match_oif_set(struct nl *nl, const struct nft_set *s, bool negate);
void nft_match_mark(struct nl *nl, uint32_t mask, uint32_t value,
		    bool negate);			/* meta mark & mask [!=] value */
void nft_match_ct_state(struct nl *nl, uint32_t mask);	/* ct state in mask (NF_CT_STATE_BIT) */
void nft_match_daddr_local(struct nl *nl, bool negate); /* fib daddr type local */
void nft_do_counter(struct nl *nl);			/* as iptables-nft expects in its rules */
void nft_do_masquerade(struct nl *nl, bool random_fully);
void nft_do_accept(struct nl *nl);
void nft_do_drop(struct nl *nl);
void nft_do_return(struct nl *nl);
void nft_do_jump(struct nl *nl, const char *chain);

/*
 * Reading. Each returns 1 found, 0 not there, -errno; walks call fn until it returns a negative
 * value, which they return, and are 1 when there was anything to call it for, 0 else, be it that
 * the table, chain or set is missing. A walk starts again from the beginning when others change
 * nf_tables meanwhile: fn must bear to see the same thing twice. fn must not use nl. -EOPNOTSUPP:
 * the kernel has no nf_tables.
 */
int nft_table_find(struct nl *nl, const struct nft_table *t, struct err *e);

struct nft_chain_info {
	uint8_t family;
	char table[NFT_NAME_SIZE];
	char name[NFT_NAME_SIZE];
	bool base;
	uint32_t hook;
	int32_t priority;
	bool drop;
};
typedef int nft_chain_fn(const struct nft_chain_info *c, void *arg);
int nft_chain_each(struct nl *nl, uint8_t family, nft_chain_fn *fn, void *arg,
		   struct err *e); /* NFPROTO_UNSPEC: all families */

struct nft_rule_info {
	uint64_t handle;
	char comment[128]; /* "" when the rule has none */
	bool first;	   /* stands at the head of its chain */
};
typedef int nft_rule_fn(const struct nft_rule_info *r, void *arg);
int nft_rule_each(struct nl *nl, const struct nft_table *t, const char *chain, nft_rule_fn *fn,
		  void *arg, struct err *e);

typedef int nft_elem_fn(const struct nft_elem *el,
			void *arg); /* el->comment is valid during the call, "" when none */
int nft_elem_each(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  nft_elem_fn *fn, void *arg, struct err *e);

/* 1 if this very element (single address or range start) is in the set, without a dump. */
int nft_elem_find(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el, struct err *e);

#endif
