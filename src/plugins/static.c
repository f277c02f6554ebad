/*
 * static: an IPAM plugin whose addresses stand in the configuration, or come from the caller. Its
 * keys stand in the "ipam" object of the calling plugin's configuration.
 */
#include "plugins/plugins.h"

#include "ipam/ipam_plugin.h"

const struct cni_plugin static_plugin = {
	.name = "static",
	.summary = "addresses that stand in the configuration (IPAM)",
	.capabilities = { "ips" },
	.ipam_keys = &ipam_static_keys,
	IPAM_PLUGIN,
};
