/* VLANs of a bridged network: see bridge_vlan.h. */
#include "iface/bridge_vlan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/bridge_host.h"
#include "iface/forward.h"
#include "net/netns.h"
#include "net/nl.h"

static int find_link(struct nl *nl, const char *name, struct link *out, struct err *e)
{
	int r = link_find(nl, name, out, e);

	return r == 0 ? err_set(e, ENODEV, "link %s has vanished", name) : r;
}

/* Beside a trunk alone the reference's ports are in this VLAN, whatever the bridge's own is. */
#define NATIVE_OF_TRUNK 1

/* The VLAN of what has no tag; 0: whatever the bridge gives. */
static uint16_t native_id(const struct vlan_want *want)
{
	return !want->id && want->has_trunk ? NATIVE_OF_TRUNK : want->id;
}

static bool is_tagged(const struct vlan_want *want, unsigned int id)
{
	return vlan_set_has(&want->trunk, id) && (want->id || id != NATIVE_OF_TRUNK);
}

int vlan_port_join(struct nl *nl, const char *name, const struct vlan_want *want, struct err *e)
{
	struct link port;
	int r = find_link(nl, name, &port, e);

	if (r < 0)
		return r;
	if (!want->keep_default && native_id(want))
		port_vlans_clear(nl, port.index);
	if (want->id)
		port_vlan_native(nl, port.index, want->id);
	if (want->has_trunk)
		port_vlans_tagged(nl, port.index, &want->trunk);
	if (want->has_trunk && !want->id)
		port_vlan_native(nl, port.index, NATIVE_OF_TRUNK);
	return err_ctx(e, nl_commit(nl, NULL, e), "VLANs of port %s", name);
}

/* A VLAN whose presence is nobody's concern: the default one that stays. */
static bool is_default(const struct vlan_want *want, const struct link *bridge, unsigned int id)
{
	bool keep = want->keep_default || !native_id(want);

	return keep && id == bridge->default_vlan && id != native_id(want) && !is_tagged(want, id);
}

static int check_id(const struct port_vlans *has, const struct link *port,
		    const struct vlan_want *want, unsigned int id, struct err *e)
{
	bool tagged = is_tagged(want, id), wanted = tagged || id == native_id(want);

	if (wanted && !vlan_set_has(&has->members, id))
		return err_set(e, ENOENT, "host end %s is not in VLAN %u", port->name, id);
	if (!wanted && vlan_set_has(&has->members, id))
		return err_set(e, EINVAL, "host end %s is in VLAN %u, which is not its own",
			       port->name, id);
	if (wanted && vlan_set_has(&has->untagged, id) == tagged)
		return err_set(e, EINVAL, "host end %s sends VLAN %u %s a tag", port->name, id,
			       tagged ? "without" : "with");
	return 0;
}

static int check_native(const struct port_vlans *has, const struct link *port,
			const struct vlan_want *want, struct err *e)
{
	uint16_t id = native_id(want);

	if (!id || has->native == id || is_tagged(want, id))
		return 0;
	return err_set(e, EINVAL, "host end %s takes what has no tag into VLAN %u instead of %u",
		       port->name, has->native, id);
}

int vlan_port_check(struct nl *nl, const struct link *port, const struct link *bridge,
		    const struct vlan_want *want, struct err *e)
{
	struct port_vlans has;
	int r;

	if (!bridge->vlan_filtering)
		return err_set(e, EINVAL, "bridge \"%s\" does not filter VLANs", bridge->name);
	r = port_vlans_read(nl, port->index, &has, e);
	if (r == 0)
		return err_set(e, EINVAL, "host end %s is in no bridge", port->name);
	for (unsigned int id = 1; r > 0 && id <= VLAN_ID_MAX; id++) {
		if (!is_default(want, bridge, id) && check_id(&has, port, want, id, e) < 0)
			r = -e->errnum;
	}
	return r < 0 ? r : check_native(&has, port, want, e);
}

bool vlan_gateway_name(const char *bridge, uint16_t id, char out[static IF_NAMESIZE])
{
	return snprintf(out, IF_NAMESIZE, "%s.%u", bridge, id) < IF_NAMESIZE;
}

/* The end in the bridge; no attachment has such a network's name alone. */
static const char *port_name(const char *gateway, char out[static IF_NAMESIZE])
{
	const struct cni_attachment at = { .network = gateway, .container_id = "", .ifname = "" };

	return attachment_host_name(&at, out);
}

static int make_pair(struct nl *nl, struct veth *v, struct err *e)
{
	int r;

	mac_random(v->host_mac);
	mac_random(v->pod_mac);
	v->pod_ns = netns_open_self(e);
	if (v->pod_ns < 0)
		return v->pod_ns;
	link_add_veth(nl, v);
	r = nl_commit(nl, NULL, e);
	close(v->pod_ns);
	return r;
}

/* As the host end of a pod: never up and outside of its bridge. */
static int join_bridge(struct nl *nl, const char *port, const struct link *bridge, struct err *e)
{
	const struct veth v = { .host = port, .alias = BRIDGE_ALIAS, .master = bridge->index };
	int r = forward_guard_new(port, e);

	if (r < 0)
		return r;
	link_join_veth(nl, &v, r > 0);
	return nl_commit(nl, NULL, e);
}

static int make_up(struct nl *nl, const char *name, struct link *out, struct err *e)
{
	int r = forward_guard_new(name, e);

	if (r >= 0)
		r = find_link(nl, name, out, e);
	if (r < 0)
		return r;
	link_up(nl, out->index);
	return nl_commit(nl, NULL, e);
}

int vlan_gateway_make(struct nl *nl, const struct link *bridge, const struct vlan_want *want,
		      uint32_t group, struct link *out, struct err *e)
{
	const struct vlan_want own = { .id = want->id, .keep_default = want->keep_default };
	char name[IF_NAMESIZE], port[IF_NAMESIZE];
	struct veth v = { .host = name, .pod = port, .group = group, .mtu = bridge->mtu };
	int r;

	(void)vlan_gateway_name(bridge->name, want->id, name);
	port_name(name, port);
	r = make_pair(nl, &v, e);
	if (r == 0)
		r = join_bridge(nl, port, bridge, e);
	if (r == 0)
		r = vlan_port_join(nl, port, &own, e);
	if (r == 0)
		r = make_up(nl, name, out, e);
	return err_ctx(e, r, "interface %s of bridge \"%s\"", name, bridge->name);
}

/* The reference's has a name of chance: the port is found as the peer. */
static int check_way(struct nl *nl, const struct link *gateway, const struct link *bridge,
		     uint16_t id, struct err *e)
{
	struct port_vlans has;
	struct link port;
	int r = link_find_index(nl, gateway->peer, &port, e);

	if (r < 0)
		return r;
	if (r == 0 || gateway->peer_elsewhere || port.master != bridge->index || !port.up)
		return err_set(e, EINVAL, "interface %s does not lead into bridge \"%s\"",
			       gateway->name, bridge->name);
	r = port_vlans_read(nl, port.index, &has, e);
	if (r >= 0 && (r == 0 || has.native != id || !vlan_set_has(&has.members, id)))
		r = err_set(e, EINVAL, "interface %s does not lead into VLAN %u of bridge \"%s\"",
			    gateway->name, id, bridge->name);
	return r < 0 ? r : 0;
}

int vlan_gateway_check(struct nl *nl, const struct link *gateway, const struct link *bridge,
		       uint16_t id, struct err *e)
{
	if (!gateway->up)
		return err_set(e, ENETDOWN, "interface %s of bridge \"%s\" is down", gateway->name,
			       bridge->name);
	if (strcmp(gateway->kind, "veth") != 0)
		return 0;
	return check_way(nl, gateway, bridge, id, e);
}
