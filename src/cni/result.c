/* Reading results of every version into one form: see result.h. */
#include "cni/result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

struct raw_result {
	struct json_list interfaces, ips,
		routes; /* of struct json_raw: each entry has defaults of its own */
	struct json_raw dns;
	struct json_raw ip4, ip6; /* 0.1.0 and 0.2.0 */
};

struct old_ip {
	struct prefix ip;
	struct addr gateway;
	struct json_list routes;
};

#define TABLE(f)                                                                                   \
	{                                                                                          \
		.fields = f, .count = sizeof(f) / sizeof((f)[0])                                   \
	}

static const struct json_field raw_elem = { .kind = JSON_RAW };

static const struct json_field result_fields[] = {
	{ "interfaces", JSON_LIST, offsetof(struct raw_result, interfaces), .elem = &raw_elem,
	  .elem_size = sizeof(struct json_raw) },
	{ "ips", JSON_LIST, offsetof(struct raw_result, ips), .elem = &raw_elem,
	  .elem_size = sizeof(struct json_raw) },
	{ "routes", JSON_LIST, offsetof(struct raw_result, routes), .elem = &raw_elem,
	  .elem_size = sizeof(struct json_raw) },
	{ "dns", JSON_RAW, offsetof(struct raw_result, dns) },
	{ "ip4", JSON_RAW, offsetof(struct raw_result, ip4) },
	{ "ip6", JSON_RAW, offsetof(struct raw_result, ip6) },
};
static const struct json_table result_table = TABLE(result_fields);

static const struct json_field iface_fields[] = {
	{ "name", JSON_STR, offsetof(struct cni_iface, name), .required = true },
	{ "mac", JSON_STR, offsetof(struct cni_iface, mac) },
	{ "sandbox", JSON_STR, offsetof(struct cni_iface, sandbox) },
	{ "mtu", JSON_INT, offsetof(struct cni_iface, mtu) },
	{ "socketPath", JSON_STR, offsetof(struct cni_iface, socket_path) },
	{ "pciID", JSON_STR, offsetof(struct cni_iface, pci_id) },
};
static const struct json_table iface_table = TABLE(iface_fields);

static const struct json_field ip_fields[] = {
	{ "address", JSON_PREFIX, offsetof(struct cni_ip, address), .required = true },
	{ "gateway", JSON_ADDR, offsetof(struct cni_ip, gateway) },
	{ "interface", JSON_INT, offsetof(struct cni_ip, interface), .min = -1,
	  .max = CNI_IFACES_MAX - 1 },
};
static const struct json_table ip_table = TABLE(ip_fields);

static const struct json_field route_fields[] = {
	{ "dst", JSON_PREFIX, offsetof(struct cni_route, dst), .required = true,
	  .help = "destination prefix" },
	{ "gw", JSON_ADDR, offsetof(struct cni_route, gw),
	  .help = "next hop; default: the gateway of the address of the same family" },
	{ "mtu", JSON_INT, offsetof(struct cni_route, mtu), .max = UINT32_MAX,
	  .help = "MTU along the path" },
	{ "advmss", JSON_INT, offsetof(struct cni_route, advmss), .max = UINT32_MAX,
	  .help = "maximal segment size to advertise" },
	{ "priority", JSON_INT, offsetof(struct cni_route, priority), .max = UINT32_MAX,
	  .help = "metric, lower is better" },
	{ "table", JSON_INT, offsetof(struct cni_route, table), .max = UINT32_MAX,
	  .help = "routing table; default: main" },
	{ "scope", JSON_INT, offsetof(struct cni_route, scope), .max = 255,
	  .help = "0 universe, 253 link, 254 host" },
};
const struct json_table cni_route_table = TABLE(route_fields);

static const struct json_field old_ip_fields[] = {
	{ "ip", JSON_PREFIX, offsetof(struct old_ip, ip), .required = true },
	{ "gateway", JSON_ADDR, offsetof(struct old_ip, gateway) },
	{ "routes", JSON_LIST, offsetof(struct old_ip, routes), .elem = &raw_elem,
	  .elem_size = sizeof(struct json_raw) },
};
static const struct json_table old_ip_table = TABLE(old_ip_fields);

int cni_result_add_iface(struct cni_result *r, const struct cni_iface *i, struct err *e)
{
	if (r->iface_count == CNI_IFACES_MAX)
		return err_set(e, E2BIG, "more than %d interfaces in a result", CNI_IFACES_MAX);
	r->ifaces[r->iface_count] = *i;
	return (int)r->iface_count++;
}

int cni_result_add_ip(struct cni_result *r, const struct cni_ip *ip, struct err *e)
{
	if (r->ip_count == CNI_IPS_MAX)
		return err_set(e, E2BIG, "more than %d addresses in a result", CNI_IPS_MAX);
	r->ips[r->ip_count] = *ip;
	return (int)r->ip_count++;
}

int cni_result_add_route(struct cni_result *r, const struct cni_route *rt, struct err *e)
{
	if (r->route_count == CNI_ROUTES_MAX)
		return err_set(e, E2BIG, "more than %d routes in a result", CNI_ROUTES_MAX);
	r->routes[r->route_count] = *rt;
	return (int)r->route_count++;
}

/* A path in front of the keys of entry i: "prevResult.ips[2]". */
static const char *entry_path(char buf[static 96], const char *what, const char *list, size_t i)
{
	snprintf(buf, 96, "%.48s%s%s[%zu]", what, *what ? "." : "", list, i);
	return buf;
}

static int read_ifaces(struct arena *a, const struct json_list *l, const char *what,
		       struct cni_result *out, struct err *e)
{
	const struct json_raw *raws = l->items;
	char path[96];

	for (size_t i = 0; i < l->count; i++) {
		struct cni_iface f = { 0 };
		int r = json_decode_raw(a, raws[i], entry_path(path, what, "interfaces", i),
					&iface_table, &f, e);

		if (r == 0)
			r = cni_result_add_iface(out, &f, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_ips(struct arena *a, const struct json_list *l, const char *what,
		    struct cni_result *out, struct err *e)
{
	const struct json_raw *raws = l->items;
	char path[96];

	for (size_t i = 0; i < l->count; i++) {
		struct cni_ip ip = { .interface = -1 };
		int r = json_decode_raw(a, raws[i], entry_path(path, what, "ips", i), &ip_table,
					&ip, e);

		if (r == 0 && ip.interface >= (int64_t)out->iface_count)
			ip.interface = -1;
		if (r == 0)
			r = cni_result_add_ip(out, &ip, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int cni_routes_read(struct arena *a, const struct json_list *raws, const char *what,
		    struct cni_result *out, struct err *e)
{
	const struct json_raw *raw = raws->items;
	char path[96];

	for (size_t i = 0; i < raws->count; i++) {
		struct cni_route rt = { .scope = -1 };
		int r = json_decode_raw(a, raw[i], entry_path(path, what, "routes", i),
					&cni_route_table, &rt, e);

		if (r == 0)
			r = cni_result_add_route(out, &rt, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_old_ip(struct arena *a, struct json_raw raw, const char *what,
		       struct cni_result *out, struct err *e)
{
	struct old_ip old = { 0 };
	struct cni_ip ip = { .interface = -1 };
	int r;

	if (!raw.text)
		return 0;
	r = json_decode_raw(a, raw, what, &old_ip_table, &old, e);
	if (r < 0)
		return r;
	ip.address = old.ip;
	ip.gateway = old.gateway;
	r = cni_result_add_ip(out, &ip, e);
	return r < 0 ? r : cni_routes_read(a, &old.routes, what, out, e);
}

int cni_result_read(struct arena *a, struct json_raw raw, const char *what, struct cni_result *out,
		    struct err *e)
{
	struct raw_result in = { 0 };
	int r = json_decode_raw(a, raw, what, &result_table, &in, e);

	out->iface_count = out->ip_count = out->route_count = 0;
	out->dns = in.dns;
	if (r == 0)
		r = read_ifaces(a, &in.interfaces, what, out, e);
	if (r == 0)
		r = read_ips(a, &in.ips, what, out, e);
	if (r == 0)
		r = cni_routes_read(a, &in.routes, what, out, e);
	if (r == 0)
		r = read_old_ip(a, in.ip4, "ip4", out, e);
	if (r == 0)
		r = read_old_ip(a, in.ip6, "ip6", out, e);
	return r;
}

static size_t count_of_family(const struct cni_result *r, size_t until, uint8_t family)
{
	size_t n = 0;

	for (size_t i = 0; i < until; i++)
		n += r->ips[i].address.addr.family == family;
	return n;
}

int cni_result_fits(const struct cni_result *r, enum cni_version v, struct err *e)
{
	if (v >= CNI_0_3_0)
		return 0;
	for (size_t i = 0; i < r->ip_count; i++) {
		const struct prefix *p = &r->ips[i].address;

		if (count_of_family(r, i, p->addr.family))
			return err_set(e, EINVAL,
				       "a result of cniVersion %s has one address of each family, "
				       "and no place for %s",
				       cni_version_text(v), prefix_text(p));
	}
	for (size_t i = 0; i < r->route_count; i++) {
		const struct prefix *dst = &r->routes[i].dst;

		if (!count_of_family(r, r->ip_count, dst->addr.family))
			return err_set(e, EINVAL,
				       "a result of cniVersion %s has routes with an address of "
				       "their family only, and no place for that to %s",
				       cni_version_text(v), prefix_text(dst));
	}
	return 0;
}
