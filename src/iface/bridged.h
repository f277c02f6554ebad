/*
 * The driver of pods on a bridge: what the plugins bridge, bash-cni and my-cni have in common.
 */
#ifndef IFACE_BRIDGED_H
#define IFACE_BRIDGED_H

#include "iface/bridge_vlan.h"
#include "iface/iface.h"

/* Before all others in a plugin's conf. mtu counts for a new bridge, too. */
struct bridged_conf {
	struct iface_conf iface;
	const char *bridge;
	bool is_gateway;	 /* the bridge gets the gateway address */
	bool is_default_gateway; /* and the pod a default route by it */
	bool force_address;
	bool hairpin;
	bool promisc;
	bool isolated;
	bool has_vlans; /* the bridge filters VLANs, and the pod's port is in */
	struct vlan_want vlan;
};

extern const struct iface_driver bridged_driver;

/*
 * For prepare(): CNI_ERR_CONFIG names the key. DEL and GC go on: a name that none can have is no
 * bridge's.
 */
int bridged_conf_check(const struct cni_request *req, const struct bridged_conf *c, struct err *e);

#endif
