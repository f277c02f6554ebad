/* A veth between pod and node: the addresses of both. See node_veth.h. */
#include "iface/node_veth.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "iface/node_veth_private.h"
#include "net/netns.h"

static int collect_pods(struct node_veth *v, const struct cni_result *prev, struct err *e)
{
	for (size_t n = 0; n < prev->ip_count; n++) {
		if (!chained_has_ip(&v->chain, &prev->ips[n]))
			continue;
		if (v->pod_count == UNDERLAY_PODS_MAX)
			return err_set(e, E2BIG, "prevResult.ips: %s has more than %d addresses",
				       v->chain.link.name, UNDERLAY_PODS_MAX);
		v->pods[v->pod_count++] = prev->ips[n].address.addr;
	}
	if (v->pod_count)
		return 0;
	return err_code(e,
			err_set(e, EINVAL, "prevResult.ips: %s has no address", v->chain.link.name),
			CNI_ERR_CONFIG);
}

struct addresses {
	struct node_veth *v;
	int index; /* only of this link; 0: of all that are up */
	int up[256];
	size_t up_count;
	bool of_node_if;
};

static int collect_up(const struct link *l, void *arg)
{
	struct addresses *a = arg;

	if (l->up && a->up_count < sizeof(a->up) / sizeof(a->up[0]))
		a->up[a->up_count++] = l->index;
	return 0;
}

static bool is_up(const struct addresses *a, int index)
{
	for (size_t n = 0; n < a->up_count; n++) {
		if (a->up[n] == index)
			return true;
	}
	return false;
}

/* A link that is down has addresses of others: of all Services, where a proxy uses IPVS. */
static int collect_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct addresses *a = arg;
	struct node_veth *v = a->v;

	if (scope != RT_SCOPE_UNIVERSE || (!a->index && !is_up(a, index)) ||
	    v->node_count == NODE_VETH_NODES_MAX)
		return 0;
	for (size_t n = 0; n < v->node_count; n++) {
		if (addr_equal(&v->nodes[n], &p->addr))
			return 0;
	}
	for (size_t n = 0; n < v->pod_count; n++) {
		if (addr_equal(&v->pods[n], &p->addr))
			return 0;
	}
	v->nodes[v->node_count++] = p->addr;
	return 0;
}

/* The pod's interface's parent, if that is a link of the node: 1, 0, -errno. */
static int find_parent(struct node_veth *v, int *index, struct err *e)
{
	const struct link *l = &v->chain.link;
	int id, r;

	if (!l->peer || !l->peer_elsewhere || strcmp(l->kind, "veth") == 0)
		return 0;
	r = netns_id(&v->chain.pod.nl, v->chain.pod.home, &id, e);
	*index = l->peer;
	return r < 0 ? r : id >= 0 && id == l->peer_ns;
}

static int match_default(const struct route *r, void *arg)
{
	int *index = arg;

	if (r->dst.len == 0 && r->index && !*index)
		*index = r->index;
	return 0;
}

static int find_named(struct node_veth *v, struct err *e)
{
	struct link l;
	int r = link_find(&v->host, v->conf->host_if, &l, e);

	v->node_index = l.index;
	if (r > 0)
		return 0;
	if (r == 0)
		r = err_set(e, ENODEV, "hostInterface: this node has no interface \"%.32s\"",
			    v->conf->host_if);
	return err_code(e, r, CNI_ERR_CONFIG);
}

static bool has_addresses(struct node_veth *v, int index)
{
	struct addresses a = { .v = v, .index = index };
	size_t before = v->node_count;
	bool found;

	(void)ifaddr_each(&v->host, 0, index, collect_address, &a, err_ignored());
	found = v->node_count > before;
	v->node_count = before;
	return found;
}

/* By name; else the parent, or where the default route leads, whichever has addresses. */
static int find_node_if(struct node_veth *v, struct err *e)
{
	int r;

	if (v->conf->host_if)
		return find_named(v, e);
	r = find_parent(v, &v->node_index, e);
	if (r < 0 || (r > 0 && has_addresses(v, v->node_index)))
		return r < 0 ? r : 0;
	v->node_index = 0;
	return route_each(&v->host, 0, 0, RT_TABLE_MAIN, match_default, &v->node_index, e);
}

static int choose_via(struct node_veth *v, struct err *e)
{
	bool any = false;

	for (size_t n = 0; n < v->pod_count; n++) {
		bool v6 = is_v6(&v->pods[n]);

		for (size_t k = 0; k < v->node_count && !addr_is_set(&v->via[v6]); k++) {
			if (is_v6(&v->nodes[k]) == v6)
				v->via[v6] = v->nodes[k];
		}
		any = any || addr_is_set(&v->via[v6]);
	}
	if (any)
		return 0;
	return err_code(e,
			err_set(e, EADDRNOTAVAIL,
				"hostInterface: the node has no address of the family of %s on "
				"\"%.32s\" or any other interface",
				addr_text(&v->pods[0]), v->conf->host_if ? v->conf->host_if : ""),
			CNI_ERR_CONFIG);
}

static int collect_nodes(struct node_veth *v, struct err *e)
{
	static struct addresses a;
	int r = find_node_if(v, e);

	a = (struct addresses){ .v = v, .index = v->node_index };
	if (r == 0 && a.index)
		r = ifaddr_each(&v->host, 0, a.index, collect_address, &a, e);
	a.index = 0;
	if (r == 0)
		r = link_each(&v->host, NULL, collect_up, &a, e);
	if (r >= 0)
		r = ifaddr_each(&v->host, 0, 0, collect_address, &a, e);
	return r < 0 ? r : choose_via(v, e);
}

int node_veth_collect_addresses(struct node_veth *v, const struct cni_result *prev, struct err *e)
{
	int r = collect_pods(v, prev, e);

	return r < 0 ? r : collect_nodes(v, e);
}
