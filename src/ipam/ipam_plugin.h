/*
 * The plugins that are an IPAM kind of ours and nothing else: host-local, static, dhcp. The kind is
 * the one of the plugin's name; what it does is ipam.h, whoever calls it.
 */
#ifndef IPAM_IPAM_PLUGIN_H
#define IPAM_IPAM_PLUGIN_H

#include "cni/plugin.h"
#include "ipam/ipam.h"

/* The commands of such a plugin, in its descriptor. Its conf is a struct ipam. */
#define IPAM_PLUGIN                                                                                \
	.conf_size = sizeof(struct ipam), .prepare = ipam_plugin_prepare, .add = ipam_plugin_add,  \
	.del = ipam_plugin_del, .check = ipam_plugin_check, .gc = ipam_plugin_gc,                  \
	.status = ipam_plugin_status

/* As in struct cni_plugin. */
int ipam_plugin_prepare(const struct cni_request *req, void *conf, struct err *e);
/* The inverse that is pushed is the kind's DEL. */
int ipam_plugin_add(const struct cni_request *req, const void *conf, struct cni_result *out,
		    struct undo *u, struct err *e);
int ipam_plugin_del(const struct cni_request *req, const void *conf, struct err *e);
int ipam_plugin_check(const struct cni_request *req, const void *conf,
		      const struct cni_result *prev, struct err *e);
int ipam_plugin_gc(const struct cni_request *req, const void *conf, struct err *e);
int ipam_plugin_status(const struct cni_request *req, const void *conf, struct err *e);

#endif
