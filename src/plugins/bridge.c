/*
 * bridge: a veth pair between the pod and a bridge on the host, with addresses of an IPAM plugin.
 * The keys are the reference plugin's.
 */
#include "plugins/plugins.h"

#include <errno.h>

#include "base/err.h"
#include "iface/bridged.h"

/*
 * What this plugin knows and does not do is refused: a pod without the VLAN or the filter that was
 * asked for would be a hole.
 */
struct conf {
	struct bridged_conf b;
	int64_t vlan;
	struct json_raw vlan_trunk;
	bool preserve_default_vlan;
	bool disable_container_interface;
};

#define B(member) offsetof(struct conf, b.member)

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
	{ "vlan", JSON_INT, offsetof(struct conf, vlan), .min = 0, .max = 4094 },
	{ "vlanTrunk", JSON_RAW, offsetof(struct conf, vlan_trunk) },
	{ "preserveDefaultVlan", JSON_BOOL, offsetof(struct conf, preserve_default_vlan),
	  .help = "says something with vlan and vlanTrunk only" },
	{ "macspoofchk", JSON_BOOL, B(iface.mac_check), .names = true,
	  .help = "drop what the pod sends with another MAC than its own" },
	{ "disableContainerInterface", JSON_BOOL,
	  offsetof(struct conf, disable_container_interface) },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static int refuse(struct err *e, const char *key)
{
	return err_code(e, err_set(e, EINVAL, "%s: not supported by this plugin", key),
			CNI_ERR_FIELD);
}

static int check_supported(const struct conf *c, struct err *e)
{
	if (c->vlan)
		return refuse(e, "vlan");
	if (c->vlan_trunk.text && c->vlan_trunk.len > 2)
		return refuse(e, "vlanTrunk");
	if (c->disable_container_interface)
		return refuse(e, "disableContainerInterface");
	return 0;
}

static int check_values(const struct bridged_conf *b, struct err *e)
{
	int r = bridged_conf_check(b, e);

	if (r == 0 && b->hairpin && b->promisc)
		r = err_set(e, EINVAL, "hairpinMode: true excludes promiscMode: true");
	return err_code(e, r, CNI_ERR_CONFIG);
}

/*
 * DEL and GC of an attachment must go on whatever has become of the configuration; the bridge's
 * name is checked nevertheless.
 */
static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	struct bridged_conf *b = &c->b;
	int r = req->command == CNI_ADD ? check_supported(c, e) : 0;

	b->is_gateway = b->is_gateway || b->is_default_gateway;
	if (!b->bridge || !*b->bridge)
		b->bridge = "cni0";
	if (r == 0)
		r = check_values(b, e);
	return r < 0 ? r : iface_prepare(req, &b->iface, e);
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
