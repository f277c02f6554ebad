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

/* Read without the newline. */
int sysctl_get(const char *path, char *out, size_t size, struct err *e);

#endif
