/*
 * static as functions: the addresses stand in the configuration, or the caller names them. Nothing
 * is kept: DEL and GC have nothing to do. Follows the reference's documentation of static.
 */
#ifndef IPAM_STATIC_H
#define IPAM_STATIC_H

#include "cni/request.h"
#include "cni/result.h"

struct err;

struct ipam_static {
	struct cni_ip ips[CNI_IPS_MAX];
	size_t count;
	struct json_list routes; /* of struct json_raw */
	struct json_raw dns;	 /* text NULL: none */
};

/* Keys of the "ipam" object, for help. */
extern const struct json_table ipam_static_keys;

/*
 * Decode and judge an "ipam" object and what the caller asks for: runtimeConfig.ips take the place
 * of args.cni.ips, and those of the configuration's addresses with the pairs IP, SUBNET and GATEWAY
 * of CNI_ARGS. For DEL and GC nothing is read. Errors name the key: CNI_ERR_CONFIG, of CNI_ARGS
 * CNI_ERR_ENVIRONMENT.
 */
int ipam_static_read(const struct cni_request *req, struct json_raw ipam, struct ipam_static *out,
		     struct err *e);

/* Append the addresses and the routes to out, and the dns. */
int ipam_static_add(const struct ipam_static *s, const struct cni_request *req,
		    struct cni_result *out, struct err *e);

/* Where prev has one of the addresses, has it the gateway that is asked for? CNI_ERR_DIFFERS. */
int ipam_static_check(const struct ipam_static *s, const struct cni_result *prev, struct err *e);

#endif
