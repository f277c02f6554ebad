/* What no change of ours can mend: see surroundings.h. */
#include "node/surroundings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "net/sysctl.h"
#include "node/config_text.h"
#include "node/kind.h"
#include "node/kinds/kinds.h"
#include "node/site.h"
#include "node/tunnels.h"

#define PLUGIN_DIRS "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni" /* where runtimes look */

static void check_link(struct work *w, const struct site_link *l, const struct prefix *p)
{
	const struct node *n = w->site->self;

	for (size_t i = 0; i < n->subnet_count; i++) {
		if (prefix_covers(&n->subnets[i], p))
			work_warn(w,
				  "link %s has %s, of the subnet %s of the pods here: they cannot "
				  "reach it, or it takes their packets",
				  l->name, prefix_text(p), prefix_text(&n->subnets[i]));
	}
}

static void check_links(struct work *w)
{
	const struct site_link *l = w->site->links.at;
	const struct site_addr *a = w->site->addrs.at;

	for (size_t i = 0; i < w->site->links.count; i++) {
		if (strcmp(l[i].name, w->site->cluster->bridge) == 0 ||
		    tunnel_has_link(w->site, l[i].index))
			continue;
		for (size_t k = 0; k < w->site->addrs.count; k++) {
			if (a[k].index == l[i].index)
				check_link(w, &l[i], &a[k].prefix);
		}
	}
}

/* The runtime takes the first file by name. */
struct first {
	const struct work *work;
	const char *dir;
	const char *ours; /* name of our file */
	char name[NAME_MAX + 1];
};

static bool is_config(const char *name)
{
	static const char *const ends[] = { ".conf", ".conflist", ".json" };
	const char *end = strrchr(name, '.');

	for (size_t i = 0; end && i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (strcmp(end, ends[i]) == 0)
			return true;
	}
	return false;
}

/* One that we have written under another name goes by itself. */
static bool is_ours(const struct first *f, const char *name)
{
	const struct config_item *it = f->work->have.at;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	for (size_t i = 0; i < f->work->have.count; i++) {
		if (!it[i].foreign && strcmp(it[i].path, path) == 0)
			return true;
	}
	return false;
}

static int find_first(int dir, const char *name, void *arg)
{
	struct first *f = arg;

	(void)dir;
	if (is_config(name) && strcmp(name, f->name) < 0 && !is_ours(f, name))
		str_copy(f->name, sizeof(f->name), name);
	return 0;
}

static void check_config(struct work *w)
{
	const char *path = w->site->cluster->config;
	struct first f = { .work = w, .ours = strrchr(path, '/') + 1 };
	char parent[PATH_MAX];
	int dir;

	str_copy(parent, sizeof(parent), path);
	*strrchr(parent, '/') = '\0';
	f.dir = parent;
	str_copy(f.name, sizeof(f.name), f.ours);
	dir = dir_open(parent, false, err_ignored());
	if (dir < 0)
		return;
	(void)dir_each_all(dir, parent, find_first, &f, err_ignored());
	close(dir);
	if (strcmp(f.name, f.ours) != 0)
		work_warn(w, "%s/%s comes before %s: runtimes take the first by name, and not ours",
			  parent, f.name, f.ours);
}

static bool is_installed(const char *dirs, const char *plugin)
{
	char path[PATH_MAX];

	while (true) {
		size_t len = strcspn(dirs, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)len, dirs, plugin);
		if (len && access(path, X_OK) == 0)
			return true;
		if (!dirs[len])
			return false;
		dirs += len + 1;
	}
}

static void check_plugins(struct work *w)
{
	const char *const plugins[] = { config_plugin(w->site), "loopback" };
	const char *dirs = getenv("CNI_PATH");

	dirs = dirs && *dirs ? dirs : PLUGIN_DIRS;
	for (size_t i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
		if (!is_installed(dirs, plugins[i]))
			work_warn(w, "no plugin %s in %s: cnibox install puts it into /opt/cni/bin",
				  plugins[i], dirs);
	}
}

/*
 * kube-proxy translates in the hooks of IP; packets between two pods of one bridge pass these only
 * where br_netfilter makes them.
 */
static void check_services(struct work *w)
{
	static const struct {
		uint8_t family;
		const char *path;
	} knobs[] = { { AF_INET, "net/bridge/bridge-nf-call-iptables" },
		      { AF_INET6, "net/bridge/bridge-nf-call-ip6tables" } };
	char value[8];

	for (size_t i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		if (!node_has_family(w->site->self, knobs[i].family))
			continue;
		if (sysctl_get(knobs[i].path, value, sizeof(value), err_ignored()) < 0)
			str_copy(value, sizeof(value), "missing");
		if (strcmp(value, "1") != 0)
			work_warn(w,
				  "sysctl %s is %s: a pod does not reach a Service whose pod is on "
				  "this node (module br_netfilter, and the value 1)",
				  knobs[i].path, value);
	}
}

/* A name may be right beside addresses that another machine has, or this one had once. */
static void check_addresses(struct work *w)
{
	const struct node *n = w->site->self;

	if (n->address_count && !site_has_addr_of(w->site, n))
		work_warn(w,
			  "this machine has no address of node %s (%s%s), where the others look "
			  "for its pods",
			  n->name, addr_text(&n->addresses[0]),
			  n->address_count > 1 ? ", ..." : "");
}

void surroundings_check(struct work *config)
{
	if (!config->site->self->subnet_count)
		return;
	check_addresses(config);
	check_links(config);
	check_config(config);
	check_plugins(config);
	if (config->site->cluster->kubernetes)
		check_services(config);
}
