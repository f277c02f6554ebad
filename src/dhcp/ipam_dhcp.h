/*
 * The dhcp IPAM plugin, in-process or as a plugin of its own: its keys in the "ipam" object, and
 * what it asks the daemon for.
 */
#ifndef DHCP_IPAM_DHCP_H
#define DHCP_IPAM_DHCP_H

#include "cni/request.h"
#include "cni/result.h"
#include "dhcp/client.h"

struct ipam_dhcp {
	const char *socket;
	int64_t priority;      /* of the routes; 0: none */
	bool suppress_gateway; /* no gateway, no default route */
	uint8_t request[DHCP_REQUEST_MAX];
	size_t request_len;
	uint8_t provide[DHCP_PROVIDE_MAX];
	size_t provide_len;
};

extern const struct json_table ipam_dhcp_keys;

/*
 * Decode and check the "ipam" object. For DEL and GC only the socket matters, so that a bad option
 * never stops them. CNI_ERR_CONFIG.
 */
int ipam_dhcp_read(const struct cni_request *req, struct json_raw ipam, struct ipam_dhcp *out,
		   struct err *e);

/*
 * The pod's interface must exist. CNI_ERR_TRY_AGAIN without a daemon (-ECONNREFUSED), and when no
 * server gave a lease in time; CNI_ERR_FULL when the daemon is full.
 */
int ipam_dhcp_add(const struct ipam_dhcp *d, const struct cni_request *req, struct cni_result *out,
		  struct err *e);

/*
 * Before the interface is deleted, so that the server can be told. Without a daemon there is no
 * lease that anybody would renew: 0, with a warning in the log.
 */
int ipam_dhcp_del(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e);

/* Does the daemon hold the lease, and of an address of prevResult? CNI_ERR_DIFFERS. */
int ipam_dhcp_check(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e);
int ipam_dhcp_gc(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e);
int ipam_dhcp_status(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e);

#endif
