/*
 * host-local's configuration: a command and a NUL, then the "ipam" object. What is accepted is
 * sound, and says the same when it is written out whole and read again.
 */
#include <sys/socket.h>

#include "fuzz.h"
#include "ipam/host_local.h"

static void check_range(const struct host_local_range *r)
{
	struct host_local_range again = *r;
	struct err e = { 0 };

	require(host_local_range_complete(&again, "range", &e) == 0);
	require(memcmp(&again, r, sizeof(again)) == 0);
	require(prefix_contains(&r->subnet, &r->start) && prefix_contains(&r->subnet, &r->end));
	require(addr_cmp(&r->start, &r->end) <= 0 && r->gateway.family == r->start.family);
}

static void check_sets(const struct host_local *h)
{
	struct err e = { 0 };
	char small[128], text[4096];

	require(h->set_count > 0 && h->set_count <= LEASE_RANGES_MAX);
	require(host_local_sets_check(h->sets, h->set_count, "ipam.ranges", &e) == 0);
	for (size_t i = 0; i < h->set_count; i++) {
		const struct host_local_set *s = &h->sets[i];
		const struct addr *first = &s->ranges[0].start;
		int wanted = host_local_wanted_check(h->sets, h->set_count, first, 1, &e);

		require((wanted == 0) == !host_local_is_gateway(s, first));
		err_clear(&e);
		for (size_t k = 0; k < s->count; k++) {
			check_range(&s->ranges[k]);
			require(host_local_range_of(s, &s->ranges[k].end) == &s->ranges[k]);
		}
		require(host_local_set_format(s, small, sizeof(small)) == small &&
			strlen(small) < sizeof(small));
		require(strlen(host_local_set_format(s, text, sizeof(text))) < sizeof(text));
	}
}

static void put_range(struct json_writer *w, const struct host_local_range *r)
{
	char text[PREFIX_TEXT];

	json_open(w, '{');
	json_member_str(w, "subnet", prefix_format(&r->subnet, text));
	json_member_str(w, "rangeStart", addr_format(&r->start, text));
	json_member_str(w, "rangeEnd", addr_format(&r->end, text));
	json_member_str(w, "gateway", addr_format(&r->gateway, text));
	json_close(w, '}');
}

static struct json_raw print(const struct host_local *h)
{
	static char buf[1 << 18];
	struct json_writer w;
	struct text t;

	text_init(&t, buf, sizeof(buf));
	json_begin(&w, &t, 0);
	json_open(&w, '{');
	json_member_str(&w, "dataDir", h->data_dir);
	json_member_str(&w, "resolvConf", h->resolv_conf);
	json_key(&w, "ranges");
	json_open(&w, '[');
	for (size_t i = 0; i < h->set_count; i++) {
		json_open(&w, '[');
		for (size_t k = 0; k < h->sets[i].count; k++)
			put_range(&w, &h->sets[i].ranges[k]);
		json_close(&w, ']');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	require(!t.bad);
	return (struct json_raw){ .text = t.at, .len = t.len };
}

static void check_accepted(const struct cni_request *req, const struct host_local *h)
{
	static struct cni_result result;
	struct host_local again;
	struct err e = { 0 };
	int r;

	require(h->data_dir && *h->data_dir && (!h->resolv_conf || *h->resolv_conf));
	if (h->set_count)
		check_sets(h);
	require(host_local_read(req, print(h), &again, &e) == 0);
	require(again.set_count == h->set_count && str_equal(again.data_dir, h->data_dir));
	require(str_equal(again.resolv_conf, h->resolv_conf));
	for (size_t i = 0; i < h->set_count; i++) {
		require(again.sets[i].count == h->sets[i].count);
		require(memcmp(again.sets[i].ranges, h->sets[i].ranges,
			       h->sets[i].count * sizeof(*h->sets[i].ranges)) == 0);
	}
	result = (struct cni_result){ 0 };
	r = cni_routes_read(req->arena, &h->routes, "ipam", &result, &e);
	check_err(r, &e);
	require(r < 0 || result.route_count == h->routes.count);
}

/* host_local.h: for DEL and GC ranges may be missing or wrong, since only names matter. */
static void check_refused(const struct cni_request *req, const struct err *e)
{
	static const char *const free[] = { "ipam.subnet", "ipam.range", "ipam.gateway",
					    "ipam.routes" };

	if (req->command != CNI_DEL && req->command != CNI_GC)
		return;
	for (size_t i = 0; i < sizeof(free) / sizeof(free[0]); i++)
		require(strncmp(e->text, free[i], strlen(free[i])) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct cni_request req = { .arena = &a };
	struct host_local h;
	struct err e = { 0 };
	int r;

	cni_command_parse(input_string(&in), &req.command);
	r = host_local_read(&req, input_rest(&in, false), &h, &e);
	check_err(r, &e);
	require((r == 0) == (e.code == 0));
	if (r == 0)
		check_accepted(&req, &h);
	else
		check_refused(&req, &e);
	input_end(&in);
	return 0;
}
