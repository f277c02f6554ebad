/* Names of pods' namespaces: see netns_name.h. */
#include "iface/netns_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "cni/attachment.h"
#include "net/netns.h"
#include "net/nl.h"

#define NETNS_DIR "/run/netns" /* as iproute2's, which writes it /var/run/netns */

/* Of what is no symbolic link nothing is removed; dead: nor of a link that leads somewhere. */
static int remove_link(int dir, const char *name, bool dead, struct err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISLNK(st.st_mode) || (dead && (fstatat(dir, name, &st, 0) == 0 ||
						      errno == ELOOP || errno == EACCES)))
			return 0;
		if ((!dead || errno == ENOENT) && unlinkat(dir, name, 0) == 0)
			return 0;
	}
	if (errno == ENOENT)
		return 0;
	return err_code(e, err_sys(e, errno, "remove the namespace's name %s/%s", NETNS_DIR, name),
			CNI_ERR_STATE);
}

/* A file cannot have the name of every container. */
static const char *file_name(const char *container_id, char out[static CNI_ID_SHORT + 1])
{
	return strlen(container_id) <= NAME_MAX ? container_id
						: attachment_short_id(container_id, out);
}

/* A pod whose namespace already has this very name needs none; a link onto itself would hide it. */
static bool is_own_name(const char *container_id, const char *netns)
{
	const char *slash = strrchr(netns, '/');

	return slash && strcmp(slash + 1, container_id) == 0 &&
	       (strncmp(netns, "/run/netns/", 11) == 0 ||
		strncmp(netns, "/var/run/netns/", 15) == 0);
}

int netns_name_add(const char *container_id, const char *netns, struct err *e)
{
	char buf[CNI_ID_SHORT + 1];
	const char *name = file_name(container_id, buf);
	int dir, r = 0;

	if (is_own_name(name, netns))
		return 0;
	dir = dir_open(NETNS_DIR, true, e);
	if (dir < 0)
		return err_code(e, dir, CNI_ERR_STATE);
	r = remove_link(dir, name, false, e);
	if (r == 0 && symlinkat(netns, dir, name) < 0 && errno != EEXIST)
		r = err_code(e, err_sys(e, errno, "name the namespace %s/%.64s", NETNS_DIR, name),
			     CNI_ERR_STATE);
	close(dir);
	return r;
}

/* 0: the directory is not there. */
static int open_existing(int *dir, struct err *e)
{
	struct err local = { 0 };

	*dir = dir_open(NETNS_DIR, false, &local);
	if (*dir >= 0)
		return 1;
	if (*dir == -ENOENT)
		return 0;
	*e = local;
	return err_code(e, *dir, CNI_ERR_STATE);
}

#define PEERS_MAX 64 /* a pod with more links keeps its name until its namespace dies */

struct peers {
	struct link links[PEERS_MAX];
	size_t count;
	bool cut;
};

static int collect_peer(const struct link *l, void *arg)
{
	struct peers *p = arg;

	if (!l->peer_elsewhere)
		return 0;
	p->cut |= p->count == PEERS_MAX;
	if (p->count < PEERS_MAX)
		p->links[p->count++] = *l;
	return 0;
}

static bool is_other_of(const struct link *end, const struct cni_attachment *at)
{
	struct attachment_names names;
	const struct cni_attachment own = attachment_shorten(at, &names);
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment other;

	return attachment_parse(end->alias, buf, &other) &&
	       strcmp(other.container_id, own.container_id) == 0 &&
	       (strcmp(other.ifname, own.ifname) != 0 || strcmp(other.network, own.network) != 0);
}

/* The pod says where its links lead; the host end's alias and its peer's namespace are ours. */
static bool has_other(struct nl *host, int ns, const struct peers *p,
		      const struct cni_attachment *at)
{
	struct link end;
	int id;

	for (size_t n = 0; n < p->count; n++) {
		const struct link *l = &p->links[n];

		if (link_find_index(host, l->peer, &end, err_ignored()) > 0 &&
		    end.peer == l->index && end.peer_elsewhere && is_other_of(&end, at) &&
		    netns_id(host, ns, &id, err_ignored()) == 0 && id == end.peer_ns)
			return true;
	}
	return p->cut;
}

static bool is_used_by_other(int ns, int home, const struct cni_attachment *at)
{
	static struct peers peers;
	static struct nl pod, host;
	static char pod_buf[1024], host_buf[1024];
	bool used = false;

	peers.count = 0;
	peers.cut = false;
	if (nl_open(&host, NETLINK_ROUTE, host_buf, sizeof(host_buf), err_ignored()) < 0)
		return false;
	if (nl_open_in(&pod, ns, home, NETLINK_ROUTE, pod_buf, sizeof(pod_buf), err_ignored()) ==
	    0) {
		if (link_each_seen(&pod, "veth", collect_peer, &peers, err_ignored()) >= 0)
			used = has_other(&host, ns, &peers, at);
		nl_close(&pod);
	}
	nl_close(&host);
	return used;
}

static int open_named(const char *container_id)
{
	char path[sizeof(NETNS_DIR) + 1 + NAME_MAX], buf[CNI_ID_SHORT + 1];

	snprintf(path, sizeof(path), NETNS_DIR "/%s", file_name(container_id, buf));
	return netns_open(path, err_ignored());
}

/* By its name, for a runtime may not say any more which namespace it was. */
static bool is_in_use(const struct cni_attachment *at)
{
	int ns = open_named(at->container_id), home;
	bool used = false;

	if (ns < 0)
		return false;
	home = netns_open_self(err_ignored());
	if (home >= 0) {
		used = !netns_same(ns, home) && is_used_by_other(ns, home, at);
		close(home);
	}
	close(ns);
	return used;
}

int netns_name_del(const struct cni_attachment *at, struct err *e)
{
	char buf[CNI_ID_SHORT + 1];
	int dir, r = open_existing(&dir, e);

	if (r <= 0)
		return r;
	if (!is_in_use(at))
		r = remove_link(dir, file_name(at->container_id, buf), false, e);
	close(dir);
	return r < 0 ? r : 0;
}

static bool is_name_of(const char *container_id, const char *netns)
{
	int named = open_named(container_id), ns = netns_open(netns, err_ignored());
	bool same = named >= 0 && ns >= 0 && netns_same(named, ns);

	if (named >= 0)
		close(named);
	if (ns >= 0)
		close(ns);
	return same;
}

int netns_name_check(const char *container_id, const char *netns, struct err *e)
{
	char buf[CNI_ID_SHORT + 1];
	const char *name = file_name(container_id, buf);
	struct stat st;
	int dir, r = open_existing(&dir, e);

	if (r < 0)
		return r;
	if (r > 0) {
		r = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
		close(dir);
		if (r == 0 && (!S_ISLNK(st.st_mode) || is_name_of(container_id, netns)))
			return 0;
	}
	r = err_set(e, ENOENT, "%s/%.64s is no name of the pod's namespace any more", NETNS_DIR,
		    name);
	return err_code(e, r, CNI_ERR_DIFFERS);
}

static int sweep_one(int dir, const char *name, void *arg)
{
	return remove_link(dir, name, true, arg);
}

int netns_name_sweep(struct err *e)
{
	int dir, r = open_existing(&dir, e);

	if (r <= 0)
		return r;
	r = dir_each(dir, NETNS_DIR, sweep_one, e, e);
	close(dir);
	return r;
}
