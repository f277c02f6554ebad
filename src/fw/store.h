/*
 * Where records (record.h) are kept: /run/cnibox/fw, mode 0700, which ends with the boot. One file
 * for each attachment and schema, SCHEMA.HOSTNAME, where HOSTNAME is the name of the attachment's
 * host end. Beside them are the schema's seal (seal.h) and its mark that owners share a key.
 *
 * Its lock is held, shared, by whoever takes elements away and then their records, and alone by
 * whoever puts elements back by others' records: so nobody puts back what a DEL has just looked
 * for in vain.
 *
 * dir is what store_open() gave. All return 0, or what is said, or -errno.
 */
#ifndef FW_STORE_H
#define FW_STORE_H

#include "fw/record.h"

/* A descriptor, to be closed; 0: it is not there and not to be made (create). */
int store_open(bool create, struct err *e);

/*
 * Waits; -EAGAIN after ten seconds, with the holder's pid. A descriptor has the lock once: who
 * holds it in the other way gives that up first.
 */
int store_lock(int dir, bool alone, struct err *e);
void store_unlock(int dir); /* so does closing it */

/* 1 and *r; 0: there is none; -EBADMSG: it is none of ours, or cannot be read as one. */
int store_read(int dir, const struct fw_schema *s, const char *host_name, struct fw_record *r,
	       struct err *e);

/* Whole or not at all, in the place of an older one. -E2BIG: more than a record holds. */
int store_write(int dir, const struct fw_schema *s, const char *host_name,
		const struct fw_record *r, struct err *e);

/* None there is success; what a killed store_write() left goes too. */
int store_remove(int dir, const struct fw_schema *s, const char *host_name, struct err *e);

/* Is there this record; is there any of the schema but this one (may be NULL)? 1, 0, -errno. */
int store_has(int dir, const struct fw_schema *s, const char *host_name, struct err *e);
int store_has_other(int dir, const struct fw_schema *s, const char *host_name, struct err *e);

/* The records of a schema; what is none is logged and left out. fn as dir_each(). */
typedef int store_fn(const struct fw_record *r, const char *host_name, void *arg);
int store_each(int dir, const struct fw_schema *s, store_fn *fn, void *arg, struct err *e);

/*
 * What is no record: one that a killed store_write() left half, or that cannot be read. fn may
 * remove it.
 */
typedef int store_spoilt_fn(int dir, const char *host_name, void *arg);
int store_each_spoilt(int dir, const struct fw_schema *s, store_spoilt_fn *fn, void *arg,
		      struct err *e);

/*
 * A mark: an owner has replaced what another one that lives had. It is made under the lock, and
 * taken away, under the lock alone, when all have what they had, or with the last record.
 */
int store_mark_shared(int dir, const struct fw_schema *s, struct err *e);
bool store_is_shared(int dir, const struct fw_schema *s);
void store_unmark_shared(int dir, const struct fw_schema *s);

#endif
