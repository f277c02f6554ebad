/*
 * What the runtime asks for in "runtimeConfig", beyond what plugins decode for themselves. Follows
 * the CNI project's conventions, "Dynamic plugin specific fields (capabilities)".
 */
#ifndef CNI_RUNTIME_CONFIG_H
#define CNI_RUNTIME_CONFIG_H

#include <stdbool.h>

struct cni_request;
struct err;

/*
 * ADD: a key of the conventions that asks for something which the plugin does not read
 * (capabilities is its list, NULL behind the last) is CNI_ERR_FIELD: a pod without its host ports
 * or its limits is not what was asked for. Of a plugin that only works on what others made
 * (chained) it is a warning: lists that declare every capability to such a one are in use, and
 * another plugin may be the one to do it. Empty values ask for nothing; unknown keys, aliases and
 * cgroupPath are information.
 */
int cni_runtime_config_check(const struct cni_request *req, const char *const *capabilities,
			     bool chained, struct err *e);

/*
 * runtimeConfig.dns (servers, searches, options) takes the place of the configuration's dns, with
 * the specification's keys. CNI_ERR_CONFIG.
 */
int cni_runtime_config_dns(struct cni_request *req, struct err *e);

#endif
