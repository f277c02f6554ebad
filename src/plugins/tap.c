/*
 * tap: an interface of the pod whose packets a program there reads and writes: a virtual machine.
 * It has a carrier while such a program runs. The keys are the reference plugin's.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/iface.h"
#include "net/tap.h"

#define ID_MAX (UINT32_MAX - 1)

struct conf {
	struct iface_conf iface;
	const char *bridge;
	const char *selinux_context;
	int64_t owner, group; /* -1: anybody */
	bool multi_queue;
};

struct state {
	struct link bridge; /* index 0: none */
};

#define C(member) offsetof(struct conf, member)

static const struct json_field fields[] = {
	{ "owner", JSON_INT, C(owner), .min = 0, .max = ID_MAX,
	  .help = "user id that may open the tap without privileges; default: any" },
	{ "group", JSON_INT, C(group), .min = 0, .max = ID_MAX,
	  .help = "group id of those who may; default: any" },
	{ "multiQueue", JSON_BOOL, C(multi_queue),
	  .help = "several threads may read and write at once" },
	{ "selinuxContext", JSON_STR, C(selinux_context),
	  .help = "of the tap; nothing where there is no SELinux" },
	{ "bridge", JSON_STR, C(bridge),
	  .help = "bridge of the pod that the tap becomes a port of" },
	IFACE_KEY_MTU("of the tap; default: the kernel's"),
	IFACE_KEY_MAC,
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static void defaults(void *conf)
{
	struct conf *c = conf;

	c->owner = c->group = -1;
}

static bool is_set(const char *s)
{
	return s && *s;
}

static int find_bridge(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	struct state *s = i->state;
	int r = is_set(c->bridge) ? link_find(&i->pod.nl, c->bridge, &s->bridge, e) : 1;

	if (r == 0)
		r = err_set(e, EINVAL, "bridge: there is no \"%.48s\" in the pod", c->bridge);
	else if (r > 0 && s->bridge.index && strcmp(s->bridge.kind, "bridge") != 0)
		r = err_set(e, EINVAL, "bridge: \"%.48s\" in the pod is no bridge", c->bridge);
	return r < 0 ? r : 0;
}

static int inspect(struct iface *i, struct err *e)
{
	return err_code(e, find_bridge(i, e), CNI_ERR_CONFIG);
}

static uint32_t id_of(int64_t value)
{
	return value < 0 ? TAP_ANYBODY : (uint32_t)value;
}

static struct tap tap_of(const struct iface *i)
{
	const struct conf *c = i->plugin_conf;

	return (struct tap){
		.name = i->req->at.ifname,
		.owner = id_of(c->owner),
		.group = id_of(c->group),
		.multi_queue = c->multi_queue,
		.selinux_context = is_set(c->selinux_context) ? c->selinux_context : NULL,
	};
}

static int find_own(struct iface *i, struct link *out, struct err *e)
{
	int r = link_find(&i->pod.nl, i->req->at.ifname, out, e);

	return r == 0 ? err_set(e, ENODEV, "it has vanished") : r;
}

/* What TUNSETIFF does not take. */
static int settle(struct iface *i, struct err *e)
{
	const struct state *s = i->state;
	struct nl *nl = &i->pod.nl;
	struct link l;
	int r = find_own(i, &l, e);

	if (r < 0)
		return r;
	link_set_group(nl, l.index, attachment_group());
	link_set_mac(nl, l.index, i->mac);
	if (i->conf->mtu)
		link_set_mtu(nl, l.index, (uint32_t)i->conf->mtu);
	if (s->bridge.index)
		link_set_master(nl, l.index, s->bridge.index);
	i->mtu = i->conf->mtu ? (uint32_t)i->conf->mtu : l.mtu;
	return nl_commit(nl, NULL, e);
}

/* The tap goes with its descriptor, whatever the moment of a SIGKILL, until it is marked ours. */
static int make_link(struct iface *i, struct err *e)
{
	const struct tap t = tap_of(i);
	int fd = tap_make(&t, i->pod.ns, i->pod.home, e), r = fd;

	if (r >= 0)
		r = settle(i, e);
	if (r >= 0)
		r = tap_persist(fd, e);
	if (fd >= 0)
		close(fd);
	return err_ctx(e, r, "%s in the pod", t.name);
}

static int check_link(const struct conf *c, const struct state *s, const struct link *l,
		      struct err *e)
{
	if (!l->tap.is_tap)
		return err_set(e, EINVAL, "interface %s in the pod is no tap", l->name);
	if (!l->tap.persistent)
		return err_set(e, EINVAL, "interface %s in the pod ends with its program", l->name);
	if (l->tap.owner != id_of(c->owner))
		return err_set(e, EINVAL, "interface %s in the pod has the owner %d instead of %d",
			       l->name, (int)l->tap.owner, (int)id_of(c->owner));
	if (l->tap.group != id_of(c->group))
		return err_set(e, EINVAL, "interface %s in the pod has the group %d instead of %d",
			       l->name, (int)l->tap.group, (int)id_of(c->group));
	if (l->tap.multi_queue != c->multi_queue)
		return err_set(e, EINVAL, "interface %s in the pod has %s queue", l->name,
			       c->multi_queue ? "one" : "more than one");
	if (s->bridge.index && l->master != s->bridge.index)
		return err_set(e, EINVAL, "interface %s in the pod is not in bridge \"%s\"",
			       l->name, s->bridge.name);
	return 0;
}

static int check(struct iface *i, const struct cni_result *prev, struct err *e)
{
	struct link l;
	int r = find_own(i, &l, e);

	(void)prev;
	if (r >= 0)
		r = find_bridge(i, e);
	if (r >= 0)
		r = check_link(i->plugin_conf, i->state, &l, e);
	return err_code(e, r, CNI_ERR_DIFFERS);
}

static int status(struct iface *i, struct err *e)
{
	(void)i;
	return tap_available(e);
}

static const struct iface_driver driver = {
	.adopts = "tun",
	.on_wire = true,
	.state_size = sizeof(struct state),
	.inspect = inspect,
	.link = make_link,
	.check = check,
	.status = status,
};

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;

	return iface_prepare(req, &c->iface, e);
}

const struct cni_plugin tap_plugin = {
	.name = "tap",
	.summary = "an interface that a program in the container reads and writes, a machine's",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.capabilities = { "ipRanges", "ips", "mac" },
	.conf_size = sizeof(struct conf),
	.defaults = defaults,
	.prepare = prepare,
	IFACE_PLUGIN(driver),
};
