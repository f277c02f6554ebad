/*
 * host-local: an IPAM plugin that gives addresses from ranges and keeps them in files; other
 * plugins call it. Its keys stand in the "ipam" object of the calling plugin's configuration.
 */
#include "plugins/plugins.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "ipam/host_local.h"

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	if (!req->ipam.text)
		return err_code(
			e, err_set(e, EINVAL, "ipam: missing; the keys of host-local stand there"),
			CNI_ERR_CONFIG);
	return host_local_read(req, req->ipam, conf, e);
}

struct taken {
	const struct host_local *conf;
	const struct cni_request *req;
};

static void release(void *ctx)
{
	const struct taken *t = ctx;
	struct err e = { 0 };

	if (host_local_del(t->conf, t->req, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct taken taken;
	int r;

	*out = (struct cni_result){ 0 };
	r = host_local_add(conf, req, out, e);
	if (r < 0)
		return r;
	taken = (struct taken){ .conf = conf, .req = req };
	undo_push(u, release, &taken);
	return 0;
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	return host_local_del(conf, req, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	return host_local_check(conf, req, prev, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	return host_local_gc(conf, req, e);
}

static int status(const struct cni_request *req, const void *conf, struct err *e)
{
	return host_local_status(conf, req, e);
}

const struct cni_plugin host_local_plugin = {
	.name = "host-local",
	.summary = "addresses from ranges, with leases in files of this node (IPAM)",
	.capabilities = { "ipRanges", "ips" },
	.ipam_keys = &host_local_keys,
	.conf_size = sizeof(struct host_local),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
