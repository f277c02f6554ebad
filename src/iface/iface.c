/* What the commands of an interface plugin share: see iface.h. */
#include "iface/iface.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "cni/attachment.h"
#include "iface/gone.h"
#include "iface/in_pod.h"

static struct iface current; /* one process has one call */

int iface_open(struct iface **out, const struct cni_request *req, const void *conf, struct err *e)
{
	*out = &current;
	current.driver = req->plugin->driver;
	current.plugin_conf = conf;
	current.conf = conf;
	current.req = req;
	current.ips.ip_count = current.ips.route_count = 0;
	current.ips.dns = (struct json_raw){ 0 };
	current.state = arena_alloc(req->arena, current.driver->state_size);
	if (!current.state)
		return err_set(e, ENOMEM, "no memory left");
	attachment_host_name(&req->at, current.host_name);
	attachment_alias(&req->at, current.alias);
	return nl_open(&current.host, NETLINK_ROUTE, current.buf, sizeof(current.buf), e);
}

/* What fails here is no failure of the ADD any more: what it leaves unfinished works. */
void iface_answered(const struct cni_request *req, const void *conf, const char *answer, int status)
{
	struct err e = { 0 };

	(void)conf;
	(void)answer;
	if (req->command == CNI_ADD && status >= 0 && current.driver && current.driver->finish &&
	    current.driver->finish(&current, &e) < 0)
		log_line(LOG_WARN, "%s", e.text);
}

static bool masq_backend_is_known(const char *s)
{
	return !s || !*s || strcmp(s, "nftables") == 0 || strcmp(s, "iptables") == 0;
}

static int check_values(const struct iface_conf *c, struct err *e)
{
	uint8_t mac[6];

	if (c->mtu && c->mtu < 68)
		return err_set(e, EINVAL, "mtu: %lld is below IPv4's smallest, 68",
			       (long long)c->mtu);
	if (c->mac && (!mac_parse(c->mac, mac) || mac[0] & 1))
		return err_set(e, EINVAL, "mac: \"%.48s\" is no unicast MAC address", c->mac);
	if (!masq_backend_is_known(c->masq_backend))
		return err_set(e, EINVAL,
			       "ipMasqBackend: \"%.48s\" is neither iptables nor nftables",
			       c->masq_backend);
	return 0;
}

int iface_conf_check(const struct cni_request *req, struct iface_conf *c, struct err *e)
{
	if (req->wanted_mac)
		c->mac = req->wanted_mac;
	if (c->mac && !*c->mac)
		c->mac = NULL;
	if (cni_takes_away(req))
		return 0;
	return err_code(e, check_values(c, e), CNI_ERR_CONFIG);
}

/* A lease is known to be a dead pod's by the host end that is missing. */
int iface_prepare(const struct cni_request *req, struct iface_conf *c, struct err *e)
{
	const struct iface_driver *d = req->plugin->driver;
	int r = iface_conf_check(req, c, e);

	if (r == 0)
		r = ipam_select(req, d->host_end ? attachment_gone : NULL, &c->ipam, e);
	if (!d->host_end)
		c->ipam.local.own_gone = in_pod_gone;
	if (r == 0 && d->ipam_required && c->ipam.kind == IPAM_NONE && !cni_takes_away(req))
		r = err_code(e,
			     err_set(e, EINVAL,
				     "ipam: missing; %s needs an IPAM plugin, such as host-local",
				     req->plugin->name),
			     CNI_ERR_CONFIG);
	return r;
}

int iface_of_prev(const struct cni_request *req, const struct cni_result *prev, struct err *e)
{
	int r;

	for (size_t n = 0; n < prev->iface_count; n++) {
		const struct cni_iface *f = &prev->ifaces[n];

		if (f->sandbox && strcmp(f->name, req->at.ifname) == 0)
			return (int)n;
	}
	r = err_set(e, EINVAL, "prevResult.interfaces: no interface \"%s\" in a sandbox",
		    req->at.ifname);
	return err_code(e, r, CNI_ERR_CONFIG);
}

bool iface_prev_has(const struct cni_result *prev, const char *name)
{
	for (size_t n = 0; n < prev->iface_count; n++) {
		const struct cni_iface *f = &prev->ifaces[n];

		if ((!f->sandbox || !*f->sandbox) && strcmp(f->name, name) == 0)
			return true;
	}
	return false;
}

void iface_complete_gateways(struct iface *i)
{
	for (size_t n = 0; n < i->ips.ip_count; n++) {
		struct cni_ip *ip = &i->ips.ips[n];
		struct addr network = prefix_first(&ip->address);

		if (!addr_is_set(&ip->gateway))
			ip->gateway = addr_next(&network);
	}
}

const char *iface_mac_text(const struct iface *i, const uint8_t mac[static 6])
{
	char text[MAC_TEXT];

	return arena_strndup(i->req->arena, mac_format(mac, text), MAC_TEXT - 1);
}
