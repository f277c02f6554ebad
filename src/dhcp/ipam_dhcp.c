/* The dhcp IPAM plugin: see ipam_dhcp.h. */
#include "dhcp/ipam_dhcp.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "dhcp/call.h"

static int ask(const struct ipam_dhcp *d, const struct cni_request *req, struct dhcp_ask *q,
	       struct json_raw *out, struct err *e)
{
	int r;

	q->at = req->at;
	q->netns = req->netns;
	r = dhcp_call(req->arena, d->socket, q, out, e);
	if (r == -ECONNREFUSED && q->command != DHCP_CMD_STATUS)
		err_code(e, r, CNI_ERR_TRY_AGAIN);
	return r;
}

static bool is_default(const struct cni_route *rt)
{
	return rt->dst.len == 0;
}

/* What the configuration says about all routes, whatever the server wants. */
static void adjust(const struct ipam_dhcp *d, struct cni_result *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->route_count; i++) {
		if (d->suppress_gateway && is_default(&out->routes[i]))
			continue;
		out->routes[kept] = out->routes[i];
		out->routes[kept++].priority = d->priority;
	}
	out->route_count = kept;
	for (size_t i = 0; i < out->ip_count && d->suppress_gateway; i++)
		out->ips[i].gateway = (struct addr){ 0 };
}

static int read_result(const struct cni_request *req, struct json_raw answer,
		       struct cni_result *out, struct err *e)
{
	int r = cni_result_read(req->arena, answer, "answer of the DHCP daemon", out, e);

	if (r == 0 && out->ip_count == 0)
		r = err_set(e, EPROTO, "the DHCP daemon's answer has no address");
	return r;
}

int ipam_dhcp_add(const struct ipam_dhcp *d, const struct cni_request *req, struct cni_result *out,
		  struct err *e)
{
	struct dhcp_ask q = { .command = DHCP_CMD_ADD };
	struct json_raw answer;
	int r;

	memcpy(q.request, d->request, d->request_len);
	q.request_len = d->request_len;
	memcpy(q.provide, d->provide, d->provide_len);
	q.provide_len = d->provide_len;
	r = ask(d, req, &q, &answer, e);
	if (r == 0)
		r = read_result(req, answer, out, e);
	if (r == 0)
		adjust(d, out);
	return r;
}

int ipam_dhcp_del(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e)
{
	struct dhcp_ask q = { .command = DHCP_CMD_DEL };
	struct json_raw answer;
	struct err local = { 0 };
	int r = ask(d, req, &q, &answer, &local);

	if (r == -ECONNREFUSED) {
		log_line(LOG_WARN, "the lease is not released: %s", local.text);
		return 0;
	}
	if (r < 0)
		*e = local;
	return r;
}

static bool has_address(const struct cni_result *r, const struct addr *a)
{
	for (size_t i = 0; i < r->ip_count; i++) {
		if (addr_equal(&r->ips[i].address.addr, a))
			return true;
	}
	return false;
}

int ipam_dhcp_check(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e)
{
	static struct cni_result prev, held;
	struct dhcp_ask q = { .command = DHCP_CMD_CHECK };
	struct json_raw answer;
	int r = err_code(e, cni_result_read(req->arena, req->prev_result, "prevResult", &prev, e),
			 CNI_ERR_DECODE);

	if (r == 0)
		r = ask(d, req, &q, &answer, e);
	if (r == 0)
		r = read_result(req, answer, &held, e);
	if (r < 0 || has_address(&prev, &held.ips[0].address.addr))
		return r;
	r = err_set(e, ENOENT, "the DHCP lease is of %s, which prevResult does not have",
		    prefix_text(&held.ips[0].address));
	return err_code(e, r, CNI_ERR_DIFFERS);
}

int ipam_dhcp_status(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e)
{
	struct dhcp_ask q = { .command = DHCP_CMD_STATUS };
	struct json_raw answer;

	return err_code(e, ask(d, req, &q, &answer, e), CNI_ERR_NOT_AVAILABLE);
}

struct listed {
	const char *container, *ifname;
};

static const struct json_field listed_fields[] = {
	{ "container", JSON_STR, offsetof(struct listed, container), .required = true },
	{ "ifname", JSON_STR, offsetof(struct listed, ifname), .required = true },
};
static const struct json_table listed_table = { .fields = listed_fields, .count = 2 };
static const struct json_field listed_elem = { .kind = JSON_OBJECT, .table = &listed_table };

struct page {
	struct json_list leases;
	int64_t next;
};

static const struct json_field page_fields[] = {
	{ "leases", JSON_LIST, offsetof(struct page, leases), .elem = &listed_elem,
	  .elem_size = sizeof(struct listed), .required = true },
	{ "next", JSON_INT, offsetof(struct page, next), .min = 0, .max = INT32_MAX },
};
static const struct json_table page_table = { .fields = page_fields, .count = 2 };

static int release_stale(const struct ipam_dhcp *d, const struct cni_request *req,
			 const struct page *page, struct err *e)
{
	const struct listed *l = page->leases.items;
	int r = 0;

	for (size_t i = 0; i < page->leases.count && r == 0; i++) {
		struct dhcp_ask q = {
			.command = DHCP_CMD_DEL,
			.at = { req->at.network, l[i].container, l[i].ifname },
			.netns = "",
		};
		struct json_raw answer;

		if (!cni_is_valid(req, l[i].container, l[i].ifname))
			r = dhcp_call(req->arena, d->socket, &q, &answer, e);
	}
	return r;
}

/* What is released leaves its place in the daemon's list empty, so the list can be gone through. */
int ipam_dhcp_gc(const struct ipam_dhcp *d, const struct cni_request *req, struct err *e)
{
	struct dhcp_ask q = { .command = DHCP_CMD_LIST };
	struct page page = { .next = 0 };
	int r;

	do {
		struct json_raw answer;

		q.from = page.next;
		page = (struct page){ .next = -1 };
		r = ask(d, req, &q, &answer, e);
		if (r == 0)
			r = json_decode_raw(req->arena, answer, "answer of the DHCP daemon",
					    &page_table, &page, e);
		if (r == 0)
			r = release_stale(d, req, &page, e);
	} while (r == 0 && page.next > q.from);
	if (r == -ECONNREFUSED) /* no daemon, no lease */
		err_clear(e);
	return r == -ECONNREFUSED ? 0 : r;
}
