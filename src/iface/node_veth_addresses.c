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

#define LINKS_MAX 256
#define CANDIDATES_MAX 2048

/* A link that has addresses, of which no more count than there may be in all. */
struct holder {
	int index;
	size_t addresses;
	enum { NOT_ASKED, UP, DOWN } state;
};

struct candidate {
	struct holder *holder;
	struct addr addr;
};

static struct {
	struct holder holders[LINKS_MAX];
	size_t holder_count;
	struct candidate list[CANDIDATES_MAX];
	size_t count;
} found;

/* NULL: there are too many. */
static struct holder *holder_of(int index)
{
	struct holder *h = found.holders;

	while (h < &found.holders[found.holder_count] && h->index != index)
		h++;
	if (h == &found.holders[LINKS_MAX])
		return NULL;
	if (h == &found.holders[found.holder_count]) {
		*h = (struct holder){ .index = index };
		found.holder_count++;
	}
	return h;
}

static bool is_pods(const struct node_veth *v, const struct addr *a)
{
	for (size_t n = 0; n < v->pod_count; n++) {
		if (addr_equal(&v->pods[n], a))
			return true;
	}
	return false;
}

static int collect_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	const struct node_veth *v = arg;
	struct holder *h;

	if (scope != RT_SCOPE_UNIVERSE || is_pods(v, &p->addr))
		return 0;
	h = holder_of(index);
	if (!h || h->addresses == NODE_VETH_NODES_MAX || found.count == CANDIDATES_MAX)
		return 0;
	h->addresses++;
	found.list[found.count++] = (struct candidate){ h, p->addr };
	return 0;
}

static bool is_taken(const struct node_veth *v, const struct addr *a)
{
	for (size_t n = 0; n < v->node_count; n++) {
		if (addr_equal(&v->nodes[n], a))
			return true;
	}
	return false;
}

static void take(struct node_veth *v, const struct addr *a)
{
	if (v->node_count < NODE_VETH_NODES_MAX && !is_taken(v, a))
		v->nodes[v->node_count++] = *a;
}

/* A link that is down has addresses of others: of all Services, where a proxy uses IPVS. */
static int is_up(struct node_veth *v, struct holder *h, struct err *e)
{
	struct link l;
	int r = 0;

	if (h->state == NOT_ASKED) {
		r = link_find_index(&v->host, h->index, &l, e);
		h->state = r > 0 && l.up ? UP : DOWN;
	}
	return r < 0 ? r : h->state == UP;
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

static bool has_addresses(int index)
{
	const struct holder *h = holder_of(index);

	return h && h->addresses;
}

/* By name; else the parent, or where the default route leads, whichever has addresses. */
static int find_node_if(struct node_veth *v, struct err *e)
{
	int r;

	if (v->conf->host_if)
		return find_named(v, e);
	r = find_parent(v, &v->node_index, e);
	if (r < 0 || (r > 0 && has_addresses(v->node_index)))
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

/* Those of the node's interface first, whether that is up or not. */
static int collect_nodes(struct node_veth *v, struct err *e)
{
	int r;

	found.count = found.holder_count = 0;
	r = ifaddr_each(&v->host, 0, 0, collect_address, v, e);
	if (r >= 0)
		r = find_node_if(v, e);
	for (size_t n = 0; r >= 0 && n < found.count; n++) {
		if (found.list[n].holder->index == v->node_index)
			take(v, &found.list[n].addr);
	}
	for (size_t n = 0; r >= 0 && n < found.count; n++) {
		r = is_up(v, found.list[n].holder, e);
		if (r > 0)
			take(v, &found.list[n].addr);
	}
	return r < 0 ? r : choose_via(v, e);
}

int node_veth_collect_addresses(struct node_veth *v, const struct cni_result *prev, struct err *e)
{
	int r = collect_pods(v, prev, e);

	return r < 0 ? r : collect_nodes(v, e);
}
