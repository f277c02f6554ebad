/* Records of devices: see device_file.h. */
#include "iface/device_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cni/cni.h"
#include "iface/device.h"

#define DEVICE_DIR "/run/cnibox/device"
#define FIRST_LINE "cnibox device 1"
#define LOCK_TIMEOUT_MS 30000

int device_dir_open(bool create, struct err *e)
{
	struct err local = { 0 };
	int dir = dir_open(DEVICE_DIR, create, &local), r;

	if (dir == -ENOENT && !create)
		return -ENOENT;
	if (dir < 0)
		return err_code(e, err_take(e, &local), CNI_ERR_STATE);
	r = lock_take(dir, DEVICE_DIR, LOCK_TIMEOUT_MS, e);
	if (r < 0)
		close(dir);
	return r < 0 ? err_code(e, r, CNI_ERR_TRY_AGAIN) : dir;
}

static bool parse_number(const char *s, unsigned long max, unsigned long *out)
{
	char *end;

	*out = strtoul(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end && *out <= max;
}

static bool parse_text(struct device *d, const char *key, char *value)
{
	if (strcmp(key, "network") == 0)
		d->at.network = value;
	else if (strcmp(key, "container") == 0)
		d->at.container_id = value;
	else if (strcmp(key, "interface") == 0)
		d->at.ifname = value;
	else if (strcmp(key, "name") == 0)
		return cni_ifname_valid(value) &&
		       str_copy(d->link.name, sizeof(d->link.name), value);
	else if (strcmp(key, "kind") == 0)
		return str_copy(d->link.kind, sizeof(d->link.kind), value);
	else if (strcmp(key, "bus") == 0)
		return str_copy(d->link.bus, sizeof(d->link.bus), value);
	else if (strcmp(key, "alias") == 0)
		return str_copy(d->link.alias, sizeof(d->link.alias), value);
	else
		return false;
	return true;
}

static bool parse_numbers(struct device *d, const char *key, const char *value)
{
	unsigned long n;

	if (!parse_number(value, strcmp(key, "peer") == 0 ? INT32_MAX : UINT32_MAX, &n))
		return false;
	if (strcmp(key, "mtu") == 0)
		d->link.mtu = (uint32_t)n;
	else if (strcmp(key, "group") == 0)
		d->link.group = (uint32_t)n;
	else if (strcmp(key, "peer") == 0)
		d->link.peer = (int)n;
	else
		return false;
	return true;
}

static bool parse_address(struct device *d, const char *key, const char *value)
{
	if (strcmp(key, "mac") == 0)
		return d->link.has_mac = mac_parse(value, d->link.mac);
	if (strcmp(key, "permanent") == 0)
		return mac_parse(value, d->link.permanent_mac);
	return strcmp(key, "address") == 0 && d->addr_count < DEVICE_ADDRS_MAX &&
	       prefix_parse(value, &d->addrs[d->addr_count]) && ++d->addr_count;
}

static bool parse_line(struct device *d, char *line)
{
	char *value = strchr(line, ' ');

	if (strcmp(line, "up") == 0)
		return d->link.up = true;
	if (strcmp(line, "elsewhere") == 0)
		return d->link.peer_elsewhere = true;
	if (!value)
		return false;
	*value++ = '\0';
	return parse_text(d, line, value) || parse_address(d, line, value) ||
	       parse_numbers(d, line, value);
}

static bool parse(struct device *d)
{
	char *save = NULL, *line = strtok_r(d->text, "\n", &save);

	d->at = (struct cni_attachment){ 0 };
	memset(&d->link, 0, sizeof(d->link));
	d->addr_count = 0;
	if (!line || strcmp(line, FIRST_LINE) != 0)
		return false;
	while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
		if (!parse_line(d, line))
			return false;
	}
	return d->at.network && d->at.container_id && d->at.ifname && d->link.name[0];
}

static int read_named(int dir, const char *name, struct device *d, struct err *e)
{
	struct err local = { 0 };
	ssize_t len = file_read(dir, name, d->text, sizeof(d->text), &local);

	if (len == -ENOENT)
		return 0;
	if (len < 0)
		return err_code(e, err_take(e, &local), CNI_ERR_STATE);
	if (!parse(d))
		return err_code(
			e, err_set(e, EBADMSG, DEVICE_DIR "/%s: no record of this program", name),
			CNI_ERR_STATE);
	return 1;
}

int device_read(int dir, const struct cni_attachment *at, struct device *d, struct err *e)
{
	char name[IF_NAMESIZE];

	return read_named(dir, attachment_host_name(at, name), d, e);
}

static void put_mac(struct text *t, const char *key, const uint8_t mac[static 6])
{
	static const uint8_t none[6];
	char buf[MAC_TEXT];

	if (memcmp(mac, none, sizeof(none)) != 0)
		text_printf(t, "%s %s\n", key, mac_format(mac, buf));
}

static void put_text(struct text *t, const char *key, const char *value)
{
	char flat[LINK_ALIAS_SIZE];

	(void)str_copy(flat, sizeof(flat), value);
	str_flatten(flat);
	if (*flat)
		text_printf(t, "%s %s\n", key, flat);
}

int device_write(int dir, const struct device *d, struct err *e)
{
	static char buf[sizeof(d->text)];
	const struct link *l = &d->link;
	char name[IF_NAMESIZE];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	text_printf(&t, FIRST_LINE "\nnetwork %s\ncontainer %s\ninterface %s\n", d->at.network,
		    d->at.container_id, d->at.ifname);
	put_text(&t, "name", l->name);
	put_text(&t, "kind", l->kind);
	put_text(&t, "bus", l->bus);
	put_mac(&t, "permanent", l->permanent_mac);
	put_mac(&t, "mac", l->mac);
	text_printf(&t, "peer %d\nmtu %u\ngroup %u\n%s%s", l->peer, l->mtu, l->group,
		    l->up ? "up\n" : "", l->peer_elsewhere ? "elsewhere\n" : "");
	put_text(&t, "alias", l->alias);
	for (size_t n = 0; n < d->addr_count; n++)
		text_printf(&t, "address %s\n", prefix_text(&d->addrs[n]));
	return err_code(e,
			file_replace(dir, attachment_host_name(&d->at, name), t.at, t.len, 0600,
				     FILE_NO_SYNC, e),
			CNI_ERR_STATE);
}

int device_remove(int dir, const struct cni_attachment *at, struct err *e)
{
	char name[IF_NAMESIZE];

	return err_code(e, file_remove(dir, attachment_host_name(at, name), e), CNI_ERR_STATE);
}

struct walk {
	struct device *d;
	device_fn *fn;
	void *arg;
	struct err failed; /* the first */
};

static int visit(int dir, const char *name, void *arg)
{
	struct walk *w = arg;
	struct err local = { 0 };
	int r = read_named(dir, name, w->d, &local);

	if (r < 0 && r != -EBADMSG)
		err_take(&w->failed, &local);
	return r > 0 ? w->fn(dir, w->d, w->arg) : 0;
}

int device_each(int dir, struct device *d, device_fn *fn, void *arg, struct err *e)
{
	struct walk w = { d, fn, arg, { 0 } };
	int r = dir_each(dir, DEVICE_DIR, visit, &w, e);

	return r == 0 && w.failed.errnum ? err_take(e, &w.failed) : r;
}

int device_sweep(int dir, struct err *e)
{
	return err_code(e, dir_sweep(dir, DEVICE_DIR, e), CNI_ERR_STATE);
}
