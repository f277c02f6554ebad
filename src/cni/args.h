/*
 * What a caller asks for besides the configuration: CNI_ARGS ("K=V;K=V"), runtimeConfig ("ips",
 * "mac") and args.cni ("ips", "mac").
 */
#ifndef CNI_ARGS_H
#define CNI_ARGS_H

struct cni_request;
struct err;

/*
 * Fill req->wanted_ip and wanted_mac. CNI_ERR_ENVIRONMENT names everything that is wrong with
 * CNI_ARGS: a pair without '=', an IP= or MAC= that is none, and, unless IgnoreUnknown is 1 or
 * true, a key that is none of IP, MAC, GATEWAY, IgnoreUnknown and K8S_POD_*.
 */
int cni_args_read(struct cni_request *req, struct err *e);

#endif
