/*
 * Netlink mechanism: one socket, a sticky request buffer that holds a batch of messages,
 * acknowledgements, dumps.
 *
 * Requests are written one after the other (nl_request, nl_put_*, nl_nest) and go to the kernel in
 * one send() by nl_commit(). A batch of one is the ordinary call. All protocols go this one way:
 * rtnetlink, generic netlink, and nf_tables, whose batch is a transaction (struct nl_protocol).
 * Follows include/uapi/linux/netlink.h and net/netlink/af_netlink.c.
 */
#ifndef NET_NL_H
#define NET_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

struct addr;
struct err;

#define NL_NEST_MAX 8
#define NL_ERRNO_MAX 4095    /* MAX_ERRNO of include/linux/err.h: anything beyond is no errno */
#define NL_REQUESTS_MAX 1024 /* in one batch */
#define NL_HINTS_MAX 16	     /* nl_hint() in one batch; more are dropped */

/* What an error of one request means, where the kernel does not say so itself. */
struct nl_hint {
	unsigned int request; /* index in the batch */
	int errnum;
	const char *says;
	const char *text;
};

/* Only nl*.c touch its fields. What every use touches stands in front, on one page. */
struct nl {
	int fd;	      /* -1: closed */
	uint32_t seq; /* of the last request written */
	char *buf;    /* the batch; from a static pool inside nl.c's caller: see nl_open() */
	size_t cap, len;
	size_t msg;		  /* offset of the message under construction */
	size_t nest[NL_NEST_MAX]; /* offsets of open nested attributes */
	unsigned int depth;
	unsigned int count; /* requests in the batch */
	bool bad;	    /* reported once by nl_commit() */
	const char *why;    /* it is bad; NULL: it does not fit */
	unsigned int hints;
	struct nl_hint hint[NL_HINTS_MAX];
	const char *what[NL_REQUESTS_MAX]; /* static text that names each request in errors */
};

/*
 * A socket of this protocol (NETLINK_ROUTE, NETLINK_NETFILTER) in the caller's network namespace,
 * with extended ACKs (NETLINK_EXT_ACK, NETLINK_CAP_ACK), O_CLOEXEC. buf[cap] is borrowed for
 * batches (4 KiB suffice for a plugin). -EPROTONOSUPPORT: the kernel lacks the protocol; the error
 * names the option that is missing.
 */
int nl_open(struct nl *nl, int protocol, char *buf, size_t cap, struct err *e);
void nl_close(struct nl *nl);
bool nl_is_open(const struct nl *nl);
void nl_init(struct nl *nl); /* to closed; the struct is large, so its other fields stay */
#define NL_CLOSED                                                                                  \
	{                                                                                          \
		.fd = -1                                                                           \
	} /* initialises a socket that is not open yet: nl_close() may come */

/*
 * Begin the next request of the batch. what is static text: "create veth". header is its fixed part
 * (struct ifinfomsg ...).
 */
void nl_request(struct nl *nl, const char *what, uint16_t type, uint16_t flags, const void *header,
		size_t size);

/*
 * If the request just begun fails with errnum and the kernel's own message is says ("" when it
 * gives none, NULL: whatever it is), the error text is "what: text". Static texts. The first hint
 * that fits is taken.
 */
void nl_hint(struct nl *nl, int errnum, const char *says, const char *text);

/*
 * What has to be written cannot be: why is static text ("a comment is too long"). nl_commit() says
 * so with -EMSGSIZE, and sends nothing.
 */
void nl_refuse(struct nl *nl, const char *why);

/* Requests in the batch. */
unsigned int nl_count(const struct nl *nl);

/* Do so many more requests of so many bytes altogether fit? */
bool nl_has_room(const struct nl *nl, unsigned int requests, size_t bytes);

/*
 * A copy of the batch as it stands, messages with their padding one after the other: its size, 0
 * when the batch is empty, bad or larger than size. out is aligned as struct nlmsghdr is.
 */
size_t nl_copy(const struct nl *nl, void *out, size_t size);

/* The sequence number of the last request written, which no other of this socket has. */
uint32_t nl_sequence(const struct nl *nl);

/*
 * Raw bytes without an attribute header, padded to 4: the header of a message nested in an
 * attribute (VETH_INFO_PEER).
 */
void nl_put_raw(struct nl *nl, const void *data, size_t size);
void nl_put(struct nl *nl, uint16_t type, const void *data, size_t size);
void nl_put_str(struct nl *nl, uint16_t type, const char *s); /* with its NUL */
void nl_put_u8(struct nl *nl, uint16_t type, uint8_t v);
void nl_put_u16(struct nl *nl, uint16_t type, uint16_t v); /* host byte order */
void nl_put_u32(struct nl *nl, uint16_t type, uint32_t v); /* host byte order */
void nl_put_be32(struct nl *nl, uint16_t type,
		 uint32_t v); /* v in host order, big endian on the wire (nf_tables) */
void nl_put_addr(struct nl *nl, uint16_t type, const struct addr *a); /* 4 or 16 bytes */
void nl_nest_open(struct nl *nl, uint16_t type);
void nl_nest_close(struct nl *nl);

/*
 * Nested attributes as nested blocks: nl_nest(nl, IFLA_LINKINFO) { ... } ; never leave the block by
 * break or return.
 */
#define nl_nest(nl, type) NL_NEST_(nl, type, NL_CAT_(nl_once_, __LINE__))
#define NL_NEST_(nl, type, once)                                                                   \
	for (bool once = (nl_nest_open(nl, type), true); once; nl_nest_close(nl), once = false)
#define NL_CAT_(a, b) NL_CAT2_(a, b)
#define NL_CAT2_(a, b) a##b

/*
 * Send the batch and collect the kernel's answers (an acknowledgement is asked of the last request;
 * errors come for any). 0, or the first error as -errno with the request's `what`, the kernel's
 * extended ACK message and the attribute it complains about as text.
 *
 * The kernel goes on with later requests after a failed one. Where a later request must not happen
 * then, write the earlier one with NLM_F_ACK: what stands behind it is sent only when everything up
 * to it has succeeded.
 *
 * *failed (may be NULL; untouched on success) is the index of the failed request. -EMSGSIZE: the
 * batch did not fit its buffer, nothing was sent. The batch is empty afterwards. An empty batch is
 * 0 without a system call. Never blocks: the kernel has answered when send() returns.
 */
int nl_commit(struct nl *nl, unsigned int *failed, struct err *e);

/* A request's failure as the kernel tells it. */
struct nl_refusal {
	unsigned int request;	     /* index in the batch */
	const char *what;	     /* its static text */
	const struct nlmsghdr *sent; /* the request, aligned; cut at 4 KiB */
	int errnum;
	char says[200];	  /* extended ACK, "" when there is none */
	uint32_t offset;  /* of the offending attribute in the request, 0: none */
	uint32_t missing; /* type of the attribute that is missing, 0: none */
};

/* What a protocol does in its own way when a batch is sent. */
struct nl_protocol {
	/*
	 * The first and the last request are marks around a transaction: all goes out in one
	 * send(), and the last request between them is asked for its acknowledgement. Marks alone
	 * are an empty batch.
	 */
	bool marks;
	const char *batch; /* names what failed as a whole; NULL: the last request does */
	int (*explain)(const struct nl_refusal *f, struct err *e); /* NULL: as nl_commit() */
};

/* nl_commit() in the way of a protocol. *failed counts the opening mark, which is 0. */
int nl_commit_as(struct nl *nl, const struct nl_protocol *as, unsigned int *failed, struct err *e);

/* Forget what was written and not sent. */
void nl_discard(struct nl *nl);

/*
 * Send the one request written as a dump (NLM_F_DUMP is in its flags) or a get (no such flag: one
 * answer) and call fn for each answer; fn returns 0, or a negative value that ends the walk and is
 * returned. fn must not use this nl. An interrupted dump (NLM_F_DUMP_INTR) restarts up to 100
 * times (then -EAGAIN): restart (may be NULL) is called first so that the caller forgets what it
 * gathered; without it fn sees objects again. Answers with a foreign sequence number or from
 * another port than the kernel's are skipped. Message length is checked; attributes are the
 * callback's to check (nl_attrs). The batch is empty afterwards.
 */
typedef int nl_answer_fn(const struct nlmsghdr *h, void *arg);
int nl_dump(struct nl *nl, nl_answer_fn *fn, void (*restart)(void *arg), void *arg, struct err *e);

/*
 * The same for a namespace whose owner may change it all the time, to keep others from looking into
 * it: after a fourth dump that was interrupted the walk is over. fn sees the objects of all of
 * them. What was there from the first to the last is hardly missed.
 */
int nl_dump_seen(struct nl *nl, nl_answer_fn *fn, void *arg, struct err *e);

/*
 * Send all requests written, each of which is a get with one small answer (below 4 KiB), in one
 * send(), and call fn for each of them in order: with the answer, or with h NULL and the errno that
 * the kernel refused it with. fn returns 0, or a negative value, which ends the walk and is
 * returned. fn must not use this nl. The batch is empty afterwards.
 */
typedef int nl_reply_fn(unsigned int request, const struct nlmsghdr *h, int errnum, void *arg);
int nl_ask(struct nl *nl, nl_reply_fn *fn, void *arg, struct err *e);

/*
 * Index the attributes behind a message's fixed part of header_size bytes: out[type], type 0 to
 * max, points to the attribute or is NULL; types above max are skipped, of several the last counts.
 * False when an attribute runs over its end (out is then complete up to it).
 */
bool nl_attrs(const struct nlmsghdr *h, size_t header_size, const struct nlattr **out,
	      uint16_t max);
bool nl_attrs_nested(const struct nlattr *nest, const struct nlattr **out,
		     uint16_t max); /* nest NULL: all NULL, true */

/*
 * Walk the elements of a nested attribute (lists such as NFTA_LIST_ELEM): *at starts NULL; false at
 * the end.
 */
bool nl_attr_next(const struct nlattr *nest, const struct nlattr **at);

/* From now on the socket gets the events of a group (RTNLGRP_*). It is for nothing else then. */
int nl_listen(struct nl *nl, unsigned int group, struct err *e);

/*
 * Wait for events of a listening socket and forget them: what is true now is to be asked with
 * another. 1: some came, or were lost; 0: none in this time.
 */
int nl_wait(const struct nl *nl, int timeout_ms, struct err *e);

/*
 * Call fn for each event that has come to a listening socket, without waiting; what it returns is
 * not used. 1: some were lost, since the queue was full; 0: none was.
 */
int nl_events(const struct nl *nl, nl_answer_fn *fn, void *arg, struct err *e);

/* To poll for events with. */
int nl_fd(const struct nl *nl);

/*
 * What events that this socket's requests cause have in nlmsg_pid; 0, which no event of another
 * program has, when it is closed or has sent nothing yet.
 */
uint32_t nl_port(const struct nl *nl);

/* Read an attribute with its length checked; 0, "" or false when it is NULL or too short. */
uint32_t nl_u32(const struct nlattr *a);
uint32_t nl_be32(const struct nlattr *a); /* returned in host order */
uint16_t nl_u16(const struct nlattr *a);
uint8_t nl_u8(const struct nlattr *a);
bool nl_str(const struct nlattr *a, char *out,
	    size_t size); /* NUL-terminated; false if absent or cut */
bool nl_addr(const struct nlattr *a, uint8_t family, struct addr *out); /* false: *out is none */
size_t nl_size(const struct nlattr *a);	     /* payload bytes; 0 when NULL */
const void *nl_data(const struct nlattr *a); /* payload */

#endif
