/*
 * What the node program manages, piece by piece, and the difference between what should be and what
 * is. Pure: no system call; items come from want.c (cluster file) and have.c (kernel, files),
 * changes go to apply.c or are printed.
 */
#ifndef NODE_ITEM_H
#define NODE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"

struct err;
struct site_chain;
struct text;

/*
 * In the order in which they are put in place; the CNI configuration, which tells the runtime to
 * begin, is last.
 */
enum item_kind { ITEM_SYSCTL, ITEM_ROUTE, ITEM_TABLE, ITEM_ELEMENT, ITEM_FORWARD, ITEM_CONFIG };

/* Sets of our table; the one for IPv6 stands behind the one for IPv4. */
enum node_set {
	SET_PODS4,
	SET_PODS6,
	SET_CLUSTER4,
	SET_CLUSTER6,
	SET_NODES4,
	SET_NODES6,
	NODE_SETS
};

struct item {
	enum item_kind kind;
	unsigned int rank; /* SYSCTL: order of setting; ELEMENT: enum node_set */
	struct addr a, b;  /* ROUTE: destination, next hop; ELEMENT: first and last address */
	uint8_t len;	   /* ROUTE: of the destination */
	bool onlink;	   /* ROUTE */
	bool foreign;	   /* CONFIG as it is: not written by us */
	int index;	   /* ROUTE: outgoing link */
	uint32_t metric;   /* ROUTE */
	const char *name;  /* SYSCTL, CONFIG: path; TABLE; FORWARD: family, table and chain */
	const char *value; /* SYSCTL: value; TABLE, FORWARD: what the rules say; CONFIG: content */
	const char *saved; /* SYSCTL as it is: the value before ours; NULL: never ours */
	const struct site_chain *chain; /* FORWARD */
};

/* Sort by key and drop what is there twice. */
void items_sort(struct list *items);

/*
 * Of the sorted: ranges of one set that overlap, or of which one continues the other, become one.
 * Nodes' addresses stay single.
 */
void items_join(struct list *items);

/* The one of the sorted that has this key; NULL: none. */
const struct item *items_find(const struct list *items, const struct item *key);

/* 0: the keys say that it is the same object. */
int item_cmp(const struct item *x, const struct item *y);

enum verdict { ITEM_OK, ITEM_MISSING, ITEM_STALE, ITEM_DIFFERS };

/* want is NULL when stale, have when missing. */
struct change {
	enum verdict verdict;
	const struct item *want, *have;
	const struct item *item; /* what it is about: the wanted one, else the one that is */
};

/*
 * Compare two sorted lists in one walk; out has room for both counts. Returns how many changes
 * there are, those that are ITEM_OK included, in the order of the keys.
 */
size_t items_diff(const struct list *want, const struct list *have, struct change *out);

/* "route 192.168.1.0/24 via 192.168.122.15" */
void item_describe(struct text *t, const struct item *i);

#endif
