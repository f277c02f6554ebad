/*
 * veth-host: a veth between the pod and this node, behind a plugin that puts the pod on the node's
 * own wire: macvlan, ipvlan, vlan, host-device. It makes the two reach each other, which those
 * forbid, and Services, which whatever proxies them translates on the node. unnumbered-ptp is its
 * older name. What is made is in iface/node_veth.h.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "iface/node_veth.h"

struct conf {
	const char *host_if, *pod_if, *node_ports, *dns;
	bool ip_masq;
	int64_t mtu, first_table, mark;
	struct json_raw services[4];
	struct node_veth_conf want;
};

static const struct json_field fields[] = {
	{ "hostInterface", JSON_STR, offsetof(struct conf, host_if),
	  .help = "of the node, whose addresses the pod sees; default: what the pod's interface "
		  "hangs on" },
	{ "containerInterface", JSON_STR, offsetof(struct conf, pod_if),
	  .help = "in the pod; default veth0" },
	{ "ipMasq", JSON_BOOL, offsetof(struct conf, ip_masq),
	  .help = "translate what leaves by the node to its address" },
	{ "mtu", JSON_INT, offsetof(struct conf, mtu), .min = 0, .max = 65535,
	  .help = "of both ends; default: the pod's interface's, at most 1500" },
	{ "routeTableStart", JSON_INT, offsetof(struct conf, first_table), .min = 0,
	  .max = UINT32_MAX >> 1, .help = "routing tables above this are used; default 256" },
	{ "nodePortMark", JSON_INT, offsetof(struct conf, mark), .min = 1, .max = UINT32_MAX,
	  .help = "of packets that a pod begins, and NodePorts in conntrack; default 8192" },
	{ "nodePorts", JSON_STR, offsetof(struct conf, node_ports),
	  .help = "marked in conntrack: ports and FIRST:LAST, with commas; default 30000:32767" },
	{ "serviceCidr", JSON_RAW, offsetof(struct conf, services[0]),
	  .help = "prefix, or list of them: only these leave by the node; default: all that is not "
		  "on the wire" },
	{ "service_hijack_subnet", JSON_RAW, offsetof(struct conf, services[1]),
	  .help = "as serviceCidr" },
	{ "overlay_hijack_subnet", JSON_RAW, offsetof(struct conf, services[2]),
	  .help = "as serviceCidr, and the node sends these by its own routes" },
	{ "additional_hijack_subnet", JSON_RAW, offsetof(struct conf, services[3]),
	  .help = "as overlay_hijack_subnet" },
	{ "localDNSAddr", JSON_STR, offsetof(struct conf, dns),
	  .help = "an address that is reached by the node, too" },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static void defaults(void *conf)
{
	struct conf *c = conf;

	c->pod_if = "veth0";
	c->node_ports = "30000:32767";
	c->first_table = 256;
	c->mark = 0x2000;
}

/* ---- serviceCidr ---- */

static int put_service(struct node_veth_conf *w, const char *key, const struct prefix *p,
		       struct err *e)
{
	if (w->service_count == NODE_VETH_SERVICES_MAX)
		return err_set(e, E2BIG, "%s: more than %d prefixes", key, NODE_VETH_SERVICES_MAX);
	w->services[w->service_count].addr = prefix_first(p);
	w->services[w->service_count++].len = p->len;
	return 0;
}

/* Names of serviceCidr: ours and baidu's, then those of spidernet's "veth". */
static const char *const service_keys[] = { "serviceCidr", "service_hijack_subnet",
					    "overlay_hijack_subnet", "additional_hijack_subnet" };
#define FIRST_OVERLAY_KEY 2

/* A prefix, or several with commas. */
static int read_prefixes(struct arena *a, const char *key, const char *text,
			 struct node_veth_conf *w, struct err *e)
{
	char *copy = arena_strndup(a, text, strlen(text)), *save;
	int r = copy ? 0 : err_set(e, ENOMEM, "no memory left");

	for (char *s = copy ? strtok_r(copy, ", ", &save) : NULL; r == 0 && s;
	     s = strtok_r(NULL, ", ", &save)) {
		struct prefix p;

		if (!prefix_parse(s, &p) || p.len == 0)
			return err_set(e, EINVAL, "%s: \"%.64s\" is no IP prefix", key, s);
		r = put_service(w, key, &p, e);
	}
	return r;
}

static int read_text(struct arena *a, const char *key, struct json_raw raw,
		     struct node_veth_conf *w, struct err *e)
{
	const char *text = json_string(a, raw);

	if (!text)
		return err_set(e, EINVAL, "%s: expected a string or a list of strings, found %.*s",
			       key, (int)(raw.len < 32 ? raw.len : 32), raw.text);
	return read_prefixes(a, key, text, w, e);
}

static int read_services(struct arena *a, const char *key, struct json_raw raw,
			 struct node_veth_conf *w, struct err *e)
{
	struct json_iter it = json_members(raw);
	struct json_raw name, value;
	int r = 0;

	if (!raw.text || json_key_is(raw, "null"))
		return 0;
	if (raw.text[0] != '[')
		return read_text(a, key, raw, w, e);
	while (r == 0 && json_next(&it, &name, &value))
		r = read_text(a, key, value, w, e);
	return r;
}

static int read_all_services(struct arena *a, struct conf *c, struct err *e)
{
	int r = 0;

	for (size_t n = 0; r == 0 && n < sizeof(service_keys) / sizeof(service_keys[0]); n++) {
		if (n == FIRST_OVERLAY_KEY)
			c->want.overlay_first = c->want.service_count;
		r = read_services(a, service_keys[n], c->services[n], &c->want, e);
	}
	c->want.overlay_count = c->want.service_count - c->want.overlay_first;
	return r;
}

/* Beside the Services; alone it changes nothing, for then all is reached by the node. */
static int read_dns(struct conf *c, struct err *e)
{
	struct prefix p;

	if (!c->dns || !*c->dns)
		return 0;
	if (!addr_parse(c->dns, &p.addr))
		return err_set(e, EINVAL, "localDNSAddr: \"%.64s\" is no IP address", c->dns);
	p.len = (uint8_t)addr_bits(&p.addr);
	return c->want.service_count ? put_service(&c->want, "localDNSAddr", &p, e) : 0;
}

/* ---- the commands ---- */

static int check_values(const struct cni_request *req, const struct conf *c, struct err *e)
{
	if (!cni_ifname_valid(c->pod_if) || strcmp(c->pod_if, "lo") == 0)
		return err_set(e, EINVAL,
			       "containerInterface: \"%.32s\" is no name of an interface",
			       c->pod_if);
	if (strcmp(c->pod_if, req->at.ifname) == 0)
		return err_set(e, EINVAL,
			       "containerInterface: \"%.32s\" is the interface that the pod has",
			       c->pod_if);
	if (c->host_if && !cni_ifname_valid(c->host_if))
		return err_set(e, EINVAL, "hostInterface: \"%.32s\" is no name of an interface",
			       c->host_if);
	if (c->mtu && c->mtu < 68)
		return err_set(e, EINVAL, "mtu: %lld is below IPv4's smallest, 68",
			       (long long)c->mtu);
	return 0;
}

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	int r;

	if (cni_takes_away(req))
		return 0;
	if (!c->pod_if || !*c->pod_if)
		c->pod_if = "veth0";
	if (c->host_if && !*c->host_if)
		c->host_if = NULL;
	r = req->command == CNI_ADD ? chained_require(req, e) : 0;
	if (r == 0)
		r = check_values(req, c, e);
	if (r == 0)
		r = port_ranges_parse("nodePorts", c->node_ports, &c->want.ports, e);
	if (r == 0)
		r = read_all_services(req->arena, c, e);
	if (r == 0)
		r = read_dns(c, e);
	c->want.host_if = c->host_if;
	c->want.pod_if = c->pod_if;
	c->want.ip_masq = c->ip_masq;
	c->want.mtu = (uint32_t)c->mtu;
	c->want.first_table = (uint32_t)c->first_table;
	c->want.mark = (uint32_t)c->mark;
	return err_code(e, r, CNI_ERR_CONFIG);
}

static struct node_veth current; /* one process has one call */
static struct cni_request undone;

static void undo(void *ctx)
{
	struct err e = { 0 };

	(void)ctx;
	pod_close(&current.chain.pod); /* and its lock */
	if (node_veth_del(&undone, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

/* What both families have. */
static struct underlay_want underlay_of(const struct node_veth *v)
{
	static struct underlay_pod pods[UNDERLAY_PODS_MAX];
	struct underlay_want w = {
		.host_end = v->name,
		.mark = v->conf->mark,
		.pods = pods,
		.ports = v->conf->ports.list,
		.port_count = v->conf->ports.count,
		.ip_masq = v->conf->ip_masq,
	};

	for (size_t n = 0; n < v->pod_count; n++) {
		const struct addr *via = &v->via[v->pods[n].family == AF_INET6];

		if (addr_is_set(via))
			pods[w.pod_count++] = (struct underlay_pod){ v->pods[n], *via };
	}
	return w;
}

static int put_filter(const struct cni_request *req, struct err *e)
{
	const struct fw_owner owner = { .at = &req->at, .data_dir = "" };
	const struct underlay_want want = underlay_of(&current);

	return underlay_add(&owner, &want, e);
}

static int report(const struct cni_request *req, struct cni_result *out, struct err *e)
{
	char host[MAC_TEXT], pod[MAC_TEXT];
	const struct node_veth *v = &current;
	struct cni_iface f = {
		.name = arena_strndup(req->arena, v->name, strlen(v->name)),
		.mac = arena_strndup(req->arena, mac_format(v->end.mac, host), MAC_TEXT - 1),
		.mtu = v->end.mtu,
	};
	int r = cni_result_add_iface(out, &f, e);

	f.name = v->conf->pod_if;
	f.mac = arena_strndup(req->arena, mac_format(v->in_pod.mac, pod), MAC_TEXT - 1);
	f.sandbox = req->netns;
	if (r >= 0)
		r = cni_result_add_iface(out, &f, e);
	return r < 0 ? r : 0;
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	const struct conf *c = conf;
	int r = node_veth_open(&current, req, &c->want, out, e);

	if (r == 0)
		r = node_veth_clear(&current, e);
	if (r == 0)
		r = node_veth_check_free(&current, e);
	if (r < 0)
		return r;
	undone = *req;
	undo_push(u, undo, NULL);
	r = node_veth_make_pair(&current, e);
	if (r == 0)
		r = node_veth_add(&current, e);
	if (r == 0)
		r = put_filter(req, e);
	return r < 0 ? r : report(req, out, e);
}

static void answered(const struct cni_request *req, const void *conf, const char *answer,
		     int status)
{
	struct err e = { 0 };

	(void)conf;
	(void)answer;
	if (req->command == CNI_ADD && status >= 0 && current.end.index &&
	    node_veth_settle(&current, &e) < 0)
		log_line(LOG_WARN, "%s", e.text);
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	(void)conf;
	return node_veth_del(req, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	const struct conf *c = conf;
	struct underlay_want want;
	int r = node_veth_open(&current, req, &c->want, prev, e);

	if (r == 0)
		r = node_veth_check(&current, e);
	if (r < 0)
		return r;
	want = underlay_of(&current);
	return underlay_check(&want, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	(void)conf;
	return node_veth_gc(req, e);
}

static int status(const struct cni_request *req, const void *conf, struct err *e)
{
	const struct conf *c = conf;
	int r = fw_status(e);

	(void)req;
	if (r == 0)
		r = node_veth_status(&c->want, e);
	return err_code(e, r, CNI_ERR_NOT_AVAILABLE);
}

#define COMMANDS                                                                                   \
	.keys = &keys, .conf_size = sizeof(struct conf), .defaults = defaults, .prepare = prepare, \
	.add = add, .del = del, .check = check, .gc = gc, .status = status, .answered = answered

const struct cni_plugin veth_host_plugin = {
	.name = "veth-host",
	.summary = "a veth to this node for a container on its wire, behind macvlan, ipvlan ...",
	COMMANDS,
};

const struct cni_plugin unnumbered_ptp_plugin = {
	.name = "unnumbered-ptp",
	.summary = "veth-host under its older name",
	COMMANDS,
};
