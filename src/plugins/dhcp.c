/*
 * dhcp: an IPAM plugin whose addresses come from a DHCP server on the pod's link. A daemon (`cnibox
 * dhcp daemon`) speaks with the server and renews the lease; this plugin asks it. Other plugins
 * call it when the pod's interface exists. Its keys stand in the "ipam" object of the calling
 * plugin's configuration.
 */
#include "plugins/plugins.h"

#include "dhcp/daemon.h"
#include "ipam/ipam_plugin.h"

const struct cni_plugin dhcp_plugin = {
	.name = "dhcp",
	.summary = "addresses from a DHCP server, by a daemon that renews them (IPAM)",
	.ipam_keys = &ipam_dhcp_keys,
	.main = dhcp_main,
	.help = dhcp_daemon_help,
	IPAM_PLUGIN,
};
