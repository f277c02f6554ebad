/*
 * bash-cni and my-cni: the all-in-one plugins of the bash-cni family, whose configuration files
 * work unchanged.
 *
 * One subnet, one bridge with the subnet's first address, a default route, an address for each pod;
 * and the family's conveniences: a log of every call and a name for every pod's namespace. bash-cni
 * reads "network" and "subnet", my-cni "podcidr".
 */
#include "plugins/plugins.h"

#include <errno.h>

#include "iface/bridged.h"
#include "iface/gone.h"
#include "iface/netns_name.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

#define LOG_FILE "/var/log/bash-cni-plugin.log"
#define LOG_MAX_BYTES (1 << 20)
#define DEFAULT_LOG_LEVEL "info"
#define DEFAULT_BRIDGE "cni0"

struct conf {
	struct bridged_conf b;
	struct prefix network, subnet;
	const char *data_dir;
	const char *log_path, *log_level;
	int64_t log_max;
};

#define B(member) offsetof(struct conf, b.member)
#define C(member) offsetof(struct conf, member)

/* The two plugins' tables overlap: each has what is common, and one end. */
static const struct json_field fields[] = {
	{ "network", JSON_PREFIX, C(network), .help = "of the whole cluster; must contain subnet" },
	{ "subnet", JSON_PREFIX, C(subnet), .required = true, .help = "of this node's pods" },
	{ "bridge", JSON_STR, B(bridge), .names = true,
	  .help = "name of the bridge; default cni0" },
	IFACE_KEY_MTU("of both ends and of a new bridge; default: the kernel's"),
	IFACE_KEY_IP_MASQ("translate what leaves the subnet; default false, for cnibox node does "
			  "it for the cluster"),
	{ "hairpinMode", JSON_BOOL, B(hairpin),
	  .help = "let a pod reach itself through the bridge" },
	{ "dataDir", JSON_STR, C(data_dir), .names = true,
	  .help = "where leases are kept; default " LEASE_DATA_DIR },
	{ "logFile", JSON_STR, C(log_path), .names = true,
	  .help = "log of every call; \"\": none; default " LOG_FILE },
	{ "logLevel", JSON_STR, C(log_level), .names = true,
	  .help = "error, warn, info or debug; default info" },
	{ "logMaxSize", JSON_INT, C(log_max), .names = true, .min = 0, .max = 1 << 30,
	  .help = "bytes at which the log becomes logFile.1; 0: never; default 1048576" },
	{ "podcidr", JSON_PREFIX, C(subnet), .required = true, .help = "of this node's pods" },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))
static const struct json_table bash_keys = { .fields = fields, .count = FIELDS - 1 };
static const struct json_table my_keys = { .fields = fields + 2, .count = FIELDS - 2 };

static void defaults(void *conf)
{
	struct conf *c = conf;

	c->b.bridge = DEFAULT_BRIDGE;
	c->b.is_gateway = true;
	c->b.is_default_gateway = true;
	c->data_dir = LEASE_DATA_DIR;
	c->log_path = LOG_FILE;
	c->log_level = DEFAULT_LOG_LEVEL;
	c->log_max = LOG_MAX_BYTES;
}

static int check_values(const struct conf *c, const char *subnet_key, struct err *e)
{
	enum log_level level;

	if (addr_is_set(&c->network.addr) && !prefix_covers(&c->network, &c->subnet))
		return err_set(e, EINVAL, "%s: %s is not inside network %s", subnet_key,
			       prefix_text(&c->subnet), prefix_text(&c->network));
	if (!log_level_parse(c->log_level, &level))
		return err_set(e, EINVAL, "logLevel: \"%.32s\" is none of error, warn, info, debug",
			       c->log_level);
	return 0;
}

/*
 * The family's subnet is host-local's only range: network address, gateway and broadcast address
 * are never given.
 */
static int make_ipam(const struct cni_request *req, struct conf *c, const char *subnet_key,
		     struct err *e)
{
	struct ipam *ipam = &c->b.iface.ipam;
	struct host_local_range *range;

	*ipam = (struct ipam){
		.kind = IPAM_HOST_LOCAL,
		.local = {
			.data_dir = c->data_dir && *c->data_dir ? c->data_dir : LEASE_DATA_DIR,
			.gone = attachment_gone,
		},
	};
	if (cni_takes_away(req))
		return 0;
	range = arena_alloc(req->arena, sizeof(*range));
	if (!range)
		return err_set(e, ENOMEM, "no memory left");
	range->subnet = c->subnet;
	ipam->local.sets[0] = (struct host_local_set){ .ranges = range, .count = 1 };
	ipam->local.set_count = 1;
	return host_local_range_complete(range, subnet_key, e);
}

static int prepare_key(const struct cni_request *req, struct conf *c, const char *subnet_key,
		       struct err *e)
{
	int r;

	if (!c->b.bridge || !*c->b.bridge)
		c->b.bridge = DEFAULT_BRIDGE;
	if (!c->log_level || !*c->log_level)
		c->log_level = DEFAULT_LOG_LEVEL;
	r = cni_takes_away(req) ? 0 : check_values(c, subnet_key, e);

	if (r == 0)
		r = bridged_conf_check(req, &c->b, e);
	if (r == 0)
		r = iface_conf_check(req, &c->b.iface, e);
	if (r == 0)
		r = make_ipam(req, c, subnet_key, e);
	return err_code(e, r, CNI_ERR_CONFIG);
}

static int prepare_bash(const struct cni_request *req, void *conf, struct err *e)
{
	return prepare_key(req, conf, "subnet", e);
}

static int prepare_my(const struct cni_request *req, void *conf, struct err *e)
{
	return prepare_key(req, conf, "podcidr", e);
}

static void undo_name(void *ctx)
{
	netns_name_del(ctx, err_ignored());
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct cni_attachment named;
	int r = iface_add(req, conf, out, u, e);

	if (r < 0)
		return r;
	named = req->at;
	undo_push(u, undo_name, &named);
	return netns_name_add(req->at.container_id, req->netns, e);
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	struct err name = { 0 };
	int r = iface_del(req, conf, e), name_r = netns_name_del(&req->at, &name);

	netns_name_sweep(err_ignored());
	if (r < 0 || name_r >= 0)
		return r;
	*e = name;
	return name_r;
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	int r = iface_check(req, conf, prev, e);

	return r < 0 ? r : netns_name_check(req->at.container_id, req->netns, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	struct err names = { 0 };
	int names_r = netns_name_sweep(&names), r = iface_gc(req, conf, e);

	if (r < 0 || names_r >= 0)
		return r;
	*e = names;
	return names_r;
}

static void opened(const struct cni_request *req, const void *conf)
{
	const struct conf *c = conf;
	enum log_level level = LOG_INFO;

	if (!c->log_path || !*c->log_path)
		return;
	if (c->log_level)
		log_level_parse(c->log_level, &level);
	log_file(c->log_path, level, (size_t)c->log_max);
	log_line(LOG_INFO, "%s container=%s netns=%s ifname=%s stdin=%.*s",
		 cni_command_text(req->command), req->at.container_id, req->netns, req->at.ifname,
		 (int)req->config.len, req->config.text);
}

static void answered(const struct cni_request *req, const void *conf, const char *answer,
		     int status_code)
{
	iface_answered(req, conf, answer, status_code);
	log_line(LOG_INFO, "%s container=%s %s %s", cni_command_text(req->command),
		 req->at.container_id, status_code < 0 ? "failed" : "succeeded", answer);
}

#define ALIKE                                                                                      \
	.capabilities = { "ips", "mac" }, .defaults = defaults, .conf_size = sizeof(struct conf),  \
	.driver = &bridged_driver, .add = add, .del = del, .check = check, .gc = gc,               \
	.status = iface_status, .opened = opened, .answered = answered

const struct cni_plugin bash_cni_plugin = {
	.name = "bash-cni",
	.summary = "bridge, addresses and default route from \"network\" and \"subnet\", in one "
		   "plugin",
	.keys = &bash_keys,
	.prepare = prepare_bash,
	ALIKE,
};

const struct cni_plugin my_cni_plugin = {
	.name = "my-cni",
	.summary = "as bash-cni, with the key \"podcidr\"",
	.keys = &my_keys,
	.prepare = prepare_my,
	ALIKE,
};
