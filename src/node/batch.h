/*
 * Changes of things that a cluster may have thousands of, in batches of some hundred netlink
 * requests.
 */
#ifndef NODE_BATCH_H
#define NODE_BATCH_H

struct change;
struct err;
struct nl;
struct text;
struct work;

struct batch {
	/* Write the request of one change. links: of each backend its tunnel's link, as it is now.
	 */
	void (*put)(struct nl *nl, const struct change *c, const int *links);
	void (*describe)(struct text *t, const void *item); /* for errors */
};

/* First what is missing or different, then what is stale, which may have gone by itself. */
int batch_apply(struct work *w, const struct batch *b, struct err *e);

#endif
