/* What the files of nl share: the batch's bytes, and errors' texts. Private to nl*.c. */
#ifndef NET_NL_PRIVATE_H
#define NET_NL_PRIVATE_H

#include <string.h>

#include "net/nl.h"

/* The message header at an offset of the batch, whose buffer need not be aligned. */
static inline struct nlmsghdr nl_header(const struct nl *nl, size_t at)
{
	struct nlmsghdr h;

	memcpy(&h, nl->buf + at, sizeof(h));
	return h;
}

static inline void nl_header_set(struct nl *nl, size_t at, const struct nlmsghdr *h)
{
	memcpy(nl->buf + at, h, sizeof(*h));
}

/* Send the batch's bytes from start to end. */
int nl_send(const struct nl *nl, const struct nl_protocol *as, size_t start, size_t end,
	    struct err *e);

/* Read an NLMSG_ERROR or NLMSG_DONE: errnum 0 is an acknowledgement. */
void nl_refusal_read(const struct nlmsghdr *h, struct nl_refusal *f);

/* The error that this refusal is, in the words of the protocol (NULL: in the general ones). */
int nl_refusal_report(const struct nl *nl, const struct nl_protocol *as, struct nl_refusal *f,
		      struct err *e);

/* The error of a batch that is bad. */
int nl_bad_report(const struct nl *nl, const struct nl_protocol *as, struct err *e);

/* Names a batch that failed as a whole: the protocol's name for it, or its last request. */
const char *nl_batch_name(const struct nl *nl, const struct nl_protocol *as);

#endif
