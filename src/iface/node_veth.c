/* A veth between pod and node: the pair itself, DEL and GC. See node_veth.h. */
#include "iface/node_veth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "iface/attached.h"
#include "iface/forward.h"
#include "iface/node_veth_private.h"
#include "iface/reaper.h"
#include "net/netns.h"

#define MARK "cnibox+" /* of the alias; others' is "cnibox " */
#define MARK_LEN (sizeof(MARK) - 1)
#define DEFAULT_MTU 1500
#define IPV6_MTU_MIN 1280
#define GC_PASSES 64

/* No interface has a colon in its name. */
static void derive_names(const struct cni_attachment *at, char name[static IF_NAMESIZE],
			 char alias[static LINK_ALIAS_SIZE])
{
	struct cni_attachment own = *at;
	char ifname[2 * IF_NAMESIZE];

	snprintf(ifname, sizeof(ifname), "%s:node", at->ifname);
	own.ifname = ifname;
	attachment_host_name(&own, name);
	attachment_alias(at, alias);
	memcpy(alias, MARK, MARK_LEN);
}

bool node_veth_parse_alias(const char *alias, char buf[static LINK_ALIAS_SIZE],
			   struct cni_attachment *out)
{
	char copy[LINK_ALIAS_SIZE];

	if (strncmp(alias, MARK, MARK_LEN) != 0 || !str_copy(copy, sizeof(copy), alias))
		return false;
	copy[MARK_LEN - 1] = ' ';
	return attachment_parse(copy, buf, out);
}

bool node_veth_has(const struct node_veth *v, bool v6)
{
	return addr_is_set(&v->via[v6]);
}

struct prefix node_veth_alone(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = (uint8_t)addr_bits(a) };
}

const struct addr *node_veth_pod(const struct node_veth *v, bool v6)
{
	size_t n = 0;

	while (is_v6(&v->pods[n]) != v6)
		n++;
	return &v->pods[n];
}

static int check_mtu(const struct node_veth *v, struct err *e)
{
	if (!v->conf->mtu || v->conf->mtu >= IPV6_MTU_MIN || !node_veth_has(v, true))
		return 0;
	return err_code(e,
			err_set(e, EINVAL, "mtu: %u is below IPv6's smallest, %d, and %s has %s",
				v->conf->mtu, IPV6_MTU_MIN, v->chain.link.name,
				addr_text(node_veth_pod(v, true))),
			CNI_ERR_CONFIG);
}

int node_veth_open(struct node_veth *v, const struct cni_request *req,
		   const struct node_veth_conf *conf, const struct cni_result *prev, struct err *e)
{
	int r = chained_open(&v->chain, req, prev, e);

	v->conf = conf;
	v->prev = prev;
	derive_names(&req->at, v->name, v->alias);
	if (r == 0)
		r = nl_open(&v->host, NETLINK_ROUTE, v->buf, sizeof(v->buf), e);
	if (r == 0)
		r = node_veth_collect_addresses(v, prev, e);
	return r < 0 ? r : check_mtu(v, e);
}

/* ---- the pair ---- */

static uint32_t choose_mtu(const struct node_veth *v)
{
	if (v->conf->mtu)
		return v->conf->mtu;
	return v->chain.link.mtu && v->chain.link.mtu < DEFAULT_MTU ? v->chain.link.mtu
								    : DEFAULT_MTU;
}

int node_veth_check_free(struct node_veth *v, struct err *e)
{
	int r = link_find(&v->host, v->name, &v->end, e);

	if (r > 0)
		return err_code(e,
				err_set(e, EEXIST,
					"%s is attached to the node already, by its host end %s",
					v->chain.link.name, v->name),
				CNI_ERR_EXISTS);
	return r < 0 ? r : pod_check_free(&v->chain.pod, v->conf->pod_if, e);
}

int node_veth_clear(struct node_veth *v, struct err *e)
{
	return err_ctx(e, node_veth_del_stale(v, e), "what pods before have left");
}

/* Derived, as the name, whose digits are a hash; locally administered, one for each end. */
static void derive_mac(const char *name, uint8_t first, uint8_t mac[static 6])
{
	uint64_t hash = strtoull(name + strlen("veth"), NULL, 16);

	mac[0] = first;
	for (int n = 5; n > 0; n--, hash >>= 8)
		mac[n] = (uint8_t)hash;
}

/* Guarded before it is up; it keeps its maker's group until the ADD has succeeded. */
int node_veth_make_pair(struct node_veth *v, struct err *e)
{
	struct veth pair = {
		.host = v->name,
		.pod = v->conf->pod_if,
		.alias = v->alias,
		.group = attachment_group(),
		.keep_group = true,
		.pod_ns = v->chain.pod.ns,
		.mtu = choose_mtu(v),
	};
	int r;

	derive_mac(v->name, 0x02, pair.host_mac);
	derive_mac(v->name, 0x06, pair.pod_mac);
	link_add_veth(&v->host, &pair);
	r = nl_commit(&v->host, NULL, e);
	if (r == 0)
		r = forward_guard_new(v->name, e);
	if (r < 0)
		return r;
	link_join_veth(&v->host, &pair, false);
	r = nl_commit(&v->host, NULL, e);
	if (r == 0)
		r = link_find(&v->host, v->name, &v->end, e);
	if (r > 0)
		r = link_find(&v->chain.pod.nl, v->conf->pod_if, &v->in_pod, e);
	if (r == 0)
		r = err_set(e, ENODEV, "veth %s has gone away again", v->name);
	return r < 0 ? r : 0;
}

int node_veth_settle(struct node_veth *v, struct err *e)
{
	link_set_group(&v->host, v->end.index, 0);
	return err_ctx(e, nl_commit(&v->host, NULL, e), "host end %s", v->name);
}

int node_veth_add(struct node_veth *v, struct err *e)
{
	int r = node_veth_add_pod(v, e);

	if (r == 0)
		r = node_veth_add_host(v, e);
	if (r == 0)
		r = link_await(&v->host, v->name, &v->end, e);
	return r < 0 ? r : 0;
}

static int check_pair(struct node_veth *v, struct err *e)
{
	int r = link_find(&v->host, v->name, &v->end, e);

	if (r == 0)
		return err_set(e, ENODEV, "host end %s is not there", v->name);
	if (r > 0)
		r = link_find(&v->chain.pod.nl, v->conf->pod_if, &v->in_pod, e);
	if (r == 0)
		return err_set(e, ENODEV, "interface %s is not in the pod", v->conf->pod_if);
	if (r > 0)
		r = pod_is_peer(&v->chain.pod, &v->host, &v->end, &v->in_pod, e);
	if (r == 0)
		return err_set(e, EINVAL, "host end %s is not the other end of %s in the pod",
			       v->name, v->conf->pod_if);
	if (r < 0)
		return r;
	if (!v->end.up)
		return err_set(e, ENETDOWN, "host end %s is down", v->name);
	if (!v->in_pod.up)
		return err_set(e, ENETDOWN, "interface %s in the pod is down", v->conf->pod_if);
	if (v->end.mtu != choose_mtu(v) || v->in_pod.mtu != choose_mtu(v))
		return err_set(e, EINVAL, "%s has the MTU %u, %s %u, instead of %u", v->name,
			       v->end.mtu, v->conf->pod_if, v->in_pod.mtu, choose_mtu(v));
	return 0;
}

int node_veth_check(struct node_veth *v, struct err *e)
{
	int r = check_pair(v, e);

	if (r == 0)
		r = node_veth_collect_pod(v, e);
	if (r == 0)
		r = node_veth_check_pod(v, e);
	if (r == 0)
		r = node_veth_check_host(v, e);
	return err_code(e, r, CNI_ERR_DIFFERS);
}

/* ---- DEL, GC ---- */

static int keep_first(struct err *e, int r, struct err *step, int step_r)
{
	if (step_r < 0 && r < 0)
		log_line(LOG_WARN, "%s", step->text);
	else if (step_r < 0)
		*e = *step;
	err_clear(step);
	return r < 0 || step_r >= 0 ? r : step_r;
}

static int del_in_pod(const struct cni_request *req, const struct link *end, struct err *e)
{
	static struct chained chain;
	struct link l;
	int r = chained_open_left(&chain, req, e);

	if (r <= 0)
		return r;
	r = end ? link_find_index(&chain.pod.nl, end->peer, &l, e) : 0;
	if (r >= 0)
		r = node_veth_del_pod(&chain, r > 0 ? &l : NULL, e);
	pod_close(&chain.pod);
	return err_ctx(e, r, "in the pod");
}

/* By its name, or by its alias, for udev and administrators rename. 1, 0 or -errno. */
static int find_end(struct nl *host, const char *name, const char *alias, struct link *out,
		    struct err *e)
{
	int r = link_find(host, name, out, e);

	if (r < 0 || (r > 0 && (!out->alias[0] || strcmp(out->alias, alias) == 0)))
		return r;
	return link_find_alias(host, "veth", alias, out, e);
}

int node_veth_del(const struct cni_request *req, struct err *e)
{
	static char buf[8192];
	char name[IF_NAMESIZE], alias[LINK_ALIAS_SIZE];
	struct err step = { 0 };
	struct link end;
	struct nl host;
	int r = nl_open(&host, NETLINK_ROUTE, buf, sizeof(buf), e), found;

	if (r < 0)
		return r;
	derive_names(&req->at, name, alias);
	found = find_end(&host, name, alias, &end, &step);
	r = keep_first(e, r, &step, found);
	r = keep_first(e, r, &step, del_in_pod(req, found > 0 ? &end : NULL, &step));
	r = keep_first(e, r, &step, node_veth_del_rules(&host, name, &step));
	if (found > 0)
		r = keep_first(e, r, &step, reaper_del(&host, &end, &step));
	r = keep_first(e, r, &step, fw_forget(&underlay, &req->at, true, &step));
	nl_close(&host);
	return r;
}

struct gc_walk {
	const struct cni_request *req;
	int links[REAPER_MAX];
	char names[REAPER_MAX][IF_NAMESIZE]; /* of their attachments */
	size_t count;
};

static int collect_stale(const struct link *l, void *arg)
{
	struct gc_walk *w = arg;
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;

	if (w->count == REAPER_MAX || attachment_in_flight(l))
		return 0;
	w->names[w->count][0] = '\0';
	if (node_veth_parse_alias(l->alias, buf, &at)) {
		if (!attachment_network_is(at.network, w->req->at.network) ||
		    cni_is_valid(w->req, at.container_id, at.ifname))
			return 0;
		attachment_host_name(&at, w->names[w->count]);
	} else if (!attachment_orphaned(l)) {
		return 0;
	}
	w->links[w->count++] = l->index;
	return 0;
}

/* Read behind the links: whoever has one has had an interface before. */
static int spare_attached(struct gc_walk *w, struct err *e)
{
	size_t kept = 0;
	int r = attached_read(e);

	for (size_t n = 0; r == 0 && n < w->count; n++) {
		if (!attached_has(w->names[n]))
			w->links[kept++] = w->links[n];
	}
	w->count = kept;
	return r;
}

static int gc_links(struct nl *host, const struct cni_request *req, struct err *e)
{
	static struct gc_walk w;
	int passes = 0, r;

	w.req = req;
	do {
		w.count = 0;
		r = link_each(host, "veth", collect_stale, &w, e);
		if (r >= 0 && w.count)
			r = spare_attached(&w, e);
		if (r >= 0 && w.count)
			r = reaper_collect(host, w.links, w.count, e);
	} while (r >= 0 && w.count && passes++ < GC_PASSES);
	return r < 0 ? r : 0;
}

/* Rules go behind the links that they name. */
int node_veth_gc(const struct cni_request *req, struct err *e)
{
	static char buf[65536];
	struct err step = { 0 };
	struct nl host;
	int r = nl_open(&host, NETLINK_ROUTE, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = keep_first(e, r, &step, gc_links(&host, req, &step));
	r = keep_first(e, r, &step, node_veth_del_rules(&host, NULL, &step));
	r = keep_first(e, r, &step, fw_gc(&underlay, req, "", &attached, &step));
	nl_close(&host);
	return r;
}

int node_veth_status(const struct node_veth_conf *conf, struct err *e)
{
	static char buf[1024];
	struct link l;
	struct nl nl;
	int r = conf->host_if ? nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), e) : 0;

	if (r < 0 || !conf->host_if)
		return r;
	r = link_find(&nl, conf->host_if, &l, e);
	nl_close(&nl);
	return r ? (r < 0 ? r : 0)
		 : err_set(e, ENODEV, "hostInterface: this node has no interface \"%.32s\"",
			   conf->host_if);
}
