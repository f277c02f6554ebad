/*
 * A cluster file: an object of ours with "nodes", or a NodeList with "items", beside which the same
 * options may stand.
 */
#include "cluster/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/text.h"
#include "cluster/node_list.h"
#include "kube/base64.h"
#include "net/link.h"

#define CONFIG_DEFAULT "/etc/cni/net.d/10-cnibox.conflist"
#define PATH_SIZE 32 /* "items[18446744073709551615]" */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The file; its nodes as they stand in it. */
struct head {
	const char *kind;
	struct json_list networks;
	const char *masquerade;
	bool onlink;
	const char *backend;
	struct cluster_tunnels tunnels;
	const char *bridge;
	int64_t mtu;
	const char *network;
	const char *config;
	struct json_list nodes, items; /* of struct json_raw */
};

struct entry {
	const char *name, *backend, *mac, *key;
	struct json_list addresses, subnets;
};

static const struct json_field elem_addr = { .kind = JSON_ADDR };
static const struct json_field elem_prefix = { .kind = JSON_PREFIX };
static const struct json_field elem_raw = { .kind = JSON_RAW };

static const struct json_field head_fields[] = {
	{ "networks", JSON_LIST, offsetof(struct head, networks), .elem = &elem_prefix,
	  .elem_size = sizeof(struct prefix),
	  .help = "what never is masqueraded; without it, the nodes' subnets" },
	{ "masquerade", JSON_STR, offsetof(struct head, masquerade),
	  .help = "\"cluster\": what leaves the networks; \"subnet\": what leaves not through the "
		  "bridge; \"none\"" },
	{ "onlink", JSON_BOOL, offsetof(struct head, onlink),
	  .help = "the nodes are on one link although no address says so" },
	{ "backend", JSON_STR, offsetof(struct head, backend),
	  .help = "the way to nodes that are not on link: \"vxlan\", \"wireguard\"; \"direct\": "
		  "there is none" },
	{ "tunnelAll", JSON_BOOL, offsetof(struct head, tunnels.all),
	  .help = "the backend also serves nodes that are on link" },
	{ "vni", JSON_INT, offsetof(struct head, tunnels.vni), .min = 1, .max = (1 << 24) - 1,
	  .help = "of the VXLAN: 1; where it is given, the VXLAN is made before it is needed" },
	{ "vxlanPort", JSON_INT, offsetof(struct head, tunnels.vxlan_port), .min = 1, .max = 65535,
	  .help = "UDP: 8472" },
	{ "wireguardPort", JSON_INT, offsetof(struct head, tunnels.wireguard_port), .min = 1,
	  .max = 65535, .help = "UDP: 51820" },
	{ "bridge", JSON_STR, offsetof(struct head, bridge), .help = "the pods' bridge: cni0" },
	{ "mtu", JSON_INT, offsetof(struct head, mtu), .min = 68, .max = 65535,
	  .help = "of the pods' interfaces; without it, what fits into the tunnels, if there is "
		  "one" },
	{ "network", JSON_STR, offsetof(struct head, network),
	  .help = "name of the CNI network: cnibox" },
	{ "cniConfig", JSON_STR, offsetof(struct head, config), .help = CONFIG_DEFAULT },
	{ "kind", JSON_STR, offsetof(struct head, kind) },
	{ "nodes", JSON_LIST, offsetof(struct head, nodes), .elem = &elem_raw,
	  .elem_size = sizeof(struct json_raw) },
	{ "items", JSON_LIST, offsetof(struct head, items), .elem = &elem_raw,
	  .elem_size = sizeof(struct json_raw) },
};
static const struct json_table head_table = { head_fields, COUNT(head_fields) };

static const struct json_field entry_fields[] = {
	{ "name", JSON_STR, offsetof(struct entry, name), .required = true, .help = "of the node" },
	{ "addresses", JSON_LIST, offsetof(struct entry, addresses), .elem = &elem_addr,
	  .elem_size = sizeof(struct addr),
	  .help = "of the node; the first on link is the next hop to its pods" },
	{ "subnets", JSON_LIST, offsetof(struct entry, subnets), .elem = &elem_prefix,
	  .elem_size = sizeof(struct prefix), .help = "of the node's pods; none: no pods there" },
	{ "backend", JSON_STR, offsetof(struct entry, backend),
	  .help = "of this node; of two nodes the one that comes first here serves: direct, "
		  "vxlan, wireguard" },
	{ "vtepMAC", JSON_STR, offsetof(struct entry, mac),
	  .help = "of its VXLAN; else one that all derive from its name" },
	{ "publicKey", JSON_STR, offsetof(struct entry, key),
	  .help = "WireGuard's, as `cnibox node key` prints it there" },
};
static const struct json_table entry_table = { entry_fields, COUNT(entry_fields) };

static int parse_backend(const char *s, const char *path, const char *key,
			 enum cluster_backend *out, struct err *e)
{
	int i = s ? backend_parse(s) : BACKEND_UNSET;

	if (i < 0)
		return err_set(e, EINVAL,
			       "%s%s: \"%s\": expected \"direct\", \"vxlan\" or \"wireguard\"",
			       path, key, s);
	*out = (enum cluster_backend)i;
	return 0;
}

/* A unicast address. */
static int parse_mac(const char *s, const char *path, struct node_tunnel *t, struct err *e)
{
	if (!s)
		return 0;
	t->has_mac = mac_parse(s, t->mac) && !(t->mac[0] & 1);
	return t->has_mac ? 0
			  : err_set(e, EINVAL, "%s.vtepMAC: \"%s\": expected a unicast MAC address",
				    path, s);
}

static int parse_key(const char *s, const char *path, struct node_tunnel *t, struct err *e)
{
	if (!s)
		return 0;
	t->has_key = base64_key_decode(s, t->key);
	return t->has_key ? 0
			  : err_set(e, EINVAL, "%s.publicKey: \"%s\": expected 32 bytes in base64",
				    path, s);
}

static int parse_entry(struct arena *a, struct json_raw raw, const char *path, struct node *n,
		       struct err *e)
{
	struct node_tunnel t = { 0 };
	struct entry in = { 0 };
	int r = json_decode_raw(a, raw, path, &entry_table, &in, e);

	if (r < 0)
		return r;
	n->name = in.name;
	n->addresses = in.addresses.items;
	n->address_count = in.addresses.count;
	n->subnets = in.subnets.items;
	n->subnet_count = in.subnets.count;
	r = parse_backend(in.backend, path, ".backend", &t.backend, e);
	if (r == 0)
		r = parse_mac(in.mac, path, &t, e);
	if (r == 0)
		r = parse_key(in.key, path, &t, e);
	if (r == 0)
		r = node_set_tunnel(a, n, &t, e);
	return r < 0 ? r : 1;
}

static int parse_nodes(struct arena *a, const struct json_list *in, struct cluster *c,
		       struct err *e)
{
	const struct json_raw *raw = in->items;
	struct list nodes;
	char path[PATH_SIZE];

	list_init(&nodes, a, sizeof(struct node));
	for (size_t i = 0; i < in->count; i++) {
		struct node n = { .index = i };
		int r;

		snprintf(path, sizeof(path), "%s[%zu]", c->kubernetes ? "items" : "nodes", i);
		r = (c->kubernetes ? kube_node_parse : parse_entry)(a, raw[i], path, &n, e);
		if (r > 0)
			list_add(&nodes, &n);
		if (r < 0)
			r = cluster_leave_out(c, n.name, e);
		if (r < 0)
			return r;
	}
	c->nodes = nodes.at;
	c->node_count = nodes.count;
	return list_check(&nodes, "nodes", e);
}

static int parse_masquerade(const char *s, enum cluster_masquerade *out, struct err *e)
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

static int parse_head(const struct head *h, struct cluster *c, struct err *e)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->kubernetes =
		h->kind && (strcmp(h->kind, "List") == 0 || strcmp(h->kind, "NodeList") == 0);
	c->networks = h->networks.items;
	c->network_count = h->networks.count;
	c->onlink = h->onlink;
	c->bridge = h->bridge;
	c->mtu = h->mtu;
	c->network = h->network;
	c->config = h->config;
	c->tunnels = h->tunnels;
	r = parse_backend(h->backend, "", "backend", &c->tunnels.backend, e);
	return r < 0 ? r : parse_masquerade(h->masquerade, &c->masquerade, e);
}

/* What a file without keys means. */
static const struct head head_defaults = { .masquerade = "cluster",
					   .backend = "direct",
					   .tunnels = { .vxlan_port = CLUSTER_VXLAN_PORT,
							.wireguard_port = CLUSTER_WIREGUARD_PORT },
					   .bridge = "cni0",
					   .network = "cnibox",
					   .config = CONFIG_DEFAULT };

int cluster_defaults(struct arena *a, struct cluster *out, struct err *e)
{
	int r = parse_head(&head_defaults, out, e);

	list_init(&out->faults, a, sizeof(struct cluster_fault));
	return r;
}

int cluster_parse(struct arena *a, const char *text, size_t len, struct cluster *out, struct err *e)
{
	struct head h = head_defaults;
	const struct json_list *list;
	int r = json_decode(a, text, len, &head_table, &h, e);

	if (r == 0)
		r = parse_head(&h, out, e);
	if (r < 0)
		return r;
	list_init(&out->faults, a, sizeof(struct cluster_fault));
	list = out->kubernetes ? &h.items : &h.nodes;
	if (!list->items)
		return err_set(e, EINVAL, "%s: missing: expected a list of nodes",
			       out->kubernetes ? "items" : "nodes");
	r = parse_nodes(a, list, out, e);
	return r < 0 ? r : cluster_validate(a, out, e);
}

void cluster_help(struct text *t)
{
	json_help(t, &head_table, "");
	json_help(t, &entry_table, "nodes[]");
}
