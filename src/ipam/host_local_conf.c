/* host-local's configuration, the "ipam" object: see host_local.h. */
#include "ipam/host_local.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"

#define RANGES_MAX 1024 /* each is compared with all others */

struct conf {
	const char *data_dir, *resolv_conf;
	struct host_local_range legacy; /* subnet, rangeStart, rangeEnd, gateway beside ranges */
	struct json_list ranges;	/* of struct json_list of struct host_local_range */
	struct json_list routes;	/* of struct json_raw */
};

#define RANGE_FIELDS(type, at)                                                                     \
	{ "subnet", JSON_PREFIX, offsetof(type, at subnet),                                        \
	  .help = "prefix that addresses are taken from" },                                        \
		{ "rangeStart", JSON_ADDR, offsetof(type, at start),                               \
		  .help = "first address to give; default: the first of the subnet" },             \
		{ "rangeEnd", JSON_ADDR, offsetof(type, at end),                                   \
		  .help = "last address to give; default: the last of the subnet, broadcast "      \
			  "excluded" },                                                            \
	{                                                                                          \
		"gateway", JSON_ADDR, offsetof(type, at gateway),                                  \
			.help = "never given; default: the first of the subnet"                    \
	}

static const struct json_field range_fields[] = { RANGE_FIELDS(struct host_local_range, ) };
static const struct json_table range_table = { .fields = range_fields, .count = 4 };
static const struct json_field range_elem = { .kind = JSON_OBJECT, .table = &range_table };
static const struct json_field set_elem = {
	.kind = JSON_LIST,
	.elem = &range_elem,
	.elem_size = sizeof(struct host_local_range),
};
static const struct json_field raw_elem = { .kind = JSON_RAW };

static const struct json_field conf_fields[] = {
	RANGE_FIELDS(struct conf, legacy.),
	{ "ranges", JSON_LIST, offsetof(struct conf, ranges), .elem = &set_elem,
	  .elem_size = sizeof(struct json_list),
	  .help = "range sets; an attachment gets one address from each" },
	{ "routes", JSON_LIST, offsetof(struct conf, routes), .elem = &raw_elem,
	  .elem_size = sizeof(struct json_raw),
	  .help = "routes of the pod: dst, gw, mtu, advmss, priority, table, scope" },
	{ "dataDir", JSON_STR, offsetof(struct conf, data_dir),
	  .help = "where leases are kept; default " LEASE_DATA_DIR },
	{ "resolvConf", JSON_STR, offsetof(struct conf, resolv_conf),
	  .help = "resolv.conf(5) file whose content becomes the result's dns" },
};
const struct json_table host_local_keys = {
	.fields = conf_fields,
	.count = sizeof(conf_fields) / sizeof(conf_fields[0]),
};

/* runtimeConfig.ipRanges (capability "ipRanges"): more range sets, before the configuration's. */
struct runtime {
	struct json_list ranges;
};
static const struct json_field runtime_fields[] = {
	{ "ipRanges", JSON_LIST, offsetof(struct runtime, ranges), .elem = &set_elem,
	  .elem_size = sizeof(struct json_list) },
};
static const struct json_table runtime_table = { .fields = runtime_fields, .count = 1 };

/* DEL and GC go by names; what has become of the ranges must not stop them. */
static const struct json_field names_fields[] = {
	{ "dataDir", JSON_STR, offsetof(struct conf, data_dir) },
};
static const struct json_table names_table = { .fields = names_fields, .count = 1 };

static int add_set(struct host_local *h, const struct host_local_range *ranges, size_t count,
		   struct err *e)
{
	if (h->set_count == LEASE_RANGES_MAX)
		return err_set(e, E2BIG, "ipam.ranges: more than %d range sets", LEASE_RANGES_MAX);
	h->sets[h->set_count++] = (struct host_local_set){ .ranges = ranges, .count = count };
	return 0;
}

static int legacy_set(struct host_local *h, struct arena *a, const struct conf *c, struct err *e)
{
	struct host_local_range *range;
	int r;

	if (!addr_is_set(&c->legacy.subnet.addr))
		return 0;
	range = arena_alloc(a, sizeof(*range));
	if (!range)
		return err_set(e, ENOMEM, "ipam: no memory left");
	*range = c->legacy;
	r = host_local_range_complete(range, "ipam", e);
	return r < 0 ? r : add_set(h, range, 1, e);
}

/* name: of one set. */
static int listed_set(struct host_local *h, const struct json_list *list, const char *set,
		      struct err *e)
{
	struct host_local_range *ranges = list->items;
	char name[80];
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		snprintf(name, sizeof(name), "%s[%zu]", set, i);
		r = host_local_range_complete(&ranges[i], name, e);
	}
	return r < 0 ? r : add_set(h, ranges, list->count, e);
}

static int listed_sets(struct host_local *h, const struct json_list *list, const char *key,
		       struct err *e)
{
	const struct json_list *sets = list->items;
	size_t total = 0;
	char name[48];
	int r = 0;

	for (size_t i = 0; i < list->count; i++)
		total += sets[i].count;
	if (total > RANGES_MAX)
		return err_set(e, E2BIG, "%s: %zu ranges, the limit is %d", key, total, RANGES_MAX);
	for (size_t i = 0; r == 0 && i < list->count; i++) {
		snprintf(name, sizeof(name), "%s[%zu]", key, i);
		r = listed_set(h, &sets[i], name, e);
	}
	return r;
}

/* Results up to 0.2.0 have room for one address of each family. */
static int check_version(const struct host_local *h, enum cni_version v, struct err *e)
{
	unsigned int ipv4 = 0;

	for (size_t i = 0; i < h->set_count; i++)
		ipv4 += h->sets[i].ranges[0].subnet.addr.family == AF_INET;
	if (v >= CNI_0_3_0 || (ipv4 <= 1 && h->set_count - ipv4 <= 1))
		return 0;
	return err_set(e, EINVAL, "cniVersion %s has no more than one address of each family",
		       cni_version_text(v));
}

/* In the reference's order, which numbers the sets: those of the runtime come first. */
static int read_sets(struct host_local *h, const struct cni_request *req, const struct conf *c,
		     struct err *e)
{
	struct runtime runtime = { 0 };
	const char *name = "ipam.ranges";
	int r = 0;

	if (req->runtime_config.text)
		r = json_decode_raw(req->arena, req->runtime_config, "runtimeConfig",
				    &runtime_table, &runtime, e);
	if (r == 0)
		r = listed_sets(h, &runtime.ranges, "runtimeConfig.ipRanges", e);
	if (r == 0 && h->set_count)
		name = "runtimeConfig.ipRanges and ipam.ranges";
	if (r == 0)
		r = legacy_set(h, req->arena, c, e);
	if (r == 0)
		r = listed_sets(h, &c->ranges, "ipam.ranges", e);
	if (r == 0 && h->set_count == 0)
		r = err_set(e, EINVAL,
			    "ipam.ranges: missing; host-local needs ipam.subnet or ipam.ranges");
	if (r == 0)
		r = host_local_sets_check(h->sets, h->set_count, name, e);
	return r < 0 ? r : check_version(h, req->version, e);
}

int host_local_read(const struct cni_request *req, struct json_raw ipam, struct host_local *out,
		    struct err *e)
{
	struct conf c = { .data_dir = LEASE_DATA_DIR };
	bool ranges = !cni_takes_away(req);
	int r;

	if (!ipam.text)
		r = err_set(e, EINVAL, "ipam: missing; the keys of host-local stand there");
	else
		r = json_decode_raw(req->arena, ipam, "ipam",
				    ranges ? &host_local_keys : &names_table, &c, e);
	*out = (struct host_local){ .routes = c.routes };
	out->data_dir = c.data_dir && *c.data_dir ? c.data_dir : LEASE_DATA_DIR;
	out->resolv_conf = c.resolv_conf && *c.resolv_conf ? c.resolv_conf : NULL;
	if (r == 0 && ranges)
		r = read_sets(out, req, &c, e);
	return err_code(e, r, CNI_ERR_CONFIG);
}
