/*
 * What a caller asks for besides the configuration: CNI_ARGS ("K=V;K=V"), runtimeConfig ("ips",
 * "mac") and args.cni ("ips", "mac").
 */
#ifndef CNI_ARGS_H
#define CNI_ARGS_H

struct cni_request;
struct err;

/*
 * The value of the last pair of this key in CNI_ARGS, in the arena: "" when there is none, NULL
 * when the arena is full.
 */
const char *cni_args_value(const struct cni_request *req, const char *key);

/*
 * Fill req->wanted_ip and wanted_mac. CNI_ERR_ENVIRONMENT names everything that is wrong with
 * CNI_ARGS: a pair without '=', an IP= (one, or several with commas between) or MAC= that is none
 * and not empty, and, unless IgnoreUnknown is 1 or true, a key that is none of IP, MAC, GATEWAY,
 * SUBNET, IgnoreUnknown and K8S_POD_*.
 */
int cni_args_read(struct cni_request *req, struct err *e);

#endif
