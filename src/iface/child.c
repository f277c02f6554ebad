/* Interfaces that hang on a master: see child.h. */
#include "iface/child.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "net/ip.h"
#include "net/netns.h"

static const struct child_conf *conf_of(const struct iface *i)
{
	return i->plugin_conf;
}

static struct nl *socket_of(struct iface *i)
{
	return conf_of(i)->in_container ? &i->pod.nl : &i->host;
}

static const char *place_of(const struct iface *i)
{
	return conf_of(i)->in_container ? "in the pod" : "on the node";
}

int child_master_ns(const struct iface *i)
{
	return conf_of(i)->in_container ? i->pod.ns : i->pod.home;
}

struct way_out {
	int index; /* 0: none */
	uint32_t metric;
};

static int compare_default(const struct route *r, void *arg)
{
	struct way_out *w = arg;
	bool unicast = !r->type || r->type == RTN_UNICAST;

	if (r->dst.len == 0 && unicast && r->index && (!w->index || r->metric < w->metric))
		*w = (struct way_out){ r->index, r->metric };
	return 0;
}

static int find_way_out(struct nl *nl, struct link *out, struct err *e)
{
	struct way_out w = { 0 };
	int r = route_each(nl, AF_INET, 0, RT_TABLE_MAIN, compare_default, &w, e);

	if (r == 0 && !w.index)
		r = route_each(nl, AF_INET6, 0, RT_TABLE_MAIN, compare_default, &w, e);
	if (r < 0 || !w.index)
		return r;
	return link_find_index(nl, w.index, out, e);
}

int child_find(struct iface *i, const char *master, struct err *e)
{
	struct child *c = i->state;
	int r;

	if (!master || !*master) {
		r = find_way_out(socket_of(i), &c->master, e);
		if (r == 0)
			r = err_set(e, EINVAL,
				    "master: missing, and no default route %s says which",
				    place_of(i));
	} else {
		r = link_find(socket_of(i), master, &c->master, e);
		if (r == 0)
			r = err_set(e, EINVAL, "master: there is no interface \"%.48s\" %s", master,
				    place_of(i));
	}
	return r < 0 ? err_code(e, r, CNI_ERR_CONFIG) : 0;
}

int child_inspect(struct iface *i, const char *master, struct err *e)
{
	const struct child *c = i->state;
	int r = child_find(i, master, e);

	if (r == 0 && i->conf->mtu > (int64_t)c->master.mtu)
		r = err_code(e,
			     err_set(e, EINVAL, "mtu: %lld is above that of the master %s, %u",
				     (long long)i->conf->mtu, c->master.name, c->master.mtu),
			     CNI_ERR_CONFIG);
	return r;
}

/* The node may have a link of the pod's interface's name (link_add_macvlan()). */
struct nl *child_begin(struct iface *i, struct child_link *l)
{
	const struct child *c = i->state;
	bool here = conf_of(i)->in_container;

	*l = (struct child_link){
		.name = here ? i->req->at.ifname : i->host_name,
		.parent = c->master.index,
		.ns = here ? 0 : i->pod.ns,
		.mtu = (uint32_t)i->conf->mtu,
		.group = attachment_group(),
	};
	return socket_of(i);
}

/* Of mode passthru, say, which takes the master's MAC whatever it is asked for. */
static bool has_wanted_mac(const struct iface *i, const struct link *l)
{
	uint8_t mac[6];

	return !i->conf->mac || !mac_parse(i->conf->mac, mac) || memcmp(mac, l->mac, 6) == 0;
}

static int name_link(struct iface *i, const struct link *l, struct err *e)
{
	const char *name = i->req->at.ifname;
	int r;

	if (strcmp(l->name, name) != 0)
		link_set_name(&i->pod.nl, l->index, name);
	if (!has_wanted_mac(i, l))
		link_set_mac(&i->pod.nl, l->index, i->mac);
	else
		memcpy(i->mac, l->mac, sizeof(i->mac));
	r = nl_commit(&i->pod.nl, NULL, e);
	if (r == -EEXIST) {
		link_del(&i->pod.nl, l->index);
		(void)nl_commit(&i->pod.nl, NULL, err_ignored());
	}
	return r;
}

int child_finish(struct iface *i, const struct child_link *l, struct err *e)
{
	const struct child *c = i->state;
	struct link made;
	int r = nl_commit(socket_of(i), NULL, e);

	if (r < 0)
		return err_ctx(e, r, "%s on master %s", i->req->at.ifname, c->master.name);
	r = link_find(&i->pod.nl, l->name, &made, e);
	if (r == 0)
		r = err_set(e, ENODEV, "it has vanished");
	if (r > 0) {
		i->mtu = made.mtu;
		r = name_link(i, &made, e);
	}
	return err_ctx(e, r, "%s in the pod", i->req->at.ifname);
}

/* 1: it hangs on the master that is wanted. */
static int hangs_on(struct iface *i, const struct link *l, struct err *e)
{
	const struct child *c = i->state;
	int id, r;

	if (l->peer != c->master.index)
		return 0;
	if (conf_of(i)->in_container || netns_same(i->pod.ns, i->pod.home))
		return !l->peer_elsewhere;
	r = netns_id(&i->pod.nl, i->pod.home, &id, e);
	return r < 0 ? r : l->peer_elsewhere && id >= 0 && id == l->peer_ns;
}

static int check_master(struct iface *i, const struct link *l, const char *master, struct err *e)
{
	const struct child *c = i->state;
	int r = child_find(i, master, e);

	if (r == 0)
		r = hangs_on(i, l, e);
	if (r == 0)
		r = err_set(e, EINVAL, "interface %s in the pod does not hang on master %s",
			    l->name, c->master.name);
	return r < 0 ? r : 0;
}

static int check_link(struct iface *i, const struct child_want *w, struct err *e)
{
	struct link l;
	int r = link_find(&i->pod.nl, i->req->at.ifname, &l, e);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ENODEV, "interface %s is not in the pod", i->req->at.ifname);
	if (strcmp(l.kind, w->kind) != 0)
		return err_set(e, EINVAL, "interface %s in the pod is a %s link, not %s", l.name,
			       l.kind[0] ? l.kind : "hardware", w->kind);
	if (w->modes && l.mode != w->mode)
		return err_set(e, EINVAL, "interface %s in the pod is not of mode %s", l.name,
			       w->modes[w->mode]);
	if (l.vlan_id != w->vlan_id)
		return err_set(e, EINVAL, "interface %s in the pod has VLAN id %u instead of %u",
			       l.name, l.vlan_id, w->vlan_id);
	return w->any_master ? 0 : check_master(i, &l, w->master, e);
}

/* A master that is not there any more is a difference, too. */
int child_check(struct iface *i, const struct child_want *w, struct err *e)
{
	int r = check_link(i, w, e);

	if (r < 0)
		e->code = CNI_ERR_DIFFERS;
	return r;
}

int child_status(struct iface *i, struct err *e)
{
	const struct child_conf *c = conf_of(i);
	int r = c->in_container ? 0 : child_find(i, c->master, e);

	if (r < 0)
		e->code = CNI_ERR_NOT_AVAILABLE;
	return r;
}
