/*
 * Attaching a pod to a bridge: what the plugins bridge, bash-cni and my-cni have in common, command
 * by command.
 */
#ifndef IFACE_BRIDGED_H
#define IFACE_BRIDGED_H

#include "base/undo.h"
#include "cni/request.h"
#include "cni/result.h"
#include "ipam/ipam.h"

struct err;

struct bridged {
	const char *bridge;
	int64_t mtu;		 /* of both ends and of a new bridge; 0: kernel default */
	bool is_gateway;	 /* the bridge gets the gateway address */
	bool is_default_gateway; /* and the pod a default route by it */
	bool force_address;
	bool ip_masq;
	bool hairpin;
	bool promisc;
	bool isolated;
	const char *mac; /* of the pod's interface; NULL: random */
	struct ipam ipam;
};

/* All effects are pushed onto u. */
int bridged_add(const struct bridged *b, const struct cni_request *req, struct cni_result *out,
		struct undo *u, struct err *e);
int bridged_del(const struct bridged *b, const struct cni_request *req, struct err *e);
int bridged_check(const struct bridged *b, const struct cni_request *req,
		  const struct cni_result *prev, struct err *e);
int bridged_gc(const struct bridged *b, const struct cni_request *req, struct err *e);
int bridged_status(const struct bridged *b, const struct cni_request *req, struct err *e);

#endif
