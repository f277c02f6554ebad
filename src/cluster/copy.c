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

static const struct node *copy_nodes(struct arena *a, const struct cluster *in, bool *bad)
{
	struct node *out = copy_array(a, in->nodes, in->node_count, sizeof(*out), bad);

	for (size_t i = 0; i < in->node_count && !*bad; i++) {
		struct node *n = &out[i];

		n->name = copy_text(a, n->name, bad);
		n->addresses =
			copy_array(a, n->addresses, n->address_count, sizeof(*n->addresses), bad);
		n->subnets = copy_array(a, n->subnets, n->subnet_count, sizeof(*n->subnets), bad);
	}
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
