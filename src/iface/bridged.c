/* Pods on a bridge: see bridged.h. */
#include "iface/bridged.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "iface/bridge_host.h"
#include "iface/host_end.h"

struct state {
	struct bridge_host bridge;
	struct host_end end;
};

static const struct bridged_conf *conf_of(const struct iface *i)
{
	return i->plugin_conf;
}

int bridged_conf_check(const struct cni_request *req, const struct bridged_conf *c, struct err *e)
{
	int r;

	if (cni_takes_away(req) || cni_ifname_valid(c->bridge))
		return 0;
	r = err_set(e, EINVAL,
		    "bridge: \"%.48s\" is no interface name (1 to 15 bytes, no '/', ':' or blanks)",
		    c->bridge);
	return err_code(e, r, CNI_ERR_CONFIG);
}

static struct bridge_want want_of(const struct bridged_conf *c)
{
	return (struct bridge_want){
		.name = c->bridge,
		.mtu = (uint32_t)c->iface.mtu,
		.promisc = c->promisc,
		.gateway = c->is_gateway && c->iface.ipam.kind != IPAM_NONE,
		.force_address = c->force_address,
		.vlan = c->has_vlans ? &c->vlan : NULL,
	};
}

static int inspect(struct iface *i, struct err *e)
{
	const struct bridge_want want = want_of(conf_of(i));

	return bridge_host_inspect(&i->host, &want, e);
}

static void undo_host(void *ctx)
{
	bridge_host_drop(ctx);
}

static int host(struct iface *i, struct undo *u, struct err *e)
{
	const struct bridge_want want = want_of(conf_of(i));
	struct state *s = i->state;
	int r;

	s->bridge.nl = &i->host;
	r = bridge_host_open(&s->bridge, &want, e);
	if (r == 0)
		undo_push(u, undo_host, &s->bridge);
	return r;
}

static int gateway(struct iface *i, struct err *e)
{
	const struct bridge_want want = want_of(conf_of(i));
	struct state *s = i->state;

	return bridge_host_address(&s->bridge, &want, &i->ips, e);
}

static int make_link(struct iface *i, struct err *e)
{
	const struct bridged_conf *c = conf_of(i);
	struct state *s = i->state;

	s->end = (struct host_end){
		.master = s->bridge.link.index,
		.port = { .hairpin = c->hairpin, .isolated = c->isolated },
		.no_ipv6 = true,
	};
	return host_end_add(i, &s->end, e);
}

/* The pod's end is still down: nothing passes before the port is in its VLANs. */
static int make_port(struct iface *i, struct err *e)
{
	const struct bridged_conf *c = conf_of(i);
	int r = make_link(i, e);

	return r == 0 && c->has_vlans ? vlan_port_join(&i->host, i->host_name, &c->vlan, e) : r;
}

static bool has_default_route(const struct cni_result *r, uint8_t family)
{
	for (size_t n = 0; n < r->route_count; n++) {
		if (r->routes[n].dst.len == 0 && r->routes[n].dst.addr.family == family)
			return true;
	}
	return false;
}

static int add_default_routes(struct cni_result *ips, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r >= 0 && n < ips->ip_count; n++) {
		const struct cni_route rt = {
			.dst = { .addr = { .family = ips->ips[n].address.addr.family } },
			.gw = ips->ips[n].gateway,
			.scope = -1,
		};

		if (addr_is_set(&rt.gw) && !has_default_route(ips, rt.gw.family))
			r = cni_result_add_route(ips, &rt, e);
	}
	return r < 0 ? r : 0;
}

/* As the reference: with isGateway an address without a gateway gets the first of its subnet. */
static int complete(struct iface *i, struct err *e)
{
	const struct bridged_conf *c = conf_of(i);

	if (c->is_gateway)
		iface_complete_gateways(i);
	return c->is_default_gateway ? add_default_routes(&i->ips, e) : 0;
}

static int ready(struct iface *i, struct err *e)
{
	const struct bridge_want want = want_of(conf_of(i));
	struct state *s = i->state;

	if (i->conf->down)
		return 0;
	return bridge_host_ready(&s->bridge, &want, &i->ips, e);
}

/* The ports of a bridge decide on its MTU, this one too. */
static int find_mtu(struct iface *i, struct err *e)
{
	struct state *s = i->state;
	int r;

	if (i->req->version < CNI_1_1_0 || s->bridge.link.mtu == i->mtu)
		return 0;
	r = link_find_index(&i->host, s->bridge.link.index, &s->bridge.link, e);
	return r == 0 ? err_set(e, ENODEV, "bridge \"%s\" has vanished", conf_of(i)->bridge) : r;
}

static int report_bridge(struct iface *i, struct cni_result *out, struct err *e)
{
	struct state *s = i->state;
	const struct cni_iface bridge = {
		.name = conf_of(i)->bridge,
		.mac = iface_mac_text(i, s->bridge.link.mac),
		.mtu = s->bridge.link.mtu,
	};

	return cni_result_add_iface(out, &bridge, e);
}

static int report(struct iface *i, struct cni_result *out, struct err *e)
{
	struct state *s = i->state;
	int r = find_mtu(i, e);

	if (r >= 0)
		r = report_bridge(i, out, e);
	return r < 0 ? r : host_end_report(i, &s->end, out, e);
}

/* Behind the pod's, where the reference has it. */
static int report_gateway(struct iface *i, struct cni_result *out, struct err *e)
{
	struct state *s = i->state;
	const struct cni_iface gateway = {
		.name = s->bridge.gateway_name,
		.mac = iface_mac_text(i, s->bridge.gateway.mac),
		.mtu = s->bridge.gateway.mtu,
	};

	return s->bridge.gateway.index ? cni_result_add_iface(out, &gateway, e) : 0;
}

static int finish(struct iface *i, struct err *e)
{
	struct state *s = i->state;

	return bridge_host_keep(&s->bridge, e);
}

static int adopt(struct iface *i, const struct link *end, struct err *e)
{
	const char *name = conf_of(i)->bridge;
	struct link bridge;
	int r = cni_ifname_valid(name) ? link_find(&i->host, name, &bridge, e) : 0;

	return r <= 0 ? r : end->master == bridge.index;
}

static void sweep(struct iface *i)
{
	const struct bridge_want want = want_of(conf_of(i));

	bridge_host_sweep(&i->host, &want);
}

static int check_bridge(struct iface *i, struct link *bridge, struct err *e)
{
	const char *name = conf_of(i)->bridge;
	int r = link_find(&i->host, name, bridge, e);

	if (r == 0 || (r > 0 && strcmp(bridge->kind, "bridge") != 0))
		r = err_set(e, ENODEV, "bridge \"%s\" is not there", name);
	return r < 0 ? r : 0;
}

static int check_port(const struct bridged_conf *c, const struct link *end,
		      const struct link *bridge, struct err *e)
{
	if (end->master != bridge->index)
		return err_set(e, EINVAL, "host end %s is not in bridge \"%s\"", end->name,
			       bridge->name);
	if (c->hairpin && !end->hairpin)
		return err_set(e, EINVAL, "host end %s is not in hairpin mode", end->name);
	if (c->isolated && !end->isolated)
		return err_set(e, EINVAL, "host end %s is not isolated", end->name);
	return 0;
}

static int check(struct iface *i, const struct cni_result *prev, struct err *e)
{
	const struct bridge_want want = want_of(conf_of(i));
	struct link bridge;
	int r = check_bridge(i, &bridge, e);

	if (r == 0)
		r = check_port(conf_of(i), &i->end, &bridge, e);
	if (r == 0 && want.vlan)
		r = vlan_port_check(&i->host, &i->end, &bridge, want.vlan, e);
	if (r == 0)
		r = bridge_host_check(&i->host, &bridge, &want, prev, i->in_prev, e);
	return err_code(e, r, CNI_ERR_DIFFERS);
}

/* A link of the bridge's name that is no bridge makes every ADD fail. */
static int status(struct iface *i, struct err *e)
{
	const char *name = conf_of(i)->bridge;
	struct link l;
	int r = link_find(&i->host, name, &l, e);

	if (r > 0 && strcmp(l.kind, "bridge") != 0)
		r = err_set(e, EEXIST, "bridge \"%s\": a link of this name exists and is no bridge",
			    name);
	return r < 0 ? r : 0;
}

const struct iface_driver bridged_driver = {
	.host_end = true,
	.state_size = sizeof(struct state),
	.inspect = inspect,
	.host = host,
	.link = make_port,
	.complete = complete,
	.gateway = gateway,
	.ready = ready,
	.report = report,
	.report_behind = report_gateway,
	.finish = finish,
	.adopt = adopt,
	.sweep = sweep,
	.check = check,
	.status = status,
};
