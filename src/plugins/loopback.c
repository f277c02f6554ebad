/*
 * loopback: brings the pod's lo up. With a prevResult, that is passed on; else the result is lo
 * with its addresses.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <sys/socket.h>

#include "iface/pod.h"
#include "base/err.h"

struct listed {
	struct cni_result *out;
	struct err *e;
};

/* What lo has: a pod may be without IPv6. */
static int list_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	const struct cni_ip ip = { .address = *p };
	struct listed *l = arg;
	int r = cni_result_add_ip(l->out, &ip, l->e);

	(void)index;
	(void)scope;
	return r < 0 ? r : 0;
}

static int ignore_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	(void)index;
	(void)p;
	(void)scope;
	(void)arg;
	return 0;
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct pod pod;
	const struct cni_iface lo = { .name = "lo",
				      .mac = "00:00:00:00:00:00",
				      .sandbox = req->netns };
	struct listed listed = { out, e };
	int r = pod_open(&pod, NULL, req, e);

	(void)conf;
	(void)u; /* a loopback that is up hurts nobody, and may have been up before */
	if (r == 0 && req->prev_result.text)
		return pod_loopback_up(&pod, ignore_address, NULL, e);
	if (r == 0)
		r = cni_result_add_iface(out, &lo, e);
	return r < 0 ? r : pod_loopback_up(&pod, list_address, &listed, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	static struct pod pod;
	struct link lo = { 0 };
	int r = pod_open(&pod, NULL, req, e);

	(void)conf;
	(void)prev;
	if (r == 0)
		r = link_find(&pod.nl, "lo", &lo, e);
	if (r < 0 || (r > 0 && lo.up))
		return r < 0 ? r : 0;
	return err_code(e, err_set(e, ENETDOWN, "lo in the pod is down"), CNI_ERR_DIFFERS);
}

/*
 * Nothing to delete: lo goes with its namespace, which may be gone, or shared by other attachments,
 * by now.
 */
const struct cni_plugin loopback_plugin = {
	.name = "loopback",
	.summary = "bring the container's lo up",
	.add = add,
	.check = check,
};
