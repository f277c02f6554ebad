/* The plugin's side: see call.h. */
#include "dhcp/call.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "dhcp/bytes.h"

#define ANSWER_MS 15000 /* whatever needs no DHCP server; an ADD ends when the daemon gives up */

struct refusal {
	int64_t code, errnum;
	const char *msg;
};

static const struct json_field refusal_fields[] = {
	{ "code", JSON_INT, offsetof(struct refusal, code), .min = 0, .max = INT32_MAX },
	{ "errno", JSON_INT, offsetof(struct refusal, errnum), .min = 1, .max = 4095 },
	{ "msg", JSON_STR, offsetof(struct refusal, msg) },
};
static const struct json_table refusal_table = {
	.fields = refusal_fields,
	.count = sizeof(refusal_fields) / sizeof(refusal_fields[0]),
};

static int connect_error(const char *path, struct err *e)
{
	int errnum = errno;

	if (errnum != ENOENT && errnum != ECONNREFUSED && errnum != ENOTDIR)
		return err_sys(e, errnum, "connect to the DHCP daemon at %s", path);
	return err_set(e, ECONNREFUSED,
		       "no DHCP daemon listens to %s: start it with `cnibox dhcp daemon`, or name "
		       "its socket in ipam.daemonSocketPath",
		       path);
}

/* A full queue: the daemon is busy with as many plugins as it serves at once. */
static int call_connect(const char *path, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, r;

	if (!str_copy(at.sun_path, sizeof(at.sun_path), path))
		return err_set(e, ENAMETOOLONG, "ipam.daemonSocketPath: longer than %zu bytes",
			       sizeof(at.sun_path) - 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(e, "open a unix socket");
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	r = connect_error(path, e);
	close(fd);
	return r;
}

static int call_send(int fd, const struct dhcp_ask *q, struct err *e)
{
	char buf[DHCP_RPC_HEAD + DHCP_ASK_MAX + 1];
	struct text t;
	ssize_t sent;

	text_init(&t, buf + DHCP_RPC_HEAD, DHCP_ASK_MAX + 1);
	dhcp_ask_write(&t, q);
	if (t.bad)
		return err_set(e, E2BIG, "the question to the DHCP daemon is larger than %u bytes",
			       DHCP_ASK_MAX);
	be32_put((uint8_t *)buf, (uint32_t)t.len);
	sent = send(fd, buf, DHCP_RPC_HEAD + t.len, MSG_NOSIGNAL);
	if (sent < 0)
		return err_errno(e, "ask the DHCP daemon");
	if ((size_t)sent != DHCP_RPC_HEAD + t.len)
		return err_set(e, EPIPE, "ask the DHCP daemon: it took only a part");
	return 0;
}

static int receive_all(int fd, char *buf, size_t len, int timeout_ms, struct err *e)
{
	for (size_t have = 0; have < len;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int r = poll(&p, 1, timeout_ms);
		ssize_t n;

		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			return err_set(e, EAGAIN, "the DHCP daemon has not answered within %d s",
				       timeout_ms / 1000);
		n = r < 0 ? -1 : recv(fd, buf + have, len - have, 0);
		if (n < 0)
			return err_errno(e, "read the DHCP daemon's answer");
		if (n == 0)
			return err_set(e, EAGAIN, "the DHCP daemon ended before it answered");
		have += (size_t)n;
	}
	return 0;
}

static int call_receive(int fd, struct arena *a, int timeout_ms, struct json_raw *out,
			struct err *e)
{
	char head[DHCP_RPC_HEAD] = { 0 }, *text;
	int r = receive_all(fd, head, sizeof(head), timeout_ms, e);
	size_t len;

	if (r < 0)
		return r;
	len = be32_get((const uint8_t *)head);
	text = len <= DHCP_ANSWER_MAX ? arena_alloc(a, len + 1) : NULL;
	if (!text)
		return err_set(e, EPROTO, "the DHCP daemon's answer has %zu bytes", len);
	r = receive_all(fd, text, len, ANSWER_MS, e);
	*out = (struct json_raw){ .text = text, .len = len };
	return r < 0 ? r : err_ctx(e, json_check(text, len, e), "answer of the DHCP daemon");
}

static int take_refusal(struct arena *a, struct json_raw answer, struct err *e)
{
	struct refusal f = { 0 };
	int r = json_decode_raw(a, answer, "answer of the DHCP daemon", &refusal_table, &f, e);

	if (r < 0 || !f.msg)
		return r;
	r = err_set(e, f.errnum ? (int)f.errnum : EPROTO, "%s", f.msg);
	return f.code ? err_code(e, r, (unsigned int)f.code) : r;
}

int dhcp_call(struct arena *a, const char *socket, const struct dhcp_ask *q, struct json_raw *out,
	      struct err *e)
{
	int fd = call_connect(socket, e), r;

	if (fd < 0)
		return fd;
	r = call_send(fd, q, e);
	if (r == 0)
		r = call_receive(fd, a, q->command == DHCP_CMD_ADD ? -1 : ANSWER_MS, out, e);
	close(fd);
	return r < 0 ? r : take_refusal(a, *out, e);
}
