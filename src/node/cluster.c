/*
 * Reading a cluster file: the two forms into one struct. What the values must fulfil is judge.c's.
 *
 * A NodeList of 5,000 nodes is some 50 MB, most of it lists of images nobody asks for. So the
 * document is walked as slices of its text; of each object the members that we know are copied into
 * a small object, and only that is tokenized and decoded. Skipping a byte costs a tenth of
 * tokenizing it, and memory does not follow the file's size.
 */
#include "node/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/text.h"
#include "json/json.h"

#define CONFIG_DEFAULT "/etc/cni/net.d/10-cnibox.conflist"
#define INTERNAL_IP "InternalIP"
#define PATH_SIZE 32   /* "items[18446744073709551615]" */
#define VALUE_SHOWN 40 /* bytes of a wrong value in an error */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The file without its nodes. */
struct head {
	const char *kind;
	struct json_list networks;
	const char *masquerade;
	bool onlink;
	const char *bridge;
	int64_t mtu;
	const char *network;
	const char *config;
};

struct entry {
	const char *name;
	struct json_list addresses, subnets;
};

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

static const struct json_field elem_addr = { .kind = JSON_ADDR };
static const struct json_field elem_prefix = { .kind = JSON_PREFIX };

static const struct json_field head_fields[] = {
	{ "networks", JSON_LIST, offsetof(struct head, networks), .elem = &elem_prefix,
	  .elem_size = sizeof(struct prefix),
	  .help = "what never is masqueraded; without it, the nodes' subnets" },
	{ "masquerade", JSON_STR, offsetof(struct head, masquerade),
	  .help = "\"cluster\": what leaves the networks; \"subnet\": what leaves not through the "
		  "bridge; \"none\"" },
	{ "onlink", JSON_BOOL, offsetof(struct head, onlink),
	  .help = "the nodes are on one link although no address says so" },
	{ "bridge", JSON_STR, offsetof(struct head, bridge), .help = "the pods' bridge: cni0" },
	{ "mtu", JSON_INT, offsetof(struct head, mtu), .min = 68, .max = 65535,
	  .help = "of the pods' interfaces" },
	{ "network", JSON_STR, offsetof(struct head, network),
	  .help = "name of the CNI network: cnibox" },
	{ "cniConfig", JSON_STR, offsetof(struct head, config), .help = CONFIG_DEFAULT },
	{ "kind", JSON_STR, offsetof(struct head, kind) },
};
static const struct json_table head_table = { head_fields, COUNT(head_fields) };

static const struct json_field entry_fields[] = {
	{ "name", JSON_STR, offsetof(struct entry, name), .required = true, .help = "of the node" },
	{ "addresses", JSON_LIST, offsetof(struct entry, addresses), .elem = &elem_addr,
	  .elem_size = sizeof(struct addr),
	  .help = "of the node; the first on link is the next hop to its pods" },
	{ "subnets", JSON_LIST, offsetof(struct entry, subnets), .elem = &elem_prefix,
	  .elem_size = sizeof(struct prefix), .help = "of the node's pods" },
};
static const struct json_table entry_table = { entry_fields, COUNT(entry_fields) };

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

static int no_room(struct err *e)
{
	return err_set(e, ENOMEM, "the cluster file is too large for the memory of this program");
}

/* A member that is looked for; of several of its name the last wins. */
struct slot {
	const char *name;
	struct json_raw value;
};

static void find_members(struct json_raw object, struct slot *slots, size_t count)
{
	struct json_iter it = json_members(object);
	struct json_raw key, value;

	while (json_next(&it, &key, &value)) {
		for (size_t i = 0; i < count; i++) {
			if (key.text && json_key_is(key, slots[i].name))
				slots[i].value = value;
		}
	}
}

/* Decode an object of which only the table's members count. */
static int decode_members(struct arena *a, const struct slot *slots, const char *path,
			  const struct json_table *table, void *out, struct err *e)
{
	size_t size = sizeof("{}");
	struct text t;
	char *buf;

	for (size_t i = 0; i < table->count; i++)
		size += strlen(slots[i].name) + slots[i].value.len + sizeof(",\"\":");
	buf = arena_alloc(a, size);
	if (!buf)
		return no_room(e);
	text_init(&t, buf, size);
	text_char(&t, '{');
	for (size_t i = 0; i < table->count; i++) {
		if (!slots[i].value.text)
			continue;
		text_printf(&t, "%s\"%s\":", t.len > 1 ? "," : "", slots[i].name);
		text_put(&t, slots[i].value.text, slots[i].value.len);
	}
	text_char(&t, '}');
	return json_decode_raw(a, (struct json_raw){ buf, t.len }, path, table, out, e);
}

/* One part of a Node; an absent one has no members. */
static int read_part(struct arena *a, struct json_raw raw, const char *path,
		     const struct json_table *table, void *out, struct err *e)
{
	struct slot slots[2] = { 0 };

	if (raw.text && raw.text[0] != '{' && raw.text[0] != 'n')
		return err_set(e, EINVAL, "%s: expected an object", path);
	for (size_t i = 0; i < table->count; i++)
		slots[i].name = table->fields[i].name;
	find_members(raw, slots, table->count);
	return decode_members(a, slots, path, table, out, e);
}

static int read_entry(struct arena *a, struct json_raw raw, const char *path, struct node *n,
		      struct err *e)
{
	struct entry in = { 0 };
	int r = json_decode_raw(a, raw, path, &entry_table, &in, e);

	if (r < 0)
		return r;
	n->name = in.name;
	n->addresses = in.addresses.items;
	n->address_count = in.addresses.count;
	n->subnets = in.subnets.items;
	n->subnet_count = in.subnets.count;
	return 1;
}

static int read_internal(struct arena *a, const struct json_list *in, const char *path,
			 struct node *n, struct err *e)
{
	struct addr *out = arena_array(a, in->count, sizeof(*out));

	if (!out)
		return no_room(e);
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

static int read_spec(struct arena *a, const struct kube_spec *in, struct node *n, struct err *e)
{
	struct prefix *only;

	n->subnets = in->pod_cidrs.items;
	n->subnet_count = in->pod_cidrs.count;
	if (n->subnet_count || !addr_is_set(&in->pod_cidr.addr))
		return 0;
	only = arena_alloc(a, sizeof(*only));
	if (!only)
		return no_room(e);
	*only = in->pod_cidr;
	n->subnets = only;
	n->subnet_count = 1;
	return 0;
}

static int read_parts(struct arena *a, const struct slot *parts, const char *path, struct node *n,
		      struct err *e)
{
	struct kube_metadata metadata = { 0 };
	struct kube_spec spec = { 0 };
	struct kube_status status = { 0 };
	char at[PATH_SIZE + 16];
	int r;

	snprintf(at, sizeof(at), "%s.metadata", path);
	r = read_part(a, parts[0].value, at, &metadata_table, &metadata, e);
	n->name = metadata.name;
	snprintf(at, sizeof(at), "%s.spec", path);
	if (r == 0)
		r = read_part(a, parts[1].value, at, &spec_table, &spec, e);
	if (r == 0)
		r = read_spec(a, &spec, n, e);
	snprintf(at, sizeof(at), "%s.status", path);
	if (r == 0)
		r = read_part(a, parts[2].value, at, &status_table, &status, e);
	return r < 0 || !status.addresses.count ? r : read_internal(a, &status.addresses, at, n, e);
}

/* 0 for what is not a Node: a List may hold other things too. */
static int read_kube(struct arena *a, struct json_raw raw, const char *path, struct node *n,
		     struct err *e)
{
	struct slot parts[] = {
		{ .name = "metadata" }, { .name = "spec" }, { .name = "status" }, { .name = "kind" }
	};
	const struct json_raw *kind = &parts[3].value;
	int r;

	if (raw.text[0] != '{')
		return err_set(e, EINVAL, "%s: expected an object", path);
	find_members(raw, parts, COUNT(parts));
	if (kind->text &&
	    (kind->len != strlen("\"Node\"") || memcmp(kind->text, "\"Node\"", kind->len) != 0))
		return 0;
	r = read_parts(a, parts, path, n, e);
	return r < 0 ? r : 1;
}

static int read_nodes(struct arena *a, struct json_raw raw, struct cluster *c, struct err *e)
{
	struct json_iter it = json_members(raw);
	struct json_raw key, value;
	struct list nodes;
	char path[PATH_SIZE];

	list_init(&nodes, a, sizeof(struct node));
	for (size_t i = 0; json_next(&it, &key, &value); i++) {
		struct node n = { .index = i };
		int r;

		snprintf(path, sizeof(path), "%s[%zu]", c->kubernetes ? "items" : "nodes", i);
		r = (c->kubernetes ? read_kube : read_entry)(a, value, path, &n, e);
		if (r < 0)
			return r;
		if (r > 0)
			list_add(&nodes, &n);
	}
	c->nodes = nodes.at;
	c->node_count = nodes.count;
	return nodes.bad ? no_room(e) : 0;
}

static int read_masquerade(const char *s, enum cluster_masquerade *out, struct err *e)
{
	static const char *const names[] = {
		[MASQUERADE_CLUSTER] = "cluster",
		[MASQUERADE_SUBNET] = "subnet",
		[MASQUERADE_NONE] = "none",
	};

	int i = str_index(names, COUNT(names), s);

	if (i >= 0) {
		*out = (enum cluster_masquerade)i;
		return 0;
	}
	return err_set(e, EINVAL,
		       "masquerade: \"%s\": expected \"cluster\", \"subnet\" or \"none\"", s);
}

static int read_head(struct arena *a, const struct slot *slots, struct cluster *c, struct err *e)
{
	struct head h = { .masquerade = "cluster",
			  .bridge = "cni0",
			  .network = "cnibox",
			  .config = CONFIG_DEFAULT };
	int r = decode_members(a, slots, "", &head_table, &h, e);

	if (r < 0)
		return r;
	c->kubernetes = h.kind && (strcmp(h.kind, "List") == 0 || strcmp(h.kind, "NodeList") == 0);
	c->networks = h.networks.items;
	c->network_count = h.networks.count;
	c->onlink = h.onlink;
	c->bridge = h.bridge;
	c->mtu = h.mtu;
	c->network = h.network;
	c->config = h.config;
	return read_masquerade(h.masquerade, &c->masquerade, e);
}

int cluster_read(struct arena *a, const char *text, size_t len, struct cluster *out, struct err *e)
{
	struct slot slots[COUNT(head_fields) + 2] = { 0 }, *list = &slots[COUNT(head_fields)];
	int r = json_check(text, len, e);

	if (r < 0)
		return r;
	if (text[strspn(text, " \t\r\n")] != '{')
		return err_set(e, EINVAL,
			       "expected an object with \"nodes\", or a NodeList with \"items\"");
	for (size_t i = 0; i < COUNT(head_fields); i++)
		slots[i].name = head_fields[i].name;
	list[0].name = "nodes";
	list[1].name = "items";
	find_members((struct json_raw){ text, len }, slots, COUNT(slots));
	memset(out, 0, sizeof(*out));
	r = read_head(a, slots, out, e);
	if (r < 0)
		return r;
	list += out->kubernetes;
	if (!list->value.text)
		return err_set(e, EINVAL, "%s: missing: expected a list of nodes", list->name);
	if (*list->value.text != '[')
		return err_set(e, EINVAL, "%s: expected a list, got %.*s", list->name,
			       (int)(list->value.len < VALUE_SHOWN ? list->value.len : VALUE_SHOWN),
			       list->value.text);
	r = read_nodes(a, list->value, out, e);
	return r < 0 ? r : cluster_judge(a, out, e);
}

const char *cluster_key(const struct cluster *c, const struct node *n, enum cluster_key key)
{
	static char out[64];
	static const char *const names[][2] = {
		[KEY_NAME] = { "name", "metadata.name" },
		[KEY_ADDRESSES] = { "addresses", "status.addresses" },
		[KEY_SUBNETS] = { "subnets", "spec.podCIDRs" },
	};

	snprintf(out, sizeof(out), "%s[%zu].%s", c->kubernetes ? "items" : "nodes", n->index,
		 names[key][c->kubernetes]);
	return out;
}

void cluster_help(struct text *t)
{
	json_help(t, &head_table, "");
	json_help(t, &entry_table, "nodes[]");
}
