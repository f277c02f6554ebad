/*
 * bridge: a veth pair between the pod and a bridge on the host, with addresses of an IPAM plugin.
 * The keys are the reference plugin's.
 */
#include "plugins/plugins.h"

#include <errno.h>

#include "iface/bridged.h"
#include "iface/gone.h"
#include "base/err.h"
#include "net/link.h"

/*
 * What this plugin knows and does not do is refused: a pod without the VLAN or the filter that was
 * asked for would be a hole.
 */
struct conf {
	struct bridged b;
	int64_t vlan;
	struct json_raw vlan_trunk;
	bool mac_spoof_check;
	bool disable_container_interface;
};

#define B(member) offsetof(struct conf, b.member)

static const struct json_field fields[] = {
	{ "bridge", JSON_STR, B(bridge),
	  .help = "name of the bridge; made by the first ADD; default cni0" },
	{ "isGateway", JSON_BOOL, B(is_gateway),
	  .help = "give the bridge the gateway's address and turn on forwarding" },
	{ "isDefaultGateway", JSON_BOOL, B(is_default_gateway),
	  .help = "isGateway, and the pod's default route goes by it" },
	{ "forceAddress", JSON_BOOL, B(force_address),
	  .help = "replace another address that the bridge has" },
	{ "ipMasq", JSON_BOOL, B(ip_masq),
	  .help = "translate what leaves the pod's subnet to the node's address" },
	{ "hairpinMode", JSON_BOOL, B(hairpin),
	  .help = "let a pod reach itself through the bridge" },
	{ "promiscMode", JSON_BOOL, B(promisc),
	  .help = "set the bridge promiscuous; not with hairpinMode" },
	{ "portIsolation", JSON_BOOL, B(isolated),
	  .help = "pods reach the gateway, but not each other" },
	{ "mtu", JSON_INT, B(mtu), .min = 0, .max = 65535,
	  .help = "of both ends and of a new bridge; default: the kernel's" },
	{ "mac", JSON_STR, B(mac), .help = "of the pod's interface; default: random" },
	{ "vlan", JSON_INT, offsetof(struct conf, vlan), .min = 0, .max = 4094 },
	{ "vlanTrunk", JSON_RAW, offsetof(struct conf, vlan_trunk) },
	{ "macspoofchk", JSON_BOOL, offsetof(struct conf, mac_spoof_check) },
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
	if (c->mac_spoof_check)
		return refuse(e, "macspoofchk");
	if (c->disable_container_interface)
		return refuse(e, "disableContainerInterface");
	return 0;
}

static int check_values(const struct bridged *b, struct err *e)
{
	uint8_t mac[6];

	if (!cni_ifname_valid(b->bridge))
		return err_set(e, EINVAL,
			       "bridge: \"%.48s\" is no interface name (1 to 15 bytes, no '/', ':' "
			       "or blanks)",
			       b->bridge);
	if (b->hairpin && b->promisc)
		return err_set(e, EINVAL, "hairpinMode: true excludes promiscMode: true");
	if (b->mtu && b->mtu < 68)
		return err_set(e, EINVAL, "mtu: %lld is below IPv4's smallest, 68",
			       (long long)b->mtu);
	if (b->mac && (!mac_parse(b->mac, mac) || mac[0] & 1))
		return err_set(e, EINVAL, "mac: \"%.48s\" is no unicast MAC address", b->mac);
	return 0;
}

/*
 * DEL and GC of an attachment must go on whatever has become of the configuration; the bridge's
 * name is checked nevertheless.
 */
static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	struct bridged *b = &c->b;
	int r;

	b->is_gateway = b->is_gateway || b->is_default_gateway;
	if (!b->bridge || !*b->bridge)
		b->bridge = "cni0";
	if (req->wanted_mac)
		b->mac = req->wanted_mac;
	if (b->mac && !*b->mac)
		b->mac = NULL;
	if (req->command == CNI_ADD) {
		r = check_supported(c, e);
		if (r < 0)
			return r;
	}
	r = err_code(e, check_values(b, e), CNI_ERR_CONFIG);
	return r < 0 ? r : ipam_select(req, attachment_gone, &b->ipam, e);
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	const struct conf *c = conf;

	return bridged_add(&c->b, req, out, u, e);
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	const struct conf *c = conf;

	return bridged_del(&c->b, req, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	const struct conf *c = conf;

	return bridged_check(&c->b, req, prev, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	const struct conf *c = conf;

	return bridged_gc(&c->b, req, e);
}

static int status(const struct cni_request *req, const void *conf, struct err *e)
{
	const struct conf *c = conf;

	return bridged_status(&c->b, req, e);
}

const struct cni_plugin bridge_plugin = {
	.name = "bridge",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.reads_args = true,
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
