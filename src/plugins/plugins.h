/*
 * The CNI plugins in this executable, one file each. A plugin is named here and nowhere else: the
 * applets, help, install and the tests walk the list.
 */
#ifndef PLUGINS_PLUGINS_H
#define PLUGINS_PLUGINS_H

#include "cni/plugin.h"

/* In the order of their names. */
#define PLUGINS(X)                                                                                 \
	X(bandwidth_plugin)                                                                        \
	X(bash_cni_plugin)                                                                         \
	X(bridge_plugin)                                                                           \
	X(dhcp_plugin)                                                                             \
	X(dummy_plugin)                                                                            \
	X(firewall_plugin)                                                                         \
	X(flannel_plugin)                                                                          \
	X(host_device_plugin)                                                                      \
	X(host_local_plugin)                                                                       \
	X(ipvlan_plugin)                                                                           \
	X(loopback_plugin)                                                                         \
	X(macvlan_plugin)                                                                          \
	X(my_cni_plugin)                                                                           \
	X(portmap_plugin)                                                                          \
	X(ptp_plugin)                                                                              \
	X(sbr_plugin)                                                                              \
	X(static_plugin)                                                                           \
	X(tap_plugin)                                                                              \
	X(tuning_plugin)                                                                           \
	X(unnumbered_ptp_plugin)                                                                   \
	X(veth_host_plugin)                                                                        \
	X(vlan_plugin)                                                                             \
	X(vrf_plugin)

#define PLUGIN_DECLARE(p) extern const struct cni_plugin p;
PLUGINS(PLUGIN_DECLARE)
#undef PLUGIN_DECLARE

extern const struct cni_plugin *const plugins[];
extern const unsigned int plugin_count;

#endif
