/* What prevResult names: see chained.h. */
#include "iface/chained.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/iface.h"

int chained_require(const struct cni_request *req, struct err *e)
{
	if (req->prev_result.text)
		return 0;
	return err_code(e,
			err_set(e, EINVAL,
				"prevResult: missing; %s stands behind another plugin in a list",
				req->plugin->name),
			CNI_ERR_CONFIG);
}

static void init(struct chained *c, const struct cni_request *req)
{
	c->req = req;
	c->in_prev = -1;
	nl_init(&c->host);
}

static int find_link(struct chained *c, struct err *e)
{
	const char *name = c->req->at.ifname;
	int r = link_find(&c->pod.nl, name, &c->link, e);

	if (r != 0)
		return r;
	r = err_set(e, ENODEV, "interface %s is not in the pod", name);
	return err_code(e, r, c->req->command == CNI_CHECK ? CNI_ERR_DIFFERS : CNI_ERR_CONTAINER);
}

int chained_open(struct chained *c, const struct cni_request *req, const struct cni_result *prev,
		 struct err *e)
{
	int r;

	init(c, req);
	if (prev->iface_count) {
		c->in_prev = iface_of_prev(req, prev, e);
		if (c->in_prev < 0)
			return c->in_prev;
	}
	r = pod_open(&c->pod, NULL, req, e);
	if (r == 0)
		r = find_link(c, e);
	return r < 0 ? r : 0;
}

int chained_open_left(struct chained *c, const struct cni_request *req, struct err *e)
{
	int r;

	init(c, req);
	r = pod_open_left(&c->pod, NULL, req, e);
	if (r <= 0)
		return r;
	r = link_find(&c->pod.nl, req->at.ifname, &c->link, e);
	if (r <= 0)
		pod_close(&c->pod);
	return r;
}

/* By its name, or by that which it was made with: udev and administrators rename. */
static bool prev_has(const struct cni_result *prev, const struct link *end)
{
	char buf[LINK_ALIAS_SIZE], made_as[IF_NAMESIZE];
	struct cni_attachment at;

	return iface_prev_has(prev, end->name) ||
	       (attachment_parse(end->alias, buf, &at) &&
		iface_prev_has(prev, attachment_host_name(&at, made_as)));
}

int chained_host_end(struct chained *c, const struct cni_result *prev, struct err *e)
{
	int r = nl_open(&c->host, NETLINK_ROUTE, c->buf, sizeof(c->buf), e);

	if (r < 0)
		return r;
	if (c->link.peer)
		r = link_find_index(&c->host, c->link.peer, &c->end, e);
	if (r > 0)
		r = pod_is_peer(&c->pod, &c->host, &c->end, &c->link, e);
	if (r < 0)
		return r;
	if (r > 0 && (!prev->iface_count || prev_has(prev, &c->end)))
		return 0;
	r = err_set(e, ENODEV,
		    "prevResult.interfaces: none of the host is the other end of %s in the pod",
		    c->link.name);
	return err_code(e, r, c->req->command == CNI_CHECK ? CNI_ERR_DIFFERS : CNI_ERR_CONFIG);
}

bool chained_has_ip(const struct chained *c, const struct cni_ip *ip)
{
	return ip->interface < 0 || c->in_prev < 0 || ip->interface == c->in_prev;
}
