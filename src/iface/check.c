/* CHECK and STATUS of an interface plugin: see iface.h. */
#include "iface/iface.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "fw/ip_masq.h"
#include "fw/reference.h"
#include "fw/spoof.h"
#include "iface/host_end.h"

static int differs(struct err *e, int r)
{
	return err_code(e, r, CNI_ERR_DIFFERS);
}

/* What the pod's interface and its host end have alike. */
static uint32_t mtu_wanted(const struct iface *i, const struct cni_iface *f)
{
	return (uint32_t)(f && f->mtu ? f->mtu : i->conf->mtu);
}

static int check_pod(struct iface *i, const struct cni_result *prev, struct err *e)
{
	const struct pod_want want = {
		.ifname = i->req->at.ifname,
		.by_gateway = i->driver->by_gateway,
		.down = i->conf->down,
		.mtu = mtu_wanted(i, &prev->ifaces[i->in_prev]),
		.r = prev,
	};
	int r = pod_open(&i->pod, &i->host, i->req, e);

	return r < 0 ? r : pod_verify(&i->pod, &want, i->in_prev, e);
}

/*
 * A pod that the reference attached: the peer of its interface, which has no alias of ours, and
 * which the result names.
 */
static int find_foreign(struct iface *i, const struct cni_result *prev, const struct link *in_pod,
			struct err *e)
{
	int r = link_find_index(&i->host, in_pod->peer, &i->end, e);

	if (r < 0 || (r > 0 && !i->end.alias[0] && iface_prev_has(prev, i->end.name)))
		return r;
	return err_set(e, ENODEV, "host end %s of the attachment is not there", i->host_name);
}

static const struct cni_iface *end_of_prev(const struct iface *i, const struct cni_result *prev)
{
	const char *names[] = { i->end.name, i->host_name };

	for (size_t k = 0; k < 2; k++) {
		for (size_t n = 0; n < prev->iface_count; n++) {
			const struct cni_iface *f = &prev->ifaces[n];

			if ((!f->sandbox || !*f->sandbox) && strcmp(f->name, names[k]) == 0)
				return f;
		}
	}
	return NULL;
}

static int compare_end(const struct iface *i, const struct cni_result *prev, struct err *e)
{
	const struct cni_iface *f = end_of_prev(i, prev);
	const struct link *end = &i->end;
	uint32_t mtu = mtu_wanted(i, f);
	char mac[MAC_TEXT];

	if (!end->up)
		return err_set(e, ENETDOWN, "host end %s is down", end->name);
	if (mtu && end->mtu != mtu)
		return err_set(e, EINVAL, "host end %s has the MTU %u instead of %u", end->name,
			       end->mtu, mtu);
	if (f && f->mac && *f->mac && strcasecmp(f->mac, mac_format(end->mac, mac)) != 0)
		return err_set(e, EINVAL, "host end %s has the MAC %s instead of %.20s", end->name,
			       mac, f->mac);
	return 0;
}

static int check_end(struct iface *i, const struct cni_result *prev, struct err *e)
{
	struct link in_pod;
	int r = link_find(&i->pod.nl, i->req->at.ifname, &in_pod, e);

	if (r == 0)
		r = err_set(e, ENODEV, "interface %s is not in the pod", i->req->at.ifname);
	if (r > 0)
		r = host_end_search(i, &i->end, e);
	if (r == 0)
		r = find_foreign(i, prev, &in_pod, e);
	if (r > 0)
		r = host_end_is_peer(i, &i->end, &in_pod, e);
	if (r == 0)
		r = err_set(e, EINVAL, "host end %s is not the peer of %s in the pod", i->end.name,
			    in_pod.name);
	return differs(e, r < 0 ? r : compare_end(i, prev, e));
}

/* ADD brings it up, the reference's plugins do not: 1: this attachment is ours. */
static int is_ours(struct iface *i, struct err *e)
{
	struct link l;
	int r;

	if (i->driver->host_end)
		return i->end.alias[0] != '\0';
	r = link_find(&i->pod.nl, i->req->at.ifname, &l, e);
	return r > 0 ? strcmp(l.alias, i->alias) == 0 : r;
}

static int check_loopback(struct iface *i, struct err *e)
{
	struct link lo;
	int r = is_ours(i, e);

	if (r > 0)
		r = link_find_index(&i->pod.nl, 1, &lo, e);
	if (r > 0 && !lo.up)
		r = differs(e, err_set(e, ENETDOWN, "interface %s in the pod is down", lo.name));
	return r < 0 ? r : 0;
}

/* 1: the reference's plugin has attached the pod, and masquerades what it sends. */
static int check_reference(const struct iface *i, const struct cni_result *prev, struct err *e)
{
	int r = prev->ip_count > 0;

	for (size_t n = 0; r > 0 && n < prev->ip_count; n++)
		r = reference_has_masquerade(&i->req->at, prev->ips[n].address.addr.family, e);
	return r;
}

/* A difference is none where the reference's plugin sees to it. */
static int pardon(int has, struct err *mine, struct err *e)
{
	if (has > 0)
		return 0;
	return has < 0 ? has : err_take(e, mine);
}

static int check_masquerade(const struct iface *i, const struct cni_result *prev, struct err *e)
{
	struct err mine = { 0 };

	if (masquerade_check(&i->req->at, prev, &mine) == 0)
		return 0;
	return pardon(mine.code == CNI_ERR_DIFFERS ? check_reference(i, prev, e) : 0, &mine, e);
}

static int check_mac(struct iface *i, const struct cni_result *prev, struct err *e)
{
	const char *text = prev->ifaces[i->in_prev].mac;
	struct err mine = { 0 };
	uint8_t mac[6];
	int r;

	if (!text || !mac_parse(text, mac)) {
		r = err_set(e, EINVAL, "prevResult.interfaces[%d].mac: macspoofchk needs one",
			    i->in_prev);
		return err_code(e, r, CNI_ERR_CONFIG);
	}
	if (spoof_check(i->end.name, mac, &mine) == 0)
		return 0;
	return pardon(mine.code == CNI_ERR_DIFFERS ? reference_has_mac_check(&i->req->at, e) : 0,
		      &mine, e);
}

int iface_check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		struct err *e)
{
	struct iface *i;
	int r = iface_open(&i, req, conf, e);

	if (r == 0)
		r = i->in_prev = iface_of_prev(req, prev, e);
	if (r >= 0)
		r = check_pod(i, prev, e);
	if (r == 0 && i->driver->host_end)
		r = check_end(i, prev, e);
	if (r == 0)
		r = check_loopback(i, e);
	if (r == 0 && i->driver->check)
		r = i->driver->check(i, prev, e);
	if (r == 0 && i->conf->ip_masq)
		r = check_masquerade(i, prev, e);
	if (r == 0 && i->conf->mac_check)
		r = check_mac(i, prev, e);
	return r < 0 ? r : ipam_check(&i->conf->ipam, req, prev, e);
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
