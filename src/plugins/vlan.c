/*
 * vlan: an interface of the pod in a VLAN (802.1Q) of an interface of the node. The keys are the
 * reference plugin's. A VLAN of an interface is one pod's.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "iface/child.h"
#include "iface/holder.h"

struct conf {
	struct child_conf child;
	int64_t id;
};

static const struct json_field fields[] = {
	CHILD_KEY_MASTER("interface of the node; required"),
	{ "vlanId", JSON_INT, offsetof(struct conf, id), .min = 0, .max = 4094,
	  .help = "id of the VLAN" },
	IFACE_KEY_MTU("of the pod's interface, not above the master's; default: the master's"),
	CHILD_KEY_DAD,
	CHILD_KEY_IN_CONTAINER,
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

/* A VLAN's interface cannot be up without its master. */
static int inspect(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	const struct child *child = i->state;
	int r = child_inspect(i, c->child.master, e);

	if (r == 0 && !child->master.up)
		r = err_code(e, err_set(e, ENETDOWN, "master: %s is down", child->master.name),
			     CNI_ERR_TRY_AGAIN);
	return r;
}

static bool has_vlan(const struct iface *i, const struct link *l)
{
	const struct conf *c = i->plugin_conf;

	return l->vlan_id == c->id;
}

static int take_vlan(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	struct child_link l;
	struct nl *nl = child_begin(i, &l);

	link_add_vlan(nl, &l, (uint16_t)c->id);
	return child_finish(i, &l, e);
}

static int make_link(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	const struct child *child = i->state;
	char key[64];
	const struct holder_want want = {
		.kind = "vlan",
		.master = &child->master,
		.master_ns = child_master_ns(i),
		.key = key,
		.has = has_vlan,
		.take = take_vlan,
		.refusal = EEXIST,
	};

	snprintf(key, sizeof(key), "vlanId: %d of master %s", (int)c->id, child->master.name);
	return holder_outlive(i, &want, e);
}

static int check(struct iface *i, const struct cni_result *prev, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	const struct child_want w = {
		.kind = "vlan",
		.master = c->child.master,
		.vlan_id = (uint16_t)c->id,
	};

	(void)prev;
	return child_check(i, &w, e);
}

static const struct iface_driver driver = {
	.adopts = "vlan",
	.on_wire = true,
	.ipam_required = true,
	.state_size = sizeof(struct child),
	.inspect = inspect,
	.link = make_link,
	.check = check,
	.status = child_status,
};

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;

	if ((!c->child.master || !*c->child.master) && !cni_takes_away(req))
		return err_code(
			e,
			err_set(e, EINVAL, "master: missing; vlan needs an interface of the node"),
			CNI_ERR_CONFIG);
	return iface_prepare(req, &c->child.iface, e);
}

const struct cni_plugin vlan_plugin = {
	.name = "vlan",
	.summary = "an interface in a VLAN of one of this node's interfaces",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.capabilities = { "ipRanges", "ips" },
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	IFACE_PLUGIN(driver),
};
