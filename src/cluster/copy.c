/* A cluster that outlives the text that it was read from. See cluster.h. */
#include "cluster/cluster.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

/* NULL stays NULL; a copy that finds no room marks the arena's end in *bad. */
static const char *copy_text(struct arena *a, const char *s, bool *bad)
{
	char *copy = s ? arena_strndup(a, s, strlen(s)) : NULL;

	*bad |= s && !copy;
	return copy;
}

static void *copy_array(struct arena *a, const void *at, size_t count, size_t size, bool *bad)
{
	void *copy = count ? arena_array(a, count, size) : NULL;

	*bad |= count && !copy;
	if (copy)
		memcpy(copy, at, count * size);
	return copy;
}

/*
 * What all nodes have, each kind in one row: an allocation of its own for each few bytes would cost
 * twice as much.
 */
struct rows {
	struct addr *addresses;
	struct prefix *subnets;
	struct node_tunnel *tunnels;
	char *names;
};

static struct rows new_rows(struct arena *a, const struct cluster *in, bool *bad)
{
	size_t addresses = 0, subnets = 0, tunnels = 0, names = 0;
	struct rows r;

	for (size_t i = 0; i < in->node_count; i++) {
		const struct node *n = &in->nodes[i];

		addresses += n->address_count;
		subnets += n->subnet_count;
		tunnels += n->tunnel != NULL;
		names += strlen(n->name) + 1;
	}
	r.addresses = arena_array(a, addresses, sizeof(*r.addresses));
	r.subnets = arena_array(a, subnets, sizeof(*r.subnets));
	r.tunnels = arena_array(a, tunnels, sizeof(*r.tunnels));
	r.names = arena_alloc(a, names);
	*bad |= !r.addresses || !r.subnets || !r.tunnels || !r.names;
	return r;
}

/* Put at the rows' ends, which move. */
static void move_in(struct rows *r, struct node *n)
{
	size_t name = strlen(n->name) + 1;

	n->name = memcpy(r->names, n->name, name);
	r->names += name;
	if (n->address_count)
		n->addresses = memcpy(r->addresses, n->addresses,
				      n->address_count * sizeof(*n->addresses));
	r->addresses += n->address_count;
	if (n->subnet_count)
		n->subnets = memcpy(r->subnets, n->subnets, n->subnet_count * sizeof(*n->subnets));
	r->subnets += n->subnet_count;
	if (n->tunnel) {
		*r->tunnels = *n->tunnel;
		n->tunnel = r->tunnels++;
	}
}

static const struct node *copy_nodes(struct arena *a, const struct cluster *in, bool *bad)
{
	struct node *out = copy_array(a, in->nodes, in->node_count, sizeof(*out), bad);
	struct rows r = new_rows(a, in, bad);

	for (size_t i = 0; out && i < in->node_count && !*bad; i++)
		move_in(&r, &out[i]);
	return out;
}

/* They point to the nodes of `in`: the copies to those of `out`. */
static const struct cluster_place *copy_places(struct arena *a, const struct cluster_place *at,
					       size_t count, const struct cluster *in,
					       const struct cluster *out, bool *bad)
{
	struct cluster_place *copy = copy_array(a, at, count, sizeof(*copy), bad);

	for (size_t i = 0; i < count && !*bad; i++)
		copy[i].node = out->nodes + (at[i].node - in->nodes);
	return copy;
}

static void copy_faults(struct arena *a, const struct list *in, struct list *out, bool *bad)
{
	const struct cluster_fault *f = in->at;

	list_init(out, a, sizeof(struct cluster_fault));
	for (size_t i = 0; i < in->count; i++) {
		const struct cluster_fault copy = { .name = copy_text(a, f[i].name, bad),
						    .why = copy_text(a, f[i].why, bad) };

		list_add(out, &copy);
	}
	*bad |= out->bad;
}

int cluster_copy(struct arena *a, const struct cluster *in, struct cluster *out, struct err *e)
{
	bool bad = false;

	*out = *in;
	out->nodes = copy_nodes(a, in, &bad);
	out->subnets = copy_places(a, in->subnets, in->subnet_count, in, out, &bad);
	out->addresses = copy_places(a, in->addresses, in->address_count, in, out, &bad);
	out->networks = copy_array(a, in->networks, in->network_count, sizeof(*in->networks), &bad);
	out->bridge = copy_text(a, in->bridge, &bad);
	out->network = copy_text(a, in->network, &bad);
	out->config = copy_text(a, in->config, &bad);
	copy_faults(a, &in->faults, &out->faults, &bad);
	return bad ? err_set(e, ENOMEM, "no memory left for the nodes of the cluster") : 0;
}
