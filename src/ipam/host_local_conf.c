/* host-local's configuration, the "ipam" object: see host_local.h. */
#include "ipam/host_local.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

#define RANGES_MAX 1024 /* each is compared with all others */

struct conf {
	const char *data_dir, *resolv_conf;
	struct hostlocal_range legacy; /* subnet, rangeStart, rangeEnd, gateway beside ranges */
	struct json_list ranges;       /* of struct json_list of struct hostlocal_range */
	struct json_list routes;       /* of struct json_raw */
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

static const struct json_field range_fields[] = { RANGE_FIELDS(struct hostlocal_range, ) };
static const struct json_table range_table = { .fields = range_fields, .count = 4 };
static const struct json_field range_elem = { .kind = JSON_OBJECT, .table = &range_table };
static const struct json_field set_elem = {
	.kind = JSON_LIST,
	.elem = &range_elem,
	.elem_size = sizeof(struct hostlocal_range),
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

/* DEL and GC go by names; what has become of the ranges must not stop them. */
static const struct json_field names_fields[] = {
	{ "dataDir", JSON_STR, offsetof(struct conf, data_dir) },
};
static const struct json_table names_table = { .fields = names_fields, .count = 1 };

static int add_set(struct host_local *h, const struct hostlocal_range *ranges, size_t count,
		   struct err *e)
{
	if (h->set_count == LEASE_RANGES_MAX)
		return err_set(e, E2BIG, "ipam.ranges: more than %d range sets", LEASE_RANGES_MAX);
	h->sets[h->set_count++] = (struct hostlocal_set){ .ranges = ranges, .count = count };
	return 0;
}

static int legacy_set(struct host_local *h, struct arena *a, const struct conf *c, struct err *e)
{
	struct hostlocal_range *range;
	int r;

	if (!addr_is_set(&c->legacy.subnet.addr))
		return 0;
	range = arena_alloc(a, sizeof(*range));
	if (!range)
		return err_set(e, ENOMEM, "ipam: no memory left");
	*range = c->legacy;
	r = hostlocal_range_complete(range, "ipam", e);
	return r < 0 ? r : add_set(h, range, 1, e);
}

static int listed_set(struct host_local *h, const struct json_list *list, size_t number,
		      struct err *e)
{
	struct hostlocal_range *ranges = list->items;
	char name[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		snprintf(name, sizeof(name), "ipam.ranges[%zu][%zu]", number, i);
		r = hostlocal_range_complete(&ranges[i], name, e);
	}
	return r < 0 ? r : add_set(h, ranges, list->count, e);
}

static int read_sets(struct host_local *h, struct arena *a, const struct conf *c, struct err *e)
{
	const struct json_list *lists = c->ranges.items;
	size_t total = 0;
	int r = legacy_set(h, a, c, e);

	for (size_t i = 0; i < c->ranges.count; i++)
		total += lists[i].count;
	if (r == 0 && total > RANGES_MAX)
		r = err_set(e, E2BIG, "ipam.ranges: %zu ranges, the limit is %d", total,
			    RANGES_MAX);
	for (size_t i = 0; r == 0 && i < c->ranges.count; i++)
		r = listed_set(h, &lists[i], i, e);
	if (r == 0 && h->set_count == 0)
		r = err_set(e, EINVAL,
			    "ipam.ranges: missing; host-local needs ipam.subnet or ipam.ranges");
	return r < 0 ? r : hostlocal_sets_check(h->sets, h->set_count, "ipam.ranges", e);
}

static bool needs_ranges(const struct cni_request *req)
{
	return req->command == CNI_ADD || req->command == CNI_STATUS || req->command == CNI_CHECK;
}

int host_local_read(const struct cni_request *req, struct json_raw ipam, struct host_local *out,
		    struct err *e)
{
	struct conf c = { .data_dir = LEASE_DATA_DIR };
	bool ranges = needs_ranges(req);
	int r = json_decode_raw(req->arena, ipam, "ipam", ranges ? &host_local_keys : &names_table,
				&c, e);

	*out = (struct host_local){ .routes = c.routes };
	out->data_dir = c.data_dir && *c.data_dir ? c.data_dir : LEASE_DATA_DIR;
	out->resolv_conf = c.resolv_conf && *c.resolv_conf ? c.resolv_conf : NULL;
	if (r == 0 && ranges)
		r = read_sets(out, req->arena, &c, e);
	return err_code(e, r, CNI_ERR_CONFIG);
}
