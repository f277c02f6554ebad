/* CHECK and STATUS of an interface plugin: see iface.h. */
#include "iface/iface.h"

#include "base/err.h"
#include "fw/masquerade.h"

static int check_pod(struct iface *i, const struct cni_result *prev, struct err *e)
{
	int index = iface_of_prev(i->req, prev, e), r;
	const struct pod_want want = {
		.ifname = i->req->at.ifname,
		.by_gateway = i->driver->by_gateway,
		.r = prev,
	};

	if (index < 0)
		return index;
	r = pod_open(&i->pod, i->req, e);
	return r < 0 ? r : pod_verify(&i->pod, &want, index, e);
}

int iface_check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		struct err *e)
{
	struct iface *i;
	int r = iface_open(&i, req, conf, e);

	if (r == 0 && i->driver->check)
		r = i->driver->check(i, prev, e);
	if (r == 0)
		r = check_pod(i, prev, e);
	if (r == 0 && i->conf->ip_masq)
		r = masquerade_check(&req->at, prev, e);
	return r < 0 ? r : ipam_check(&i->conf->ipam, req, e);
}

int iface_status(const struct cni_request *req, const void *conf, struct err *e)
{
	struct iface *i;
	int r = iface_open(&i, req, conf, e);

	if (r == 0 && i->driver->status)
		r = i->driver->status(i, e);
	if (r < 0)
		return err_code(e, r, CNI_ERR_NOT_AVAILABLE);
	return ipam_status(&i->conf->ipam, req, e);
}
