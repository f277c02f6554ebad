/*
 * host-local: an IPAM plugin that gives addresses from ranges and keeps them in files; other
 * plugins call it. Its keys stand in the "ipam" object of the calling plugin's configuration.
 */
#include "plugins/plugins.h"

#include "ipam/ipam_plugin.h"

const struct cni_plugin host_local_plugin = {
	.name = "host-local",
	.summary = "addresses from ranges, with leases in files of this node (IPAM)",
	.capabilities = { "ipRanges", "ips" },
	.ipam_keys = &host_local_keys,
	IPAM_PLUGIN,
};
