/*
 * tap devices: links whose packets a program reads and writes, a virtual machine say. Follows
 * drivers/net/tun.c and Documentation/networking/tuntap.rst.
 */
#ifndef NET_TAP_H
#define NET_TAP_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define TAP_ANYBODY UINT32_MAX

struct tap {
	const char *name;
	uint32_t owner, group;	     /* who may open it without privileges; TAP_ANYBODY */
	bool multi_queue;	     /* several programs, or threads, at once */
	const char *selinux_context; /* of the device; NULL: the caller's */
};

/*
 * Make the device in the namespace ns, down, and come back to home. The device lives as long as the
 * returned descriptor, until tap_persist(). -EEXIST: there is a link of this name; -EOPNOTSUPP: no
 * /dev/net/tun, its module is named. Where there is no SELinux the context is not used.
 */
int tap_make(const struct tap *t, int ns, int home, struct err *e);

/* 0, or as tap_make() when there can be none. */
int tap_available(struct err *e);

/* It outlives its descriptor. */
int tap_persist(int fd, struct err *e);

#endif
