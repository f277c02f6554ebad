/* tap devices: see tap.h. */
#include "net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/if.h>
#include <linux/if_tun.h>

#include "base/err.h"
#include "net/netns.h"

#define DEVICE "/dev/net/tun"
#define SELINUX_MOUNT "/sys/fs/selinux/enforce"
#define SELINUX_OWN "/proc/thread-self/attr/current"

/* ENODEV: the node of the device is there, its driver is not. */
static int open_device(struct err *e)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT && errno != ENODEV && errno != ENXIO)
		return err_sys(e, errno, "open " DEVICE);
	return err_set(e, EOPNOTSUPP,
		       DEVICE " is not there: the kernel has no tap devices (module tun, "
			      "CONFIG_TUN), or the module is not loaded");
}

/* musl's ioctl() takes an int; the numbers of PowerPC and MIPS have their highest bit set. */
static int device_call(int fd, unsigned long number, unsigned long value)
{
	return ioctl(fd, (int)number, value);
}

/* Packets as they are, with nothing in front; programs that open it later may choose otherwise. */
static int attach(int fd, const struct tap *t)
{
	struct ifreq request = { 0 };
	int flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL | (t->multi_queue ? IFF_MULTI_QUEUE : 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", t->name);
	request.ifr_flags = (short)flags;
	return device_call(fd, TUNSETIFF, (unsigned long)&request) < 0 ? -errno : 0;
}

static int take_context(const char *context)
{
	int fd = open(SELINUX_OWN, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, context, strlen(context) + 1);

	return n < 0 ? -errno : 0;
}

/*
 * The device has the context of whoever makes it. A process that has taken a context may not be
 * able to come back: a child takes it, and makes the device by the descriptor that both have.
 */
static int attach_as(int fd, const struct tap *t, struct err *e)
{
	pid_t child = fork();
	int status = 0;

	if (child < 0)
		return err_sys(e, errno, "fork");
	if (child == 0) {
		int r = take_context(t->selinux_context);

		_exit(r < 0 ? 255 : -attach(fd, t));
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 255)
		return err_set(e, EPERM, "SELinux does not let cnibox take the context \"%.128s\"",
			       t->selinux_context);
	return -WEXITSTATUS(status);
}

static int make(int fd, const struct tap *t, struct err *e)
{
	bool labelled = t->selinux_context && access(SELINUX_MOUNT, F_OK) == 0;
	int r = labelled ? attach_as(fd, t, e) : attach(fd, t);

	if (r == -EBUSY)
		return err_set(e, EEXIST, "create tap: a link of this name exists");
	if (r < 0)
		return err_sys(e, -r, "create tap");
	if (t->owner != TAP_ANYBODY && device_call(fd, TUNSETOWNER, t->owner) < 0)
		return err_sys(e, errno, "set the tap's owner");
	if (t->group != TAP_ANYBODY && device_call(fd, TUNSETGROUP, t->group) < 0)
		return err_sys(e, errno, "set the tap's group");
	return 0;
}

/* The device is of the namespace in which it is opened. */
int tap_make(const struct tap *t, int ns, int home, struct err *e)
{
	int r = netns_enter(ns, e), fd = -1, back;

	if (r < 0)
		return r;
	fd = r = open_device(e);
	if (r >= 0)
		r = make(fd, t, e);
	back = netns_enter(home, e);
	if (back < 0)
		r = err_ctx(e, back, "come back from the container's namespace");
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

int tap_available(struct err *e)
{
	int fd = open_device(e);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

int tap_persist(int fd, struct err *e)
{
	return device_call(fd, TUNSETPERSIST, 1) < 0 ? err_sys(e, errno, "make the tap persistent")
						     : 0;
}
