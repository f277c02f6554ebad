/*
 * What a caller asks for besides the configuration: CNI_ARGS ("K=V;K=V"), runtimeConfig ("ips",
 * "mac") and args.cni ("ips", "mac").
 */
#ifndef CNI_ARGS_H
#define CNI_ARGS_H

#include "json/json.h"

struct cni_request;
struct err;
struct text;

/*
 * Append what is wrong with CNI_ARGS: a pair without '=', an IP= or MAC= that is none, and, unless
 * IgnoreUnknown is 1 or true, a key that is none of IP, MAC, GATEWAY, IgnoreUnknown and K8S_POD_*.
 */
void cni_args_judge(struct text *t, const char *args);

/*
 * Fill req->wanted_ip and wanted_mac from req->args, which cni_args_judge() has passed, and the two
 * raw objects.
 */
int cni_args_read(struct cni_request *req, struct json_raw runtime_config, struct json_raw args,
		  struct err *e);

#endif
