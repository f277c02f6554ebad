/* A plugin that is an IPAM kind and nothing else: see ipam_plugin.h. */
#include "ipam/ipam_plugin.h"

#include <errno.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

int ipam_plugin_prepare(const struct cni_request *req, void *conf, struct err *e)
{
	return ipam_read(req, req->plugin->name, conf, e);
}

struct taken {
	const struct ipam *ipam;
	const struct cni_request *req;
};

static void release(void *ctx)
{
	const struct taken *t = ctx;
	struct err e = { 0 };

	if (ipam_del(t->ipam, t->req, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

int ipam_plugin_add(const struct cni_request *req, const void *conf, struct cni_result *out,
		    struct undo *u, struct err *e)
{
	struct taken *taken = arena_alloc(req->arena, sizeof(*taken));
	int r;

	if (!taken)
		return err_set(e, ENOMEM, "configuration too large");
	*taken = (struct taken){ .ipam = conf, .req = req };
	*out = (struct cni_result){ 0 };
	r = ipam_add(conf, req, out, e);
	if (r == 0)
		undo_push(u, release, taken);
	return r;
}

int ipam_plugin_del(const struct cni_request *req, const void *conf, struct err *e)
{
	return ipam_del(conf, req, e);
}

int ipam_plugin_check(const struct cni_request *req, const void *conf,
		      const struct cni_result *prev, struct err *e)
{
	return ipam_check(conf, req, prev, e);
}

int ipam_plugin_gc(const struct cni_request *req, const void *conf, struct err *e)
{
	return ipam_gc(conf, req, e);
}

int ipam_plugin_status(const struct cni_request *req, const void *conf, struct err *e)
{
	return ipam_status(conf, req, e);
}
