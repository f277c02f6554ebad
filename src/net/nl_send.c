/*
 * Netlink mechanism: sending requests and collecting answers.
 *
 * Theory of operation. rtnetlink and nfnetlink work inside the sender's system call: when send()
 * returns, every request of the batch has been carried out and every answer is in our receive queue
 * (netlink_unicast_kernel(), netlink_rcv_skb()). So answers are read without waiting until the last
 * one, or none is left, and an answer that is not there was lost, never late. A dump is produced
 * piece by piece, each piece by the recvmsg() that took the one before (netlink_recvmsg()), so that
 * holds for dumps too.
 *
 * The kernel reports errors in the order of the requests. When the queue is full it drops what
 * comes later and says ENOBUFS first, before it hands out what it kept: the first error is always
 * among what was kept, so we read on after ENOBUFS. The last answer is the one to the last request
 * that asked for it, and a dump's NLMSG_DONE: a dump that is not read so far makes the next one
 * fail with EBUSY. What might come behind it is skipped by the next reader, by its sequence number.
 */
#include "net/nl_private.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/text.h"

#define ANSWER_SIZE 32768 /* the kernel fills no dump message beyond this (netlink_dump()) */

/*
 * In a crowd: nf_tables marks a dump when anything of the namespace's ruleset changes between two
 * of its pieces, and with fifty chains attached at once eight in a row were not enough.
 */
#define RESTARTS_MAX 100
#define SEEN_PASSES 4

struct inbox {
	_Alignas(struct nlmsghdr) char buf[ANSWER_SIZE];
	size_t len, at;
};

/*
 * One datagram of the kernel: its length, 0: there is none left, -ENOBUFS: answers were dropped (e
 * is not set).
 */
static ssize_t inbox_fill(const struct nl *nl, struct inbox *in, struct err *e)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { in->buf, sizeof(in->buf) };
		struct msghdr m = { .msg_name = &from,
				    .msg_namelen = sizeof(from),
				    .msg_iov = &iov,
				    .msg_iovlen = 1 };
		ssize_t n = recvmsg(nl->fd, &m, MSG_DONTWAIT);

		in->len = n < 0 ? 0 : (size_t)n;
		in->at = 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS)
			return -ENOBUFS;
		if (n < 0)
			return errno == EAGAIN ? 0 : err_sys(e, errno, "read a netlink answer");
		if (from.nl_pid != 0)
			continue;
		if (m.msg_flags & MSG_TRUNC)
			return err_set(e, EMSGSIZE, "a netlink answer is larger than %zu bytes",
				       sizeof(in->buf));
		return n;
	}
}

static const struct nlmsghdr *inbox_next(struct inbox *in)
{
	const struct nlmsghdr *h = (const void *)(in->buf + in->at);

	if (in->len - in->at < sizeof(*h) || h->nlmsg_len < sizeof(*h) ||
	    h->nlmsg_len > in->len - in->at)
		return NULL;
	in->at += NLMSG_ALIGN(h->nlmsg_len);
	if (in->at > in->len)
		in->at = in->len;
	return h;
}

/* The requests that go out in one send(). */
struct part {
	size_t start, end;	   /* bytes in the buffer */
	unsigned int first, count; /* requests */
	unsigned int asked;	   /* the one that is to be acknowledged, counted from first */
	uint32_t seq;		   /* of the first */
};

int nl_send(const struct nl *nl, const struct nl_protocol *as, size_t start, size_t end,
	    struct err *e)
{
	const size_t size = end - start;
	const int room = size > INT_MAX / 2 ? INT_MAX : (int)size * 2;
	bool grown = false;

	while (send(nl->fd, nl->buf + start, size, 0) < 0) {
		if (errno == EINTR)
			continue;
		/* The socket's default takes 208 KiB; root may ask for more than net.core.wmem_max.
		 */
		if (errno != EMSGSIZE || grown ||
		    setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
			return err_sys(e, errno, "%s: send %zu bytes to the kernel",
				       nl_batch_name(nl, as), size);
		grown = true;
	}
	return 0;
}

/*
 * From start up to a request with NLM_F_ACK, or the batch's last, which gets the flag. A
 * transaction goes out whole: closing is 1 for its last mark, which no kernel before 6.10
 * acknowledges.
 */
static struct part part_at(struct nl *nl, unsigned int closing, size_t start, unsigned int first)
{
	struct part p = {
		.start = start, .end = start, .first = first, .seq = nl->seq - nl->count + 1 + first
	};
	struct nlmsghdr h;

	do {
		h = nl_header(nl, p.end);
		if (first + p.count == nl->count - 1 - closing) {
			h.nlmsg_flags |= NLM_F_ACK;
			nl_header_set(nl, p.end, &h);
		}
		p.end += h.nlmsg_len;
		p.count++;
	} while (closing ? p.end < nl->len : !(h.nlmsg_flags & NLM_F_ACK));
	p.asked = p.count - 1 - closing;
	return p;
}

/* What the kernel has said of a part. */
struct outcome {
	struct nl_refusal first; /* the first error, if there is one */
	bool over;		 /* the request that asks for an answer has one */
	bool acked, lost;
};

static void outcome_add(struct outcome *o, const struct part *p, const struct nlmsghdr *h)
{
	uint32_t index = h->nlmsg_seq - p->seq;
	struct nl_refusal f;

	if (h->nlmsg_type != NLMSG_ERROR || index >= p->count ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return;
	o->over |= index == p->asked;
	if (o->first.errnum)
		return;
	nl_refusal_read(h, &f);
	f.request = p->first + index;
	if (f.errnum)
		o->first = f;
	o->acked |= index == p->asked;
}

/* Read the answers; the first error counts, silence is one. */
static int part_answers(const struct nl *nl, const struct part *p, struct outcome *o, struct err *e)
{
	const struct nlmsghdr *h;
	struct inbox in;
	ssize_t n;

	while (!o->over && (n = inbox_fill(nl, &in, e)) != 0) {
		if (n < 0 && n != -ENOBUFS)
			return (int)n;
		o->lost |= n < 0;
		while ((h = inbox_next(&in)) != NULL)
			outcome_add(o, p, h);
	}
	return 0;
}

/* *failed is set when the kernel names the request. */
static int part_run(const struct nl *nl, const struct nl_protocol *as, const struct part *p,
		    unsigned int *failed, struct err *e)
{
	struct outcome o = { .acked = false };
	int r = nl_send(nl, as, p->start, p->end, e);

	if (r == 0)
		r = part_answers(nl, p, &o, e);
	if (r < 0)
		return r;
	if (o.first.errnum) {
		*failed = o.first.request;
		return nl_refusal_report(nl, as, &o.first, e);
	}
	if (o.acked)
		return 0;
	return err_set(e, o.lost ? ENOBUFS : EPROTO, "%s: the kernel's answer %s",
		       as && as->batch ? as->batch : nl->what[p->first + p->asked],
		       o.lost ? "was lost" : "is missing");
}

int nl_commit_as(struct nl *nl, const struct nl_protocol *as, unsigned int *failed, struct err *e)
{
	unsigned int closing = as && as->marks ? 1 : 0,
		     index = nl->count && !closing ? nl->count - 1 : 0;
	struct part p = { 0 };
	int r = nl->bad ? nl_bad_report(nl, as, e) : 0;

	assert(nl->depth == 0);
	if (nl->count <= 2 * closing)
		nl->len = 0;
	while (r == 0 && p.end < nl->len) {
		p = part_at(nl, closing, p.end, p.first + p.count);
		index = p.first;
		r = part_run(nl, as, &p, &index, e);
	}
	if (r < 0 && failed)
		*failed = index;
	nl_discard(nl);
	return r;
}

int nl_commit(struct nl *nl, unsigned int *failed, struct err *e)
{
	return nl_commit_as(nl, NULL, failed, e);
}

/* One pass of a dump or get. */
struct walk {
	nl_answer_fn *fn;
	void *arg;
	bool dump;
	bool all; /* also what comes when it is interrupted */
	bool done, interrupted;
	int r;
};

static void walk_answer(const struct nl *nl, struct walk *w, const struct nlmsghdr *h,
			struct err *e)
{
	struct nl_refusal f;

	w->interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
		w->done = true;
		nl_refusal_read(h, &f);
		if (f.errnum && !w->r)
			w->r = nl_refusal_report(nl, NULL, &f, e);
		return;
	}
	if (h->nlmsg_type < NLMSG_MIN_TYPE)
		return;
	w->done |= !w->dump && !(h->nlmsg_flags & NLM_F_MULTI);
	if (w->r == 0 && (w->all || !w->interrupted))
		w->r = w->fn(h, w->arg);
}

/*
 * What a dump that broke off has left: the kernel goes on with it as it is read, and begins no
 * other before its end (EBUSY).
 */
static void drain(const struct nl *nl)
{
	while (recv(nl->fd, NULL, 0, MSG_DONTWAIT) >= 0 || errno == EINTR || errno == ENOBUFS)
		;
}

static int walk_run(const struct nl *nl, struct walk *w, struct err *e)
{
	const struct nlmsghdr *h;
	struct inbox in;
	ssize_t n = 0;
	int r = nl_send(nl, NULL, 0, nl->len, e);

	w->done = w->interrupted = false;
	w->r = 0;
	if (r < 0)
		return r;
	while (!w->done && (n = inbox_fill(nl, &in, e)) != 0) {
		if (n < 0 && n != -ENOBUFS)
			break;
		w->interrupted |= n < 0;
		while ((h = inbox_next(&in)) != NULL)
			if (h->nlmsg_seq == nl->seq && !w->done)
				walk_answer(nl, w, h, e);
	}
	if (!w->done)
		drain(nl);
	if (n < 0 && n != -ENOBUFS)
		return (int)n;
	if (w->r < 0 || w->done)
		return w->r;
	return err_set(e, EPROTO, "%s: the kernel's answer is incomplete", nl->what[0]);
}

static void sequence_next(struct nl *nl)
{
	struct nlmsghdr h = nl_header(nl, 0);

	h.nlmsg_seq = ++nl->seq;
	nl_header_set(nl, 0, &h);
}

static int walk_all(struct nl *nl, struct walk *w, void (*restart)(void *arg), int passes,
		    struct err *e)
{
	int r = nl->bad ? nl_bad_report(nl, NULL, e) : 0;

	assert(nl->depth == 0 && (nl->bad || nl->count == 1));
	if (r == 0) {
		w->dump = (nl_header(nl, 0).nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
		r = walk_run(nl, w, e);
	}
	while (r == 0 && w->interrupted && --passes > 0) {
		if (restart)
			restart(w->arg);
		sequence_next(nl);
		r = walk_run(nl, w, e);
	}
	return r;
}

int nl_dump(struct nl *nl, nl_answer_fn *fn, void (*restart)(void *arg), void *arg, struct err *e)
{
	struct walk w = { .fn = fn, .arg = arg };
	int r = walk_all(nl, &w, restart, RESTARTS_MAX + 1, e);

	if (r == 0 && w.interrupted)
		r = err_set(e, EAGAIN, "%s: interrupted by changes %d times", nl->what[0],
			    RESTARTS_MAX + 1);
	nl_discard(nl);
	return r;
}

int nl_dump_seen(struct nl *nl, nl_answer_fn *fn, void *arg, struct err *e)
{
	struct walk w = { .fn = fn, .arg = arg, .all = true };
	int r = walk_all(nl, &w, NULL, SEEN_PASSES, e);

	nl_discard(nl);
	return r;
}

/* A socket without an address of its own gets no event (do_one_broadcast()); it has one only once.
 */
int nl_listen(struct nl *nl, unsigned int group, struct err *e)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };

	if ((nl_port(nl) == 0 && bind(nl->fd, (const struct sockaddr *)&any, sizeof(any)) < 0) ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return err_errno(e, "listen to netlink group %u", group);
	return 0;
}

int nl_wait(const struct nl *nl, int timeout_ms, struct err *e)
{
	struct pollfd p = { .fd = nl->fd, .events = POLLIN };
	struct inbox in;
	int r = poll(&p, 1, timeout_ms);
	ssize_t n;

	if (r < 0 && errno != EINTR)
		return err_errno(e, "wait for a netlink event");
	if (r <= 0)
		return 0;
	while ((n = inbox_fill(nl, &in, e)) != 0) {
		if (n < 0 && n != -ENOBUFS)
			return (int)n;
	}
	return 1;
}
