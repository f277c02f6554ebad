/* A plugin's IPAM, ours or another: see ipam.h. */
#include "ipam/ipam.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cni/exec.h"

#define FOREIGN_RESULT_MAX (64u << 10)

struct ipam_type {
	const char *type;
};

static const struct json_field type_fields[] = {
	{ "type", JSON_STR, offsetof(struct ipam_type, type) },
};
static const struct json_table type_table = { .fields = type_fields, .count = 1 };

static const struct {
	const char *type;
	enum ipam_kind kind;
} own[] = {
	{ "host-local", IPAM_HOST_LOCAL },
	{ "static", IPAM_STATIC },
	{ "dhcp", IPAM_DHCP },
};

static enum ipam_kind own_kind(const char *type)
{
	for (size_t n = 0; n < sizeof(own) / sizeof(own[0]); n++) {
		if (strcmp(own[n].type, type) == 0)
			return own[n].kind;
	}
	return IPAM_FOREIGN;
}

static int find_foreign(const struct cni_request *req, const char *type, struct ipam *out,
			struct err *e)
{
	struct err missing = { 0 };
	char file[PATH_MAX];
	int r = cni_find(req->path, type, file, sizeof(file), &missing);

	out->kind = r == -ENOENT || (r == 0 && cni_is_self(file)) ? own_kind(type) : IPAM_FOREIGN;
	if (out->kind != IPAM_FOREIGN)
		return 0;
	out->file = r == 0 ? arena_strndup(req->arena, file, strlen(file)) : NULL;
	if (r < 0)
		return err_code(e, err_set(e, -r, "ipam.type: %s", missing.text), CNI_ERR_CONFIG);
	if (!out->file)
		return err_set(e, ENOMEM, "ipam.type: no memory left");
	return 0;
}

static int read_own(const struct cni_request *req, struct ipam *out, struct err *e)
{
	switch (out->kind) {
	case IPAM_NONE:
	case IPAM_FOREIGN:
		break;
	case IPAM_HOST_LOCAL:
		return host_local_read(req, req->ipam, &out->local, e);
	case IPAM_STATIC:
		return ipam_static_read(req, req->ipam, &out->fixed, e);
	case IPAM_DHCP:
		return ipam_dhcp_read(req, req->ipam, &out->dhcp, e);
	}
	return 0;
}

int ipam_read(const struct cni_request *req, const char *type, struct ipam *out, struct err *e)
{
	*out = (struct ipam){ .kind = own_kind(type) };
	return read_own(req, out, e);
}

int ipam_select(const struct cni_request *req, lease_gone_fn *gone, struct ipam *out, struct err *e)
{
	struct ipam_type t = { 0 };
	int r;

	*out = (struct ipam){ .kind = IPAM_NONE };
	if (!req->ipam.text)
		return 0;
	r = err_code(e, json_decode_raw(req->arena, req->ipam, "ipam", &type_table, &t, e),
		     CNI_ERR_CONFIG);
	if (r < 0 || !t.type || !*t.type)
		return r;
	r = find_foreign(req, t.type, out, e);
	if (r == 0)
		r = read_own(req, out, e);
	out->local.gone = gone;
	return r;
}

/*
 * The same call again for the IPAM plugin: environment and configuration unchanged (specification,
 * "Section 4").
 */
static int call_foreign(const struct ipam *i, const struct cni_request *req,
			enum cni_command command, char *out, size_t *len, struct err *e)
{
	struct cni_exec x = {
		.file = i->file,
		.env = cni_env_of(req, command),
		.config = req->config.text,
		.config_len = req->config.len,
	};

	return err_ctx(e, cni_exec(req->arena, &x, out, FOREIGN_RESULT_MAX, len, e),
		       "IPAM plugin %s", i->file);
}

/* Strings of the result point into out. */
static int foreign_add(const struct ipam *i, const struct cni_request *req, struct cni_result *out,
		       struct err *e)
{
	static char text[FOREIGN_RESULT_MAX];
	struct json_raw raw = { .text = text };
	int r = call_foreign(i, req, CNI_ADD, text, &raw.len, e);

	if (r < 0)
		return r;
	r = json_check(text, raw.len, e);
	if (r == 0)
		r = cni_result_read(req->arena, raw, "", out, e);
	r = err_code(e, err_ctx(e, r, "result of IPAM plugin %s", i->file), CNI_ERR_DECODE);
	if (r < 0)
		ipam_del(i, req, err_ignored());
	return r;
}

static int foreign(const struct ipam *i, const struct cni_request *req, enum cni_command command,
		   struct err *e)
{
	static char text[FOREIGN_RESULT_MAX];
	size_t len;

	return call_foreign(i, req, command, text, &len, e);
}

bool ipam_needs_link(const struct ipam *i)
{
	switch (i->kind) {
	case IPAM_NONE:
	case IPAM_HOST_LOCAL:
	case IPAM_STATIC:
		break;
	case IPAM_DHCP:
	case IPAM_FOREIGN:
		return true;
	}
	return false;
}

int ipam_add(const struct ipam *i, const struct cni_request *req, struct cni_result *out,
	     struct err *e)
{
	switch (i->kind) {
	case IPAM_NONE:
		break;
	case IPAM_HOST_LOCAL:
		return host_local_add(&i->local, req, out, e);
	case IPAM_STATIC:
		return ipam_static_add(&i->fixed, req, out, e);
	case IPAM_DHCP:
		return ipam_dhcp_add(&i->dhcp, req, out, e);
	case IPAM_FOREIGN:
		return foreign_add(i, req, out, e);
	}
	return 0;
}

int ipam_del(const struct ipam *i, const struct cni_request *req, struct err *e)
{
	switch (i->kind) {
	case IPAM_NONE:
	case IPAM_STATIC:
		break;
	case IPAM_HOST_LOCAL:
		return host_local_del(&i->local, req, e);
	case IPAM_DHCP:
		return ipam_dhcp_del(&i->dhcp, req, e);
	case IPAM_FOREIGN:
		return foreign(i, req, CNI_DEL, e);
	}
	return 0;
}

int ipam_check(const struct ipam *i, const struct cni_request *req, const struct cni_result *prev,
	       struct err *e)
{
	switch (i->kind) {
	case IPAM_NONE:
		break;
	case IPAM_HOST_LOCAL:
		return host_local_check(&i->local, req, prev, e);
	case IPAM_STATIC:
		return ipam_static_check(&i->fixed, prev, e);
	case IPAM_DHCP:
		return ipam_dhcp_check(&i->dhcp, req, e);
	case IPAM_FOREIGN:
		return foreign(i, req, CNI_CHECK, e);
	}
	return 0;
}

int ipam_gc(const struct ipam *i, const struct cni_request *req, struct err *e)
{
	switch (i->kind) {
	case IPAM_NONE:
	case IPAM_STATIC:
		break;
	case IPAM_HOST_LOCAL:
		return host_local_gc(&i->local, req, e);
	case IPAM_DHCP:
		return ipam_dhcp_gc(&i->dhcp, req, e);
	case IPAM_FOREIGN:
		return foreign(i, req, CNI_GC, e);
	}
	return 0;
}

int ipam_status(const struct ipam *i, const struct cni_request *req, struct err *e)
{
	switch (i->kind) {
	case IPAM_NONE:
	case IPAM_STATIC:
		break;
	case IPAM_HOST_LOCAL:
		return host_local_status(&i->local, req, e);
	case IPAM_DHCP:
		return ipam_dhcp_status(&i->dhcp, req, e);
	case IPAM_FOREIGN:
		return foreign(i, req, CNI_STATUS, e);
	}
	return 0;
}

int ipam_addresses(const struct ipam *i, const struct cni_request *req, struct addr *out,
		   size_t max, struct err *e)
{
	return i->kind == IPAM_HOST_LOCAL ? host_local_addresses(&i->local, req, out, max, e) : 0;
}

const char *ipam_data_dir(const struct ipam *i)
{
	return i->kind == IPAM_HOST_LOCAL && i->local.data_dir ? i->local.data_dir : "";
}
