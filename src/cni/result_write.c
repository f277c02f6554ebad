/* Writing a result in the form of a protocol version: see result.h. */
#include "cni/result.h"

#include <sys/socket.h>

#include "base/text.h"
#include "json/writer.h"

static void put_addr(struct json_writer *w, const char *key, const struct addr *a)
{
	if (addr_is_set(a))
		json_member_str(w, key, addr_text(a));
}

static void put_prefix(struct json_writer *w, const char *key, const struct prefix *p)
{
	json_member_str(w, key, prefix_text(p));
}

static void put_text(struct json_writer *w, const char *key, const char *s)
{
	if (s && *s)
		json_member_str(w, key, s);
}

static void put_number(struct json_writer *w, const char *key, int64_t v)
{
	if (v > 0)
		json_member_int(w, key, v);
}

static void put_route(struct json_writer *w, const struct cni_route *rt, enum cni_version v)
{
	json_open(w, '{');
	put_prefix(w, "dst", &rt->dst);
	put_addr(w, "gw", &rt->gw);
	if (v >= CNI_0_3_0) {
		put_number(w, "mtu", rt->mtu);
		put_number(w, "advmss", rt->advmss);
		put_number(w, "priority", rt->priority);
		put_number(w, "table", rt->table);
		if (rt->scope >= 0)
			json_member_int(w, "scope", rt->scope);
	}
	json_close(w, '}');
}

/* family 0: the routes of all. */
static void put_routes(struct json_writer *w, const struct cni_result *r, uint8_t family,
		       enum cni_version v)
{
	bool open = false;

	for (size_t i = 0; i < r->route_count; i++) {
		if (family && r->routes[i].dst.addr.family != family)
			continue;
		if (!open) {
			json_key(w, "routes");
			json_open(w, '[');
			open = true;
		}
		put_route(w, &r->routes[i], v);
	}
	if (open)
		json_close(w, ']');
}

static void put_ifaces(struct json_writer *w, const struct cni_result *r, enum cni_version v)
{
	if (r->iface_count == 0)
		return;
	json_key(w, "interfaces");
	json_open(w, '[');
	for (size_t i = 0; i < r->iface_count; i++) {
		const struct cni_iface *f = &r->ifaces[i];

		json_open(w, '{');
		json_member_str(w, "name", f->name);
		put_text(w, "mac", f->mac);
		if (v >= CNI_1_1_0)
			put_number(w, "mtu", f->mtu);
		put_text(w, "sandbox", f->sandbox);
		if (v >= CNI_1_1_0) {
			put_text(w, "socketPath", f->socket_path);
			put_text(w, "pciID", f->pci_id);
		}
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_ips(struct json_writer *w, const struct cni_result *r, enum cni_version v)
{
	if (r->ip_count == 0)
		return;
	json_key(w, "ips");
	json_open(w, '[');
	for (size_t i = 0; i < r->ip_count; i++) {
		const struct cni_ip *ip = &r->ips[i];

		json_open(w, '{');
		if (v < CNI_1_0_0)
			json_member_str(w, "version",
					ip->address.addr.family == AF_INET ? "4" : "6");
		if (ip->interface >= 0)
			json_member_int(w, "interface", ip->interface);
		put_prefix(w, "address", &ip->address);
		put_addr(w, "gateway", &ip->gateway);
		json_close(w, '}');
	}
	json_close(w, ']');
}

/* Up to 0.2.0 a result holds one address of each family, and no interfaces. */
static void put_old_ip(struct json_writer *w, const struct cni_result *r, const char *key,
		       uint8_t family)
{
	for (size_t i = 0; i < r->ip_count; i++) {
		if (r->ips[i].address.addr.family != family)
			continue;
		json_key(w, key);
		json_open(w, '{');
		put_prefix(w, "ip", &r->ips[i].address);
		put_addr(w, "gateway", &r->ips[i].gateway);
		put_routes(w, r, family, CNI_0_2_0);
		json_close(w, '}');
		return;
	}
}

/* Up to 1.0.0 the reference prints an empty "dns" as well; some clients look for the key. */
static void put_dns(struct json_writer *w, const struct cni_result *r, enum cni_version v)
{
	if (r->dns.text)
		json_member_raw(w, "dns", r->dns);
	else if (v < CNI_1_1_0)
		json_member_raw(w, "dns", (struct json_raw){ .text = "{}", .len = 2 });
}

void cni_object_begin(struct json_writer *w, struct text *t, enum cni_version v)
{
	json_begin(w, t, 0);
	json_open(w, '{');
	json_member_str(w, "cniVersion", cni_version_text(v));
}

void cni_result_write(struct text *t, const struct cni_result *r, enum cni_version v)
{
	struct json_writer w;

	cni_object_begin(&w, t, v);
	if (v >= CNI_0_3_0) {
		put_ifaces(&w, r, v);
		put_ips(&w, r, v);
		put_routes(&w, r, 0, v);
	} else {
		put_old_ip(&w, r, "ip4", AF_INET);
		put_old_ip(&w, r, "ip6", AF_INET6);
	}
	put_dns(&w, r, v);
	json_close(&w, '}');
}
