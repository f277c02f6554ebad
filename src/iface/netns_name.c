/* Names of pods' namespaces: see netns_name.h. */
#include "iface/netns_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

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
	int dir, r = 0;

	if (is_own_name(container_id, netns))
		return 0;
	dir = dir_open(NETNS_DIR, true, e);
	if (dir < 0)
		return err_code(e, dir, CNI_ERR_STATE);
	r = remove_link(dir, container_id, false, e);
	if (r == 0 && symlinkat(netns, dir, container_id) < 0 && errno != EEXIST)
		r = err_code(e,
			     err_sys(e, errno, "name the namespace %s/%s", NETNS_DIR, container_id),
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

int netns_name_del(const char *container_id, struct err *e)
{
	int dir, r = open_existing(&dir, e);

	if (r <= 0)
		return r;
	r = remove_link(dir, container_id, false, e);
	close(dir);
	return r;
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
