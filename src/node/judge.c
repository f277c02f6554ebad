/*
 * What a cluster file must fulfil beyond its types, so that nothing contradictory ever reaches the kernel. Every check of one node against
 * all others is a sort and a comparison of neighbours.
 */
#include "node/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "cni/cni.h"

#define NAME_LEN_MAX 253	/* of a DNS name, which a Kubernetes node's name is */
#define IPV6_MTU_MIN 1280	/* RFC 8200, section 5 */
#define CONFLIST ".conflist"

static int judge_config(const char *path, struct err *e)
{
	const char *base = strrchr(path, '/');
	size_t len = strlen(path), end = strlen(CONFLIST);

	if (path[0] != '/')
		return err_set(e, EINVAL, "cniConfig: \"%s\": expected an absolute path", path);
	if (base == path || !name_is_plain(base + 1))
		return err_set(e, EINVAL, "cniConfig: \"%s\": expected a file in a directory", path);
	if (len < end || strcmp(path + len - end, CONFLIST) != 0)
		return err_set(e, EINVAL, "cniConfig: \"%s\": runtimes read a list of plugins only from *" CONFLIST, path);
	return 0;
}

static int judge_options(const struct cluster *c, struct err *e)
{
	if (!cni_ifname_valid(c->bridge))
		return err_set(e, EINVAL, "bridge: \"%.48s\" is no interface name (1 to 15 bytes, no '/', ':' or blanks)", c->bridge);
	if (!cni_network_valid(c->network))
		return err_set(e, EINVAL, "network: \"%s\": no name of a CNI network (letters, digits, '_', '.', '-')", c->network);
	return judge_config(c->config, e);
}

/* Common to networks and subnets. */
static int judge_prefix(const char *key, const struct prefix *p, struct err *e)
{
	struct prefix masked = prefix_masked(p);

	if (!prefix_equal(p, &masked))
		return err_set(e, EINVAL, "%s: %s: bits behind the prefix are set: is %s meant?", key, prefix_text(p),
			       prefix_text(&masked));
	if (p->len == 0)
		return err_set(e, EINVAL, "%s: %s: the whole internet", key, prefix_text(p));
	return 0;
}

static int judge_networks(const struct cluster *c, struct err *e)
{
	int r = 0;

	if (c->network_count > CLUSTER_NETWORKS_MAX)
		return err_set(e, EINVAL, "networks: %zu of them: at most %d are possible", c->network_count, CLUSTER_NETWORKS_MAX);
	for (size_t i = 0; i < c->network_count && r == 0; i++)
		r = judge_prefix("networks", &c->networks[i], e);
	return r;
}

static const char *why_no_node_address(const struct addr *a)
{
	static const struct addr zero;
	static const struct prefix kinds[] = {
		{ { AF_INET, { 127 } }, 8 },
		{ { AF_INET, { 224 } }, 3 },
		{ { AF_INET6, { [15] = 1 } }, 128 },
		{ { AF_INET6, { 0xff } }, 8 },
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },
	};
	static const char *const why[] = { "a loopback address", "a multicast or reserved address", "a loopback address",
					   "a multicast address", "a link-local address: it names no link" };

	if (memcmp(a->bytes, zero.bytes, sizeof(zero.bytes)) == 0)
		return "the unspecified address";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (prefix_contains(&kinds[i], a))
			return why[i];
	}
	return NULL;
}

static int judge_addresses(const struct cluster *c, const struct node *n, struct err *e)
{
	for (size_t i = 0; i < n->address_count; i++) {
		const char *why = why_no_node_address(&n->addresses[i]);

		if (why)
			return err_set(e, EINVAL, "%s: %s of node %s: %s", cluster_key(c, n, KEY_ADDRESSES),
				       addr_text(&n->addresses[i]), n->name, why);
	}
	return 0;
}

static bool inside_networks(const struct cluster *c, const struct prefix *p)
{
	bool inside = c->network_count == 0;

	for (size_t i = 0; i < c->network_count && !inside; i++)
		inside = prefix_covers(&c->networks[i], p);
	return inside;
}

/* A subnet holds its own address, the bridge's, in IPv4 the broadcast address, and at least one pod. */
static int judge_subnets(const struct cluster *c, const struct node *n, struct err *e)
{
	const char *key = cluster_key(c, n, KEY_SUBNETS);

	for (size_t i = 0; i < n->subnet_count; i++) {
		const struct prefix *p = &n->subnets[i];
		int r = judge_prefix(key, p, e);

		if (r < 0)
			return r;
		if (p->len > addr_bits(&p->addr) - 2)
			return err_set(e, EINVAL, "%s: %s of node %s: too small, there is no room for a pod", key,
				       prefix_text(p), n->name);
		if (!inside_networks(c, p))
			return err_set(e, EINVAL, "%s: %s of node %s: in none of the networks", key, prefix_text(p),
				       n->name);
		if (p->addr.family == AF_INET6 && c->mtu && c->mtu < IPV6_MTU_MIN)
			return err_set(e, EINVAL, "mtu: %lld: too small for the IPv6 subnet %s", (long long)c->mtu,
				       prefix_text(p));
	}
	return 0;
}

static int judge_node(const struct cluster *c, const struct node *n, struct err *e)
{
	int r;

	if (!name_is_plain(n->name) || strlen(n->name) > NAME_LEN_MAX)
		return err_set(e, EINVAL, "%s: \"%s\": no name of a node", cluster_key(c, n, KEY_NAME), n->name);
	r = judge_addresses(c, n, e);
	return r < 0 ? r : judge_subnets(c, n, e);
}

static int by_name(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	int r = strcmp((*x)->name, (*y)->name);

	return r ? r : (*x)->index < (*y)->index ? -1 : 1;
}

static int unique_names(struct arena *a, const struct cluster *c, struct err *e)
{
	size_t mark = a->used;
	const struct node **sorted = arena_array(a, c->node_count, sizeof(*sorted));
	int r = 0;

	if (!sorted)
		return err_set(e, ENOMEM, "%zu nodes are too many for the memory of this program", c->node_count);
	for (size_t i = 0; i < c->node_count; i++)
		sorted[i] = &c->nodes[i];
	qsort(sorted, c->node_count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < c->node_count && r == 0; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			r = err_set(e, EINVAL, "%s: \"%s\": two nodes have this name", cluster_key(c, sorted[i], KEY_NAME),
				    sorted[i]->name);
	}
	arena_reset(a, mark);
	return r;
}

static int by_address(const void *a, const void *b)
{
	const struct cluster_address *x = a, *y = b;
	int r = addr_cmp(&x->addr, &y->addr);

	return r ? r : x->node < y->node ? -1 : x->node > y->node;
}

static int sort_addresses(struct arena *a, struct cluster *c, struct err *e)
{
	struct cluster_address *all;
	size_t count = 0;

	for (size_t i = 0; i < c->node_count; i++)
		count += c->nodes[i].address_count;
	all = arena_array(a, count, sizeof(*all));
	if (!all)
		return err_set(e, ENOMEM, "%zu addresses are too many for the memory of this program", count);
	c->addresses = all;
	for (size_t i = 0; i < c->node_count; i++) {
		for (size_t k = 0; k < c->nodes[i].address_count; k++)
			all[c->address_count++] = (struct cluster_address){ c->nodes[i].addresses[k], &c->nodes[i] };
	}
	qsort(all, count, sizeof(*all), by_address);
	for (size_t i = 1; i < count; i++) {
		if (addr_equal(&all[i - 1].addr, &all[i].addr))
			return err_set(e, EINVAL, "%s: %s of node %s: node %s has it already",
				       cluster_key(c, all[i].node, KEY_ADDRESSES), addr_text(&all[i].addr),
				       all[i].node->name, all[i - 1].node->name);
	}
	return 0;
}

static int by_prefix(const void *a, const void *b)
{
	const struct cluster_subnet *x = a, *y = b;
	int r = addr_cmp(&x->prefix.addr, &y->prefix.addr);

	if (r)
		return r;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len < y->prefix.len ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* Prefixes nest or are disjoint; so of a sorted row, two overlap only if two neighbours do. */
static int judge_overlap(const struct cluster *c, struct err *e)
{
	for (size_t i = 1; i < c->subnet_count; i++) {
		const struct cluster_subnet *x = &c->subnets[i - 1], *y = &c->subnets[i];

		if (prefix_overlaps(&x->prefix, &y->prefix))
			return err_set(e, EINVAL, "%s: %s of node %s: %s %s of node %s", cluster_key(c, y->node, KEY_SUBNETS),
				       prefix_text(&y->prefix), y->node->name,
				       prefix_equal(&x->prefix, &y->prefix) ? "the same as" : "overlaps",
				       prefix_text(&x->prefix), x->node->name);
	}
	return 0;
}

static int sort_subnets(struct arena *a, struct cluster *c, struct err *e)
{
	struct cluster_subnet *all;
	size_t count = 0;

	for (size_t i = 0; i < c->node_count; i++)
		count += c->nodes[i].subnet_count;
	all = arena_array(a, count, sizeof(*all));
	if (!all)
		return err_set(e, ENOMEM, "%zu subnets are too many for the memory of this program", count);
	c->subnets = all;
	for (size_t i = 0; i < c->node_count; i++) {
		for (size_t k = 0; k < c->nodes[i].subnet_count; k++)
			all[c->subnet_count++] = (struct cluster_subnet){ c->nodes[i].subnets[k], &c->nodes[i] };
	}
	qsort(all, count, sizeof(*all), by_prefix);
	return judge_overlap(c, e);
}

/* Both rows are sorted: one walk. A node inside of a pod subnet could not be reached any more once the route to the subnet stands. */
static int judge_nodes_in_subnets(const struct cluster *c, struct err *e)
{
	size_t s = 0;

	for (size_t i = 0; i < c->address_count; i++) {
		const struct cluster_address *x = &c->addresses[i];

		while (s + 1 < c->subnet_count && addr_cmp(&c->subnets[s + 1].prefix.addr, &x->addr) <= 0)
			s++;
		if (s < c->subnet_count && prefix_contains(&c->subnets[s].prefix, &x->addr))
			return err_set(e, EINVAL, "%s: %s of node %s: inside of %s, the pods' subnet of node %s",
				       cluster_key(c, x->node, KEY_ADDRESSES), addr_text(&x->addr), x->node->name,
				       prefix_text(&c->subnets[s].prefix), c->subnets[s].node->name);
	}
	return 0;
}

int cluster_judge(struct arena *a, struct cluster *c, struct err *e)
{
	int r = judge_options(c, e);

	if (r == 0)
		r = judge_networks(c, e);
	for (size_t i = 0; i < c->node_count && r == 0; i++)
		r = judge_node(c, &c->nodes[i], e);
	if (r == 0)
		r = unique_names(a, c, e);
	if (r == 0)
		r = sort_addresses(a, c, e);
	if (r == 0)
		r = sort_subnets(a, c, e);
	return r < 0 ? r : judge_nodes_in_subnets(c, e);
}

const struct node *cluster_find_name(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->node_count; i++) {
		if (strcmp(c->nodes[i].name, name) == 0)
			return &c->nodes[i];
	}
	return NULL;
}

const struct node *cluster_find_address(const struct cluster *c, const struct addr *a)
{
	size_t low = 0, high = c->address_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = addr_cmp(a, &c->addresses[mid].addr);

		if (r == 0)
			return c->addresses[mid].node;
		if (r < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
