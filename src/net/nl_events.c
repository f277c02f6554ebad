/* Netlink mechanism: events for a poll loop. */
#include "net/nl.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/err.h"

#define EVENT_SIZE 16384 /* what is longer is cut: its header says enough */

int nl_fd(const struct nl *nl)
{
	return nl->fd;
}

uint32_t nl_port(const struct nl *nl)
{
	struct sockaddr_nl self = { 0 };
	socklen_t len = sizeof(self);

	if (nl->fd < 0 || getsockname(nl->fd, (struct sockaddr *)&self, &len) < 0)
		return 0;
	return self.nl_pid;
}

/* One datagram of events. */
static void each_event(const char *buf, size_t len, nl_answer_fn *fn, void *arg)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)buf;

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len)
			return;
		fn(h, arg);
		if (NLMSG_ALIGN(h->nlmsg_len) >= len)
			return;
		len -= NLMSG_ALIGN(h->nlmsg_len);
		buf += NLMSG_ALIGN(h->nlmsg_len);
	}
}

int nl_events(const struct nl *nl, nl_answer_fn *fn, void *arg, struct err *e)
{
	_Alignas(struct nlmsghdr) char buf[EVENT_SIZE];
	struct sockaddr_nl from = { 0 };
	bool lost = false;

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(nl->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *)&from, &size);

		if (n < 0 && errno == EAGAIN)
			return lost;
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			return err_errno(e, "read netlink events");
		lost |= (n < 0 && errno == ENOBUFS) || n > (ssize_t)sizeof(buf);
		if (n > 0 && n <= (ssize_t)sizeof(buf) && from.nl_pid == 0)
			each_event(buf, (size_t)n, fn, arg);
	}
}
