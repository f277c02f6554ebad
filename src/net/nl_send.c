/*
 * Netlink mechanism: sending requests and collecting answers.
 *
 * Theory of operation. rtnetlink and nfnetlink work inside the sender's system call: when send()
 * returns, every request of the batch has been carried out and every answer is in our receive queue
 * (netlink_unicast_kernel(), netlink_rcv_skb()). So answers are read without waiting until none is
 * left, and an answer that is not there was lost, never late. A dump is produced piece by piece,
 * each piece by the recvmsg() that took the one before (netlink_recvmsg()), so that holds for dumps
 * too.
 *
 * The kernel reports errors in the order of the requests. When the queue is full it drops what
 * comes later and says ENOBUFS first, before it hands out what it kept: the first error is always
 * among what was kept, so we read on after ENOBUFS. The queue is always read to its end, because a
 * dump that nobody takes makes the next one fail with EBUSY.
 */
#include "net/nl.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/netlink.h>

#include "base/err.h"
#include "base/text.h"

#define ANSWER_SIZE 32768 /* the kernel fills no dump message beyond this (netlink_dump()) */
#define RESTARTS_MAX 8

struct inbox {
	_Alignas(struct nlmsghdr) char buf[ANSWER_SIZE];
	size_t len, at;
};

/* A request's failure as the kernel tells it. */
struct failure {
	int errnum;	  /* 0: an acknowledgement */
	char says[200];	  /* extended ACK, "" when there is none */
	uint32_t offset;  /* of the offending attribute in the request, 0: none */
	uint32_t missing; /* type of the attribute that is missing, 0: none */
};

static struct nlmsghdr header_at(const struct nl *nl, size_t at)
{
	struct nlmsghdr h;

	memcpy(&h, nl->buf + at, sizeof(h));
	return h;
}

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

/*
 * Where the extended ACK begins behind the message header, past the request if that is echoed; 0:
 * there is none.
 */
static size_t extack_offset(const struct nlmsghdr *h)
{
	struct nlmsgerr m;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (h->nlmsg_type == NLMSG_DONE)
		return sizeof(int);
	memcpy(&m, h + 1, sizeof(m));
	if (h->nlmsg_flags & NLM_F_CAPPED)
		return sizeof(m);
	return m.msg.nlmsg_len > h->nlmsg_len ? 0 : sizeof(int) + NLMSG_ALIGN(m.msg.nlmsg_len);
}

/* Read an NLMSG_ERROR or NLMSG_DONE. */
static void failure_read(const struct nlmsghdr *h, struct failure *f)
{
	const struct nlattr *a[NLMSGERR_ATTR_MISS_TYPE + 1];
	size_t need = h->nlmsg_type == NLMSG_DONE ? sizeof(int) : sizeof(struct nlmsgerr);
	size_t offset;
	int error = -EPROTO;

	memset(f, 0, sizeof(*f));
	if (h->nlmsg_len < NLMSG_HDRLEN + need) {
		f->errnum = h->nlmsg_type == NLMSG_DONE ? 0 : EPROTO;
		return;
	}
	memcpy(&error, h + 1, sizeof(error));
	f->errnum = error > 0 || error < -NL_ERRNO_MAX ? EPROTO : -error;
	offset = extack_offset(h);
	if (!offset)
		return;
	(void)nl_attrs(h, offset, a, NLMSGERR_ATTR_MISS_TYPE);
	(void)nl_str(a[NLMSGERR_ATTR_MSG], f->says, sizeof(f->says));
	f->offset = nl_u32(a[NLMSGERR_ATTR_OFFS]);
	f->missing = nl_u32(a[NLMSGERR_ATTR_MISS_TYPE]);
}

static const char *hint_find(const struct nl *nl, unsigned int request, const struct failure *f)
{
	for (unsigned int i = 0; i < nl->hints; i++) {
		const struct nl_hint *h = &nl->hint[i];

		if (h->request == request && h->errnum == f->errnum &&
		    (!h->says || strcmp(h->says, f->says) == 0))
			return h->text;
	}
	return NULL;
}

/* The type of the attribute that the kernel points at in the request; 0: it points at none. */
static unsigned int attr_type_at(const struct nl *nl, unsigned int request, uint32_t offset)
{
	struct nlmsghdr h;
	struct nlattr a;
	size_t at = 0;

	for (h = header_at(nl, 0); request > 0; request--, h = header_at(nl, at))
		at += h.nlmsg_len;
	if (offset < sizeof(h) || h.nlmsg_len < sizeof(a) || offset > h.nlmsg_len - sizeof(a))
		return 0;
	memcpy(&a, nl->buf + at + offset, sizeof(a));
	return a.nla_type & (unsigned int)NLA_TYPE_MASK;
}

static int failure_report(const struct nl *nl, unsigned int request, const struct failure *f,
			  struct err *e)
{
	const char *hint = hint_find(nl, request, f);
	unsigned int type = f->missing ? f->missing : attr_type_at(nl, request, f->offset);
	char buf[320];
	struct text t;

	if (hint)
		return err_set(e, f->errnum, "%s: %s", nl->what[request], hint);
	text_init(&t, buf, sizeof(buf));
	if (f->says[0])
		text_printf(&t, " (kernel: %s)", f->says);
	if (type)
		text_printf(&t, " (attribute %u%s)", type, f->missing ? " is missing" : "");
	return err_set(e, f->errnum, "%s: %s%s", nl->what[request], strerror(f->errnum), buf);
}

static int overflow_report(const struct nl *nl, struct err *e)
{
	const char *what = nl->count > 0 ? nl->what[nl->count - 1] : "netlink request";

	return err_set(e, EMSGSIZE, "%s: the batch is too large (%zu bytes, %u requests so far)",
		       what, nl->len, nl->count);
}

static int batch_send(const struct nl *nl, size_t start, size_t end, struct err *e)
{
	const int room = end - start > INT_MAX / 2 ? INT_MAX : (int)(end - start) * 2;
	bool grown = false;

	while (send(nl->fd, nl->buf + start, end - start, 0) < 0) {
		if (errno == EINTR)
			continue;
		/* The socket's default takes 208 KiB; root may ask for more than net.core.wmem_max.
		 */
		if (errno != EMSGSIZE || grown ||
		    setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
			return err_sys(e, errno, "%s: send %zu bytes to the kernel",
				       nl->what[nl->count - 1], end - start);
		grown = true;
	}
	return 0;
}

/* The requests that go out in one send(). */
struct part {
	size_t start, end;	   /* bytes in the buffer */
	unsigned int first, count; /* requests */
	uint32_t seq;		   /* of the first */
};

/* From start up to a request with NLM_F_ACK, or the batch's last, which gets the flag. */
static struct part part_at(struct nl *nl, size_t start, unsigned int first)
{
	struct part p = {
		.start = start, .end = start, .first = first, .seq = nl->seq - nl->count + 1 + first
	};
	struct nlmsghdr h;

	do {
		h = header_at(nl, p.end);
		if (p.end + h.nlmsg_len == nl->len) {
			h.nlmsg_flags |= NLM_F_ACK;
			memcpy(nl->buf + p.end, &h, sizeof(h));
		}
		p.end += h.nlmsg_len;
		p.count++;
	} while (!(h.nlmsg_flags & NLM_F_ACK));
	return p;
}

/* Read all answers and act on the first error, whose request is *failed then; silence is an error.
 */
static int part_answers(const struct nl *nl, const struct part *p, unsigned int *failed,
			struct err *e)
{
	struct failure first = { 0 }, f;
	const struct nlmsghdr *h;
	struct inbox in;
	bool acked = false, lost = false;
	ssize_t n;

	while ((n = inbox_fill(nl, &in, e)) != 0) {
		if (n < 0 && n != -ENOBUFS)
			return (int)n;
		lost |= n < 0;
		while ((h = inbox_next(&in)) != NULL) {
			uint32_t index = h->nlmsg_seq - p->seq;

			if (h->nlmsg_type != NLMSG_ERROR || index >= p->count || first.errnum)
				continue;
			failure_read(h, &f);
			if (f.errnum) {
				first = f;
				*failed = p->first + index;
			}
			acked |= index == p->count - 1;
		}
	}
	if (first.errnum)
		return failure_report(nl, *failed, &first, e);
	if (acked)
		return 0;
	return err_set(e, lost ? ENOBUFS : EPROTO, "%s: the kernel's answer %s",
		       nl->what[p->first + p->count - 1], lost ? "was lost" : "is missing");
}

int nl_commit(struct nl *nl, unsigned int *failed, struct err *e)
{
	unsigned int index = nl->count > 0 ? nl->count - 1 : 0;
	struct part p = { 0 };
	int r = nl->bad ? overflow_report(nl, e) : 0;

	assert(nl->depth == 0);
	while (r == 0 && p.end < nl->len) {
		p = part_at(nl, p.end, p.first + p.count);
		index = p.first;
		r = batch_send(nl, p.start, p.end, e);
		if (r == 0)
			r = part_answers(nl, &p, &index, e);
	}
	if (r < 0 && failed)
		*failed = index;
	nl_discard(nl);
	return r;
}

/* One pass of a dump or get. */
struct walk {
	nl_answer_fn *fn;
	void *arg;
	bool dump;
	bool done, interrupted;
	int r;
};

static void walk_answer(const struct nl *nl, struct walk *w, const struct nlmsghdr *h,
			struct err *e)
{
	struct failure f;

	w->interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
		w->done = true;
		failure_read(h, &f);
		if (f.errnum && !w->r)
			w->r = failure_report(nl, 0, &f, e);
		return;
	}
	if (h->nlmsg_type < NLMSG_MIN_TYPE)
		return;
	w->done |= !w->dump && !(h->nlmsg_flags & NLM_F_MULTI);
	if (w->r == 0 && !w->interrupted)
		w->r = w->fn(h, w->arg);
}

static int walk_run(const struct nl *nl, struct walk *w, struct err *e)
{
	const struct nlmsghdr *h;
	struct inbox in;
	ssize_t n;
	int r = batch_send(nl, 0, nl->len, e);

	w->done = w->interrupted = false;
	w->r = 0;
	if (r < 0)
		return r;
	while ((n = inbox_fill(nl, &in, e)) != 0) {
		if (n < 0 && n != -ENOBUFS)
			return (int)n;
		w->interrupted |= n < 0;
		while ((h = inbox_next(&in)) != NULL)
			if (h->nlmsg_seq == nl->seq && !w->done)
				walk_answer(nl, w, h, e);
	}
	if (w->r < 0 || w->done)
		return w->r;
	return err_set(e, EPROTO, "%s: the kernel's answer is incomplete", nl->what[0]);
}

static void sequence_next(struct nl *nl)
{
	struct nlmsghdr h = header_at(nl, 0);

	h.nlmsg_seq = ++nl->seq;
	memcpy(nl->buf, &h, sizeof(h));
}

int nl_dump(struct nl *nl, nl_answer_fn *fn, void (*restart)(void *arg), void *arg, struct err *e)
{
	struct walk w = { .fn = fn, .arg = arg };
	int r = nl->bad ? overflow_report(nl, e) : 0;

	assert(nl->depth == 0 && (nl->bad || nl->count == 1));
	if (r == 0) {
		w.dump = (header_at(nl, 0).nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
		r = walk_run(nl, &w, e);
	}
	for (int i = 0; r == 0 && w.interrupted && i < RESTARTS_MAX; i++) {
		if (restart)
			restart(arg);
		sequence_next(nl);
		r = walk_run(nl, &w, e);
	}
	if (r == 0 && w.interrupted)
		r = err_set(e, EAGAIN, "%s: interrupted by changes %d times", nl->what[0],
			    RESTARTS_MAX + 1);
	nl_discard(nl);
	return r;
}
