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

/* Families: NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_INET, NFPROTO_BRIDGE. */
struct nft_table {
	uint8_t family;
	const char *name;
};

struct nft_chain {
	const char *name;
	const char *type; /* "filter", "nat", "route"; NULL: a chain without hook */
	uint32_t hook;	  /* NF_INET_*, in bridge tables NF_BR_* */
	int32_t priority;
	bool drop; /* policy drop */
};

/* What keys and data consist of; in brackets how nft(8) calls it. */
enum nft_type {
	NFT_TYPE_NONE,
	NFT_TYPE_IPV4,	 /* ipv4_addr */
	NFT_TYPE_IPV6,	 /* ipv6_addr */
	NFT_TYPE_MAC,	 /* ether_addr */
	NFT_TYPE_PROTO,	 /* inet_proto */
	NFT_TYPE_PORT,	 /* inet_service */
	NFT_TYPE_MARK,	 /* mark */
	NFT_TYPE_IFNAME, /* ifname */
	NFT_TYPE_VERDICT /* verdict: a map's data, alone */
};

#define NFT_PARTS_MAX 4 /* of a concatenation */

/*
 * A set is a constant that lists the parts of its key up to NFT_TYPE_NONE; with data it is a map.
 * interval: elements are ranges. A key of one part that is a mark or a name cannot be one.
 *
 *	{ "ports4", { NFT_TYPE_PROTO, NFT_TYPE_PORT }, { NFT_TYPE_IPV4, NFT_TYPE_PORT } }
 */
struct nft_set {
	const char *name;
	enum nft_type key[NFT_PARTS_MAX];
	enum nft_type data[NFT_PARTS_MAX];
	bool interval;
};

/* One part of a key or of data. Its type tells which member counts. */
union nft_value {
	struct addr addr; /* of the type's family (asserted) */
	uint8_t mac[6];
	uint8_t proto; /* IPPROTO_TCP ... */
	uint16_t port; /* host byte order */
	uint32_t mark;
	char ifname[16];
	struct {
		int code;	   /* NF_ACCEPT, NF_DROP, NFT_JUMP, NFT_RETURN ... */
		const char *chain; /* of NFT_JUMP and NFT_GOTO, else NULL */
	} verdict;
};

/*
 * An element. In interval sets a range is key to last, both inclusive, in each part (prefixes:
 * first and last address); without range it is the key alone. Elements read from an interval set
 * are always ranges.
 */
struct nft_elem {
	union nft_value key[NFT_PARTS_MAX], last[NFT_PARTS_MAX];
	bool range;
	union nft_value data[NFT_PARTS_MAX]; /* of maps */
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
/*
 * Adding what is there is no error and keeps its old comment. -EEXIST: a map has other data for the
 * key, or a range overlaps another without being it. Deleting goes by the key alone.
 */
void nft_elem_add(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el);
void nft_elem_create(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		     const struct nft_elem *el); /* -EEXIST: it is there */
void nft_elem_del(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el);

/*
 * A rule is begun, given expressions in order, and ended. head: insert before all others instead of
 * appending. comment as in elements.
 */
void nft_rule_begin(struct nl *nl, const struct nft_table *t, const char *chain, bool head);
/* The same before the rule with this handle (-ENOENT: it is gone); 0: behind all others. */
void nft_rule_begin_before(struct nl *nl, const struct nft_table *t, const char *chain,
			   uint64_t handle);
void nft_rule_end(struct nl *nl, const char *comment);
void nft_rule_del(struct nl *nl, const struct nft_table *t, const char *chain, uint64_t handle);

/* Expressions. Registers are the encoder's business: each match loads and compares at once. */
void nft_match_family(
	struct nl *nl,
	uint8_t family); /* AF_INET or AF_INET6; meta nfproto: needed in inet before addresses */
void nft_match_ethertype(struct nl *nl, uint16_t type); /* meta protocol, ETH_P_*: in bridge */
void nft_match_proto(struct nl *nl, uint8_t proto);	/* meta l4proto */
void nft_match_saddr(struct nl *nl, const struct prefix *p,
		     bool negate); /* ip[6] saddr [!=] prefix */
void nft_match_daddr(struct nl *nl, const struct prefix *p, bool negate);
void nft_match_iif(struct nl *nl, const char *name, bool negate); /* iifname */
void nft_match_oif(struct nl *nl, const char *name, bool negate); /* oifname */
void nft_match_mark(struct nl *nl, uint32_t mask, uint32_t value,
		    bool negate);			/* meta mark & mask [!=] value */
void nft_match_ct_state(struct nl *nl, uint32_t mask);	/* ct state in mask (NF_CT_STATE_BIT) */
void nft_match_ct_status(struct nl *nl, uint32_t mask); /* ct status in mask (IPS_*) */
void nft_match_ct_mark(struct nl *nl, uint32_t mask, uint32_t value,
		       bool negate);			 /* ct mark & mask [!=] value */
void nft_match_ct_original(struct nl *nl);		 /* ct direction original */
void nft_match_daddr_local(struct nl *nl, bool negate);	 /* fib daddr type local */
void nft_match_saddr_of_oif(struct nl *nl, bool negate); /* fib saddr . oif type local */
void nft_match_nd_redirect(struct nl *nl);		 /* icmpv6 type nd-redirect */

/* fib saddr . iif oif exists, or missing: is the way back by the link that it came in by? */
void nft_match_saddr_way(struct nl *nl, bool negate);
/* May it stand at forward? Since Linux 5.19; before, at prerouting alone. */
bool nft_has_way_at_forward(void);

/* What is looked up in a set, as many as its key has parts: NFT_OF(NFT_L4PROTO, NFT_DPORT). */
enum nft_field {
	NFT_SADDR, /* of the part's family; in inet after nft_match_family() */
	NFT_DADDR,
	NFT_ETHER_SADDR, /* in bridge tables */
	NFT_L4PROTO,
	NFT_SPORT, /* of any protocol: the key should have NFT_L4PROTO too */
	NFT_DPORT,
	NFT_MARK,
	NFT_IIFNAME,
	NFT_OIFNAME,
	NFT_CT_DPORT, /* ct original proto-dst: of the connection's first packet, untranslated */
};
#define NFT_OF(...) ((const enum nft_field[]){ __VA_ARGS__ })

void nft_match_set(struct nl *nl, const struct nft_set *s, const enum nft_field *of,
		   bool negate); /* FIELDS [!=] @set */
void nft_do_vmap(struct nl *nl, const struct nft_set *map,
		 const enum nft_field *of); /* FIELDS vmap @map */
void nft_do_mark_map(struct nl *nl, const struct nft_set *map,
		     const enum nft_field *of); /* meta mark set FIELDS map @map */
void nft_do_ct_mark_map(struct nl *nl, const struct nft_set *map,
			const enum nft_field *of); /* ct mark set FIELDS map @map */
void nft_do_ct_mark(struct nl *nl, uint32_t bits); /* ct mark set ct mark | bits */
void nft_do_snat_map(struct nl *nl, const struct nft_set *map,
		     const enum nft_field *of); /* snat ip[6] to FIELDS map @map */
void nft_do_dnat_map(struct nl *nl, const struct nft_set *map,
		     const enum nft_field *of);	  /* dnat ip[6] to FIELDS map @map, whose data is
						     address, or address . port */
void nft_do_mark(struct nl *nl, uint32_t bits);	  /* meta mark set meta mark | bits */
void nft_do_unmark(struct nl *nl, uint32_t bits); /* meta mark set meta mark & ~bits */
void nft_do_counter(struct nl *nl);		  /* as iptables-nft expects in its rules */
void nft_do_masquerade(struct nl *nl, bool random_fully);
void nft_do_accept(struct nl *nl);
void nft_do_drop(struct nl *nl);
void nft_do_return(struct nl *nl);
void nft_do_jump(struct nl *nl, const char *chain);
void nft_do_goto(struct nl *nl, const char *chain);

/*
 * Reading. Each returns 1 found, 0 not there, -errno; walks call fn until it returns a negative
 * value, which they return, and are 1 when there was anything to call it for, 0 else, be it that
 * the table, chain or set is missing. A walk starts again from the beginning when others change
 * nf_tables meanwhile: fn must bear to see the same thing twice. fn must not use nl. -EOPNOTSUPP:
 * the kernel has no nf_tables.
 */
int nft_table_find(struct nl *nl, const struct nft_table *t, struct err *e);

/* 1 if only the running program that made the table may change it (NFT_TABLE_F_OWNER). */
int nft_table_is_owned(struct nl *nl, const struct nft_table *t, struct err *e);

/* 1 if its chains are not asked (NFT_TABLE_F_DORMANT). */
int nft_table_is_dormant(struct nl *nl, const struct nft_table *t, struct err *e);

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

/* How a rule ends the walk through its chain. Where it has none of these, the next rule is asked.
 */
enum nft_end {
	NFT_END_NONE,
	NFT_END_ACCEPT, /* also a queue: another program decides, and our chain is through */
	NFT_END_DROP,	/* also reject */
	NFT_END_RETURN,
	NFT_END_JUMP,
	NFT_END_GOTO,
};

struct nft_rule_info {
	uint64_t handle;
	char comment[128];	    /* "" when the rule has none */
	bool first;		    /* stands at the head of its chain */
	uint8_t family;		    /* AF_*: it asks for this family; 0: for none */
	bool by_proto;		    /* it asks for a layer 4 protocol */
	bool matches;		    /* it asks for anything else */
	struct addr saddr, daddr;   /* that it asks for, whole; family 0: it does not */
	enum nft_end end;	    /* of what it asks for */
	char target[NFT_NAME_SIZE]; /* of JUMP and GOTO */
};
typedef int nft_rule_fn(const struct nft_rule_info *r, void *arg);
int nft_rule_each(struct nl *nl, const struct nft_table *t, const char *chain, nft_rule_fn *fn,
		  void *arg, struct err *e);

/* A chain that has other rules than it should. */
struct nft_rules_differ {
	char chain[NFT_NAME_SIZE];
	bool lacks; /* fewer than it should; else one that is not wanted, or as many but others */
};

/*
 * 1 if the table's rules are those that put() writes, up to RULES_MAX of nft_rule_check.c, in this
 * order in each chain: matches and statements, not comments and counts. 0 and *out: they are not,
 * or the table is not there. Chains into which put() writes nothing do not count. Drops what is in
 * the batch.
 */
int nft_rules_check(struct nl *nl, const struct nft_table *t, void (*put)(struct nl *nl),
		    struct nft_rules_differ *out, struct err *e);

/* el and what it points to are valid during the call; its comment is "" when it has none. */
typedef int nft_elem_fn(const struct nft_elem *el, void *arg);
int nft_elem_each(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  nft_elem_fn *fn, void *arg, struct err *e);

/* An element with its texts: el's pointers are into it. */
struct nft_found {
	struct nft_elem el;
	char comment[256]; /* the length of userdata is one byte */
	char chain[NFT_NAME_SIZE];
};

/*
 * 1 if the set has an element of this very key or range, without a dump; *out (may be NULL) is the
 * element then. An interval set of one part tells only where its range begins.
 */
int nft_elem_find(struct nl *nl, const struct nft_table *t, const struct nft_set *s,
		  const struct nft_elem *el, struct nft_found *out, struct err *e);

/*
 * Several questions about one table, asked in one go. Which one is told by what is set: chain; set
 * and el, an element; set alone; generation, that of the ruleset as nft_generation(); none of them,
 * the table itself. Elements not of interval sets of one part.
 */
struct nft_query {
	const struct nft_chain *chain;
	const struct nft_set *set;
	const struct nft_elem *el;
	bool generation;

	/* filled */
	bool found;
	bool alike; /* and as it should be: a table that is not dormant; a chain of this type, hook,
		       priority and policy; a set with these flags, key and data, and no limit; an
		       element with these data */
	uint32_t use; /* of a table: its chains and sets; of a chain: its rules, and jumps to it;
			 the generation */
	char comment[256]; /* of an element */
};
int nft_query(struct nl *nl, const struct nft_table *t, struct nft_query *q, size_t count,
	      struct err *e);

#endif
