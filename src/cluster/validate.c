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
		return err_set(e, EINVAL,
			       "network: \"%s\": no name of a CNI network (letters, digits, '_', "
			       "'.', '-')",
			       c->network);
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

static int validate_names(struct arena *a, const struct cluster *c, struct err *e)
{
	size_t mark = a->used;
	const struct node **sorted = arena_array(a, c->node_count, sizeof(*sorted));
	const char *before = "", *why = NULL;

	if (!sorted)
		return no_room(c->node_count, "nodes", e);
	for (size_t i = 0; i < c->node_count; i++)
		sorted[i] = &c->nodes[i];
	qsort(sorted, c->node_count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < c->node_count && !why; i++) {
		const char *name = sorted[i]->name;

		if (!name_is_plain(name) || strlen(name) > NAME_LEN_MAX)
			why = "no name of a node";
		else if (strcmp(name, before) == 0)
			why = "two nodes have this name";
		if (why)
			err_set(e, EINVAL, "%s: \"%s\": %s", cluster_key(c, sorted[i], KEY_NAME),
				name, why);
		before = name;
	}
	arena_reset(a, mark);
	return why ? -EINVAL : 0;
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

/* A node inside of a pod subnet could not be reached any more once the route to the subnet stands.
 */
static int validate_address(const struct cluster *c, const struct cluster_place *x,
			    const struct cluster_place *before, struct err *e)
{
	const char *why = why_no_node_address(&x->prefix.addr);
	const struct cluster_place *subnet =
		cluster_place_find(c->subnets, c->subnet_count, &x->prefix.addr);

	if (why)
		return err_set(e, EINVAL, "%s", why);
	if (before && addr_equal(&before->prefix.addr, &x->prefix.addr))
		return err_set(e, EINVAL, "node %s has it already", before->node->name);
	if (subnet)
		return err_set(e, EINVAL, "inside of %s, the pods' subnet of node %s",
			       prefix_text(&subnet->prefix), subnet->node->name);
	return 0;
}

static bool inside_networks(const struct cluster *c, const struct prefix *p)
{
	bool inside = c->network_count == 0;

	for (size_t i = 0; i < c->network_count && !inside; i++)
		inside = prefix_covers(&c->networks[i], p);
	return inside;
}

/*
 * A subnet holds its own address, the bridge's, in IPv4 the broadcast address, and at least one
 * pod. Prefixes nest or are disjoint; so of a sorted row, two overlap only if two neighbours do.
 */
static int validate_subnet(const struct cluster *c, const struct cluster_place *x,
			   const struct cluster_place *before, struct err *e)
{
	const struct prefix *p = &x->prefix;
	int r = validate_prefix(p, e);

	if (r < 0)
		return r;
	if (p->len > addr_bits(&p->addr) - 2)
		return err_set(e, EINVAL, "too small, there is no room for a pod");
	if (!inside_networks(c, p))
		return err_set(e, EINVAL, "in none of the networks");
	if (before && prefix_overlaps(&before->prefix, p))
		return err_set(e, EINVAL, "%s %s of node %s",
			       prefix_equal(&before->prefix, p) ? "the same as" : "overlaps",
			       prefix_text(&before->prefix), before->node->name);
	return 0;
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

static int validate_places(struct arena *a, const struct cluster *c, enum cluster_key key,
			   const struct cluster_place **out, size_t *count, struct err *e)
{
	struct cluster_place *row = collect(a, c, key, count);

	*out = row;
	if (!row)
		return no_room(*count, key == KEY_SUBNETS ? "subnets" : "addresses", e);
	qsort(row, *count, sizeof(*row), by_place);
	for (size_t i = 0; i < *count; i++) {
		const struct cluster_place *x = &row[i], *before = i ? x - 1 : NULL;
		int r = key == KEY_SUBNETS ? validate_subnet(c, x, before, e)
					   : validate_address(c, x, before, e);

		if (r < 0)
			return err_ctx(e, r, "%s: %s of node %s", cluster_key(c, x->node, key),
				       key == KEY_SUBNETS ? prefix_text(&x->prefix)
							  : addr_text(&x->prefix.addr),
				       x->node->name);
	}
	return 0;
}

int cluster_validate(struct arena *a, struct cluster *c, struct err *e)
{
	int r = validate_options(c, e);

	if (r == 0)
		r = validate_networks(c, e);
	if (r == 0)
		r = validate_names(a, c, e);
	if (r == 0)
		r = validate_places(a, c, KEY_SUBNETS, &c->subnets, &c->subnet_count, e);
	if (r == 0)
		r = validate_mtu(c, e);
	return r < 0 ? r
		     : validate_places(a, c, KEY_ADDRESSES, &c->addresses, &c->address_count, e);
}
