/*
 * What a cluster must fulfil beyond the types of its values, so that nothing contradictory ever
 * reaches the kernel. Every check of one node against all others is a sort and a comparison of
 * neighbours.
 */
#include "cluster/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cni/cni.h"

#define NAME_LEN_MAX 253  /* of a DNS name, which a Kubernetes node's name is */
#define IPV6_MTU_MIN 1280 /* RFC 8200, section 5 */
#define CONFLIST ".conflist"

static int validate_config(const char *path, struct err *e)
{
	const char *base = strrchr(path, '/');
	size_t len = strlen(path), end = strlen(CONFLIST);

	if (path[0] != '/')
		return err_set(e, EINVAL, "expected an absolute path");
	if (base == path || !name_is_plain(base + 1))
		return err_set(e, EINVAL, "expected a file in a directory");
	if (len < end || strcmp(path + len - end, CONFLIST) != 0)
		return err_set(e, EINVAL, "runtimes read a list of plugins only from *" CONFLIST);
	return 0;
}

static int validate_options(const struct cluster *c, struct err *e)
{
	if (!cni_ifname_valid(c->bridge))
		return err_set(e, EINVAL,
			       "bridge: \"%.48s\" is no interface name (1 to 15 bytes, no '/', ':' "
			       "or blanks)",
			       c->bridge);
	if (!cni_network_valid(c->network))
		return err_set(
			e, EINVAL,
			"network: \"%.48s\": no name of a CNI network (letters, digits, '_', "
			"'.', '-')",
			c->network);
	if (c->tunnels.vxlan_port == c->tunnels.wireguard_port)
		return err_set(e, EINVAL, "wireguardPort: %lld: it is that of VXLAN",
			       (long long)c->tunnels.wireguard_port);
	return err_ctx(e, validate_config(c->config, e), "cniConfig: \"%s\"", c->config);
}

/* Common to networks and subnets. */
static int validate_prefix(const struct prefix *p, struct err *e)
{
	struct prefix masked = prefix_masked(p);

	if (!prefix_equal(p, &masked))
		return err_set(e, EINVAL, "bits behind the prefix are set: is %s meant?",
			       prefix_text(&masked));
	return p->len == 0 ? err_set(e, EINVAL, "the whole internet") : 0;
}

static int validate_networks(const struct cluster *c, struct err *e)
{
	int r = 0;

	if (c->network_count > CLUSTER_NETWORKS_MAX)
		return err_set(e, EINVAL, "networks: %zu of them: at most %d are possible",
			       c->network_count, CLUSTER_NETWORKS_MAX);
	for (size_t i = 0; i < c->network_count && r == 0; i++)
		r = err_ctx(e, validate_prefix(&c->networks[i], e), "networks: %s",
			    prefix_text(&c->networks[i]));
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	int r = strcmp((*x)->name, (*y)->name);

	return r ? r : (*x)->index < (*y)->index ? -1 : 1;
}

static int no_room(size_t count, const char *what, struct err *e)
{
	return err_set(e, ENOMEM, "%zu %s are too many for the memory of this program", count,
		       what);
}

/* Those that are left out stay where they are until all have been checked. */
struct nodes {
	struct arena *arena;
	struct cluster *c;
	bool *bad; /* of each of c->nodes */
	bool any_bad;
};

static bool *is_bad(const struct nodes *x, const struct node *n)
{
	return &x->bad[n - x->c->nodes];
}

/* e says what is wrong with the node. */
static int leave_out(struct nodes *x, const struct node *n, struct err *e)
{
	int r = cluster_leave_out(x->c, n->name, e);

	*is_bad(x, n) = x->any_bad = true;
	return r;
}

/* Of those that have one name the first in the file has it. */
static int check_name(struct nodes *x, const struct node *n, const char **before, struct err *e)
{
	const char *why = NULL;

	if (!name_is_plain(n->name) || strlen(n->name) > NAME_LEN_MAX)
		why = "no name of a node";
	else if (strcmp(n->name, *before) == 0)
		why = "two nodes have this name";
	*before = n->name;
	if (!why)
		return 0;
	err_set(e, EINVAL, "%s: \"%s\": %s", cluster_key(x->c, n, KEY_NAME), n->name, why);
	return leave_out(x, n, e);
}

static int validate_names(struct nodes *x, struct err *e)
{
	const struct cluster *c = x->c;
	size_t mark = x->arena->used;
	const struct node **sorted = arena_array(x->arena, c->node_count, sizeof(*sorted));
	const char *before = "";
	int r = 0;

	if (!sorted)
		return no_room(c->node_count, "nodes", e);
	for (size_t i = 0; i < c->node_count; i++)
		sorted[i] = &c->nodes[i];
	qsort(sorted, c->node_count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < c->node_count && r == 0; i++)
		r = check_name(x, sorted[i], &before, e);
	if (!c->faults.count) /* else its text lies behind the mark */
		arena_reset(x->arena, mark);
	return r;
}

static int by_place(const void *a, const void *b)
{
	const struct cluster_place *x = a, *y = b;
	int r = addr_cmp(&x->prefix.addr, &y->prefix.addr);

	r = r ? r : (int)x->prefix.len - (int)y->prefix.len;
	return r ? r : x->node < y->node ? -1 : x->node > y->node;
}

static const char *why_no_node_address(const struct addr *a)
{
	static const struct addr zero;
	static const struct prefix kinds[] = {
		{ { AF_INET, { 127 } }, 8 },	      { { AF_INET, { 224 } }, 3 },
		{ { AF_INET6, { [15] = 1 } }, 128 },  { { AF_INET6, { 0xff } }, 8 },
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
	};
	static const char *const why[] = { "a loopback address", "a multicast or reserved address",
					   "a loopback address", "a multicast address",
					   "a link-local address: it names no link" };

	if (memcmp(a->bytes, zero.bytes, sizeof(zero.bytes)) == 0)
		return "the unspecified address";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (prefix_contains(&kinds[i], a))
			return why[i];
	}
	return NULL;
}

/*
 * A node inside of a pod subnet could not be reached any more once the route to the subnet stands.
 * Where one of them is left out, it is the subnet's node, unless that comes from a file by hand: an
 * address is a fact, a subnet a claim.
 */
static int check_inside(struct nodes *x, const struct cluster_place *p, struct err *e)
{
	const struct cluster *c = x->c;
	const struct cluster_place *subnet =
		cluster_place_find(c->subnets, c->subnet_count, &p->prefix.addr);

	if (!subnet || *is_bad(x, subnet->node))
		return 0;
	if (!c->kubernetes || subnet->node == p->node) {
		err_set(e, EINVAL, "%s: %s of node %s: inside of %s, the pods' subnet of node %s",
			cluster_key(c, p->node, KEY_ADDRESSES), addr_text(&p->prefix.addr),
			p->node->name, prefix_text(&subnet->prefix), subnet->node->name);
		return leave_out(x, p->node, e);
	}
	err_set(e, EINVAL, "%s: %s of node %s: %s, an address of node %s, is inside",
		cluster_key(c, subnet->node, KEY_SUBNETS), prefix_text(&subnet->prefix),
		subnet->node->name, addr_text(&p->prefix.addr), p->node->name);
	return leave_out(x, subnet->node, e);
}

static bool inside_networks(const struct cluster *c, const struct prefix *p)
{
	bool inside = c->network_count == 0;

	for (size_t i = 0; i < c->network_count && !inside; i++)
		inside = prefix_covers(&c->networks[i], p);
	return inside;
}

/* A subnet holds its own address, the bridge's, in IPv4 the broadcast address, and at least one
 * pod. */
static int validate_subnet(const struct cluster *c, const struct prefix *p, struct err *e)
{
	int r = validate_prefix(p, e);

	if (r < 0)
		return r;
	if (p->len > addr_bits(&p->addr) - 2)
		return err_set(e, EINVAL, "too small, there is no room for a pod");
	if (!inside_networks(c, p))
		return err_set(e, EINVAL, "in none of the networks");
	return 0;
}

static int validate_place(const struct cluster *c, const struct cluster_place *p,
			  enum cluster_key key, struct err *e)
{
	const char *why;

	if (key == KEY_SUBNETS)
		return validate_subnet(c, &p->prefix, e);
	why = why_no_node_address(&p->prefix.addr);
	return why ? err_set(e, EINVAL, "%s", why) : 0;
}

/* Two of different nodes, or of one. */
static int check_overlap(const struct cluster_place *p, const struct cluster_place *other,
			 enum cluster_key key, struct err *e)
{
	if (!prefix_overlaps(&p->prefix, &other->prefix))
		return 0;
	if (key == KEY_ADDRESSES)
		return err_set(e, EINVAL, "node %s has it already", other->node->name);
	return err_set(e, EINVAL, "%s %s of node %s",
		       prefix_equal(&other->prefix, &p->prefix) ? "the same as" : "overlaps",
		       prefix_text(&other->prefix), other->node->name);
}

/* IPv6 sorts last. */
static int validate_mtu(const struct cluster *c, struct err *e)
{
	const struct prefix *last =
		c->subnet_count ? &c->subnets[c->subnet_count - 1].prefix : NULL;

	if (!last || last->addr.family != AF_INET6 || !c->mtu || c->mtu >= IPV6_MTU_MIN)
		return 0;
	return err_set(e, EINVAL, "mtu: %lld: too small for the IPv6 subnet %s", (long long)c->mtu,
		       prefix_text(last));
}

static size_t place_count(const struct node *n, enum cluster_key key)
{
	return key == KEY_SUBNETS ? n->subnet_count : n->address_count;
}

static struct cluster_place place_of(const struct node *n, enum cluster_key key, size_t i)
{
	if (key == KEY_SUBNETS)
		return (struct cluster_place){ n->subnets[i], n };
	return (struct cluster_place){ { n->addresses[i], (uint8_t)addr_bits(&n->addresses[i]) },
				       n };
}

/* All subnets, or all addresses, in a row; NULL: there is no room. */
static struct cluster_place *collect(struct arena *a, const struct cluster *c, enum cluster_key key,
				     size_t *count)
{
	const struct node *end = c->node_count ? c->nodes + c->node_count : NULL;
	struct cluster_place *row, *at;

	for (const struct node *n = c->nodes; n < end; n++)
		*count += place_count(n, key);
	row = at = arena_array(a, *count, sizeof(*row));
	for (const struct node *n = c->nodes; row && n < end; n++) {
		for (size_t i = 0; i < place_count(n, key); i++)
			*at++ = place_of(n, key, i);
	}
	return row;
}

static int place_fault(struct nodes *x, const struct cluster_place *p, enum cluster_key key,
		       struct err *e)
{
	err_ctx(e, -EINVAL, "%s: %s of node %s", cluster_key(x->c, p->node, key),
		key == KEY_SUBNETS ? prefix_text(&p->prefix) : addr_text(&p->prefix.addr),
		p->node->name);
	return leave_out(x, p->node, e);
}

/*
 * Prefixes nest or are disjoint; so of a sorted row, two overlap only if two neighbours do. *before
 * is the last one that stays. Of two nodes the one that comes later in the file is left out.
 */
static int check_place(struct nodes *x, const struct cluster_place *p, enum cluster_key key,
		       const struct cluster_place **before, struct err *e)
{
	const struct cluster_place *first = *before;
	bool later = !x->c->kubernetes || !first || p->node->index >= first->node->index;

	if (*is_bad(x, p->node))
		return 0;
	if (validate_place(x->c, p, key, e) < 0)
		return place_fault(x, p, key, e);
	if (first && !*is_bad(x, first->node) &&
	    check_overlap(later ? p : first, later ? first : p, key, e) < 0) {
		*before = later ? first : p;
		return place_fault(x, later ? p : first, key, e);
	}
	*before = p;
	return key == KEY_ADDRESSES ? check_inside(x, p, e) : 0;
}

static int validate_places(struct nodes *x, enum cluster_key key, const struct cluster_place **out,
			   size_t *count, struct err *e)
{
	const struct cluster_place *before = NULL;
	struct cluster_place *row;
	int r = 0;

	*count = 0;
	*out = row = collect(x->arena, x->c, key, count);
	if (!row)
		return no_room(*count, key == KEY_SUBNETS ? "subnets" : "addresses", e);
	qsort(row, *count, sizeof(*row), by_place);
	for (size_t i = 0; i < *count && r == 0; i++)
		r = check_place(x, &row[i], key, &before, e);
	return r;
}

static int validate_nodes(struct nodes *x, struct err *e)
{
	struct cluster *c = x->c;
	int r;

	x->any_bad = false;
	x->bad = arena_array(x->arena, c->node_count, sizeof(*x->bad));
	if (!x->bad)
		return no_room(c->node_count, "nodes", e);
	r = validate_names(x, e);
	if (r == 0)
		r = validate_places(x, KEY_SUBNETS, &c->subnets, &c->subnet_count, e);
	if (r == 0)
		r = validate_mtu(c, e);
	return r < 0 ? r : validate_places(x, KEY_ADDRESSES, &c->addresses, &c->address_count, e);
}

/* The nodes without those that are left out. */
static int drop_invalid(struct nodes *x, struct err *e)
{
	struct cluster *c = x->c;
	struct node *kept = arena_array(x->arena, c->node_count, sizeof(*kept));
	size_t n = 0;

	if (!kept)
		return no_room(c->node_count, "nodes", e);
	for (size_t i = 0; i < c->node_count; i++) {
		if (!x->bad[i])
			kept[n++] = c->nodes[i];
	}
	c->nodes = kept;
	c->node_count = n;
	return 0;
}

/* What is left over is checked again: it has been compared with those that are left out. */
int cluster_validate(struct arena *a, struct cluster *c, struct err *e)
{
	struct nodes x = { .arena = a, .c = c, .any_bad = true };
	int r = validate_options(c, e);

	if (!c->faults.arena)
		list_init(&c->faults, a, sizeof(struct cluster_fault));
	if (r == 0)
		r = validate_networks(c, e);
	while (r == 0 && x.any_bad) {
		r = validate_nodes(&x, e);
		if (r == 0 && x.any_bad)
			r = drop_invalid(&x, e);
	}
	return r;
}
