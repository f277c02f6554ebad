/*
 * portmap: ports of the node lead to ports of the pod. Chained behind a plugin that gives the pod
 * its addresses; the ports come from the runtime. The keys are the reference plugin's.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <linux/netlink.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "fw/ports.h"
#include "fw/reference.h"
#include "iface/attached.h"
#include "net/link.h"
#include "net/nl.h"

struct mapping {
	int64_t host, pod;
	const char *protocol;
	struct addr address;
};

struct runtime {
	struct json_list mappings;
};

struct conf {
	struct runtime runtime;
	bool snat, masq_all;
	int64_t mark_bit; /* -1: not given */
	const char *mark_chain, *backend;
	struct json_list conditions[2]; /* IPv4, IPv6; of const char * */
	struct ports_want want;		/* but the pod's addresses */
};

#define M(member) offsetof(struct mapping, member)
#define C(member) offsetof(struct conf, member)

static const struct json_field mapping_fields[] = {
	{ "hostPort", JSON_INT, M(host), .required = true, .min = 1, .max = 65535 },
	{ "containerPort", JSON_INT, M(pod), .required = true, .min = 1, .max = 65535 },
	{ "protocol", JSON_STR, M(protocol) },
	{ "hostIP", JSON_ADDR, M(address) },
};
static const struct json_table mapping_table = { .fields = mapping_fields, .count = 4 };
static const struct json_field mapping = { .kind = JSON_OBJECT, .table = &mapping_table };
static const struct json_field runtime_fields[] = {
	{ "portMappings", JSON_LIST, offsetof(struct runtime, mappings), .elem = &mapping,
	  .elem_size = sizeof(struct mapping) },
};
static const struct json_table runtime_table = { .fields = runtime_fields, .count = 1 };
static const struct json_field word = { .kind = JSON_STR };

static const struct json_field fields[] = {
	{ "snat", JSON_BOOL, C(snat),
	  .help = "the pod and its neighbours reach the port too; default true" },
	{ "masqAll", JSON_BOOL, C(masq_all), .help = "the pod takes everybody for the node" },
	{ "markMasqBit", JSON_INT, C(mark_bit), .min = 0, .max = 31,
	  .help = "read; no packet needs a mark" },
	{ "externalSetMarkChain", JSON_STR, C(mark_chain), .help = "read; no packet needs a mark" },
	{ "backend", JSON_STR, C(backend),
	  .help = "iptables or nftables; both are done by nftables" },
	{ "conditionsV4", JSON_LIST, C(conditions[0]), .elem = &word,
	  .elem_size = sizeof(const char *),
	  .help = "refused unless empty: conditions of iptables" },
	{ "conditionsV6", JSON_LIST, C(conditions[1]), .elem = &word,
	  .elem_size = sizeof(const char *),
	  .help = "refused unless empty: conditions of ip6tables" },
	{ "runtimeConfig", JSON_OBJECT, C(runtime), .table = &runtime_table },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static void defaults(void *conf)
{
	struct conf *c = conf;

	c->snat = true;
	c->mark_bit = -1;
}

static bool parse_protocol(const char *s, uint8_t *out)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	for (size_t i = 0; i < sizeof(protos); i++) {
		*out = protos[i];
		if (strcasecmp(s && *s ? s : "tcp", ports_proto_name(protos[i])) == 0)
			return true;
	}
	return false;
}

static bool is_same_place(const struct port_mapping *x, const struct port_mapping *y)
{
	return x->proto == y->proto && x->host == y->host &&
	       addr_cmp(&x->address, &y->address) == 0;
}

/* The n-th, with all before it; the same twice is harmless. */
static int check_twice(const struct port_mapping *maps, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (is_same_place(&maps[i], &maps[n]) && maps[i].pod != maps[n].pod)
			return err_set(e, EINVAL,
				       "runtimeConfig.portMappings[%zu].hostPort: %u/%s leads to "
				       "containerPort %u already and cannot lead to %u",
				       n, maps[n].host, ports_proto_name(maps[n].proto),
				       maps[i].pod, maps[n].pod);
	}
	return 0;
}

/* A port that nobody could reach. */
static int check_loopback(const struct addr *a, size_t n, struct err *e)
{
	static const struct addr loopback6 = { AF_INET6, { [15] = 1 } };

	if (addr_cmp(a, &loopback6) != 0)
		return 0;
	return err_set(
		e, EOPNOTSUPP,
		"runtimeConfig.portMappings[%zu].hostIP: \"::1\": the kernel brings no answer "
		"of a pod back to ::1; 127.0.0.1 can be had",
		n);
}

static int read_mappings(const struct cni_request *req, struct conf *c, struct err *e)
{
	const struct mapping *in = c->runtime.mappings.items;
	size_t count = c->runtime.mappings.count;
	struct port_mapping *maps = arena_alloc(req->arena, (count + 1) * sizeof(*maps));
	int r = 0;

	if (!maps)
		return err_set(e, ENOMEM, "runtimeConfig.portMappings: no memory left");
	for (size_t i = 0; r == 0 && i < count; i++) {
		maps[i] = (struct port_mapping){ .host = (uint16_t)in[i].host,
						 .pod = (uint16_t)in[i].pod,
						 .address = in[i].address };
		if (!parse_protocol(in[i].protocol, &maps[i].proto))
			return err_set(
				e, EINVAL,
				"runtimeConfig.portMappings[%zu].protocol: \"%.32s\" is none "
				"of tcp, udp, sctp",
				i, in[i].protocol);
		r = check_loopback(&in[i].address, i, e);
		if (r == 0)
			r = check_twice(maps, i, e);
	}
	c->want = (struct ports_want){
		.maps = maps, .count = count, .snat = c->snat, .masquerade_all = c->masq_all
	};
	return r;
}

static int check_backend(const char *backend, struct err *e)
{
	if (!backend || !*backend || strcmp(backend, "iptables") == 0 ||
	    strcmp(backend, "nftables") == 0)
		return 0;
	return err_set(e, EINVAL, "backend: \"%.32s\" is none of iptables, nftables", backend);
}

/* A pod that is open to more than was asked for would be a hole. */
static int check_conditions(const struct conf *c, struct err *e)
{
	for (int v6 = 0; c->want.count && v6 < 2; v6++) {
		const char *const *words = c->conditions[v6].items;

		if (c->conditions[v6].count == 0)
			continue;
		return err_code(e,
				err_set(e, EOPNOTSUPP,
					"conditionsV%d: [\"%.32s\", ...]: conditions of iptables "
					"cannot be honoured, for ports are looked up in a map; "
					"hostIP restricts a port to one address of the node",
					v6 ? 6 : 4, words[0]),
				CNI_ERR_FIELD);
	}
	return 0;
}

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	int r;

	if (cni_takes_away(req))
		return 0;
	r = check_backend(c->backend, e);
	if (r == 0 && c->mark_bit >= 0 && c->mark_chain && *c->mark_chain)
		r = err_set(e, EINVAL, "markMasqBit: %d excludes externalSetMarkChain: \"%.32s\"",
			    (int)c->mark_bit, c->mark_chain);
	if (r == 0)
		r = read_mappings(req, c, e);
	if (r == 0)
		r = check_conditions(c, e);
	return err_code(e, r, CNI_ERR_CONFIG);
}

static bool is_of_host(const struct cni_result *prev, int64_t n)
{
	const char *sandbox;

	if (n < 0 || n >= (int64_t)prev->iface_count)
		return false;
	sandbox = prev->ifaces[n].sandbox;
	return !sandbox || !*sandbox;
}

/* The first of each family. */
static void find_addresses(const struct cni_result *prev, struct ports_want *want)
{
	for (size_t i = 0; i < prev->ip_count; i++) {
		const struct cni_ip *ip = &prev->ips[i];
		struct prefix *pod = &want->pod[ip->address.addr.family == AF_INET6];

		if (!is_of_host(prev, ip->interface) && !pod->addr.family)
			*pod = ip->address;
	}
}

static int check_addresses(const struct ports_want *want, struct err *e)
{
	for (size_t i = 0; i < want->count; i++) {
		const struct addr *a = &want->maps[i].address;
		char buf[ADDR_TEXT];

		if (!a->family && (want->pod[0].addr.family || want->pod[1].addr.family))
			continue;
		if (a->family && want->pod[a->family == AF_INET6].addr.family)
			continue;
		if (a->family)
			addr_format(a, buf);
		return err_set(
			e, EINVAL,
			"runtimeConfig.portMappings[%zu].hostIP: \"%s\": prevResult has no %s "
			"address of the pod to lead to",
			i, a->family ? buf : "",
			!a->family		? ""
			: a->family == AF_INET6 ? "IPv6"
						: "IPv4");
	}
	return 0;
}

/* The bridge, or the host end itself: 1; 0: there is no such link. */
static int find_top(struct nl *nl, const char *name, char out[static IF_NAMESIZE], struct err *e)
{
	struct link l;
	int r = link_find(nl, name, &l, e);

	if (r > 0 && l.bridge_port)
		r = link_find_index(nl, l.master, &l, e);
	return r > 0 ? str_copy(out, IF_NAMESIZE, l.name) : r;
}

/* Whoever attached the pod: by our name of its host end, or by what prevResult has of the host. */
static int find_link(const struct cni_request *req, const struct cni_result *prev,
		     struct ports_want *want, struct err *e)
{
	static char buf[1024];
	char name[IF_NAMESIZE];
	struct nl nl;
	int r = nl_open(&nl, NETLINK_ROUTE, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = find_top(&nl, attachment_host_name(&req->at, name), want->link, e);
	for (size_t i = 0; r == 0 && i < prev->iface_count; i++) {
		if (is_of_host(prev, (int64_t)i))
			r = find_top(&nl, prev->ifaces[i].name, want->link, e);
	}
	nl_close(&nl);
	return r < 0 ? r : 0;
}

/* conf's, with what prevResult says of the pod. */
static int complete(const struct cni_request *req, const struct conf *c,
		    const struct cni_result *prev, struct ports_want *want, struct err *e)
{
	int r;

	*want = c->want;
	find_addresses(prev, want);
	r = err_code(e, check_addresses(want, e), CNI_ERR_CONFIG);
	return r < 0 ? r : find_link(req, prev, want, e);
}

static bool has_host_end(const struct cni_request *req, const struct cni_result *prev)
{
	char name[IF_NAMESIZE];

	attachment_host_name(&req->at, name);
	for (size_t i = 0; i < prev->iface_count; i++) {
		if (is_of_host(prev, (int64_t)i) && strcmp(prev->ifaces[i].name, name) == 0)
			return true;
	}
	return false;
}

static void undo_ports(void *ctx)
{
	const struct cni_request *req = ctx;
	struct err e = { 0 };

	if (fw_forget(&ports, &req->at, false, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct cni_request own; /* for the undo */
	const struct conf *c = conf;
	const struct fw_owner owner = { .at = &req->at,
					.data_dir = "",
					.host_end = has_host_end(req, out) };
	struct ports_want want;
	int r;

	if (!req->prev_result.text)
		return err_code(e,
				err_set(e, EINVAL,
					"prevResult: missing; portmap stands in a chain behind a "
					"plugin that gives addresses"),
				CNI_ERR_CONFIG);
	if (c->want.count == 0)
		return 0;
	r = complete(req, c, out, &want, e);
	if (r < 0)
		return r;
	own = *req;
	undo_push(u, undo_ports, &own);
	return ports_add(&owner, &want, e);
}

/*
 * Without a record there is nothing, but if records were lost, or the reference's plugin made the
 * attachment.
 */
static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	struct json_iter it = json_members(req->runtime_config), list;
	struct json_raw key, value, element;
	bool asked = false;
	int r;

	(void)conf;
	while (req->runtime_config.text && json_next(&it, &key, &value)) {
		list = json_members(value);
		asked = asked ||
			(json_key_is(key, "portMappings") && json_next(&list, &key, &element));
	}
	r = fw_forget(&ports, &req->at, asked, e);
	return r == 0 && asked ? reference_forget_ports(&req->at, e) : r;
}

static bool wants_family(const struct ports_want *w, int v6)
{
	const uint8_t family = v6 ? AF_INET6 : AF_INET;

	for (size_t i = 0; w->pod[v6].addr.family && i < w->count; i++) {
		if (!w->maps[i].address.family || w->maps[i].address.family == family)
			return true;
	}
	return false;
}

/* 1: the reference's plugin has attached the pod, and leads its ports to it. */
static int check_reference(const struct cni_request *req, const struct ports_want *w, struct err *e)
{
	int r = 1;

	for (int v6 = 0; r > 0 && v6 < 2; v6++) {
		if (wants_family(w, v6))
			r = reference_has_port(&req->at, v6 ? AF_INET6 : AF_INET, e);
	}
	return r;
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	const struct conf *c = conf;
	struct err mine = { 0 };
	struct ports_want want;
	int r, has;

	if (!c->want.count)
		return 0;
	r = complete(req, c, prev, &want, e);
	if (r < 0)
		return r;
	r = ports_check(&want, &mine);
	if (r == 0)
		return 0;
	has = mine.code == CNI_ERR_DIFFERS ? check_reference(req, &want, e) : 0;
	return has ? (has < 0 ? has : 0) : err_take(e, &mine);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	(void)conf;
	return fw_gc(&ports, req, "", &attached, e);
}

static int status(const struct cni_request *req, const void *conf, struct err *e)
{
	(void)req;
	(void)conf;
	return err_code(e, fw_status(e), CNI_ERR_NOT_AVAILABLE);
}

const struct cni_plugin portmap_plugin = {
	.name = "portmap",
	.summary = "ports of this node lead to ports of the container",
	.capabilities = { "portMappings" },
	.keys = &keys,
	.defaults = defaults,
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
