/*
 * Netlink mechanism: several gets at once. As everywhere the kernel has answered when send()
 * returns, each get in a datagram of its own; recvmmsg() takes a handful of them in one system
 * call.
 */
#include "net/nl_private.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/err.h"

#define DATAGRAMS 8
#define DATAGRAM_SIZE 4096

struct datagrams {
	_Alignas(struct nlmsghdr) char buf[DATAGRAMS][DATAGRAM_SIZE];
	struct sockaddr_nl from[DATAGRAMS];
	struct iovec iov[DATAGRAMS];
	struct mmsghdr m[DATAGRAMS];
};

/* How many there are, 0: none is left. */
static int receive(const struct nl *nl, struct datagrams *d, struct err *e)
{
	int n;

	memset(d->m, 0, sizeof(d->m));
	for (size_t i = 0; i < DATAGRAMS; i++) {
		d->iov[i] = (struct iovec){ d->buf[i], DATAGRAM_SIZE };
		d->m[i].msg_hdr.msg_name = &d->from[i];
		d->m[i].msg_hdr.msg_namelen = sizeof(d->from[i]);
		d->m[i].msg_hdr.msg_iov = &d->iov[i];
		d->m[i].msg_hdr.msg_iovlen = 1;
	}
	do
		n = recvmmsg(nl->fd, d->m, DATAGRAMS, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : err_errno(e, "read netlink answers");
	return n;
}

struct replies {
	nl_reply_fn *fn;
	void *arg;
	uint32_t seq;	    /* of the first request */
	unsigned int count; /* of requests */
	unsigned int next;  /* that has no answer yet */
	int r;
};

/* The kernel answers in the order of the requests. */
static void reply(struct replies *p, const struct nlmsghdr *h)
{
	struct nl_refusal f = { .errnum = 0 };

	if (h->nlmsg_seq != p->seq + p->next)
		return;
	if (h->nlmsg_type == NLMSG_ERROR)
		nl_refusal_read(h, &f);
	else if (h->nlmsg_type < NLMSG_MIN_TYPE)
		return;
	if (p->r == 0)
		p->r = p->fn(p->next, h->nlmsg_type == NLMSG_ERROR ? NULL : h, f.errnum, p->arg);
	p->next++;
}

/* What a dump that broke off has left unread is not, whatever its size. */
static bool is_answer(const struct replies *p, const struct nlmsghdr *h)
{
	return h->nlmsg_seq - p->seq < p->count;
}

static int reply_all(struct replies *p, const struct datagrams *d, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		const struct nlmsghdr *h = (const void *)d->buf[i];

		if (d->from[i].nl_pid != 0 || d->m[i].msg_len < sizeof(*h) || !is_answer(p, h))
			continue;
		if (d->m[i].msg_hdr.msg_flags & MSG_TRUNC)
			return err_set(e, EMSGSIZE, "a netlink answer is larger than %d bytes",
				       DATAGRAM_SIZE);
		if (h->nlmsg_len >= sizeof(*h) && h->nlmsg_len <= d->m[i].msg_len)
			reply(p, h);
	}
	return 0;
}

/* The queue is read to its end: fewer than were room for means that there are no more. */
static int read_replies(const struct nl *nl, struct replies *p, struct err *e)
{
	struct datagrams d;
	int n, r = 0;

	do {
		n = receive(nl, &d, e);
		if (n < 0)
			return n;
		if (r == 0)
			r = reply_all(p, &d, (size_t)n, e);
	} while (n == DATAGRAMS);
	return r;
}

int nl_ask(struct nl *nl, nl_reply_fn *fn, void *arg, struct err *e)
{
	struct replies p = {
		.fn = fn, .arg = arg, .seq = nl->seq - nl->count + 1, .count = nl->count
	};
	int r = nl->bad ? nl_bad_report(nl, NULL, e) : 0;

	assert(nl->depth == 0);
	if (r == 0 && nl->count > 0)
		r = nl_send(nl, NULL, 0, nl->len, e);
	if (r == 0 && nl->count > 0)
		r = read_replies(nl, &p, e);
	if (r == 0)
		r = p.r;
	if (r == 0 && p.next < nl->count)
		r = err_set(e, EPROTO, "%s: the kernel's answer is missing", nl->what[p.next]);
	nl_discard(nl);
	return r;
}
