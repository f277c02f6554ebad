/* The text of a configuration, from its knobs. The network of number N has 10.N.0.0/24 and
 * fd00:N::/64. */
#include "property.h"

#include <stdarg.h>
#include <string.h>

#include "../faults/sweep.h"

const char config_mac[] = "06:00:00:00:00:2a";

bool vlans_tried;

struct out {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->at, o->left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= o->left)
		die("a configuration is too long");
	o->at += n;
	o->left -= (size_t)n;
}

const char *version_of(const struct attachment *a)
{
	return knobs[VERSION].values[a->knob[VERSION]];
}

int version_number(const struct attachment *a)
{
	const char *v = version_of(a);

	return (v[0] - '0') * 100 + (v[2] - '0') * 10 + (v[4] - '0');
}

static bool shares_bridge(const struct attachment *a)
{
	return a->knob[BRIDGE] && tried_of(a)->has & HAS_BRIDGE;
}

/* A bridge follows its smallest port: 1000 in a shared one takes IPv6 from all of its pods. */
unsigned int config_mtu(const struct attachment *a)
{
	static const unsigned int values[] = { 0, 1400, 9000, 1280, 1000 };
	unsigned int mtu = tried_of(a)->has & HAS_MTU ? values[a->knob[MTU]] : 0;

	return mtu == 1000 && shares_bridge(a) ? 1280 : mtu;
}

void config_bridge(const struct attachment *a, char out[static 16])
{
	if (shares_bridge(a))
		snprintf(out, 16, "brs");
	else
		snprintf(out, 16, "br%u", a->network);
}

/* The families of the addresses in order, a string of '4', '6' and 't' for a second of IPv4. */
static const char *families(const struct attachment *a)
{
	static const char *const texts[] = {
		[V4] = "4", [V6] = "6", [V4_V6] = "46", [V6_V4] = "64", [V4_V4] = "4t",
	};

	if (tried_of(a)->has & HAS_SUBNET)
		return a->knob[FAMILY] == V6 ? "6" : "4";
	return texts[a->knob[FAMILY]];
}

static void put_host(struct out *o, const struct attachment *a, char family, unsigned int host)
{
	if (family == '6')
		put(o, "fd00:%u::%x", a->network + 1, host);
	else
		put(o, "10.%u.0.%u", a->network + (family == 't' ? 101 : 1), host);
}

static unsigned int prefix_length(const struct attachment *a, char family)
{
	if (strcmp(knobs[RANGE].values[a->knob[RANGE]], "small") == 0)
		return family == '6' ? 125 : 29;
	return family == '6' ? 64 : 24;
}

static void put_subnet(struct out *o, const struct attachment *a, char family)
{
	put(o, "\"subnet\":\"");
	put_host(o, a, family, 0);
	put(o, "/%u\"", prefix_length(a, family));
}

static void put_bound(struct out *o, const struct attachment *a, char family, const char *key,
		      unsigned int host)
{
	put(o, ",\"%s\":\"", key);
	put_host(o, a, family, host);
	put(o, "\"");
}

static unsigned int gateway_host(const struct attachment *a)
{
	return strcmp(knobs[RANGE].values[a->knob[RANGE]], "gateway") == 0 ? 254 : 1;
}

static void put_range_set(struct out *o, const struct attachment *a, char family)
{
	const char *range = knobs[RANGE].values[a->knob[RANGE]];

	put(o, "[{");
	put_subnet(o, a, family);
	if (strcmp(range, "bounds") == 0 || strcmp(range, "two") == 0) {
		put_bound(o, a, family, "rangeStart", 10);
		put_bound(o, a, family, "rangeEnd", 20);
	}
	if (strcmp(range, "gateway") == 0)
		put_bound(o, a, family, "gateway", gateway_host(a));
	if (strcmp(range, "two") == 0) {
		put(o, "},{");
		put_subnet(o, a, family);
		put_bound(o, a, family, "rangeStart", 30);
		put_bound(o, a, family, "rangeEnd", 40);
	}
	put(o, "}]");
}

static bool route_is_v6(const struct attachment *a)
{
	return strchr(knobs[ROUTE_DST].values[a->knob[ROUTE_DST]], '6');
}

static bool has_family(const struct attachment *a, bool v6)
{
	return strchr(families(a), v6 ? '6' : '4');
}

static void put_options(struct out *o, const struct attachment *a)
{
	static const unsigned int tables[] = { 0, 100, 1000 }, scopes[] = { 0, 253, 0, 254 };

	if (a->knob[ROUTE_GW] && has_family(a, route_is_v6(a)))
		put_bound(o, a, route_is_v6(a) ? '6' : '4', "gw", gateway_host(a));
	if (a->knob[ROUTE_MTU])
		put(o, ",\"mtu\":1300");
	if (a->knob[ROUTE_ADVMSS])
		put(o, ",\"advmss\":1200");
	if (a->knob[ROUTE_PRIORITY])
		put(o, ",\"priority\":77");
	if (a->knob[ROUTE_TABLE])
		put(o, ",\"table\":%u", tables[a->knob[ROUTE_TABLE]]);
	if (a->knob[ROUTE_SCOPE])
		put(o, ",\"scope\":%u", scopes[a->knob[ROUTE_SCOPE]]);
}

/* ,"routes":[...], or nothing. */
static void put_routes(struct out *o, const struct attachment *a)
{
	static const char *const texts[] = {
		"203.0.113.0/24", "2001:db8:77::/48", "0.0.0.0/0",
		"::/0",		  "203.0.113.7/24",   "203.0.113.9/32"
	};

	if (!a->knob[ROUTE])
		return;
	put(o, ",\"routes\":[{\"dst\":\"%s\"", texts[a->knob[ROUTE_DST]]);
	put_options(o, a);
	put(o, "}");
	if (a->knob[ROUTE] == 2)
		put(o, ",{\"dst\":\"%s\"}",
		    route_is_v6(a) ? "2001:db8:88::/48" : "198.51.100.0/24");
	put(o, "]");
}

static void put_local(struct out *o, const struct attachment *a)
{
	const char *f = families(a);

	put(o, "\"ipam\":{\"type\":\"host-local\",");
	if (!f[1] && !a->knob[RANGE]) {
		put_subnet(o, a, *f);
	} else {
		put(o, "\"ranges\":[");
		for (const char *at = f; *at; at++) {
			put_range_set(o, a, *at);
			put(o, at[1] ? "," : "]");
		}
	}
	put_routes(o, a);
	put(o, "},");
}

static unsigned int wanted_host(const struct attachment *a)
{
	if (strcmp(knobs[RANGE].values[a->knob[RANGE]], "small") == 0)
		return 2 + a->number % 5;
	return 12 + a->number;
}

static void put_given_address(struct out *o, const struct attachment *a, char family,
			      const char *key)
{
	put(o, "\"%s\":\"", key);
	put_host(o, a, family, wanted_host(a));
	put(o, "/%u\"", prefix_length(a, family));
	if (!a->knob[GIVEN_GATEWAY])
		put_bound(o, a, family, "gateway", gateway_host(a));
}

/* Up to 0.2.0, with one address of each family and its routes. */
static void put_given_old(struct out *o, const struct attachment *a)
{
	put(o, "\"cniVersion\":\"0.2.0\"");
	for (unsigned int v6 = 0; v6 < 2; v6++) {
		if (!has_family(a, v6))
			continue;
		put(o, v6 ? ",\"ip6\":{" : ",\"ip4\":{");
		put_given_address(o, a, v6 ? '6' : '4', "ip");
		if (route_is_v6(a) == (bool)v6)
			put_routes(o, a);
		put(o, "}");
	}
}

static void put_given_new(struct out *o, const struct attachment *a)
{
	const char *iface = knobs[GIVEN_IFACE].values[a->knob[GIVEN_IFACE]];
	bool old = a->knob[GIVEN_VERSION] == 1;

	put(o, "\"cniVersion\":\"%s\"", old ? "0.3.1" : "1.1.0");
	if (strcmp(iface, "other") == 0)
		put(o, ",\"interfaces\":[{\"name\":\"uplink0\"}]");
	else if (strcmp(iface, "named") == 0)
		put(o, ",\"interfaces\":[{\"name\":\"%s\",\"sandbox\":\"/run/netns/%s\"}]",
		    a->ifname, a->pod);
	put(o, ",\"ips\":[");
	for (const char *f = families(a); *f; f++) {
		put(o, "{");
		put_given_address(o, a, *f, "address");
		if (a->knob[GIVEN_IFACE])
			put(o, ",\"interface\":0");
		if (old)
			put(o, ",\"version\":\"%c\"", *f == '6' ? '6' : '4');
		put(o, f[1] ? "}," : "}]");
	}
	put_routes(o, a);
}

/* A result of 0.2.0 holds the routes of its addresses' families only. */
unsigned int config_routes(const struct attachment *a)
{
	bool given = a->knob[IPAM] == IPAM_GIVEN, old = given && a->knob[GIVEN_VERSION] == 2;

	if (a->knob[IPAM] == IPAM_NONE || (old && !has_family(a, route_is_v6(a))))
		return 0;
	return a->knob[ROUTE];
}

static void put_ipam(struct out *o, const struct attachment *a)
{
	if (a->knob[IPAM] == IPAM_LOCAL) {
		put_local(o, a);
	} else if (a->knob[IPAM] == IPAM_GIVEN) {
		put(o, "\"ipam\":{\"type\":\"given\",\"result\":{");
		if (a->knob[GIVEN_VERSION] == 2)
			put_given_old(o, a);
		else
			put_given_new(o, a);
		put(o, "}},");
	}
}

/* Refused with addresses. */
bool config_down(const struct attachment *a)
{
	return tried_of(a)->has & HAS_BRIDGE && a->knob[DOWN] && a->knob[IPAM] == IPAM_NONE;
}

/* The node's interface in the VLAN is the gateway, and is in the result. */
static bool has_vlan_gateway(const struct attachment *a)
{
	const char *vlan = knobs[VLAN].values[a->knob[VLAN]];

	return vlans_tried && tried_of(a)->has & HAS_BRIDGE && a->knob[GATEWAY] != GW_NONE &&
	       a->knob[IPAM] != IPAM_NONE && a->knob[VLAN] && strcmp(vlan, "trunk") != 0;
}

void config_links(const struct attachment *a, char out[static 8])
{
	snprintf(out, 8, "%s%s", tried_of(a)->links, has_vlan_gateway(a) ? "g" : "");
}

void config_gateway(const struct attachment *a, char out[static 16])
{
	char bridge[16];

	config_bridge(a, bridge);
	snprintf(out, 16, "%.12s.%c", bridge,
		 *knobs[VLAN].values[a->knob[VLAN]] == '1' ? '1' : '5');
}

static void put_vlans(struct out *o, const struct attachment *a)
{
	const char *vlan = knobs[VLAN].values[a->knob[VLAN]];

	if (a->knob[VLAN])
		put(o, "\"vlan\":%s,", *vlan == 't' ? "0" : *vlan == '1' ? "1" : "5");
	if (*vlan == 't' || *vlan == 'b')
		put(o, "\"vlanTrunk\":[{\"id\":9},{\"minID\":20,\"maxID\":25}],");
	if (a->knob[KEEP_VLAN])
		put(o, "\"preserveDefaultVlan\":%s,", a->knob[KEEP_VLAN] == 1 ? "false" : "true");
}

static void put_bridge(struct out *o, const struct attachment *a)
{
	if (a->knob[GATEWAY] == GW_IS)
		put(o, "\"isGateway\":true,");
	if (a->knob[GATEWAY] == GW_DEFAULT)
		put(o, "\"isDefaultGateway\":true,");
	if (a->knob[PROMISC])
		put(o, "\"promiscMode\":true,");
	if (a->knob[ISOLATED])
		put(o, "\"portIsolation\":true,");
	if (config_down(a))
		put(o, "\"disableContainerInterface\":true,");
	if (vlans_tried)
		put_vlans(o, a);
}

static bool gives_wanted(const struct attachment *a)
{
	const struct tried *s = tried_of(a);

	return s->has & HAS_SUBNET || (s->has & HAS_IPAM && a->knob[IPAM] == IPAM_LOCAL);
}

/* What the runtime adds for capabilities. */
static void put_runtime(struct out *o, const struct attachment *a)
{
	bool mac = a->knob[MAC] == 3, ips = a->knob[WANTED] == 2 && gives_wanted(a);

	if (!mac && !ips)
		return;
	put(o, "\"runtimeConfig\":{");
	if (mac)
		put(o, "\"mac\":\"%s\"%s", config_mac, ips ? "," : "");
	for (const char *f = families(a); ips && *f; f++) {
		put(o, f == families(a) ? "\"ips\":[\"" : ",\"");
		put_host(o, a, *f, wanted_host(a));
		put(o, "/%u\"%s", prefix_length(a, *f), f[1] ? "" : "]");
	}
	put(o, "},");
}

void config_write(const struct attachment *a, const char *prev, char *text, size_t size)
{
	const struct tried *s = tried_of(a);
	struct out o = { text, size };
	char bridge[16];

	config_bridge(a, bridge);
	put(&o, "{\"cniVersion\":\"%s\",\"name\":\"net%u\",", version_of(a), a->network);
	if (strchr(s->links, 'b'))
		put(&o, "\"bridge\":\"%s\",", bridge);
	if (s->has & HAS_BRIDGE)
		put_bridge(&o, a);
	if (s->has & HAS_SUBNET) {
		put_subnet(&o, a, *families(a));
		put(&o, ",");
	}
	if (s->has & HAS_IPAM)
		put_ipam(&o, a);
	if (s->has & HAS_MASQ && a->knob[MASQ])
		put(&o, "\"ipMasq\":true,");
	if (s->has & HAS_HAIRPIN && a->knob[HAIRPIN])
		put(&o, "\"hairpinMode\":true,");
	if (config_mtu(a))
		put(&o, "\"mtu\":%u,", config_mtu(a));
	if (s->has & HAS_MAC && a->knob[MAC] == 1)
		put(&o, "\"mac\":\"%s\",", config_mac);
	if (s->has & HAS_ARGS)
		put_runtime(&o, a);
	if (a->knob[DNS])
		put(&o, "\"dns\":{\"nameservers\":[\"192.0.2.53\"]},");
	if (prev)
		put(&o, "\"prevResult\":%s,", prev);
	put(&o, "%s\"type\":\"%s\"}", s->more ? s->more : "", s->name);
}

void config_args(const struct attachment *a, char *text, size_t size)
{
	struct out o = { text, size };

	put(&o, "IgnoreUnknown=1");
	if (!(tried_of(a)->has & HAS_ARGS))
		return;
	if (a->knob[MAC] == 2)
		put(&o, ";MAC=%s", config_mac);
	if (a->knob[WANTED] == 1 && gives_wanted(a)) {
		put(&o, ";IP=");
		put_host(&o, a, *families(a), wanted_host(a));
	}
}
