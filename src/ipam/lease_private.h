/*
 * What the parts of the lease store (lease_store.c, lease_scan.c, lease_index.c) share; nobody else
 * includes this.
 */
#ifndef IPAM_LEASE_PRIVATE_H
#define IPAM_LEASE_PRIVATE_H

#include "ipam/lease_store.h"

#include <sys/stat.h>

#include "base/file.h"

/* Modes say what is known of a lease (lease_store.h); main()'s umask takes nothing of them away. */
#define LEASE_OF_BOOT S_ISVTX
#define LEASE_MODE (LEASE_OF_BOOT | 0644)
#define LEASE_MODE_HOST_END (LEASE_OF_BOOT | 0444)

/*
 * The longest content that can be a lease: id, CR LF, interface name, and blanks around them as the
 * reference allows.
 */
#define LEASE_TEXT_MAX (LEASE_ID_MAX + LEASE_IFNAME_MAX + 16)

/*
 * A lease as read from its file; an empty id: empty, unreadable, or not a lease. The strings point
 * into text.
 */
struct lease_file {
	struct lease_owner owner;
	char text[LEASE_TEXT_MAX + 1];
};

/*
 * lease_scan.c: 1, 0 when there is no regular file of that name, -errno when that cannot be told or
 * the file not be read.
 */
int lease_file_read(int dir, const char *name, struct lease_file *f);
bool lease_file_is_of(const struct lease_file *f, const struct lease_owner *o);

/* dir_each() on a directory of leases. */
int lease_each_entry(int dir, dir_entry_fn *fn, void *arg, struct err *e);

/* The inverse of addr_format(): other spellings of an address are foreign names. */
bool lease_name_parse(const char *name, struct addr *a);

/* Remove the leases that are known to be of boot_id's boot; s->reclaimed counts them. */
int lease_reclaim(struct lease_store *s, struct err *e);

/* The leases of others that are here are of boot_id's boot, too. Trouble only leaves them unmarked.
 */
void lease_mark_foreign(struct lease_store *s);

/*
 * lease_index.c. path: of the store's directory. Whatever fails here only leaves the store without
 * a (whole) index.
 */
void lease_index_open(struct lease_store *s, const char *path);
void lease_index_close(struct lease_store *s);

/* Is the index whole? Builds it anew when it is not and can be. */
bool lease_index_ready(struct lease_store *s);
void lease_index_add(struct lease_store *s, const char *id, const struct addr *a);
void lease_index_del(struct lease_store *s, const char *id, const struct addr *a);

/*
 * The addresses that may be the container's, oldest first; only with a whole index. An entry that
 * cannot be read makes it not whole.
 */
size_t lease_index_get(struct lease_store *s, const char *id, struct addr *out, size_t max);

/* Addresses one index entry can hold; a container with more makes the store scan. */
#define LEASE_INDEX_MAX (4 * LEASE_RANGES_MAX)

#endif
