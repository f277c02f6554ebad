/*
 * macvlan: an interface of the pod with a MAC of its own on an interface of the node. The keys are
 * the reference plugin's.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <linux/if_link.h>

#include "base/err.h"
#include "base/text.h"
#include "iface/child.h"
#include "iface/holder.h"

struct conf {
	struct child_conf child;
	const char *mode_name;
	uint32_t mode; /* MACVLAN_MODE_* */
	int64_t broadcast_queue;
};

static const char *const mode_names[] = { "bridge", "private", "vepa", "passthru" };
static const uint32_t mode_values[] = { MACVLAN_MODE_BRIDGE, MACVLAN_MODE_PRIVATE,
					MACVLAN_MODE_VEPA, MACVLAN_MODE_PASSTHRU };
/* By their bits. */
static const char *const names_by_mode[] = {
	[MACVLAN_MODE_PRIVATE] = "private",
	[MACVLAN_MODE_VEPA] = "vepa",
	[MACVLAN_MODE_BRIDGE] = "bridge",
	[MACVLAN_MODE_PASSTHRU] = "passthru",
};

static const struct json_field fields[] = {
	CHILD_KEY_MASTER("interface of the node; default: that of the default route"),
	{ "mode", JSON_STR, offsetof(struct conf, mode_name),
	  .help = "bridge (default), private, vepa or passthru" },
	IFACE_KEY_MTU("of the pod's interface, not above the master's; default: the master's"),
	IFACE_KEY_MAC,
	{ "bcqueuelen", JSON_INT, offsetof(struct conf, broadcast_queue), .min = 0,
	  .max = UINT32_MAX, .help = "broadcasts that the master queues; default: the kernel's" },
	CHILD_KEY_DAD,
	CHILD_KEY_IN_CONTAINER,
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static int inspect(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;

	return child_inspect(i, c->child.master, e);
}

/* One of mode passthru is alone on its master. */
static bool has_master(const struct iface *i, const struct link *l)
{
	const struct conf *c = i->plugin_conf;

	return c->mode == MACVLAN_MODE_PASSTHRU || l->mode == MACVLAN_MODE_PASSTHRU;
}

static int take_master(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	const struct macvlan m = { c->mode, (uint32_t)c->broadcast_queue };
	struct child_link l;
	struct nl *nl = child_begin(i, &l);

	l.mac = i->mac;
	link_add_macvlan(nl, &l, &m);
	return child_finish(i, &l, e);
}

/* The kernel minds those that are up; this one is not yet. */
static bool has_mac(const struct iface *i, const struct link *l)
{
	return l->up && memcmp(l->mac, i->mac, sizeof(i->mac)) == 0;
}

static int take_mac(struct iface *i, struct err *e)
{
	return pod_link_up(&i->pod, i->req->at.ifname, e);
}

/* The kernel refuses a MAC that the master has with EADDRINUSE as well, and some masters at all. */
static int make_link(struct iface *i, struct err *e)
{
	const struct child *child = i->state;
	const struct link *master = &child->master;
	char key[64];
	struct holder_want want = {
		.kind = "macvlan",
		.master = master,
		.master_ns = child_master_ns(i),
		.key = key,
		.has = has_master,
		.take = take_master,
		.refusal = master->has_mac && !master->loopback ? EINVAL : 0,
	};
	int r;

	snprintf(key, sizeof(key), "master: %s", master->name);
	r = holder_outlive(i, &want, e);
	if (r < 0 || !i->conf->mac)
		return r;
	want.has = has_mac;
	want.take = take_mac;
	want.refusal = has_mac(i, master) ? 0 : EADDRINUSE;
	snprintf(key, sizeof(key), "mac: %s on master %s", i->conf->mac, master->name);
	return holder_outlive(i, &want, e);
}

static int check(struct iface *i, const struct cni_result *prev, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	const struct child_want w = {
		.kind = "macvlan",
		.master = c->child.master,
		.mode = c->mode,
		.modes = names_by_mode,
	};

	(void)prev;
	return child_check(i, &w, e);
}

static const struct iface_driver driver = {
	.adopts = "macvlan",
	.on_wire = true,
	.state_size = sizeof(struct child),
	.inspect = inspect,
	.link = make_link,
	.check = check,
	.status = child_status,
};

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	const char *name = c->mode_name && *c->mode_name ? c->mode_name : mode_names[0];
	int which = str_index(mode_names, sizeof(mode_names) / sizeof(mode_names[0]), name);

	if (which < 0 && !cni_takes_away(req))
		return err_code(
			e,
			err_set(e, EINVAL,
				"mode: \"%.48s\" is none of bridge, private, vepa, passthru", name),
			CNI_ERR_CONFIG);
	c->mode = mode_values[which < 0 ? 0 : which];
	return iface_prepare(req, &c->child.iface, e);
}

const struct cni_plugin macvlan_plugin = {
	.name = "macvlan",
	.summary = "an interface with its own MAC on one of this node's interfaces",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.capabilities = { "ipRanges", "ips", "mac" },
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	IFACE_PLUGIN(driver),
};
