/* Which attachments have an interface: see attached.h. */
#include "iface/attached.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cni/attachment.h"
#include "iface/device.h"
#include "iface/device_file.h"
#include "net/netns.h"
#include "net/nl.h"

#define ATTACHED_MAX 65536 /* with more of them everybody is attached */

static struct {
	size_t count;
	char names[ATTACHED_MAX][IF_NAMESIZE];
} held;

static void put(const struct cni_attachment *at)
{
	if (held.count < ATTACHED_MAX)
		attachment_host_name(at, held.names[held.count++]);
}

/* An ifb is of a plugin behind others itself. */
static int put_link(const struct link *l, void *arg)
{
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment at;

	(void)arg;
	if (strcmp(l->kind, "ifb") != 0 && attachment_parse(l->alias, buf, &at))
		put(&at);
	return 0;
}

static int read_namespace(int ns, int home, struct err *e)
{
	static char buf[8192];
	struct nl nl;
	int r = nl_open_in(&nl, ns, home, NETLINK_ROUTE, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = ns == home ? link_each(&nl, NULL, put_link, NULL, e)
		       : link_each_seen(&nl, NULL, put_link, NULL, e);
	nl_close(&nl);
	return r < 0 ? r : 0;
}

struct visit {
	int home;
	struct err failed; /* the first */
};

static int visit(int ns, void *arg)
{
	struct visit *v = arg;
	struct err e = { 0 };

	if (read_namespace(ns, v->home, &e) < 0)
		err_take(&v->failed, &e);
	return 0;
}

static int read_links(int home, struct err *e)
{
	struct visit v = { .home = home };
	int r = read_namespace(home, home, e);

	if (r == 0)
		r = netns_each(home, visit, &v, e);
	return r == 0 && v.failed.errnum ? err_take(e, &v.failed) : r;
}

static int put_device(int dir, struct device *d, void *arg)
{
	(void)dir;
	(void)arg;
	put(&d->at);
	return 0;
}

static int read_devices(struct err *e)
{
	static struct device d;
	int dir = device_dir_open(false, e), r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = device_each(dir, &d, put_device, NULL, e);
	close(dir);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int attached_read(struct err *e)
{
	int home = netns_open_self(e), r;

	if (home < 0)
		return home;
	held.count = 0;
	r = read_links(home, e);
	close(home);
	if (r == 0)
		r = read_devices(e);
	qsort(held.names, held.count, IF_NAMESIZE, compare_names);
	return r;
}

bool attached_has(const char *host_name)
{
	return held.count == ATTACHED_MAX ||
	       bsearch(host_name, held.names, held.count, IF_NAMESIZE, compare_names) != NULL;
}

const struct fw_attached attached = { attached_read, attached_has };
