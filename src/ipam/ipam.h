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
#include "ipam/static.h"

enum ipam_kind { IPAM_NONE, IPAM_HOST_LOCAL, IPAM_STATIC, IPAM_DHCP, IPAM_FOREIGN };

struct ipam {
	enum ipam_kind kind;
	struct host_local local;
	struct ipam_static fixed;
	struct ipam_dhcp dhcp;
	const char *file; /* of a foreign plugin; in the arena */
};

/*
 * Choose by req->ipam, and read its keys: none when it is absent, {} or without a type. gone as in
 * struct host_local. CNI_ERR_CONFIG names the key, or says that no such plugin is in CNI_PATH.
 */
int ipam_select(const struct cni_request *req, lease_gone_fn *gone, struct ipam *out,
		struct err *e);

/* Read req->ipam as the kind of ours that type names, whatever stands in CNI_PATH. */
int ipam_read(const struct cni_request *req, const char *type, struct ipam *out, struct err *e);

/*
 * Must the pod's interface be there when it is called? dhcp speaks through it, and another may be
 * of that kind; host-local and static ask nobody.
 */
bool ipam_needs_link(const struct ipam *i);

/*
 * One command of the IPAM plugin, of the kind IPAM_NONE a success without effect. 0 or -errno with
 * e set, and its code: a foreign plugin's own when it answers with an error object. What each means
 * is the specification's, "Section 2"; beyond it:
 *
 * add	fills addresses, routes and DNS of out, which is empty before, and names no interface. What
 *	it points to is in the request's arena, or stays until the next call here. After a failure
 *	nothing is held; after a success ipam_del() is the inverse.
 * del	of what is not held is a success; needs neither the namespace nor prevResult. Of a kind
 *	that needs the link it comes before the link goes.
 * check	does the attachment hold what prev gives its interface? CNI_ERR_DIFFERS.
 * gc	takes back what belongs to none of req's valid attachments, in its own configuration.
 * status	CNI_ERR_NOT_AVAILABLE when every ADD would fail.
 */
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
