/*
 * Netlink mechanism: the socket and the sticky writer of requests. Sending is nl_send.c, the
 * kernel's refusals nl_error.c, reading attributes nl_attr.c.
 *
 * Multi-byte fields are copied in, because the caller's buffer need not be aligned.
 */
#include "net/nl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "base/addr.h"
#include "base/err.h"

static int open_error(int protocol, struct err *e)
{
	if (errno != EPROTONOSUPPORT && errno != EAFNOSUPPORT)
		return err_sys(e, errno, "open a netlink socket");
	if (protocol == NETLINK_NETFILTER)
		return err_set(
			e, EPROTONOSUPPORT,
			"the kernel has no nfnetlink (module nfnetlink, CONFIG_NETFILTER_NETLINK)");
	return err_set(e, EPROTONOSUPPORT, "the kernel has no netlink protocol %d (CONFIG_NET)",
		       protocol);
}

int nl_open(struct nl *nl, int protocol, char *buf, size_t cap, struct err *e)
{
	static const int options[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK };
	const int on = 1;

	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (nl->fd < 0)
		return open_error(protocol, e);
	/* Without them (before 4.20) errors say less and dumps filter less; both cases are handled.
	 */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(nl->fd, SOL_NETLINK, options[i], &on, sizeof(on));
	nl->seq = 0;
	nl->buf = buf;
	nl->cap = cap;
	nl_discard(nl);
	return 0;
}

void nl_init(struct nl *nl)
{
	nl->fd = -1;
}

void nl_close(struct nl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

bool nl_is_open(const struct nl *nl)
{
	return nl->fd >= 0;
}

void nl_discard(struct nl *nl)
{
	nl->len = 0;
	nl->msg = 0;
	nl->depth = 0;
	nl->count = 0;
	nl->hints = 0;
	nl->bad = false;
	nl->why = NULL;
}

void nl_refuse(struct nl *nl, const char *why)
{
	if (!nl->bad)
		nl->why = why;
	nl->bad = true;
}

unsigned int nl_count(const struct nl *nl)
{
	return nl->count;
}

bool nl_has_room(const struct nl *nl, unsigned int requests, size_t bytes)
{
	return !nl->bad && NL_REQUESTS_MAX - nl->count >= requests && nl->cap - nl->len >= bytes;
}

size_t nl_copy(const struct nl *nl, void *out, size_t size)
{
	if (nl->bad || nl->len > size)
		return 0;
	if (nl->len > 0)
		memcpy(out, nl->buf, nl->len);
	return nl->len;
}

uint32_t nl_sequence(const struct nl *nl)
{
	return nl->seq;
}

/*
 * Room for size bytes and the padding behind them, zeroed; NULL when there is none, and from then
 * on.
 */
static char *grow(struct nl *nl, size_t size)
{
	char *at;

	if (nl->bad || size > UINT16_MAX || nl->cap - nl->len < NLMSG_ALIGN(size)) {
		nl->bad = true;
		return NULL;
	}
	at = nl->buf + nl->len;
	memset(at, 0, NLMSG_ALIGN(size));
	nl->len += NLMSG_ALIGN(size);
	return at;
}

/* The message's length follows each write, so that there is nothing to forget at its end. */
static void message_grown(struct nl *nl)
{
	uint32_t len = (uint32_t)(nl->len - nl->msg);

	memcpy(nl->buf + nl->msg, &len, sizeof(len));
}

void nl_request(struct nl *nl, const char *what, uint16_t type, uint16_t flags, const void *header,
		size_t size)
{
	struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = flags | NLM_F_REQUEST };
	char *at;

	assert(nl->depth == 0);
	if (nl->count == NL_REQUESTS_MAX)
		nl->bad = true;
	at = grow(nl, sizeof(h));
	if (!at)
		return;
	h.nlmsg_seq = ++nl->seq;
	memcpy(at, &h, sizeof(h));
	nl->msg = nl->len - sizeof(h);
	nl->what[nl->count++] = what;
	nl_put_raw(nl, header, size);
}

void nl_hint(struct nl *nl, int errnum, const char *says, const char *text)
{
	if (nl->bad || nl->hints == NL_HINTS_MAX)
		return;
	nl->hint[nl->hints++] = (struct nl_hint){ nl->count - 1, errnum, says, text };
}

void nl_put_raw(struct nl *nl, const void *data, size_t size)
{
	char *at;

	assert(nl->bad || nl->count > 0);
	at = grow(nl, size);
	if (!at)
		return;
	if (size > 0)
		memcpy(at, data, size);
	message_grown(nl);
}

void nl_put(struct nl *nl, uint16_t type, const void *data, size_t size)
{
	struct nlattr a = { .nla_type = type };
	char *at;

	assert(nl->bad || nl->count > 0);
	at = size > UINT16_MAX ? NULL : grow(nl, sizeof(a) + size);
	if (!at) {
		nl->bad = true;
		return;
	}
	a.nla_len = (uint16_t)(sizeof(a) + size);
	memcpy(at, &a, sizeof(a));
	if (size > 0)
		memcpy(at + sizeof(a), data, size);
	message_grown(nl);
}

void nl_put_str(struct nl *nl, uint16_t type, const char *s)
{
	nl_put(nl, type, s, strlen(s) + 1);
}

void nl_put_u8(struct nl *nl, uint16_t type, uint8_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

void nl_put_u16(struct nl *nl, uint16_t type, uint16_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

void nl_put_u32(struct nl *nl, uint16_t type, uint32_t v)
{
	nl_put(nl, type, &v, sizeof(v));
}

void nl_put_be32(struct nl *nl, uint16_t type, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	nl_put(nl, type, b, sizeof(b));
}

void nl_put_addr(struct nl *nl, uint16_t type, const struct addr *a)
{
	nl_put(nl, type, a->bytes, addr_size(a));
}

/* Depth is counted even when the buffer is bad, so that opens and closes stay paired. */
void nl_nest_open(struct nl *nl, uint16_t type)
{
	if (nl->depth >= NL_NEST_MAX)
		nl->bad = true;
	else
		nl->nest[nl->depth] = nl->len;
	nl->depth++;
	nl_put(nl, type | NLA_F_NESTED, NULL, 0);
}

void nl_nest_close(struct nl *nl)
{
	size_t start, size;
	uint16_t len;

	assert(nl->depth > 0);
	nl->depth--;
	if (nl->bad)
		return;
	start = nl->nest[nl->depth];
	size = nl->len - start;
	if (size > UINT16_MAX) {
		nl->bad = true;
		return;
	}
	len = (uint16_t)size;
	memcpy(nl->buf + start, &len, sizeof(len));
}
