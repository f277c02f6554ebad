/* Holders: see holder.h. What a pod's interface calls itself is repeated, and nothing else. */
#include "iface/holder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "iface/iface.h"
#include "net/netns.h"

struct search {
	const struct iface *i;
	int master_ns;
	int master;
	uint16_t vlan_id;
	int ns_id; /* of master_ns where we are; -1: it is here */
	struct link found;
};

static int match(const struct link *l, void *arg)
{
	struct search *s = arg;

	if (l->peer == s->master && l->vlan_id == s->vlan_id &&
	    (s->ns_id < 0 ? !l->peer_elsewhere : l->peer_ns == s->ns_id))
		s->found = *l;
	return 0;
}

/* 1: it is here, 0: no. */
static int search_in(struct search *s, int ns)
{
	static char buf[1024];
	static struct nl nl;
	int r;

	if (nl_open_in(&nl, ns, s->i->pod.home, NETLINK_ROUTE, buf, sizeof(buf), err_ignored()) < 0)
		return 0;
	s->ns_id = -1;
	r = netns_same(ns, s->master_ns) ? 0
					 : netns_id(&nl, s->master_ns, &s->ns_id, err_ignored());
	if (r == 0 && (s->ns_id >= 0 || netns_same(ns, s->master_ns)))
		(void)link_each_seen(&nl, "vlan", match, s, err_ignored());
	nl_close(&nl);
	return s->found.index > 0;
}

static int visit(int ns, void *arg)
{
	return search_in(arg, ns);
}

static void describe(const struct search *s, bool on_node, char *out, size_t size)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;

	if (on_node)
		snprintf(out, size, "interface %s of the node has it", s->found.name);
	else if (attachment_parse(s->found.alias, buf, &at))
		snprintf(out, size, "container %.64s has it as interface %s of network %.64s",
			 at.container_id, at.ifname, at.network);
	else
		snprintf(out, size, "interface %s of another namespace has it", s->found.name);
	str_flatten(out);
}

int holder_of_vlan(struct iface *i, int ns, const struct link *master, uint16_t id,
		   const struct err *why, struct err *e)
{
	struct search s = { .i = i, .master_ns = ns, .master = master->index, .vlan_id = id };
	bool on_node = search_in(&s, i->pod.home);
	char who[400];

	if (!on_node && netns_each(i->pod.home, visit, &s, err_ignored()) <= 0)
		return err_take(e, why);
	describe(&s, on_node, who, sizeof(who));
	return err_code(
		e,
		err_set(e, EEXIST, "vlanId: %u of master %s is taken: %s", id, master->name, who),
		CNI_ERR_EXISTS);
}
