/* What the commands of an interface plugin share: see iface.h. */
#include "iface/iface.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "cni/attachment.h"
#include "iface/gone.h"
#include "net/sysctl.h"

int iface_open(struct iface **out, const struct cni_request *req, const void *conf, struct err *e)
{
	static struct iface i;

	*out = &i;
	i.driver = req->plugin->driver;
	i.plugin_conf = conf;
	i.conf = conf;
	i.req = req;
	i.ips.ip_count = i.ips.route_count = 0;
	i.ips.dns = (struct json_raw){ 0 };
	i.state = arena_alloc(req->arena, i.driver->state_size);
	if (!i.state)
		return err_set(e, ENOMEM, "no memory left");
	attachment_host_name(&req->at, i.host_name);
	attachment_alias(&req->at, i.alias);
	return nl_open(&i.host, NETLINK_ROUTE, i.buf, sizeof(i.buf), e);
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

void iface_complete_gateways(struct iface *i)
{
	for (size_t n = 0; n < i->ips.ip_count; n++) {
		struct cni_ip *ip = &i->ips.ips[n];
		struct addr network = prefix_first(&ip->address);

		if (!addr_is_set(&ip->gateway))
			ip->gateway = addr_next(&network);
	}
}

int iface_forward(uint8_t family, struct err *e)
{
	const char *path =
		family == AF_INET6 ? "net/ipv6/conf/all/forwarding" : "net/ipv4/ip_forward";
	int r = sysctl_set(path, "1", e);

	return r < 0 ? r : 0;
}

const char *iface_mac_text(const struct iface *i, const uint8_t mac[static 6])
{
	char text[MAC_TEXT];

	return arena_strndup(i->req->arena, mac_format(mac, text), MAC_TEXT - 1);
}
