/*
 * dummy: an interface in the pod that leads nowhere, for addresses that only the pod itself uses.
 * It has no end on the host.
 */
#include "plugins/plugins.h"

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/iface.h"

#define DUMMY_DEFAULT_MTU 1500

struct conf {
	struct iface_conf iface;
};

static int make_link(struct iface *i, struct err *e)
{
	const struct new_link l = {
		.name = i->req->at.ifname,
		.kind = "dummy",
		.mac = i->mac,
		.group = attachment_group(),
	};

	i->mtu = DUMMY_DEFAULT_MTU;
	link_add(&i->pod.nl, &l);
	return err_ctx(e, nl_commit(&i->pod.nl, NULL, e), "%s in the pod", l.name);
}

static const struct iface_driver driver = {
	.adopts = "dummy",
	.ipam_required = true,
	.link = make_link,
};

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;

	return iface_prepare(req, &c->iface, e);
}

const struct cni_plugin dummy_plugin = {
	.name = "dummy",
	.summary = "an interface in the container that leads nowhere, with addresses",
	.ipam_keys = &host_local_keys,
	.capabilities = { "ipRanges", "ips", "mac" },
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	IFACE_PLUGIN(driver),
};
