/*
 * What GC may take apart: attachments that are not valid, whose ADD has ended, and which are this
 * configuration's.
 *
 * Two runtimes can have networks of one name; their leases are in two directories. So where our
 * host-local is the IPAM plugin, an attachment is GC's only if its lease is in the dataDir, and its
 * ADD is in flight as long as a process holds the lease. Elsewhere the network's name and the link
 * group of the host end have to say it.
 */
#ifndef IFACE_STALE_H
#define IFACE_STALE_H

#include <stdbool.h>
#include <stddef.h>
#include <net/if.h>

struct cni_request;
struct err;
struct ipam;
struct link;

#define STALE_MAX 65536 /* more wait for the next GC */

/* Large: make it static. */
struct stale {
	const struct cni_request *req;
	bool by_lease;
	size_t count;
	char names[STALE_MAX][IF_NAMESIZE]; /* of host ends as they were made; sorted */
};

int stale_collect(struct stale *s, const struct cni_request *req, const struct ipam *ipam,
		  struct err *e);

/* by_lease: is the attachment with this derived host name GC's? */
bool stale_has_name(const struct stale *s, const char *host_name);

/* Is this host end GC's? Also what a killed ADD has left, of any network. */
bool stale_has(const struct stale *s, const struct link *l);

#endif
