/* Network namespaces: see netns.h. */
#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "base/err.h"
#include "net/nl.h"

/*
 * A 64-bit kernel of 6.1 has no ioctl of namespaces for 32-bit programs (6.12 has), and qemu-user
 * has none. Then any namespace is taken here, and setns() refuses one of another kind.
 */
static bool netns_is(int fd)
{
	struct statfs fs;
	int kind = ioctl(fd, NS_GET_NSTYPE);

	if (kind >= 0)
		return kind == CLONE_NEWNET;
	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

int netns_open(const char *path, struct err *e)
{
	/*
	 * A link in /proc or a bind mount, so it is followed; O_NONBLOCK: a FIFO planted there must
	 * not hold us.
	 */
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_sys(e, errno, "open network namespace %s", path);
	if (!netns_is(fd)) {
		close(fd);
		return err_set(e, EINVAL, "%s is no network namespace", path);
	}
	return fd;
}

bool netns_is_none(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == EINVAL || errnum == ESRCH ||
	       errnum == ELOOP || errnum == ENXIO || errnum == ENAMETOOLONG;
}

int netns_open_self(struct err *e)
{
	return netns_open("/proc/thread-self/ns/net", e);
}

int netns_open_of(const struct nl *nl, struct err *e)
{
	int fd = ioctl(nl_fd(nl), SIOCGSKNS);

	return fd < 0 ? netns_open_self(e) : fd;
}

bool netns_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

int netns_enter(int ns, struct err *e)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		return err_sys(e, errno, "enter the network namespace");
	return 0;
}

static int id_answer(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a[NETNSA_NSID + 1];
	int *id = arg;

	if (h->nlmsg_type == RTM_NEWNSID && nl_attrs(h, sizeof(struct rtgenmsg), a, NETNSA_NSID) &&
	    nl_size(a[NETNSA_NSID]) == sizeof(uint32_t))
		*id = (int)nl_u32(a[NETNSA_NSID]);
	return 0;
}

int netns_id(struct nl *nl, int ns, int *id, struct err *e)
{
	static const struct rtgenmsg any = { 0 };

	*id = -1;
	nl_request(nl, "number of a namespace", RTM_GETNSID, 0, &any, sizeof(any));
	nl_put_u32(nl, NETNSA_FD, (uint32_t)ns);
	return nl_dump(nl, id_answer, NULL, id, e);
}

struct ids {
	int after;
	int *out;
	size_t cap, count;
};

static int collect_id(const struct nlmsghdr *h, void *arg)
{
	struct ids *w = arg;
	int id = -1;

	(void)id_answer(h, &id);
	if (id > w->after && w->count < w->cap)
		w->out[w->count++] = id;
	return 0;
}

/* The kernel lists them in ascending order (idr_for_each() in rtnl_net_dumpid()). */
int netns_ids(struct nl *nl, int after, int *out, size_t cap, struct err *e)
{
	static const struct rtgenmsg any = { 0 };
	struct ids w = { .after = after, .out = out, .cap = cap };
	int r;

	nl_request(nl, "list numbers of namespaces", RTM_GETNSID, NLM_F_DUMP, &any, sizeof(any));
	r = nl_dump(nl, collect_id, NULL, &w, e);
	return r < 0 ? r : (int)w.count;
}

static int any_answer(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
	return 0;
}

/* Its loopback is there as long as it is. */
int netns_lives(struct nl *nl, int id, struct err *e)
{
	static const struct ifinfomsg lo = { .ifi_index = 1 };
	struct err local = { 0 };
	int r;

	nl_request(nl, "find a namespace", RTM_GETLINK, 0, &lo, sizeof(lo));
	nl_put_u32(nl, IFLA_TARGET_NETNSID, (uint32_t)id);
	r = nl_dump(nl, any_answer, NULL, NULL, &local);
	if (r == -EINVAL)
		return 0;
	return r < 0 ? err_take(e, &local) : 1;
}

int nl_open_in(struct nl *nl, int ns, int home, int protocol, char *buf, unsigned long cap,
	       struct err *e)
{
	int r, back;

	nl_init(nl);
	r = netns_enter(ns, e);
	if (r < 0)
		return r;
	r = nl_open(nl, protocol, buf, cap, e);
	back = netns_enter(home, e);
	if (back < 0) {
		nl_close(nl);
		return err_ctx(e, back, "come back from the container's namespace");
	}
	return r;
}
