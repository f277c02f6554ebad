/* Nodes as Kubernetes knows them: see node_list.h. */
#include "cluster/node_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cluster/cluster.h"
#include "cluster/members.h"

#define INTERNAL_IP "InternalIP"
#define PATH_SIZE 48 /* "items[18446744073709551615].metadata" */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* As much as we read of a Node (Kubernetes API v1). */
struct kube_metadata {
	const char *name;
};

struct kube_spec {
	struct prefix pod_cidr;
	struct json_list pod_cidrs;
};

struct kube_status {
	struct json_list addresses;
};

struct kube_address {
	const char *type, *address;
};

static const struct json_field elem_prefix = { .kind = JSON_PREFIX };

static const struct json_field address_fields[] = {
	{ "type", JSON_STR, offsetof(struct kube_address, type) },
	{ "address", JSON_STR, offsetof(struct kube_address, address) },
};
static const struct json_table address_table = { address_fields, COUNT(address_fields) };
static const struct json_field elem_address = { .kind = JSON_OBJECT, .table = &address_table };

static const struct json_field metadata_fields[] = {
	{ "name", JSON_STR, offsetof(struct kube_metadata, name), .required = true },
};
static const struct json_table metadata_table = { metadata_fields, COUNT(metadata_fields) };

static const struct json_field spec_fields[] = {
	{ "podCIDR", JSON_PREFIX, offsetof(struct kube_spec, pod_cidr) },
	{ "podCIDRs", JSON_LIST, offsetof(struct kube_spec, pod_cidrs), .elem = &elem_prefix,
	  .elem_size = sizeof(struct prefix) },
};
static const struct json_table spec_table = { spec_fields, COUNT(spec_fields) };

static const struct json_field status_fields[] = {
	{ "addresses", JSON_LIST, offsetof(struct kube_status, addresses), .elem = &elem_address,
	  .elem_size = sizeof(struct kube_address) },
};
static const struct json_table status_table = { status_fields, COUNT(status_fields) };

/* One part of a Node; an absent one has no members. */
static int decode_part(struct arena *a, struct json_raw raw, const char *path,
		       const struct json_table *table, void *out, struct err *e)
{
	struct member members[2] = { 0 };

	if (raw.text && raw.text[0] != '{' && raw.text[0] != 'n')
		return err_set(e, EINVAL, "%s: expected an object", path);
	for (size_t i = 0; i < table->count; i++)
		members[i].name = table->fields[i].name;
	members_find(raw, members, table->count);
	return members_decode(a, members, path, table, out, e);
}

static int parse_addresses(struct arena *a, const struct json_list *in, const char *path,
			   struct node *n, struct err *e)
{
	struct addr *out = arena_array(a, in->count, sizeof(*out));

	if (!out)
		return cluster_no_room(e);
	n->addresses = out;
	for (size_t i = 0; i < in->count; i++) {
		const struct kube_address *k = (const struct kube_address *)in->items + i;

		if (!k->type || strcmp(k->type, INTERNAL_IP) != 0)
			continue;
		if (!k->address || !addr_parse(k->address, &out[n->address_count++]))
			return err_set(
				e, EINVAL,
				"%s.addresses[%zu].address: expected an IP address, got \"%s\"",
				path, i, k->address ? k->address : "");
	}
	return 0;
}

static int parse_subnets(struct arena *a, const struct kube_spec *in, struct node *n, struct err *e)
{
	struct prefix *only;

	n->subnets = in->pod_cidrs.items;
	n->subnet_count = in->pod_cidrs.count;
	if (n->subnet_count || !addr_is_set(&in->pod_cidr.addr))
		return 0;
	only = arena_alloc(a, sizeof(*only));
	if (!only)
		return cluster_no_room(e);
	*only = in->pod_cidr;
	n->subnets = only;
	n->subnet_count = 1;
	return 0;
}

static int parse_parts(struct arena *a, const struct member *parts, const char *path,
		       struct node *n, struct err *e)
{
	struct kube_metadata metadata = { 0 };
	struct kube_spec spec = { 0 };
	struct kube_status status = { 0 };
	char at[PATH_SIZE];
	int r;

	snprintf(at, sizeof(at), "%s.metadata", path);
	r = decode_part(a, parts[0].value, at, &metadata_table, &metadata, e);
	n->name = metadata.name;
	snprintf(at, sizeof(at), "%s.spec", path);
	if (r == 0)
		r = decode_part(a, parts[1].value, at, &spec_table, &spec, e);
	if (r == 0)
		r = parse_subnets(a, &spec, n, e);
	snprintf(at, sizeof(at), "%s.status", path);
	if (r == 0)
		r = decode_part(a, parts[2].value, at, &status_table, &status, e);
	return r < 0 || !status.addresses.count ? r
						: parse_addresses(a, &status.addresses, at, n, e);
}

int kube_node_parse(struct arena *a, struct json_raw raw, const char *path, struct node *n,
		    struct err *e)
{
	struct member parts[] = {
		{ .name = "metadata" }, { .name = "spec" }, { .name = "status" }, { .name = "kind" }
	};
	const struct json_raw *kind = &parts[3].value;
	int r;

	if (raw.text[0] != '{')
		return err_set(e, EINVAL, "%s: expected an object", path);
	members_find(raw, parts, COUNT(parts));
	if (kind->text &&
	    (kind->len != strlen("\"Node\"") || memcmp(kind->text, "\"Node\"", kind->len) != 0))
		return 0;
	r = parse_parts(a, parts, path, n, e);
	return r < 0 ? r : 1;
}
