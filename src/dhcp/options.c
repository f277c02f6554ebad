/* What a lease says, as a CNI result: see options.h. */
#include "dhcp/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cni/result.h"
#include "dhcp/bytes.h"
#include "dhcp/search.h"
#include "json/writer.h"

#define DNS_TEXT 4096
#define SERVERS_MAX 8

static const struct {
	const char *name;
	uint8_t code;
} names[] = {
	{ "subnet-mask", DHCP_OPT_MASK },
	{ "routers", DHCP_OPT_ROUTER },
	{ "domain-name-servers", DHCP_OPT_DNS },
	{ "host-name", DHCP_OPT_HOST_NAME },
	{ "domain-name", DHCP_OPT_DOMAIN },
	{ "interface-mtu", DHCP_OPT_MTU },
	{ "static-routes", DHCP_OPT_ROUTES_CLASSFUL },
	{ "ntp-servers", DHCP_OPT_NTP },
	{ "vendor-class-identifier", DHCP_OPT_VENDOR_CLASS },
	{ "dhcp-client-identifier", DHCP_OPT_CLIENT_ID },
	{ "user-class", DHCP_OPT_USER_CLASS },
	{ "domain-search", DHCP_OPT_SEARCH },
	{ "classless-static-routes", DHCP_OPT_ROUTES },
};

uint8_t dhcp_option_code(const char *name)
{
	unsigned int number = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return names[i].code;
	}
	for (; *name >= '0' && *name <= '9' && number < 255; name++)
		number = number * 10 + (unsigned int)(*name - '0');
	return *name || number > 254 ? 0 : (uint8_t)number;
}

static bool mask_parse(uint32_t mask, uint8_t *len)
{
	uint32_t host = ~mask;

	if (mask == 0 || (host & (host + 1)) != 0)
		return false;
	*len = (uint8_t)(host ? __builtin_clz(host) : 32);
	return true;
}

int dhcp_lease_prefix(const struct dhcp_message *ack, struct prefix *out, struct err *e)
{
	uint32_t mask;

	out->addr = ack->your;
	if (!dhcp_option_u32(ack, DHCP_OPT_MASK, &mask))
		return err_set(e, EPROTO, "the DHCP server gave no subnet mask (option 1) with %s",
			       addr_text(&ack->your));
	if (!mask_parse(mask, &out->len))
		return err_set(e, EPROTO,
			       "the DHCP server gave the subnet mask 0x%08x with %s, which is none",
			       mask, addr_text(&ack->your));
	return 0;
}

/* More routes than a result holds are left out: nobody needs them but somebody who floods. */
static void add_route(struct cni_result *out, const struct cni_route *rt)
{
	if (out->route_count < CNI_ROUTES_MAX)
		out->routes[out->route_count++] = *rt;
}

static struct cni_route route_to(const uint8_t dst[static 4], uint8_t len)
{
	struct cni_route rt = { .dst.addr.family = AF_INET, .dst.len = len, .scope = -1 };

	memcpy(rt.dst.addr.bytes, dst, 4);
	rt.dst = prefix_masked(&rt.dst);
	return rt;
}

/* One entry of option 121: length, as many bytes of the destination as it has, router. */
static size_t classless_entry(const uint8_t *at, size_t len, struct cni_route *out)
{
	static const uint8_t on_link[4];
	uint8_t dst[4] = { 0 };
	size_t bytes;

	if (at[0] > 32)
		return 0;
	bytes = (at[0] + 7u) / 8;
	if (len < 1 + bytes + 4)
		return 0;
	memcpy(dst, at + 1, bytes);
	*out = route_to(dst, at[0]);
	at += 1 + bytes;
	if (memcmp(at, on_link, 4) == 0)
		out->scope = RT_SCOPE_LINK;
	else if (!dhcp_host_addr(at, &out->gw))
		return 0;
	return 1 + bytes + 4;
}

/* False when there is no such option, or it is malformed: then it is not used at all. */
static bool classless_routes(const struct dhcp_message *ack, struct cni_result *out)
{
	uint8_t bytes[DHCP_MESSAGE_MAX];
	int len = dhcp_option(ack, DHCP_OPT_ROUTES, bytes, sizeof(bytes));
	struct cni_route rt;

	for (int at = 0; at < len;) {
		size_t used = classless_entry(bytes + at, (size_t)(len - at), &rt);

		if (used == 0) {
			out->route_count = 0;
			return false;
		}
		add_route(out, &rt);
		at += (int)used;
	}
	return len > 0;
}

static uint8_t classful_len(uint8_t first)
{
	return first < 128 ? 8 : first < 192 ? 16 : 24;
}

static void classful_routes(const struct dhcp_message *ack, struct cni_result *out)
{
	uint8_t bytes[DHCP_MESSAGE_MAX];
	int len = dhcp_option(ack, DHCP_OPT_ROUTES_CLASSFUL, bytes, sizeof(bytes));

	for (int at = 0; at + 8 <= len; at += 8) {
		struct cni_route rt = route_to(bytes + at, classful_len(bytes[at]));
		struct addr dst;

		if (dhcp_host_addr(bytes + at, &dst) && dhcp_host_addr(bytes + at + 4, &rt.gw))
			add_route(out, &rt);
	}
}

/* The first usable address of a list of them. */
static struct addr first_addr(const struct dhcp_message *ack, uint8_t code)
{
	uint8_t bytes[DHCP_MESSAGE_MAX];
	int len = dhcp_option(ack, code, bytes, sizeof(bytes));
	struct addr a = { 0 };

	for (int at = 0; at + 4 <= len; at += 4) {
		if (dhcp_host_addr(bytes + at, &a))
			break;
	}
	return a;
}

static void add_routes(const struct dhcp_message *ack, const struct addr *router,
		       struct cni_result *out)
{
	static const uint8_t any[4];
	struct cni_route by_router = route_to(any, 0);

	if (classless_routes(ack, out))
		return;
	classful_routes(ack, out);
	by_router.gw = *router;
	if (addr_is_set(router))
		add_route(out, &by_router);
}

static void write_servers(const struct dhcp_message *ack, struct json_writer *w)
{
	uint8_t bytes[DHCP_MESSAGE_MAX];
	int len = dhcp_option(ack, DHCP_OPT_DNS, bytes, sizeof(bytes));
	struct addr a;

	if (len < 4)
		return;
	len = len < SERVERS_MAX * 4 ? len : SERVERS_MAX * 4;
	json_key(w, "nameservers");
	json_open(w, '[');
	for (int at = 0; at + 4 <= len; at += 4) {
		if (dhcp_host_addr(bytes + at, &a))
			json_put_str(w, addr_text(&a));
	}
	json_close(w, ']');
}

/* Some servers end the name with a NUL. */
static void write_domain(const struct dhcp_message *ack, struct json_writer *w)
{
	char name[DHCP_NAME_MAX + 1];
	int len = dhcp_option(ack, DHCP_OPT_DOMAIN, (uint8_t *)name, DHCP_NAME_MAX);

	if (len <= 0)
		return;
	name[len] = '\0';
	if (strlen(name) + 1 >= (size_t)len && dhcp_name_is_plain(name))
		json_member_str(w, "domain", name);
}

static void write_search(const struct dhcp_message *ack, struct json_writer *w)
{
	char list[DHCP_SEARCH_MAX][DHCP_NAME_MAX + 1];
	uint8_t bytes[DHCP_MESSAGE_MAX];
	int len = dhcp_option(ack, DHCP_OPT_SEARCH, bytes, sizeof(bytes));
	unsigned int count = len > 0 ? dhcp_search_parse(bytes, (size_t)len, list) : 0;

	if (count == 0)
		return;
	json_key(w, "search");
	json_open(w, '[');
	for (unsigned int i = 0; i < count; i++)
		json_put_str(w, list[i]);
	json_close(w, ']');
}

static int add_dns(const struct dhcp_message *ack, struct arena *a, struct cni_result *out,
		   struct err *e)
{
	char *buf = arena_alloc(a, DNS_TEXT);
	struct json_writer w;
	struct text t;

	if (!buf)
		return err_set(e, ENOMEM, "no memory left for the lease's dns");
	text_init(&t, buf, DNS_TEXT);
	json_begin(&w, &t, 0);
	json_open(&w, '{');
	write_servers(ack, &w);
	write_domain(ack, &w);
	write_search(ack, &w);
	json_close(&w, '}');
	if (!t.bad && t.len > 2)
		out->dns = (struct json_raw){ .text = buf, .len = t.len };
	return 0;
}

int dhcp_lease_result(const struct dhcp_message *ack, struct arena *a, struct cni_result *out,
		      struct err *e)
{
	struct cni_ip ip = { .interface = -1 };
	int r = dhcp_lease_prefix(ack, &ip.address, e);

	*out = (struct cni_result){ 0 };
	if (r < 0)
		return r;
	ip.gateway = first_addr(ack, DHCP_OPT_ROUTER);
	cni_result_add_ip(out, &ip, e);
	add_routes(ack, &ip.gateway, out);
	return add_dns(ack, a, out, e);
}
