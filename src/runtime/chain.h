/*
 * Calling the plugins of a network list, as libcni does: configuration, order, previous results,
 * result cache.
 */
#ifndef RUNTIME_CHAIN_H
#define RUNTIME_CHAIN_H

#include "cni/cni.h"
#include "json/json.h"

struct arena;
struct err;
struct net_list;
struct text;

/*
 * One attachment of one network; GC, STATUS and VERSION need the network alone. Every string is
 * set, "" included.
 */
struct chain {
	struct arena *arena;
	const struct net_list *list;
	const char *path;  /* CNI_PATH */
	const char *cache; /* CACHE_DIR but in tests */
	struct cni_attachment at;
	const char *netns;
	const char *args;		 /* CNI_ARGS */
	struct json_raw capability_args; /* object, or text NULL */
};

/*
 * In the list's order, each with the result of the one before; the last result is cached. What
 * failed is left for DEL, as in libcni.
 */
int chain_add(const struct chain *c, struct json_raw *result, struct err *e);

/*
 * In order, with the cached result. Nothing when the list has disableCheck; -EOPNOTSUPP before
 * version 0.4.0.
 */
int chain_check(const struct chain *c, struct err *e);

/*
 * In reverse order, up to the first failure; success removes the cached result. Neither cache nor
 * namespace need exist.
 */
int chain_del(const struct chain *c, struct err *e);

/*
 * DEL of every cached attachment of the network, and GC with an empty list of valid attachments
 * from version 1.1.0 on. Goes on after failures: the first is returned, the others are logged.
 * Nothing when the list has disableGC.
 */
int chain_gc(const struct chain *c, struct err *e);

/* In order, up to the first that cannot serve. Nothing before version 1.1.0. */
int chain_status(const struct chain *c, struct err *e);

/* One line per plugin, its protocol versions; -EPROTONOSUPPORT if one does not speak the list's. */
int chain_version(const struct chain *c, struct text *out, struct err *e);

#endif
