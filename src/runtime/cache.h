/*
 * The result cache: what ADD answered, kept for CHECK, DEL and GC, in libcni's files and format, so
 * that the reference cnitool, and runtimes that use libcni, read ours and we theirs:
 * /var/lib/cni/results/NETWORK-CONTAINERID-IFNAME (mode 0600), one JSON object of kind
 * "cniCacheV1". A file's name that would be longer than NAME_MAX has the short forms of the network
 * and the container (cni/attachment.h); libcni cannot write that one at all.
 */
#ifndef RUNTIME_CACHE_H
#define RUNTIME_CACHE_H

#include "cni/cni.h"
#include "json/json.h"

struct arena;
struct err;

#define CACHE_DIR "/var/lib/cni"

struct cache_entry {
	struct cni_attachment at;
	const char *netns;		 /* "" when not known */
	const char *args;		 /* CNI_ARGS, "" when none */
	struct json_raw capability_args; /* object, or text NULL */
	struct json_raw result;		 /* text NULL: none */
	struct json_raw config;		 /* the list; written only */
};

/* base is CACHE_DIR but in tests. The entry replaces an older one at once. */
int cache_write(struct arena *a, const char *base, const struct cache_entry *c, struct err *e);

/* -ENOENT: no entry; -EINVAL: it is damaged. */
int cache_read(struct arena *a, const char *base, const struct cni_attachment *at,
	       struct cache_entry *out, struct err *e);

/* Gone already is fine. */
int cache_remove(const char *base, const struct cni_attachment *at, struct err *e);

/*
 * All entries of a network, in the order of their file names; what cannot be read is left out. No
 * directory: no entries. *out is an array of *count in the arena.
 */
int cache_list(struct arena *a, const char *base, const char *network, struct cache_entry **out,
	       size_t *count, struct err *e);

#endif
