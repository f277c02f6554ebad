/* Nodes as Kubernetes knows them: see node_list.h. */
#include "cluster/node_list.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cluster/annotations.h"
#include "cluster/cluster.h"
#include "cluster/node_store.h"

#define INTERNAL_IP "InternalIP"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* As much as we read of a Node (Kubernetes API v1). */
struct kube_metadata {
	const char *name;
	struct json_raw annotations;
};

struct kube_spec {
	struct prefix pod_cidr;
	struct json_list pod_cidrs;
};

struct kube_status {
	struct json_list addresses;
};

struct kube_node {
	const char *kind;
	struct kube_metadata metadata;
	struct kube_spec spec;
	struct kube_status status;
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
	{ "name", JSON_STR, offsetof(struct kube_metadata, name) },
	{ "annotations", JSON_RAW, offsetof(struct kube_metadata, annotations) },
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

static const struct json_field node_fields[] = {
	{ "kind", JSON_STR, offsetof(struct kube_node, kind) },
	{ "metadata", JSON_OBJECT, offsetof(struct kube_node, metadata), .table = &metadata_table },
	{ "spec", JSON_OBJECT, offsetof(struct kube_node, spec), .table = &spec_table },
	{ "status", JSON_OBJECT, offsetof(struct kube_node, status), .table = &status_table },
};
static const struct json_table node_table = { node_fields, COUNT(node_fields) };

static int parse_addresses(struct arena *a, const struct json_list *in, const char *path,
			   struct node *n, struct err *e)
{
	struct addr *out = arena_array(a, in->count, sizeof(*out));

	if (!out)
		return err_set(e, ENOMEM, "no memory left for the nodes of the cluster");
	n->addresses = out;
	for (size_t i = 0; i < in->count; i++) {
		const struct kube_address *k = (const struct kube_address *)in->items + i;

		if (!k->type || strcmp(k->type, INTERNAL_IP) != 0)
			continue;
		if (!k->address || !addr_parse(k->address, &out[n->address_count++]))
			return err_set(e, EINVAL,
				       "%s.status.addresses[%zu].address: expected an IP address, "
				       "got \"%s\"",
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
		return err_set(e, ENOMEM, "no memory left for the nodes of the cluster");
	*only = in->pod_cidr;
	n->subnets = only;
	n->subnet_count = 1;
	return 0;
}

static int apply_annotations(struct arena *a, struct json_raw annotations, struct node *n,
			     struct err *e)
{
	struct node_tunnel t = { 0 };
	const size_t prefix = strlen(NODE_ANNOTATIONS);
	struct json_iter it = json_members(annotations);
	struct json_raw key, value;

	while (annotations.text && json_next(&it, &key, &value)) {
		const char *text = json_string(a, value), *name;

		if (!text || key.len <= prefix || memcmp(key.text, NODE_ANNOTATIONS, prefix) != 0)
			continue;
		name = arena_strndup(a, key.text + prefix, key.len - prefix);
		if (name)
			annotation_apply(a, &t, name, text);
	}
	return node_set_tunnel(a, n, &t, e);
}

int kube_node_parse(struct arena *a, struct json_raw raw, const char *path, struct node *n,
		    struct err *e)
{
	struct kube_node in = { 0 };
	struct err fault = { 0 };
	int r = json_decode_raw(a, raw, path, &node_table, &in, &fault);

	/* keys of these names may hold anything there */
	if (in.kind && strcmp(in.kind, "Node") != 0)
		return 0;
	n->name = in.metadata.name;
	if (r < 0)
		return err_take(e, &fault);
	if (!n->name)
		return err_set(e, EINVAL,
			       "%s.metadata.name: required: expected a string, got nothing", path);
	r = parse_subnets(a, &in.spec, n, e);
	if (r == 0)
		r = parse_addresses(a, &in.status.addresses, path, n, e);
	if (r == 0)
		r = apply_annotations(a, in.metadata.annotations, n, e);
	return r < 0 ? r : 1;
}
