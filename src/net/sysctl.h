/*
 * Sysctls of the caller's network namespace, by their path below /proc/sys with slashes:
 * "net/ipv4/ip_forward".
 */
#ifndef NET_SYSCTL_H
#define NET_SYSCTL_H

#include <stddef.h>

struct err;

/*
 * Write value unless it stands there already. 0 unchanged, 1 changed, -errno; -ENOENT: the kernel
 * has no such sysctl. Paths with ".." are -EINVAL.
 */
int sysctl_set(const char *path, const char *value, struct err *e);

/*
 * The path of a link's knob, returned as out: "ipv6", "eth0", "accept_ra" is
 * "net/ipv6/conf/eth0/accept_ra". Names of links have neither slashes nor dots alone.
 */
#define SYSCTL_LINK_PATH 64
const char *sysctl_link_path(const char *family, const char *link, const char *knob,
			     char out[static SYSCTL_LINK_PATH]);

/* Write value without a look at what stands there: 0. */
int sysctl_write(const char *path, const char *value, struct err *e);

/* Read without the newline. */
int sysctl_get(const char *path, char *out, size_t size, struct err *e);

#endif
