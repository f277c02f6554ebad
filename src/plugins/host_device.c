/*
 * host-device: a device of the node becomes the pod's interface, and comes back at DEL as it was.
 * The keys are the reference plugin's. A device that a DPDK driver has is none of the kernel's: it
 * is left alone, and the pod gets its addresses in the result only.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "iface/device.h"
#include "iface/iface.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define AUX_DEVICES "/sys/bus/auxiliary/devices"

struct runtime {
	const char *device_id;
};

struct conf {
	struct iface_conf iface;
	const char *device, *hwaddr, *kernelpath, *pci;
	struct runtime runtime;
	uint8_t mac[6];	     /* hwaddr */
	char path[PATH_MAX]; /* in sysfs, of what is found by it; "": by none */
	bool dpdk;
};

struct state {
	struct link link;
};

static const struct json_field runtime_fields[] = {
	{ "deviceID", JSON_STR, offsetof(struct runtime, device_id), .names = true },
};
static const struct json_table runtime_keys = { .fields = runtime_fields, .count = 1 };

static const struct json_field fields[] = {
	{ "device", JSON_STR, offsetof(struct conf, device), .names = true,
	  .help = "its name on the node" },
	{ "hwaddr", JSON_STR, offsetof(struct conf, hwaddr), .names = true, .help = "or its MAC" },
	{ "kernelpath", JSON_STR, offsetof(struct conf, kernelpath), .names = true,
	  .help = "or its path in sysfs, /sys/devices/..." },
	{ "pciBusID", JSON_STR, offsetof(struct conf, pci), .names = true,
	  .help = "or its PCI address, 0000:00:1f.6" },
	{ "runtimeConfig", JSON_OBJECT, offsetof(struct conf, runtime), .table = &runtime_keys,
	  .names = true },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static bool is_given(const char *s)
{
	return s && *s;
}

/* What the configuration calls the device, for errors: the key and its value. */
static const char *called(const struct conf *c)
{
	static char text[200];

	if (is_given(c->device))
		snprintf(text, sizeof(text), "device: \"%.64s\"", c->device);
	else if (is_given(c->hwaddr))
		snprintf(text, sizeof(text), "hwaddr: %.64s", c->hwaddr);
	else if (is_given(c->kernelpath))
		snprintf(text, sizeof(text), "kernelpath: %.128s", c->kernelpath);
	else
		snprintf(text, sizeof(text), "pciBusID: %.64s", c->pci ? c->pci : "");
	str_flatten(text);
	return text;
}

static int first_name(int dir, const char *name, void *arg)
{
	(void)dir;
	return str_copy(arg, IF_NAMESIZE, name) ? 1 : 0;
}

/* The first network interface of a device in sysfs. 1, 0: none, or -errno. */
static int name_in(const char *path, char out[static IF_NAMESIZE], struct err *e)
{
	char net[PATH_MAX + 8];
	int dir, r;

	snprintf(net, sizeof(net), "%s/net", path);
	dir = open(net, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	r = dir_each(dir, net, first_name, out, e);
	close(dir);
	return r;
}

struct virtio {
	const char *path;
	char *out;
};

static int in_virtio(int dir, const char *name, void *arg)
{
	const struct virtio *v = arg;
	char path[PATH_MAX];

	(void)dir;
	if (strncmp(name, "virtio", 6) != 0 ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", v->path, name) >= sizeof(path))
		return 0;
	return name_in(path, v->out, err_ignored());
}

/* A virtio network device is a step below its PCI device. */
static int name_of_path(const char *path, char out[static IF_NAMESIZE], struct err *e)
{
	struct virtio v = { path, out };
	int r = name_in(path, out, e), dir;

	if (r)
		return r;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	r = dir_each(dir, path, in_virtio, &v, e);
	close(dir);
	return r;
}

struct by_mac {
	const uint8_t *mac;
	struct link *out;
	bool found;
};

static int match_mac(const struct link *l, void *arg)
{
	struct by_mac *s = arg;

	if (!s->found && l->has_mac && memcmp(l->mac, s->mac, sizeof(l->mac)) == 0) {
		*s->out = *l;
		s->found = true;
	}
	return 0;
}

/* On the node. 1, 0 or -errno. */
static int find(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	struct state *s = i->state;
	struct by_mac by = { .mac = c->mac, .out = &s->link };
	char name[IF_NAMESIZE];
	int r;

	if (is_given(c->device))
		return link_find(&i->host, c->device, &s->link, e);
	if (is_given(c->hwaddr)) {
		r = link_each(&i->host, NULL, match_mac, &by, e);
		return r < 0 ? r : by.found;
	}
	r = name_of_path(c->path, name, e);
	return r > 0 ? link_find(&i->host, name, &s->link, e) : r;
}

static int report_missing(const struct conf *c, struct err *e)
{
	static struct device d;
	const char *slash = c->path[0] ? strrchr(c->path, '/') : NULL;
	char bus[64];
	int r;

	snprintf(bus, sizeof(bus), "pci/%.48s", slash ? slash + 1 : "");
	r = device_holder(is_given(c->device) ? c->device : NULL,
			  is_given(c->hwaddr) ? c->mac : NULL, slash ? bus : NULL, &d, e);
	if (r < 0)
		return r;
	if (r > 0)
		return err_code(e,
				err_set(e, EBUSY,
					"%s is taken: container %.64s has it as interface %s of "
					"network %.64s",
					called(c), d.at.container_id, d.at.ifname, d.at.network),
				CNI_ERR_EXISTS);
	return err_code(e, err_set(e, ENODEV, "%s: there is no such device on the node", called(c)),
			CNI_ERR_CONFIG);
}

static int inspect(struct iface *i, struct err *e)
{
	const struct state *s = i->state;
	int r = find(i, e);

	if (r == 0) {
		r = device_recover(i, e);
		if (r > 0)
			r = find(i, e);
	}
	if (r == 0)
		return report_missing(i->plugin_conf, e);
	if (r > 0 && s->link.loopback)
		return err_code(e, err_set(e, EINVAL, "%s is the loopback", called(i->plugin_conf)),
				CNI_ERR_CONFIG);
	return r < 0 ? r : 0;
}

/* What was left undone of it may have changed what it is like: it is read where it is. */
static int lend(struct iface *i, struct err *e)
{
	const struct state *s = i->state;
	struct link l = { 0 };
	int r = device_lend(i, &s->link, e);

	if (r == 0)
		r = link_find(&i->pod.nl, i->req->at.ifname, &l, e);
	if (r == 0)
		r = err_set(e, ENODEV, "%s has vanished from the pod", i->req->at.ifname);
	if (r < 0)
		return r;
	memcpy(i->mac, l.mac, sizeof(i->mac));
	i->mtu = l.mtu;
	return 0;
}

/*
 * The reference keeps no record: the device's name on the node is its alias in the pod. Only the
 * pod's own interface, and only the device that the configuration means.
 */
static int release_foreign(struct iface *i, struct err *e)
{
	const struct conf *c = i->plugin_conf;
	struct link l;
	int r = link_find(&i->pod.nl, i->req->at.ifname, &l, e);

	if (r <= 0 || !cni_ifname_valid(l.alias))
		return r < 0 ? r : 0;
	if (is_given(c->device) ? strcmp(c->device, l.alias) != 0
				: !is_given(c->hwaddr) || memcmp(c->mac, l.mac, 6) != 0)
		return 0;
	return device_return_as(i, &l, l.alias, e);
}

static int release(struct iface *i, bool in_pod, struct err *e)
{
	int r = device_return(i, in_pod, e);

	if (r == 0 && in_pod && i->req->command == CNI_DEL)
		r = release_foreign(i, e);
	return r < 0 ? r : 0;
}

static const struct iface_driver driver = {
	.on_wire = true,
	.fixed_mac = true,
	.state_size = sizeof(struct state),
	.inspect = inspect,
	.link = lend,
	.release = release,
	.release_stale = device_return_stale,
};

/* 0000:00:1f.6, or the name of an auxiliary device: mlx5_core.sf.4. */
static int path_of_id(struct conf *c, const char *key, const char *id, struct err *e)
{
	const char *bus = strchr(id, ':') ? PCI_DEVICES : AUX_DEVICES;

	if (!name_is_plain(id))
		return err_set(e, EINVAL, "%s: \"%.48s\" is no name of a device", key, id);
	snprintf(c->path, sizeof(c->path), "%s/%.64s", bus, id);
	return 0;
}

static int path_of(struct conf *c, struct err *e)
{
	if (!is_given(c->kernelpath))
		return is_given(c->pci) ? path_of_id(c, "pciBusID", c->pci, e) : 0;
	if (strncmp(c->kernelpath, "/sys/devices/", 13) != 0 || strstr(c->kernelpath, "/../"))
		return err_set(e, EINVAL, "kernelpath: \"%.64s\" does not begin with /sys/devices/",
			       c->kernelpath);
	if (!str_copy(c->path, sizeof(c->path), c->kernelpath))
		return err_set(e, EINVAL, "kernelpath: too long");
	return 0;
}

static int check_values(struct conf *c, struct err *e)
{
	if (!is_given(c->device) && !is_given(c->hwaddr) && !is_given(c->kernelpath) &&
	    !is_given(c->pci))
		return err_set(e, EINVAL,
			       "one of device, hwaddr, kernelpath, pciBusID must name a device");
	if (is_given(c->device) && !cni_ifname_valid(c->device))
		return err_set(e, EINVAL, "device: \"%.48s\" is no name of an interface",
			       c->device);
	if (is_given(c->hwaddr) && !mac_parse(c->hwaddr, c->mac))
		return err_set(e, EINVAL, "hwaddr: \"%.48s\" is no MAC address", c->hwaddr);
	return path_of(c, e);
}

static bool has_dpdk_driver(const char *path)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };
	char link[PATH_MAX + 8], target[PATH_MAX];
	const char *slash;
	ssize_t len;

	snprintf(link, sizeof(link), "%s/driver", path);
	len = readlink(link, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	slash = strrchr(target, '/');
	return slash && str_index(drivers, sizeof(drivers) / sizeof(drivers[0]), slash + 1) >= 0;
}

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	int r;

	if (is_given(c->runtime.device_id))
		c->pci = c->runtime.device_id;
	r = check_values(c, cni_takes_away(req) ? err_ignored() : e);
	if (r < 0 && !cni_takes_away(req))
		return err_code(e, r, CNI_ERR_CONFIG);
	c->dpdk = c->path[0] && has_dpdk_driver(c->path);
	r = iface_prepare(req, &c->iface, e);
	if (c->dpdk) /* in no namespace a link shows who has it */
		c->iface.ipam.local.own_gone = NULL;
	return r;
}

static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	const struct conf *c = conf;
	int r;

	if (!c->dpdk)
		return iface_add(req, conf, out, u, e);
	r = ipam_add(&c->iface.ipam, req, out, e);
	out->iface_count = 0;
	for (size_t n = 0; n < out->ip_count; n++)
		out->ips[n].interface = -1;
	return r;
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	const struct conf *c = conf;

	return c->dpdk ? ipam_del(&c->iface.ipam, req, e) : iface_del(req, conf, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	const struct conf *c = conf;

	return c->dpdk ? ipam_check(&c->iface.ipam, req, prev, e) : iface_check(req, conf, prev, e);
}

const struct cni_plugin host_device_plugin = {
	.name = "host-device",
	.summary = "a device of this node becomes the container's interface",
	.keys = &keys,
	.ipam_keys = &host_local_keys,
	.capabilities = { "deviceID", "ipRanges", "ips" },
	.driver = &driver,
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = iface_gc,
	.status = iface_status,
	.answered = iface_answered,
};
