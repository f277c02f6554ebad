/*
 * dhcp: an IPAM plugin whose addresses come from a DHCP server on the pod's link. A daemon (`cnibox
 * dhcp daemon`) speaks with the server and renews the lease; this plugin asks it. Other plugins
 * call it when the pod's interface exists. Its keys stand in the "ipam" object of the calling
 * plugin's configuration.
 */
#include "plugins/plugins.h"

#include "base/err.h"
#include "base/log.h"
#include "dhcp/daemon.h"
#include "dhcp/ipam_dhcp.h"

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	return ipam_dhcp_read(req, req->ipam, conf, e);
}

struct taken {
	const struct ipam_dhcp *conf;
	const struct cni_request *req;
};

static void release(void *ctx)
{
	const struct taken *t = ctx;
	struct err e = { 0 };

	if (ipam_dhcp_del(t->conf, t->req, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct taken taken;
	int r = ipam_dhcp_add(conf, req, out, e);

	if (r < 0)
		return r;
	taken = (struct taken){ .conf = conf, .req = req };
	undo_push(u, release, &taken);
	return 0;
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	return ipam_dhcp_del(conf, req, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	(void)prev;
	return ipam_dhcp_check(conf, req, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	return ipam_dhcp_gc(conf, req, e);
}

static int status(const struct cni_request *req, const void *conf, struct err *e)
{
	return ipam_dhcp_status(conf, req, e);
}

const struct cni_plugin dhcp_plugin = {
	.name = "dhcp",
	.summary = "addresses from a DHCP server, by a daemon that renews them (IPAM)",
	.ipam_keys = &ipam_dhcp_keys,
	.conf_size = sizeof(struct ipam_dhcp),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
	.main = dhcp_main,
	.help = dhcp_daemon_help,
};
