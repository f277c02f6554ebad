/*
 * Results and prevResults. What is accepted can be written in every version, and what was written
 * is read as it was meant: reading and writing again changes nothing, and the newest form holds all
 * that any older one needs.
 */
#include "cni/result.h"

#include "fuzz.h"

#define WRITTEN_MAX (1 << 18)

static char written[CNI_VERSIONS][WRITTEN_MAX], again_buf[WRITTEN_MAX];

static struct json_raw print(const struct cni_result *r, enum cni_version v, char *buf)
{
	struct err e = { 0 };
	struct text t;

	text_init(&t, buf, WRITTEN_MAX);
	cni_result_write(&t, r, v);
	require(!t.bad && json_check(t.at, t.len, &e) == 0);
	return (struct json_raw){ .text = t.at, .len = t.len };
}

static void check_result(const struct cni_result *r)
{
	require(r->iface_count <= CNI_IFACES_MAX && r->ip_count <= CNI_IPS_MAX &&
		r->route_count <= CNI_ROUTES_MAX);
	for (size_t i = 0; i < r->iface_count; i++)
		require(r->ifaces[i].name);
	for (size_t i = 0; i < r->ip_count; i++) {
		const struct cni_ip *ip = &r->ips[i];

		require(addr_is_set(&ip->address.addr) &&
			ip->address.len <= addr_bits(&ip->address.addr));
		require(ip->interface >= -1 && ip->interface < (int64_t)r->iface_count);
	}
	for (size_t i = 0; i < r->route_count; i++)
		require(addr_is_set(&r->routes[i].dst.addr) && r->routes[i].scope >= -1);
}

static void check_round(struct arena *a, const struct cni_result *r)
{
	static struct cni_result same, newest;
	struct json_raw text[CNI_VERSIONS];
	struct err e = { 0 };

	for (unsigned int v = 0; v < CNI_VERSIONS; v++) {
		text[v] = print(r, (enum cni_version)v, written[v]);
		require(cni_result_read(a, text[v], "", &same, &e) == 0);
		check_result(&same);
		require(raw_equal(print(&same, (enum cni_version)v, again_buf), text[v]));
	}
	require(cni_result_read(a, text[CNI_LATEST], "", &newest, &e) == 0);
	for (unsigned int v = 0; v < CNI_VERSIONS; v++)
		require(raw_equal(print(&newest, (enum cni_version)v, again_buf), text[v]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cni_result result;
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct err e = { 0 };
	int r = cni_result_read(&a, input_rest(&in, false), "prevResult", &result, &e);

	check_err(r, &e);
	if (r == 0) {
		check_result(&result);
		check_round(&a, &result);
	}
	input_end(&in);
	return 0;
}
