/* Names of pods' namespaces: see netns_name.h. */
#include "attach/netns_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

#define NETNS_DIR "/run/netns"	/* as iproute2's, which writes it /var/run/netns */

static bool is_link(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* A pod whose namespace already has this very name needs none; a link onto itself would hide it. */
static bool is_own_name(const char *container_id, const char *netns)
{
	const char *slash = strrchr(netns, '/');

	return slash && strcmp(slash + 1, container_id) == 0 &&
	       (strncmp(netns, "/run/netns/", 11) == 0 || strncmp(netns, "/var/run/netns/", 15) == 0);
}

int netns_name_add(const char *container_id, const char *netns, struct err *e)
{
	int dir, r = 0;

	if (is_own_name(container_id, netns))
		return 0;
	dir = dir_open(NETNS_DIR, true, e);
	if (dir < 0)
		return err_code(e, dir, CNI_ERR_STATE);
	if (is_link(dir, container_id))
		unlinkat(dir, container_id, 0);
	if (symlinkat(netns, dir, container_id) < 0 && errno != EEXIST)
		r = err_code(e, err_sys(e, errno, "name the namespace %s/%s", NETNS_DIR, container_id), CNI_ERR_STATE);
	close(dir);
	return r;
}

void netns_name_del(const char *container_id)
{
	int dir = dir_open(NETNS_DIR, false, err_ignored());

	if (dir < 0)
		return;
	if (is_link(dir, container_id))
		unlinkat(dir, container_id, 0);
	close(dir);
}

static int sweep_one(int dir, const char *name, void *arg)
{
	struct stat st;

	(void)arg;
	if (is_link(dir, name) && fstatat(dir, name, &st, 0) < 0 && errno == ENOENT)
		unlinkat(dir, name, 0);
	return 0;
}

void netns_name_sweep(void)
{
	int dir = dir_open(NETNS_DIR, false, err_ignored());

	if (dir < 0)
		return;
	dir_each(dir, NETNS_DIR, sweep_one, NULL, err_ignored());
	close(dir);
}
