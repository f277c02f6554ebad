/* A kernel of the tests' own at the other end of a socket pair: what it says to a request of nl. */
#ifndef UNIT_NL_H
#define UNIT_NL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/netlink.h>

#include "net/nl.h"

static char buffer[4096];

/* Answers are queued before the request is sent, as nl never waits. */
static int kernel;

static void fake_open(struct nl *nl)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	*nl = (struct nl){ .fd = pair[0], .buf = buffer, .cap = sizeof(buffer) };
	kernel = pair[1];
}

static void fake_close(struct nl *nl)
{
	close(kernel);
	nl_close(nl);
	assert_int_equal(nl->fd, -1);
}

static void say(uint16_t type, uint16_t flags, uint32_t seq, const void *payload, size_t len)
{
	char out[512];
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)(sizeof(h) + len),
			      .nlmsg_type = type,
			      .nlmsg_flags = flags,
			      .nlmsg_seq = seq };

	assert_true(len <= sizeof(out) - sizeof(h));
	memcpy(out, &h, sizeof(h));
	if (len)
		memcpy(out + sizeof(h), payload, len);
	assert_int_equal(send(kernel, out, sizeof(h) + len, 0), sizeof(h) + len);
}

/* tlvs may be NULL; echo: bytes of the request that are echoed (not capped). */
static void say_error(uint32_t seq, int errnum, uint32_t echo, const char *tlvs, size_t len)
{
	char out[400] = { 0 };
	struct nlmsgerr m = { .error = -errnum,
			      .msg = { .nlmsg_len = 16 + echo, .nlmsg_seq = seq } };

	memcpy(out, &m, sizeof(m));
	if (len)
		memcpy(out + sizeof(m) + echo, tlvs, len);
	say(NLMSG_ERROR, (echo ? 0 : NLM_F_CAPPED) | (len ? NLM_F_ACK_TLVS : 0), seq, out,
	    sizeof(m) + echo + len);
}

#endif
