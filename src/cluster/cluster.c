/* Finding in a validated cluster: see cluster.h. */
#include "cluster/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

int cluster_leave_out(struct cluster *c, const char *name, struct err *e)
{
	struct cluster_fault f = { .name = name };

	if (!c->kubernetes || e->errnum == ENOMEM || c->faults.count == CLUSTER_FAULTS_MAX)
		return -e->errnum;
	f.why = list_text(&c->faults, e->text);
	list_add(&c->faults, &f);
	err_clear(e);
	return list_check(&c->faults, "nodes that are left out", e);
}

const struct cluster_place *cluster_place_find(const struct cluster_place *at, size_t count,
					       const struct addr *a)
{
	const struct cluster_place *end = at + count;

	while (end - at > 1) {
		const struct cluster_place *middle = at + (end - at) / 2;

		if (addr_cmp(&middle->prefix.addr, a) <= 0)
			at = middle;
		else
			end = middle;
	}
	return at < end && prefix_contains(&at->prefix, a) ? at : NULL;
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
	const struct cluster_place *place = cluster_place_find(c->addresses, c->address_count, a);

	return place ? place->node : NULL;
}

bool node_has_family(const struct node *n, uint8_t family)
{
	for (size_t i = 0; i < n->subnet_count; i++) {
		if (n->subnets[i].addr.family == family)
			return true;
	}
	return false;
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

const struct node_tunnel *node_tunnel(const struct node *n)
{
	static const struct node_tunnel nothing;

	return n->tunnel ? n->tunnel : &nothing;
}

int node_set_tunnel(struct arena *a, struct node *n, const struct node_tunnel *t, struct err *e)
{
	struct node_tunnel *copy;

	if (!t->backend && !t->has_mac && !t->has_key && !addr_is_set(&t->outer4) &&
	    !addr_is_set(&t->outer6))
		return 0;
	copy = arena_alloc(a, sizeof(*copy));
	if (!copy)
		return err_set(e, ENOMEM, "no memory left for the nodes of the cluster");
	*copy = *t;
	n->tunnel = copy;
	return 0;
}

/* FNV-1a of 64 bits, spread, as a local unicast address: of 5,000 names two meet once in 5 million
 * clusters. */
void node_mac(const struct node *n, uint8_t out[static 6])
{
	uint64_t h = 14695981039346656037U;

	for (const char *s = n->name; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211U;
	h *= 0x9e3779b97f4a7c15;
	h ^= h >> 32;
	memcpy(out, node_tunnel(n)->mac, 6);
	if (node_tunnel(n)->has_mac)
		return;
	for (size_t i = 0; i < 6; i++)
		out[i] = (uint8_t)(h >> (8 * i));
	out[0] = (uint8_t)((out[0] & 0xfc) | 0x02);
}

int backend_parse(const char *name)
{
	static const char *const names[] = { [BACKEND_UNSET] = "",
					     [BACKEND_DIRECT] = "direct",
					     [BACKEND_VXLAN] = "vxlan",
					     [BACKEND_WIREGUARD] = "wireguard" };
	int i = str_index(names, BACKENDS, name);

	return i > BACKEND_UNSET ? i : -1;
}
