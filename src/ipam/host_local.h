/*
 * host-local as functions: addresses from ranges, leases in files. The plugin of this name and
 * every plugin that uses it in-process share them. Follows the reference's documentation of
 * host-local and its files (lease_store.h).
 */
#ifndef IPAM_HOST_LOCAL_H
#define IPAM_HOST_LOCAL_H

#include <stddef.h>

#include "cni/request.h"
#include "cni/result.h"
#include "ipam/host_local_range.h"
#include "ipam/lease_store.h"

struct err;

/* 1: this attachment's pod is provably gone, 0: it is not, -errno. */
typedef int lease_gone_fn(const struct cni_attachment *at, struct err *e);

struct host_local {
	const char *data_dir;
	struct host_local_set sets[LEASE_RANGES_MAX];
	size_t set_count;
	struct json_list routes; /* of struct json_raw */
	const char *resolv_conf; /* NULL: none */
	lease_gone_fn *gone;	 /* NULL: the caller cannot know whether a pod is gone */
	/* Of the caller's own attachment, where that has no host end; NULL: it cannot know. */
	lease_gone_fn *own_gone;
};

/* Keys of the "ipam" object, for help. */
extern const struct json_table host_local_keys;

/*
 * Decode and judge an "ipam" object. For DEL, GC (command of req) ranges may be missing or wrong,
 * since only names matter. Errors name the key.
 */
int host_local_read(const struct cni_request *req, struct json_raw ipam, struct host_local *out,
		    struct err *e);

/*
 * One address from each set into out->ips, the routes into out->routes, DNS where resolvConf is
 * given. A full set first reclaims the leases whose pods are provably gone, with a line in the log.
 * On failure no lease stays.
 */
int host_local_add(const struct host_local *h, const struct cni_request *req,
		   struct cni_result *out, struct err *e);
/* What an ADD in flight has taken stays: another's, if this is not its undo. */
int host_local_del(const struct host_local *h, const struct cni_request *req, struct err *e);
/* Does this attachment hold a lease of each address that prev gives its interface? CNI_ERR_DIFFERS.
 */
int host_local_check(const struct host_local *h, const struct cni_request *req,
		     const struct cni_result *prev, struct err *e);
/* Releases every lease of the network that is not of a valid attachment. */
int host_local_gc(const struct host_local *h, const struct cni_request *req, struct err *e);
/* fn for each attachment whose leases GC would release now. What could not be read is passed over.
 */
typedef int attachment_fn(const struct cni_attachment *at, void *arg);
int host_local_each_stale(const struct host_local *h, const struct cni_request *req,
			  attachment_fn *fn, void *arg, struct err *e);

/* CNI_ERR_NOT_AVAILABLE when a set has no free address, or the store cannot be used. */
int host_local_status(const struct host_local *h, const struct cni_request *req, struct err *e);

/* The attachment's addresses as the leases say; the count (0: none, or no store) or -errno. */
int host_local_addresses(const struct host_local *h, const struct cni_request *req,
			 struct addr *out, size_t max, struct err *e);

#endif
