/*
 * A plugin's IPAM: one of our own in-process, or another by the execution protocol.
 *
 * Ours run in-process only if the file that CNI_PATH gives for its name is our own executable, or
 * if there is none of that name; what stands first in CNI_PATH decides, as for every runtime.
 */
#ifndef IPAM_IPAM_H
#define IPAM_IPAM_H

#include <stdbool.h>

#include "dhcp/ipam_dhcp.h"
#include "ipam/host_local.h"

enum ipam_kind { IPAM_NONE, IPAM_HOST_LOCAL, IPAM_DHCP, IPAM_FOREIGN };

struct ipam {
	enum ipam_kind kind;
	struct host_local local;
	struct ipam_dhcp dhcp;
	const char *file; /* of a foreign plugin; in the arena */
};

/* Choose by req->ipam: none when it is absent, {} or without a type. gone as in struct host_local.
 */
int ipam_select(const struct cni_request *req, lease_gone_fn *gone, struct ipam *out,
		struct err *e);

/*
 * Must the pod's interface be there when it is called? dhcp speaks through it, and another may be
 * of that kind; host-local asks nobody.
 */
bool ipam_needs_link(const struct ipam *i);

int ipam_add(const struct ipam *i, const struct cni_request *req, struct cni_result *out,
	     struct err *e);
int ipam_del(const struct ipam *i, const struct cni_request *req, struct err *e);
int ipam_check(const struct ipam *i, const struct cni_request *req, const struct cni_result *prev,
	       struct err *e);
int ipam_gc(const struct ipam *i, const struct cni_request *req, struct err *e);
int ipam_status(const struct ipam *i, const struct cni_request *req, struct err *e);

/* The attachment's addresses as far as they are known without prevResult; the count or -errno. */
int ipam_addresses(const struct ipam *i, const struct cni_request *req, struct addr *out,
		   size_t max, struct err *e);

/* Where its leases are, if they are host-local's; else "". */
const char *ipam_data_dir(const struct ipam *i);

#endif
