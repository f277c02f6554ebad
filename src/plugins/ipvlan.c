/*
 * ipvlan: an interface of the pod on an interface of the node, whose MAC it shares. The keys are
 * the reference plugin's; behind another plugin it takes that one's interface as master, and its
 * addresses when it has no IPAM plugin of its own.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/if_link.h>

#include "base/err.h"
#include "base/text.h"
#include "iface/child.h"
#include "iface/holder.h"

struct conf {
	struct child_conf child;
	const char *mode_name;
	uint16_t mode; /* IPVLAN_MODE_* */
};

struct state {
	struct child child; /* first: child.h's */
	const struct pod_want *want;
};

static const char *const mode_names[] = {
	[IPVLAN_MODE_L2] = "l2",
	[IPVLAN_MODE_L3] = "l3",
	[IPVLAN_MODE_L3S] = "l3s",
};

static const struct json_field fields[] = {
	CHILD_KEY_MASTER("interface of the node; default: the one of prevResult, or that of the "
			 "default route"),
	{ "mode", JSON_STR, offsetof(struct conf, mode_name), .help = "l2 (default), l3 or l3s" },
	IFACE_KEY_MTU("of the pod's interface, not above the master's; default: the master's"),
	CHILD_KEY_DAD,
	CHILD_KEY_IN_CONTAINER,
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static bool is_named(const char *s)
{
	return s && *s;
}

/* The interface of the chain; NULL: there is none, and the default route says. */
static int find_master(const struct iface *i, const char **name, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	int r;

	*name = c->child.master;
	if (is_named(*name) || !i->prev)
		return 0;
	if (i->prev->iface_count == 1 && is_named(i->prev->ifaces[0].name)) {
		*name = i->prev->ifaces[0].name;
		return 0;
	}
	r = err_set(e, EINVAL, "master: missing, and prevResult has %zu interfaces instead of one",
		    i->prev->iface_count);
	return err_code(e, r, CNI_ERR_CONFIG);
}

static bool takes_addresses(const struct iface *i)
{
	return i->conf->ipam.kind == IPAM_NONE;
}

static int inspect(struct iface *i, struct err *e)
{
	const char *master;
	int r = find_master(i, &master, e);

	if (r == 0 && takes_addresses(i) && !(i->prev && i->prev->ip_count))
		r = err_code(e,
			     err_set(e, EINVAL, "ipam: missing, and prevResult has no addresses"),
			     CNI_ERR_CONFIG);
	return r < 0 ? r : child_inspect(i, master, e);
}

/* The chain's addresses are the pod's, on this interface. */
static int complete(struct iface *i, struct err *e)
{
	(void)e;
	if (!takes_addresses(i))
		return 0;
	i->ips = *i->prev;
	i->ips.iface_count = 0;
	for (size_t n = 0; n < i->ips.ip_count; n++)
		i->ips.ips[n].interface = -1;
	return 0;
}

static int make_link(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	struct child_link l;
	struct nl *nl = child_begin(i, &l);

	link_add_ipvlan(nl, &l, c->mode);
	return child_finish(i, &l, e);
}

static int take_addresses(struct iface *i, struct err *e)
{
	const struct state *s = i->state;
	int r = pod_configure(&i->pod, s->want, e);

	if (r == -EADDRINUSE)
		pod_deconfigure(&i->pod, s->want);
	return r;
}

/* All that share a MAC are told apart by their addresses alone: the kernel gives none twice. */
static int configure(struct iface *i, const struct pod_want *want, struct err *e)
{
	struct state *s = i->state;
	char key[64];
	const struct holder_want holder = {
		.kind = "ipvlan",
		.master = &s->child.master,
		.master_ns = child_master_ns(i),
		.key = key,
		.take = take_addresses,
		.refusal = EADDRINUSE,
	};

	snprintf(key, sizeof(key), "master %s", s->child.master.name);
	s->want = want;
	return holder_outlive(i, &holder, e);
}

/* In a chain prevResult is by now the whole chain's. */
static int check(struct iface *i, const struct cni_result *prev, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	const struct child_want w = {
		.kind = "ipvlan",
		.master = c->child.master,
		.any_master = !is_named(c->child.master),
		.mode = c->mode,
		.modes = mode_names,
	};

	(void)prev;
	return child_check(i, &w, e);
}

static int status(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;

	return is_named(c->child.master) ? child_status(i, e) : 0;
}

static const struct iface_driver driver = {
	.adopts = "ipvlan",
	.on_wire = true,
	.fixed_mac = true,
	.state_size = sizeof(struct state),
	.inspect = inspect,
	.complete = complete,
	.link = make_link,
	.configure = configure,
	.check = check,
	.status = status,
};

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	const char *name = is_named(c->mode_name) ? c->mode_name : mode_names[0];
	int which = str_index(mode_names, sizeof(mode_names) / sizeof(mode_names[0]), name);

	if (which < 0 && !cni_takes_away(req))
		return err_code(e,
				err_set(e, EINVAL, "mode: \"%.48s\" is none of l2, l3, l3s", name),
				CNI_ERR_CONFIG);
	c->mode = (uint16_t)(which < 0 ? 0 : which);
	return iface_prepare(req, &c->child.iface, e);
}

const struct cni_plugin ipvlan_plugin = {
	.name = "ipvlan",
	.summary = "an interface with the MAC of one of this node's interfaces",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.capabilities = { "ipRanges", "ips" },
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	IFACE_PLUGIN(driver),
};
