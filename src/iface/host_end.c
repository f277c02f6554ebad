/* Host ends: see host_end.h. */
#include "iface/host_end.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/forward.h"
#include "iface/iface.h"

#define VETH_DEFAULT_MTU 1500

/* The lease of our own host-local says that the ADD is in flight. */
static bool host_end_has_lease(const struct iface *i)
{
	return i->conf->ipam.kind == IPAM_HOST_LOCAL;
}

int host_end_settle(struct iface *i, struct err *e)
{
	struct link l;
	int r = host_end_has_lease(i) ? 0 : host_end_find(i, &l, e);

	if (r <= 0)
		return r;
	link_set_group(&i->host, l.index, 0);
	return err_ctx(e, nl_commit(&i->host, NULL, e), "host end %s", l.name);
}

static int make_pair(struct iface *i, const struct veth *v, struct err *e)
{
	link_add_veth(&i->host, v);
	return nl_commit(&i->host, NULL, e);
}

static int join(struct iface *i, const struct veth *v, const struct host_end *h, bool no_ipv6,
		struct err *e)
{
	link_join_veth(&i->host, v, no_ipv6);
	if (h->port.hairpin || h->port.isolated)
		link_set_port(&i->host, i->host_name, &h->port);
	return nl_commit(&i->host, NULL, e);
}

int host_end_add(struct iface *i, struct host_end *h, struct err *e)
{
	struct veth v = {
		.host = i->host_name,
		.pod = i->req->at.ifname,
		.alias = i->alias,
		.group = attachment_group(),
		.keep_group = !host_end_has_lease(i),
		.pod_ns = i->pod.ns,
		.master = h->master,
		.mtu = (uint32_t)i->conf->mtu,
	};
	int r;

	mac_random(h->mac);
	memcpy(v.host_mac, h->mac, sizeof(v.host_mac));
	memcpy(v.pod_mac, i->mac, sizeof(v.pod_mac));
	i->mtu = v.mtu ? v.mtu : VETH_DEFAULT_MTU;
	r = make_pair(i, &v, e);
	if (r == 0)
		r = forward_guard_new(i->host_name, e);
	if (r > 0 && h->ipv6_off)
		r = forward_shut_ipv6_new(i->host_name, e);
	return r < 0 ? r : join(i, &v, h, h->no_ipv6 && r > 0, e);
}

int host_end_report(const struct iface *i, const struct host_end *h, struct cni_result *out,
		    struct err *e)
{
	const struct cni_iface f = {
		.name = i->host_name,
		.mac = iface_mac_text(i, h->mac),
		.mtu = i->mtu,
	};

	return cni_result_add_iface(out, &f, e);
}

int host_end_search(struct iface *i, struct link *out, struct err *e)
{
	int r = link_find(&i->host, i->host_name, out, e);

	if (r < 0 || (r > 0 && attachment_owns(&i->req->at, out)))
		return r;
	return link_find_alias(&i->host, "veth", i->alias, out, e);
}

int host_end_is_peer(struct iface *i, const struct link *end, const struct link *in_pod,
		     struct err *e)
{
	return pod_is_peer(&i->pod, &i->host, end, in_pod, e);
}

int host_end_find(struct iface *i, struct link *out, struct err *e)
{
	int r = host_end_search(i, out, e);

	if (r == 0)
		return err_set(e, ENODEV, "host end %s of the attachment is not there",
			       i->host_name);
	return r;
}
