/*
 * ADD of a pod to a bridge: see bridged.h. DEL, CHECK, GC and STATUS are in bridged_del.c.
 *
 * The order of the steps is: look at everything that can be wrong; lease; bridge; masquerade; veth
 * pair with its host end in the bridge; the pod's side. Whatever the moment of a SIGKILL, DEL finds
 * all of it by the attachment's names.
 */
#include "iface/bridged.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cni/attachment.h"
#include "iface/bridge_host.h"
#include "attach/masq.h"
#include "iface/pod.h"
#include "iface/reaper.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "net/nl.h"

#define VETH_DEFAULT_MTU 1500

struct add {
	const struct bridged *conf;
	const struct cni_request *req;
	struct nl host;
	struct pod pod;
	struct bridge_host bridge;
	char host_name[IF_NAMESIZE];
	char alias[LINK_ALIAS_SIZE];
	struct veth veth;
	struct cni_result ips; /* of the IPAM plugin, completed */
	char buf[8192];
};

static void undo_lease(void *ctx)
{
	struct add *a = ctx;
	struct err e = { 0 };

	if (ipam_del(&a->conf->ipam, a->req, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static void undo_bridge(void *ctx)
{
	struct add *a = ctx;

	bridge_host_drop(&a->bridge);
}

static void undo_masq(void *ctx)
{
	struct add *a = ctx;
	struct err e = { 0 };

	if (masq_del(&a->req->at, NULL, 0, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static void undo_veth(void *ctx)
{
	struct add *a = ctx;
	struct err e = { 0 };

	link_del_name(&a->host, a->host_name);
	if (nl_commit(&a->host, NULL, &e) < 0 && e.errnum != ENODEV)
		log_line(LOG_WARN, "undo: %s", e.text);
}

/*
 * A host end of this attachment: a link that its DEL has marked may still be on its way out; else
 * the attachment exists.
 */
static int check_host_name(struct add *a, struct err *e)
{
	struct link l;
	int r = link_find(&a->host, a->host_name, &l, e);

	if (r > 0 && reaper_has(&l)) {
		r = reaper_del(&a->host, a->host_name, NULL, NULL, e);
		if (r >= 0)
			r = link_find(&a->host, a->host_name, &l, e);
	}
	if (r <= 0)
		return r;
	r = err_set(e, EEXIST,
		    "container %s already has interface %s in network %s (%s on the host)",
		    a->req->at.container_id, a->req->at.ifname, a->req->at.network, a->host_name);
	return err_code(e, r, CNI_ERR_EXISTS);
}

static int look(struct add *a, struct err *e)
{
	int r = nl_open(&a->host, NETLINK_ROUTE, a->buf, sizeof(a->buf), e);

	if (r == 0)
		r = pod_open(&a->pod, a->req->netns, e);
	if (r == 0)
		r = pod_check_free(&a->pod, a->req->at.ifname, e);
	if (r == 0)
		r = check_host_name(a, e);
	return r;
}

/* As the reference: with isGateway an address without a gateway gets the first of its subnet. */
static void complete_gateways(const struct bridged *conf, struct cni_result *ips)
{
	for (size_t i = 0; i < ips->ip_count; i++) {
		struct cni_ip *ip = &ips->ips[i];
		struct addr network = prefix_first(&ip->address);

		if (conf->is_gateway && !addr_is_set(&ip->gateway))
			ip->gateway = addr_next(&network);
	}
}

static bool has_default_route(const struct cni_result *r, uint8_t family)
{
	for (size_t i = 0; i < r->route_count; i++) {
		if (r->routes[i].dst.len == 0 && r->routes[i].dst.addr.family == family)
			return true;
	}
	return false;
}

static int add_default_routes(const struct bridged *conf, struct cni_result *ips, struct err *e)
{
	int r = 0;

	for (size_t i = 0; conf->is_default_gateway && r >= 0 && i < ips->ip_count; i++) {
		const struct cni_route rt = {
			.dst = { .addr = { .family = ips->ips[i].address.addr.family } },
			.gw = ips->ips[i].gateway,
			.scope = -1,
		};

		if (addr_is_set(&rt.gw) && !has_default_route(ips, rt.gw.family))
			r = cni_result_add_route(ips, &rt, e);
	}
	return r < 0 ? r : 0;
}

static int lease(struct add *a, struct undo *u, struct err *e)
{
	int r = ipam_add(&a->conf->ipam, a->req, &a->ips, e);

	if (r < 0)
		return r;
	undo_push(u, undo_lease, a);
	if (a->conf->ipam.kind != IPAM_NONE && a->ips.ip_count == 0)
		return err_code(e, err_set(e, EINVAL, "the IPAM plugin gave no address"),
				CNI_ERR_CONFIG);
	complete_gateways(a->conf, &a->ips);
	return add_default_routes(a->conf, &a->ips, e);
}

static int open_bridge(struct add *a, struct err *e)
{
	const struct bridge_want want = {
		.name = a->conf->bridge,
		.mtu = (uint32_t)a->conf->mtu,
		.promisc = a->conf->promisc,
		.gateway = a->conf->is_gateway,
		.force_address = a->conf->force_address,
	};

	a->bridge.nl = &a->host;
	return bridge_host_open(&a->bridge, &want, &a->ips, e);
}

static int join_bridge(struct add *a, bool no_ipv6, struct err *e)
{
	const struct port port = { .hairpin = a->conf->hairpin, .isolated = a->conf->isolated };

	link_join_veth(&a->host, &a->veth, no_ipv6);
	if (port.hairpin || port.isolated)
		link_set_port(&a->host, a->host_name, &port);
	return nl_commit(&a->host, NULL, e);
}

static int add_veth(struct add *a, struct err *e)
{
	struct err local = { 0 };
	int r;

	a->veth = (struct veth){
		.host = a->host_name,
		.pod = a->req->at.ifname,
		.alias = attachment_alias(&a->req->at, a->alias),
		.group = attachment_group(),
		.pod_ns = a->pod.ns,
		.master = a->bridge.link.index,
		.mtu = (uint32_t)a->conf->mtu,
	};
	mac_random(a->veth.host_mac);
	if (!a->conf->mac || !mac_parse(a->conf->mac, a->veth.pod_mac))
		mac_random(a->veth.pod_mac);
	link_add_veth(&a->host, &a->veth);
	r = join_bridge(a, true, &local);
	if (r == -EAFNOSUPPORT)
		return join_bridge(a, false, e);
	if (r < 0)
		*e = local;
	return r;
}

static const char *mac_text(struct add *a, const uint8_t mac[static 6])
{
	char text[MAC_TEXT];

	return arena_strndup(a->req->arena, mac_format(mac, text), MAC_TEXT - 1);
}

/* The order that clients know: bridge, host end, the pod's interface. */
static int report(struct add *a, struct cni_result *out, struct err *e)
{
	const int64_t mtu = a->conf->mtu ? a->conf->mtu : VETH_DEFAULT_MTU;
	const struct cni_iface ifaces[] = {
		{ .name = a->conf->bridge,
		  .mac = mac_text(a, a->bridge.link.mac),
		  .mtu = a->bridge.link.mtu },
		{ .name = a->host_name, .mac = mac_text(a, a->veth.host_mac), .mtu = mtu },
		{ .name = a->req->at.ifname,
		  .mac = mac_text(a, a->veth.pod_mac),
		  .mtu = mtu,
		  .sandbox = a->req->netns },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(ifaces) / sizeof(ifaces[0]); i++)
		r = cni_result_add_iface(out, &ifaces[i], e);
	for (size_t i = 0; i < a->ips.ip_count; i++)
		a->ips.ips[i].interface = r;
	for (size_t i = 0; r >= 0 && i < a->ips.ip_count; i++)
		r = cni_result_add_ip(out, &a->ips.ips[i], e);
	for (size_t i = 0; r >= 0 && i < a->ips.route_count; i++)
		r = cni_result_add_route(out, &a->ips.routes[i], e);
	out->dns = a->req->dns.text ? a->req->dns : a->ips.dns;
	return r < 0 ? r : 0;
}

static int attach(struct add *a, struct cni_result *out, struct undo *u, struct err *e)
{
	int r = lease(a, u, e);

	if (r == 0)
		r = open_bridge(a, e);
	if (r < 0)
		return r;
	undo_push(u, undo_bridge, a);
	if (a->conf->ip_masq && a->ips.ip_count) {
		undo_push(u, undo_masq, a);
		r = masq_add(&a->req->at, &a->ips, e);
	}
	if (r == 0) {
		undo_push(u, undo_veth, a);
		r = add_veth(a, e);
	}
	if (r == 0)
		r = pod_configure(&a->pod, a->req->at.ifname, -1, &a->ips, e);
	if (r == 0)
		r = report(a, out, e);
	return r < 0 ? r : bridge_host_keep(&a->bridge, e);
}

/* prevResult says nothing here: this plugin begins a chain, as the reference's does. */
int bridged_add(const struct bridged *b, const struct cni_request *req, struct cni_result *out,
		struct undo *u, struct err *e)
{
	static struct add add;
	int r;

	add.conf = b;
	add.req = req;
	attachment_host_name(&req->at, add.host_name);
	*out = (struct cni_result){ 0 };
	r = look(&add, e);
	return r < 0 ? r : attach(&add, out, u, e);
}
