/* Addresses of the configuration or of the caller: see static.h. */
#include "ipam/static.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "cni/args.h"

struct address {
	struct prefix address;
	struct addr gateway;
};

struct conf {
	struct json_list addresses; /* of struct address */
	struct json_list routes;    /* of struct json_raw */
	struct json_raw dns;
};

static const struct json_field address_fields[] = {
	{ "address", JSON_PREFIX, offsetof(struct address, address), .required = true,
	  .help = "with its length: 10.1.0.5/24" },
	{ "gateway", JSON_ADDR, offsetof(struct address, gateway),
	  .help = "next hop of routes that name none" },
};
static const struct json_table address_table = { .fields = address_fields, .count = 2 };
static const struct json_field address_elem = { .kind = JSON_OBJECT, .table = &address_table };
static const struct json_field raw_elem = { .kind = JSON_RAW };

static const struct json_field conf_fields[] = {
	{ "addresses", JSON_LIST, offsetof(struct conf, addresses), .elem = &address_elem,
	  .elem_size = sizeof(struct address), .help = "what the interface gets" },
	{ "routes", JSON_LIST, offsetof(struct conf, routes), .elem = &raw_elem,
	  .elem_size = sizeof(struct json_raw),
	  .help = "routes of the pod: dst, gw, mtu, advmss, priority, table, scope" },
	{ "dns", JSON_RAW, offsetof(struct conf, dns),
	  .help = "nameservers, domain, search, options, for the result" },
};
const struct json_table ipam_static_keys = {
	.fields = conf_fields,
	.count = sizeof(conf_fields) / sizeof(conf_fields[0]),
};

struct dns {
	struct json_list nameservers, search, options; /* of const char * */
	const char *domain;
};

static const struct json_field word = { .kind = JSON_STR };

#define WORDS(key)                                                                                 \
	{                                                                                          \
#key, JSON_LIST, offsetof(struct dns, key), .elem = &word,                         \
							    .elem_size = sizeof(const char *)      \
	}

static const struct json_field dns_fields[] = {
	WORDS(nameservers),
	WORDS(search),
	WORDS(options),
	{ "domain", JSON_STR, offsetof(struct dns, domain) },
};
static const struct json_table dns_table = { .fields = dns_fields, .count = 4 };

/* Whom an address is named by in errors: "ipam.addresses[0].address", "CNI_ARGS: IP". */
static int add_address(struct ipam_static *s, const struct address *a, const char *who,
		       struct err *e)
{
	if (!addr_is_set(&a->address.addr))
		return err_set(e, EINVAL, "%s: missing", who);
	for (size_t n = 0; n < s->count; n++) {
		if (addr_equal(&s->ips[n].address.addr, &a->address.addr))
			return err_set(e, EINVAL, "%s: %s is there twice", who,
				       addr_text(&a->address.addr));
	}
	if (addr_is_set(&a->gateway) && a->gateway.family != a->address.addr.family)
		return err_set(e, EINVAL, "%s: %s and its gateway %s are of two families", who,
			       prefix_text(&a->address), addr_text(&a->gateway));
	if (s->count == CNI_IPS_MAX)
		return err_set(e, E2BIG, "%s: more than %d addresses", who, CNI_IPS_MAX);
	s->ips[s->count++] = (struct cni_ip){
		.address = a->address,
		.gateway = a->gateway,
		.interface = -1,
	};
	return 0;
}

static int take_configured(struct ipam_static *s, const struct json_list *list, struct err *e)
{
	const struct address *items = list->items;
	char who[64];
	int r = 0;

	for (size_t n = 0; r == 0 && n < list->count; n++) {
		snprintf(who, sizeof(who), "ipam.addresses[%zu].address", n);
		r = add_address(s, &items[n], who, e);
	}
	return r;
}

/* The next word between commas and blanks, or NULL; *at is changed. */
static char *next_word(char **at)
{
	char *w;

	do
		w = strsep(at, ", ");
	while (w && !*w);
	return w;
}

/* "10.1.0.5/24", or "10.1.0.5" whose length SUBNET says. */
static bool parse_wanted(const char *text, const struct prefix *subnet, struct prefix *out)
{
	struct addr a;

	if (prefix_parse(text, out))
		return true;
	if (!addr_is_set(&subnet->addr) || !addr_parse(text, &a) || !prefix_contains(subnet, &a))
		return false;
	*out = (struct prefix){ .addr = a, .len = subnet->len };
	return true;
}

static int take_args_ips(struct ipam_static *s, char *ips, const struct prefix *subnet,
			 struct err *e)
{
	struct address a = { 0 };
	const char *w;
	int r = 0;

	while (r == 0 && (w = next_word(&ips))) {
		if (!parse_wanted(w, subnet, &a.address))
			return err_set(e, EINVAL,
				       "CNI_ARGS: IP=%.48s: static needs an address with its "
				       "length, or SUBNET= that holds it",
				       w);
		r = add_address(s, &a, "CNI_ARGS: IP", e);
	}
	return r;
}

static int take_args(struct ipam_static *s, const struct cni_request *req, struct err *e)
{
	const char *ips = cni_args_value(req, "IP"), *net = cni_args_value(req, "SUBNET");
	struct prefix subnet = { 0 };

	if (!ips || !net)
		return err_set(e, ENOMEM, "CNI_ARGS: no memory left");
	if (*net && !prefix_parse(net, &subnet))
		return err_set(e, EINVAL, "CNI_ARGS: SUBNET=%.48s is no subnet", net);
	return take_args_ips(s, arena_strndup(req->arena, ips, strlen(ips)), &subnet, e);
}

/* Each goes to the addresses whose subnet it is in. */
static int take_gateways(struct ipam_static *s, const struct cni_request *req, struct err *e)
{
	const char *value = cni_args_value(req, "GATEWAY");
	char *list = value ? arena_strndup(req->arena, value, strlen(value)) : NULL;
	const char *w;
	struct addr gateway;

	if (!list)
		return err_set(e, ENOMEM, "CNI_ARGS: no memory left");
	while ((w = next_word(&list))) {
		if (!addr_parse(w, &gateway))
			return err_set(e, EINVAL, "CNI_ARGS: GATEWAY=%.48s is no IP address", w);
		for (size_t n = 0; n < s->count; n++) {
			if (prefix_contains(&s->ips[n].address, &gateway))
				s->ips[n].gateway = gateway;
		}
	}
	return 0;
}

struct asked {
	struct json_list ips; /* of struct prefix */
};

static const struct json_field prefix_elem = { .kind = JSON_PREFIX };
static const struct json_field asked_fields[] = {
	{ "ips", JSON_LIST, offsetof(struct asked, ips), .elem = &prefix_elem,
	  .elem_size = sizeof(struct prefix) },
};
static const struct json_table asked_table = { .fields = asked_fields, .count = 1 };

/* They take the place of what was there. */
static int take_asked(struct ipam_static *s, const struct cni_request *req, struct json_raw raw,
		      const char *path, struct err *e)
{
	struct asked asked = { 0 };
	const struct prefix *items;
	struct address a = { 0 };
	char who[64];
	int r = raw.text ? json_decode_raw(req->arena, raw, path, &asked_table, &asked, e) : 0;

	if (asked.ips.count)
		s->count = 0;
	items = asked.ips.items;
	for (size_t n = 0; r == 0 && n < asked.ips.count; n++) {
		snprintf(who, sizeof(who), "%s.ips[%zu]", path, n);
		a.address = items[n];
		r = add_address(s, &a, who, e);
	}
	return r;
}

/* Results up to 0.2.0 have room for one address of each family. */
static int check_version(const struct ipam_static *s, enum cni_version v, struct err *e)
{
	size_t ipv4 = 0;

	for (size_t n = 0; n < s->count; n++)
		ipv4 += s->ips[n].address.addr.family == AF_INET;
	if (v >= CNI_0_3_0 || (ipv4 <= 1 && s->count - ipv4 <= 1))
		return 0;
	return err_set(e, EINVAL,
		       "ipam.addresses: cniVersion %s has no more than one address of each family",
		       cni_version_text(v));
}

static int check_dns(const struct cni_request *req, struct json_raw raw, struct err *e)
{
	struct dns dns = { 0 };

	return raw.text ? json_decode_raw(req->arena, raw, "ipam.dns", &dns_table, &dns, e) : 0;
}

static int take_all(struct ipam_static *s, const struct cni_request *req, const struct conf *c,
		    struct err *e)
{
	int r = take_configured(s, &c->addresses, e);

	if (r == 0)
		r = err_code(e, take_args(s, req, e), CNI_ERR_ENVIRONMENT);
	if (r == 0)
		r = take_asked(s, req, req->cni_args, "args.cni", e);
	if (r == 0)
		r = take_asked(s, req, req->runtime_config, "runtimeConfig", e);
	if (r == 0)
		r = err_code(e, take_gateways(s, req, e), CNI_ERR_ENVIRONMENT);
	return r < 0 ? r : check_version(s, req->version, e);
}

int ipam_static_read(const struct cni_request *req, struct json_raw ipam, struct ipam_static *out,
		     struct err *e)
{
	struct conf c = { 0 };
	int r;

	*out = (struct ipam_static){ 0 };
	if (cni_takes_away(req) || req->command == CNI_STATUS)
		return 0;
	if (!ipam.text)
		r = err_set(e, EINVAL, "ipam: missing; the keys of static stand there");
	else
		r = json_decode_raw(req->arena, ipam, "ipam", &ipam_static_keys, &c, e);
	if (r == 0)
		r = check_dns(req, c.dns, e);
	if (r == 0)
		r = take_all(out, req, &c, e);
	out->routes = c.routes;
	out->dns = c.dns;
	return err_code(e, r, CNI_ERR_CONFIG);
}

int ipam_static_add(const struct ipam_static *s, const struct cni_request *req,
		    struct cni_result *out, struct err *e)
{
	int r = cni_routes_read(req->arena, &s->routes, "ipam", out, e);

	for (size_t n = 0; r >= 0 && n < s->count; n++)
		r = cni_result_add_ip(out, &s->ips[n], e);
	out->dns = s->dns;
	return err_code(e, r < 0 ? r : 0, CNI_ERR_CONFIG);
}

int ipam_static_check(const struct ipam_static *s, const struct cni_result *prev, struct err *e)
{
	for (size_t n = 0; n < s->count; n++) {
		const struct cni_ip *own = &s->ips[n];

		for (size_t k = 0; k < prev->ip_count; k++) {
			const struct cni_ip *ip = &prev->ips[k];

			if (!addr_equal(&ip->address.addr, &own->address.addr) ||
			    !addr_is_set(&own->gateway) || addr_equal(&ip->gateway, &own->gateway))
				continue;
			return err_code(e,
					err_set(e, EINVAL,
						"%s: the gateway is %s, the configuration says %s",
						prefix_text(&ip->address),
						addr_is_set(&ip->gateway) ? addr_text(&ip->gateway)
									  : "none",
						addr_text(&own->gateway)),
					CNI_ERR_DIFFERS);
		}
	}
	return 0;
}
