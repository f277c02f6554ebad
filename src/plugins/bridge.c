/*
 * bridge: a veth pair between the pod and a bridge on the host, with addresses of an IPAM plugin.
 * The keys are the reference plugin's.
 */
#include "plugins/plugins.h"

#include <errno.h>

#include "base/err.h"
#include "iface/bridged.h"

struct conf {
	struct bridged_conf b;
	int64_t vlan;
	struct json_list trunk; /* struct trunk */
};

/* 0: absent. */
struct trunk {
	int64_t id, min_id, max_id;
};

#define B(member) offsetof(struct conf, b.member)
#define VLAN_ID(name, member)                                                                      \
	{                                                                                          \
		name, JSON_INT, offsetof(struct trunk, member), .min = 1, .max = VLAN_ID_MAX       \
	}

static const struct json_field trunk_fields[] = {
	VLAN_ID("id", id),
	VLAN_ID("minID", min_id),
	VLAN_ID("maxID", max_id),
};
static const struct json_table trunk_table = { .fields = trunk_fields, .count = 3 };
static const struct json_field trunk_elem = { .kind = JSON_OBJECT, .table = &trunk_table };

static const struct json_field fields[] = {
	{ "bridge", JSON_STR, B(bridge), .names = true,
	  .help = "name of the bridge; made by the first ADD; default cni0" },
	{ "isGateway", JSON_BOOL, B(is_gateway),
	  .help = "give the bridge the gateway's address and turn on forwarding" },
	{ "isDefaultGateway", JSON_BOOL, B(is_default_gateway),
	  .help = "isGateway, and the pod's default route goes by it" },
	{ "forceAddress", JSON_BOOL, B(force_address),
	  .help = "replace other addresses that the bridge has instead of the wanted one" },
	IFACE_KEY_IP_MASQ("translate what leaves the pod's subnet to the node's address"),
	IFACE_KEY_MASQ_BACKEND,
	{ "hairpinMode", JSON_BOOL, B(hairpin),
	  .help = "let a pod reach itself through the bridge" },
	{ "promiscMode", JSON_BOOL, B(promisc),
	  .help = "set the bridge promiscuous; not with hairpinMode" },
	{ "portIsolation", JSON_BOOL, B(isolated),
	  .help = "pods reach the gateway, but not each other" },
	IFACE_KEY_MTU("of both ends and of a new bridge; default: the kernel's"),
	IFACE_KEY_MAC,
	{ "enabledad", JSON_BOOL, B(iface.dad),
	  .help = "wait until nobody else has the IPv6 addresses: one to two seconds" },
	{ "vlan", JSON_INT, offsetof(struct conf, vlan), .names = true,
	  .help = "VLAN of the pod, 1 to 4094; the gateway is the interface BRIDGE.VLAN" },
	{ "vlanTrunk", JSON_LIST, offsetof(struct conf, trunk), .elem = &trunk_elem,
	  .elem_size = sizeof(struct trunk),
	  .help = "VLANs that the pod has with their tags: {id}, {minID, maxID}" },
	{ "preserveDefaultVlan", JSON_BOOL, B(vlan.keep_default),
	  .help = "the bridge's default VLAN stays beside vlan and vlanTrunk" },
	{ "macspoofchk", JSON_BOOL, B(iface.mac_check), .names = true,
	  .help = "drop what the pod sends with another MAC than its own" },
	{ "disableContainerInterface", JSON_BOOL, B(iface.down),
	  .help = "the pod's interface stays down; not with ipam" },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static int add_trunk(struct vlan_want *v, const struct trunk *t, size_t n, struct err *e)
{
	if (!t->min_id != !t->max_id)
		return err_set(e, EINVAL, "vlanTrunk[%zu]: %s is missing beside %s", n,
			       t->min_id ? "maxID" : "minID", t->min_id ? "minID" : "maxID");
	if (t->min_id > t->max_id)
		return err_set(e, EINVAL, "vlanTrunk[%zu]: minID %lld is above maxID %lld", n,
			       (long long)t->min_id, (long long)t->max_id);
	if (t->min_id)
		vlan_set_add(&v->trunk, (unsigned int)t->min_id, (unsigned int)t->max_id);
	if (t->id)
		vlan_set_add(&v->trunk, (unsigned int)t->id, (unsigned int)t->id);
	v->has_trunk = v->has_trunk || t->id || t->min_id;
	return 0;
}

/* An empty vlanTrunk makes the bridge filter, as with the reference. */
static int read_vlans(struct conf *c, struct err *e)
{
	const struct trunk *t = c->trunk.items;
	struct vlan_want *v = &c->b.vlan;
	char gateway[IF_NAMESIZE];
	int r = 0;

	if (c->vlan < 0 || c->vlan > VLAN_ID_MAX)
		return err_set(e, EINVAL, "vlan: %lld is not between 0 and %d", (long long)c->vlan,
			       VLAN_ID_MAX);
	v->id = (uint16_t)c->vlan;
	c->b.has_vlans = v->id || t;
	for (size_t n = 0; r == 0 && n < c->trunk.count; n++)
		r = add_trunk(v, &t[n], n, e);
	if (r == 0 && v->id && c->b.is_gateway && !vlan_gateway_name(c->b.bridge, v->id, gateway))
		r = err_set(e, EINVAL,
			    "bridge: \"%s\" is too long for the interface \"%s.%u\" of its VLAN",
			    c->b.bridge, c->b.bridge, v->id);
	return r;
}

static int check_values(const struct cni_request *req, const struct bridged_conf *b, struct err *e)
{
	int r = bridged_conf_check(req, b, e);

	if (r == 0 && b->hairpin && b->promisc)
		r = err_set(e, EINVAL, "hairpinMode: true excludes promiscMode: true");
	return r;
}

static int check_down(const struct bridged_conf *b, struct err *e)
{
	if (b->iface.down && b->iface.ipam.kind != IPAM_NONE)
		return err_set(e, EINVAL, "disableContainerInterface: true excludes ipam");
	return 0;
}

/* DEL and GC of an attachment must go on whatever has become of the configuration. */
static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	struct bridged_conf *b = &c->b;
	int r;

	b->is_gateway = b->is_gateway || b->is_default_gateway;
	if (!b->bridge || !*b->bridge)
		b->bridge = "cni0";
	r = check_values(req, b, e);
	if (r == 0 && cni_takes_away(req))
		(void)read_vlans(c, err_ignored());
	else if (r == 0)
		r = read_vlans(c, e);
	r = r < 0 ? err_code(e, r, CNI_ERR_CONFIG) : iface_prepare(req, &b->iface, e);
	return r < 0 ? r : err_code(e, check_down(b, e), CNI_ERR_CONFIG);
}

const struct cni_plugin bridge_plugin = {
	.name = "bridge",
	.summary = "join the container to a bridge of this node",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.capabilities = { "ipRanges", "ips", "mac" },
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	IFACE_PLUGIN(bridged_driver),
};
