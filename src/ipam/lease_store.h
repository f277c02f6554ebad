/*
 * The lease store: host-local's own files, so that a node can switch between the reference plugins
 * and cnibox with pods running.
 *
 *	<data_dir>/<network>/<address>            content: container id, CR LF, interface name
 *	<data_dir>/<network>/last_reserved_ip.N   the last address given from range set N
 *	<data_dir>/<network>/lock                 flock'ed by every user, the reference included
 *	<data_dir>/<network>/boot_id              the boot in which our leases were made (ours)
 *
 * Theory of operation. The store is open only while its lock is held. A lease is written beside
 * (O_TMPFILE, or a dot name where the file system has none) and linked under its name, so it is
 * there whole or not at all.
 *
 * A lease of an earlier boot is dead. Known to be of the boot that boot_id names are those with the
 * sticky bit, which means nothing on a file and which the reference's modes (0644 up to 1.2, 0600
 * later, less the umask) cannot have: ours have it from their creation, those of others get it as
 * soon as they are met. When boot_id differs from the kernel's, lease_open() removes the leases so
 * marked, then replaces boot_id, then marks what is left, in this order, so that a death in between
 * only repeats the work or forgets. What nobody of us has met before the reboot stays until GC or
 * DEL: a file's times prove nothing on machines whose clock is set after the boot. Without a
 * boot_id file nothing is reclaimed, and without a current one nothing is taken, because the next
 * lease_open() would reclaim it from a living pod. What a power cut may lose:
 *	- a lease's bytes or its removal: no fsync, it is dead anyway, and an empty file is
 *	  reclaimed by its mode;
 *	- the first boot_id: fsync'ed, since leases without it would outlive their boot;
 *	- a later boot_id: not fsync'ed, since the old one, an empty one and the lost one all
 *	  differ from the next boot's.
 *
 * A lease whose file nobody may write (0444) belongs to an attachment with a host end, whose
 * absence proves that the pod is gone. Of all others a missing link says nothing.
 *
 * Whose lease it is must be known without reading all of 60,000 files: an index of symbolic links,
 * /run/cnibox/leases/<hash of the directory's path>/<hash of the container id> -> "address
 * address", is written before a lease and removed after it. It is whole while the store's
 * directory and the index's have the same mtime: lease_close() gives both one of its own, a few
 * seconds in the past so that no change can produce it again, not even where times are whole
 * seconds. Any change by anyone (the reference, a death of ours in the middle, a restored backup)
 * moves one of the two, and the next question is answered by one scan that builds the index anew.
 * Index entries are hints: every use verifies the lease's content. Without a writable /run the
 * store scans. The only one who could hide a lease from the index is who creates it by hand,
 * without the lock, while the store is open.
 *
 * Foreign, empty and half-written files never stop anything: a name that is no address is not
 * looked at; a name that is one, but no regular file, is taken and has no owner; a lease file that
 * is empty counts as free when nobody holds its flock, and is taken over.
 */
#ifndef IPAM_LEASE_STORE_H
#define IPAM_LEASE_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct err;

#define LEASE_DATA_DIR "/var/lib/cni/networks"
#define LEASE_LOCK_TIMEOUT_MS 30000
#define LEASE_RANGES_MAX 16 /* addresses one attachment can hold */
#define LEASE_ID_MAX 255    /* longer ones come in their short form, cni/attachment.h */
#define LEASE_IFNAME_MAX 15

struct lease_store {
	int dir; /* the network's directory */
	int lock;
	int index;		/* directory of the index, -1: none, scan */
	bool index_whole;	/* the index knows every lease */
	bool boot_current;	/* boot_id is the kernel's: leases can be taken */
	bool changed;		/* leases or index are not as the last mtime says */
	unsigned int reclaimed; /* leases of an earlier boot that lease_open() removed */
};

/*
 * A lease without an interface name, as the reference wrote them before 0.8, belongs to every
 * interface of the container.
 */
struct lease_owner {
	const char *id;
	const char *ifname;
	bool host_end; /* the attachment has one on this node as long as its pod lives */
};

/*
 * Open the network's store and take its lock. network is one plain path component (checked,
 * -EINVAL). create: make what is missing; without it a missing directory is -ENOENT (then there are
 * no leases). -EAGAIN: the lock was not to be had in time, the error names the holder. After a
 * failure the store is closed.
 */
int lease_open(struct lease_store *s, const char *data_dir, const char *network, bool create,
	       struct err *e);
void lease_close(struct lease_store *s); /* records the index, releases the lock; not the in-flight
					    locks of lease_take() */

/*
 * The owner's addresses in the order of addr_cmp(), at most max; returns the count, or -errno when
 * there is none and a lease could not be read.
 */
int lease_find(struct lease_store *s, const struct lease_owner *o, struct addr *out, size_t max,
	       struct err *e);

/*
 * Take one address. 1 taken, 0 it belongs to somebody, -errno. A taken lease stays flock'ed by a
 * descriptor that this process keeps until it ends: an ADD in flight is told from one that died
 * (lease_in_flight).
 */
int lease_take(struct lease_store *s, const struct addr *a, const struct lease_owner *o,
	       struct err *e);

/*
 * Release all of the owner's leases, trying each; returns how many there were (0 is no error) or
 * the first -errno.
 */
int lease_release(struct lease_store *s, const struct lease_owner *o, struct err *e);

/* Release one address, whoever owns it. 0 also when it is not there, or is no regular file. */
int lease_release_addr(struct lease_store *s, const struct addr *a, struct err *e);

/* Does a live process hold the lease's flock (an ADD that has not ended)? 1, 0, -errno. */
int lease_in_flight(struct lease_store *s, const struct addr *a, struct err *e);

/*
 * Last address given from range set n: 1 and *out, or 0. Setting it is a hint; errors are ignored
 * by design.
 */
int lease_last(struct lease_store *s, unsigned int n, struct addr *out);
void lease_set_last(struct lease_store *s, unsigned int n, const struct addr *a);

/*
 * fn for each lease; owner strings are valid during the call; an empty id means an empty file, or
 * one that we may not read. fn may release leases; anything but 0 from it ends the walk and is
 * returned. A lease that could not be read is passed over; the walk then ends with its -errno.
 */
typedef int lease_fn(const struct addr *a, const struct lease_owner *o, void *arg);
int lease_each(struct lease_store *s, lease_fn *fn, void *arg, struct err *e);

/*
 * fn for each address that has a name in the store, without opening the files: what an allocator
 * must step over.
 */
typedef int lease_name_fn(const struct addr *a, void *arg);
int lease_each_name(struct lease_store *s, lease_name_fn *fn, void *arg, struct err *e);

#endif
