/*
 * What the packet filter holds for attachments: masquerade, and whatever comes after it.
 *
 * A schema is a constant: a table that it has to itself, with sets, chains and rules. Nothing of it
 * is per pod but elements of its sets, and every element has an owner, an attachment, which its
 * comment names. What an attachment asked for goes by its owner, never by its key: a DEL that goes
 * on after its address was given to another pod takes nothing from that.
 *
 * What an attachment has asked for is also written down, one record for each attachment and schema
 * (record.h, kept by store.h), before the kernel is changed, and taken away after it. So DEL knows
 * what ADD made whatever the configuration says now, without a dump; and whoever finds something
 * gone puts back what all the others had. That nothing is gone is told by a seal (seal.h).
 *
 * An attachment's life, for each schema that it wants something of:
 *
 *	ADD	fw_change() once, with all of its elements, when its host end is there. If that, or
 *		anything behind it, fails: fw_forget()
 *	CHECK	fw_check() with the same elements
 *	DEL	fw_forget(), before its host end goes; in a crowd fw_forget_links()
 *	GC	fw_gc()
 *
 * and the node program calls fw_is_whole() and fw_repair() for all of them.
 *
 * Where it is: change.c is ADD, check.c CHECK, forget.c DEL and GC, repair.c with restore.c and
 * mend.c what is put back; table.c looks at the kernel. A schema is one file, ip_masq.c, and stands
 * in schemas.c. The node program's own table, a kind of its own (node/kinds/masquerade.c), is no
 * schema: it belongs to no attachment. chain_rules.h and foreign_chain.h are about the chains of
 * others.
 *
 * Errors are those of nft.h, with these codes of the protocol: CNI_ERR_STATE where records cannot
 * be kept, CNI_ERR_DIFFERS of CHECK.
 */
#ifndef FW_FW_H
#define FW_FW_H

#include <stdbool.h>
#include <stddef.h>
#include <net/if.h>

#include "net/nft.h"

struct cni_attachment;
struct cni_request;
struct err;
struct fw_elem;
struct link;
struct nl;
struct text;

/* What is said of a table, or of its elements: "lacks the set masq4". */
#define FW_MISSING_SIZE (NFT_NAME_SIZE + 64)

/* Rules of a schema in chains of others, found again by their comments. */
struct fw_outside {
	/* Make them what they should be: 1 if that was a change, 0. */
	int (*put)(struct nl *nl, struct err *e);
	/* 1: they are. 0: missing says what is not: "lacks the accept in ip filter FORWARD". */
	int (*check)(struct nl *nl, char missing[static FW_MISSING_SIZE], struct err *e);
	/* None of them is there, if the ruleset is still of this generation; else -ERESTART. */
	int (*remove)(struct nl *nl, uint32_t generation, struct err *e);
};

/* All of it is constant; the table is its own, and nobody else's. */
struct fw_schema {
	const char *name; /* of its records: a word for a file's name */
	struct nft_table table;
	const struct nft_set *sets; /* no interval sets of one part: nft_query() */
	size_t set_count;
	const struct nft_chain *chains;
	size_t chain_count;
	void (*put_rules)(struct nl *nl); /* write those of all chains, in order, into the batch */

	/* So many of the chains, the first, are for this kernel, at each call; NULL: all. */
	size_t (*count_chains)(void);
	/* The first so many sets: who has a key there keeps it while it lives. May be 0. */
	size_t kept;
	/*
	 * The last so many sets: an element is of all who ask for it, and goes with the last of
	 * them. They hold few: for each that goes, the records are asked. May be 0.
	 */
	size_t joint;
	const struct fw_outside *outside; /* May be NULL. */
	/* Such a key for an error, "host port 80/tcp"; kept is 0: may be NULL. */
	void (*describe)(const struct fw_elem *el, struct text *t);
	/* These elements of an owner are gone; its record is there still. May be NULL. */
	void (*gone)(const struct fw_elem *elems, size_t count);
};

/*
 * Of one attachment in one schema: two for each of CNI_IPS_MAX addresses, or so many ports. All of
 * them are replaced in one transaction, of two requests each (NL_REQUESTS_MAX), which the kernel
 * takes if it is not longer than a socket's send buffer, by default 208 KiB.
 */
#define FW_ELEMS_MAX 480

/* An element; its comment is the owner's, whatever stands in el. */
struct fw_elem {
	const struct nft_set *set; /* one of the schema's */
	struct nft_elem el;
};

/* The same set, key and data. */
bool fw_elem_equal(const struct fw_elem *x, const struct fw_elem *y);

/*
 * Whose elements they are: an attachment, known by the name that its host end has or would have, a
 * hash of network, container and interface (attachment_host_name()). What is borrowed here must
 * live as long as the call.
 */
struct fw_owner {
	const struct cni_attachment *at;
	const char *data_dir; /* where its lease is; "": it is not host-local's */
	bool host_end;	      /* it has one, from now on until DEL: its record counts while that is
				 there. Else its record counts until DEL or GC. */
};

/*
 * ADD: these elements are there for this owner. What another owner had under such a key, or where a
 * range overlaps, is replaced; if it lives, it gets back what it had when this one goes. All of the
 * schema that is missing is made, and the elements of all who have a record. On failure call
 * fw_forget(). -EADDRINUSE: another one that lives has a key that is kept; the error names it.
 */
int fw_change(const struct fw_schema *s, const struct fw_owner *o, const struct fw_elem *elems,
	      size_t count, struct err *e);

/*
 * CHECK: -ENOENT with CNI_ERR_DIFFERS names what of the table, or which of these elements, is not
 * there, or not as it should be: rules and chains, sets and their kinds, data of elements.
 */
int fw_check(const struct fw_schema *s, const struct fw_elem *elems, size_t count, struct err *e);

/*
 * For all who have a record, without an ADD or a DEL of one of them. Is there any record of the
 * schema: 1, 0. Is all that the records ask for there: 1; 0: missing says what of the table is not,
 * "lacks the set masq4"; what an ADD that makes a host end is yet to make, or a DEL is taking away,
 * is none of that. Put back what is not. -EPROTONOSUPPORT, -EOPNOTSUPP: the kernel lacks nf_tables.
 */
int fw_has_records(const struct fw_schema *s, struct err *e);
int fw_is_whole(const struct fw_schema *s, char missing[static FW_MISSING_SIZE], struct err *e);
int fw_repair(const struct fw_schema *s, struct err *e);

/*
 * DEL: nothing is there of this owner; with nothing of others the table goes. search: also without
 * a record, by comments, which is a dump. A kernel without nf_tables is success.
 */
int fw_forget(const struct fw_schema *s, const struct cni_attachment *at, bool search,
	      struct err *e);

/*
 * A crowd's DEL: the same for the owners with these host ends' names, in one transaction. 0 without
 * a store, where nobody has anything on record.
 */
int fw_forget_links(const struct fw_schema *s, char (*names)[IF_NAMESIZE], size_t count,
		    struct err *e);

/*
 * Who has an interface: for plugins behind others, whose configuration has no dataDir. Two runtimes
 * can have networks of one name, and the plugin in front knows whose an attachment is.
 */
struct fw_attached {
	int (*read)(struct err *e);	    /* look at all of them */
	bool (*has)(const char *host_name); /* was it there then? */
};

/*
 * GC: the same for all owners of req's network that are not valid and whose lease was in data_dir,
 * as far as both are known; with attached, which may be NULL, only of those that have no interface
 * any more.
 */
int fw_gc(const struct fw_schema *s, const struct cni_request *req, const char *data_dir,
	  const struct fw_attached *attached, struct err *e);

/*
 * The host end that was made with this name (attachment_host_name()), or whose alias says so, for
 * udev and administrators rename: 1, 0, -errno.
 */
int fw_find_host_end(const char *host_name, struct link *out, struct err *e);

/* STATUS: can nf_tables be asked? */
int fw_status(struct err *e);

#endif
