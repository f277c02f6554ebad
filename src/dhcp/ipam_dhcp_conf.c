/* The keys of the dhcp IPAM plugin: see ipam_dhcp.h. */
#include "dhcp/ipam_dhcp.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "dhcp/options.h"
#include "dhcp/rpc.h"

struct conf {
	const char *socket;
	struct json_list request, provide, suppress;
	int64_t priority;
};

struct wish {
	const char *option;
	bool skip_default;
};

struct provision {
	const char *option, *value, *from_arg;
};

#define TABLE(f)                                                                                   \
	{                                                                                          \
		.fields = f, .count = sizeof(f) / sizeof((f)[0])                                   \
	}

static const struct json_field wish_fields[] = {
	{ "option", JSON_STR, offsetof(struct wish, option),
	  .help = "name as in dhcp-options(5), or number" },
	{ "skipDefault", JSON_BOOL, offsetof(struct wish, skip_default),
	  .help = "ask for nothing but what is listed" },
};
static const struct json_table wish_table = TABLE(wish_fields);
static const struct json_field wish_elem = { .kind = JSON_OBJECT, .table = &wish_table };

static const struct json_field provision_fields[] = {
	{ "option", JSON_STR, offsetof(struct provision, option), .required = true,
	  .help = "name as in dhcp-options(5), or number" },
	{ "value", JSON_STR, offsetof(struct provision, value), .help = "text to send" },
	{ "fromArg", JSON_STR, offsetof(struct provision, from_arg),
	  .help = "CNI_ARGS key whose value is sent; before value" },
};
static const struct json_table provision_table = TABLE(provision_fields);
static const struct json_field provision_elem = { .kind = JSON_OBJECT, .table = &provision_table };
static const struct json_field str_elem = { .kind = JSON_STR };

static const struct json_field conf_fields[] = {
	{ "daemonSocketPath", JSON_STR, offsetof(struct conf, socket),
	  .help = "the daemon's socket; default " DHCP_SOCKET },
	{ "request", JSON_LIST, offsetof(struct conf, request), .elem = &wish_elem,
	  .elem_size = sizeof(struct wish), .help = "options to ask the server for" },
	{ "provide", JSON_LIST, offsetof(struct conf, provide), .elem = &provision_elem,
	  .elem_size = sizeof(struct provision), .help = "options to send to the server" },
	{ "priority", JSON_INT, offsetof(struct conf, priority), .min = 0, .max = UINT32_MAX,
	  .help = "metric of the routes; default: the kernel's" },
	{ "suppress", JSON_LIST, offsetof(struct conf, suppress), .elem = &str_elem,
	  .elem_size = sizeof(const char *),
	  .help = "\"gateway\": no gateway and no default route" },
};
const struct json_table ipam_dhcp_keys = TABLE(conf_fields);

/* DEL and GC only have to find the daemon. */
static const struct json_field socket_fields[] = {
	{ "daemonSocketPath", JSON_STR, offsetof(struct conf, socket) },
};
static const struct json_table socket_table = TABLE(socket_fields);

/*
 * What the result is made of, in the order of RFC 3442: 121 before 3 and 33. Lease time, T1 and T2
 * come unasked.
 */
static const uint8_t default_request[] = {
	DHCP_OPT_MASK, DHCP_OPT_ROUTES, DHCP_OPT_ROUTER, DHCP_OPT_ROUTES_CLASSFUL,
	DHCP_OPT_DNS,  DHCP_OPT_DOMAIN, DHCP_OPT_SEARCH,
};

/* The exchange itself is not for others to write. */
static bool code_is_protocol(uint8_t code)
{
	return code >= DHCP_OPT_ADDRESS && code <= DHCP_OPT_MAX_SIZE && code != DHCP_OPT_MESSAGE;
}

static int ask_for(struct ipam_dhcp *d, uint8_t code, struct err *e)
{
	if (memchr(d->request, code, d->request_len))
		return 0;
	if (d->request_len == sizeof(d->request))
		return err_set(e, E2BIG, "ipam.request: more than %d options", DHCP_REQUEST_MAX);
	d->request[d->request_len++] = code;
	return 0;
}

static int read_wish(struct ipam_dhcp *d, const struct wish *w, size_t i, struct err *e)
{
	const char *name = w->option ? w->option : "";
	uint8_t code = dhcp_option_code(name);

	if (!*name && w->skip_default)
		return 0;
	if (code == 0)
		return err_set(e, EINVAL,
			       "ipam.request[%zu].option: \"%.48s\" is no DHCP option: expected a "
			       "name as in dhcp-options(5), or a number from 1 to 254",
			       i, name);
	return ask_for(d, code, e);
}

static int read_request(struct ipam_dhcp *d, const struct json_list *list, struct err *e)
{
	const struct wish *w = list->items;
	bool skip = false;
	int r = 0;

	for (size_t i = 0; i < list->count; i++)
		skip = skip || w[i].skip_default;
	for (size_t i = 0; i < sizeof(default_request) && !skip; i++)
		ask_for(d, default_request[i], e);
	for (size_t i = 0; i < list->count && r == 0; i++)
		r = read_wish(d, &w[i], i, e);
	return r;
}

/* The value of a key of CNI_ARGS ("K=V;K=V"); NULL when it has none. */
static const char *arg_value(const char *args, const char *key, size_t *len)
{
	size_t key_len = strlen(key);

	while (*args) {
		size_t pair = strcspn(args, ";");

		if (pair > key_len && args[key_len] == '=' && strncmp(args, key, key_len) == 0) {
			*len = pair - key_len - 1;
			return args + key_len + 1;
		}
		args += pair + (args[pair] == ';');
	}
	return NULL;
}

/* Of several values for one option the last counts, as of several keys. */
static void remove_option(struct ipam_dhcp *d, uint8_t code)
{
	for (size_t at = 0; at < d->provide_len;) {
		size_t len = 2 + (size_t)d->provide[at + 1];

		if (d->provide[at] != code) {
			at += len;
			continue;
		}
		memmove(d->provide + at, d->provide + at + len, d->provide_len - at - len);
		d->provide_len -= len;
	}
}

static int add_option(struct ipam_dhcp *d, uint8_t code, const char *value, size_t len,
		      struct err *e)
{
	remove_option(d, code);
	if (len > UINT8_MAX)
		return err_set(e, E2BIG, "%zu bytes, an option has at most 255", len);
	if (d->provide_len + 2 + len > sizeof(d->provide))
		return err_set(e, E2BIG, "more than %d bytes in all", DHCP_PROVIDE_MAX);
	d->provide[d->provide_len] = code;
	d->provide[d->provide_len + 1] = (uint8_t)len;
	memcpy(d->provide + d->provide_len + 2, value, len);
	d->provide_len += 2 + len;
	return 0;
}

static int read_provision(struct ipam_dhcp *d, const struct provision *p, const char *args,
			  struct err *e)
{
	uint8_t code = dhcp_option_code(p->option);
	const char *value = NULL;
	size_t len = 0;

	if (code == 0)
		return err_set(e, EINVAL,
			       "\"%.48s\" is no DHCP option: expected a name as in "
			       "dhcp-options(5), or a number from 1 to 254",
			       p->option);
	if (code_is_protocol(code))
		return err_set(e, EINVAL, "option %u is the protocol's own", code);
	if (p->from_arg && *p->from_arg)
		value = arg_value(args, p->from_arg, &len);
	if (!value && p->value && *p->value) {
		value = p->value;
		len = strlen(value);
	}
	return value ? add_option(d, code, value, len, e) : 0;
}

static int read_provide(struct ipam_dhcp *d, const struct json_list *list, const char *args,
			struct err *e)
{
	const struct provision *p = list->items;
	int r = 0;

	for (size_t i = 0; i < list->count && r == 0; i++)
		r = err_ctx(e, read_provision(d, &p[i], args, e), "ipam.provide[%zu]", i);
	return r;
}

static int read_suppress(struct ipam_dhcp *d, const struct json_list *list, struct err *e)
{
	const char *const *items = list->items;

	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(items[i], "gateway") != 0)
			return err_set(e, EINVAL,
				       "ipam.suppress[%zu]: \"%.32s\" is unknown: expected "
				       "\"gateway\"",
				       i, items[i]);
		d->suppress_gateway = true;
	}
	return 0;
}

int ipam_dhcp_read(const struct cni_request *req, struct json_raw ipam, struct ipam_dhcp *out,
		   struct err *e)
{
	bool all =
		req->command == CNI_ADD || req->command == CNI_CHECK || req->command == CNI_STATUS;
	struct conf c = { 0 };
	int r = json_decode_raw(req->arena, ipam, "ipam", all ? &ipam_dhcp_keys : &socket_table, &c,
				e);

	*out = (struct ipam_dhcp){
		.socket = c.socket && *c.socket ? c.socket : DHCP_SOCKET,
		.priority = c.priority,
	};
	if (r == 0)
		r = read_request(out, &c.request, e);
	if (r == 0)
		r = read_provide(out, &c.provide, req->args, e);
	if (r == 0)
		r = read_suppress(out, &c.suppress, e);
	return err_code(e, r, CNI_ERR_CONFIG);
}
