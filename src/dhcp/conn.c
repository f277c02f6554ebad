/* The daemon and its plugins: questions in, answers out. See server.h and rpc.h. */
#include "dhcp/server_private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/result.h"
#include "dhcp/bytes.h"
#include "json/writer.h"

#define IDLE_MS 10000  /* a plugin writes its question at once */
#define RETRY_MS 100   /* after no file descriptor was left */
#define LIST_MAX 64    /* attachments in one answer */
#define MEMORY 262144u /* a question of DHCP_ASK_MAX has at most as many tokens */

static char memory[MEMORY] __attribute__((aligned(16)));
static char answer_buf[DHCP_RPC_HEAD + DHCP_ANSWER_MAX];

static void conn_close(struct conn *c)
{
	close(c->fd);
	*c = (struct conn){ .fd = -1 };
}

static char *conn_in(struct server *s, const struct conn *c)
{
	return s->in[c - s->conns];
}

static struct text answer_begin(void)
{
	struct text t;

	text_init(&t, answer_buf + DHCP_RPC_HEAD, DHCP_ANSWER_MAX);
	return t;
}

/* An answer fits into the empty buffer of a socket; a peer that does not read is no plugin. */
static void answer_send(struct conn *c, const struct text *t)
{
	size_t len = DHCP_RPC_HEAD + t->len;

	c->waits = NULL;
	c->since = dhcp_now();
	be32_put((uint8_t *)answer_buf, (uint32_t)t->len);
	if (t->bad || send(c->fd, answer_buf, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
		conn_close(c);
}

static void answer_ok(struct conn *c)
{
	struct text t = answer_begin();

	text_str(&t, "{}");
	answer_send(c, &t);
}

static void answer_error(struct conn *c, const struct err *e)
{
	struct text t = answer_begin();
	struct json_writer w;

	json_begin(&w, &t, 0);
	json_open(&w, '{');
	json_member_int(&w, "code", e->code);
	json_member_int(&w, "errno", e->errnum);
	json_member_str(&w, "msg", e->text);
	json_close(&w, '}');
	answer_send(c, &t);
}

static void answer_lease(struct conn *c, const struct dhcp_lease *l)
{
	static struct cni_result result;
	struct text t = answer_begin();
	struct err e = { 0 };
	struct arena a;

	arena_init(&a, memory, sizeof(memory));
	if (dhcp_lease_describe(l, &a, &result, &e) < 0) {
		answer_error(c, &e);
		return;
	}
	cni_result_write(&t, &result, CNI_LATEST);
	answer_send(c, &t);
}

static void answer(struct conn *c, const struct dhcp_lease *l, int r, const struct err *e)
{
	if (r < 0)
		answer_error(c, e);
	else
		answer_lease(c, l);
}

void conn_answer_waiting(struct server *s, const struct dhcp_lease *l, int r, const struct err *e)
{
	for (unsigned int i = 0; i < DHCP_CONNS_MAX; i++) {
		if (s->conns[i].fd >= 0 && s->conns[i].waits == l)
			answer(&s->conns[i], l, r, e);
	}
}

static bool has_waiting(const struct server *s, const struct dhcp_lease *l)
{
	for (unsigned int i = 0; i < DHCP_CONNS_MAX; i++) {
		if (s->conns[i].fd >= 0 && s->conns[i].waits == l)
			return true;
	}
	return false;
}

/* Nobody hears of a lease that is acquired now for a plugin that has been killed. */
static int conn_lost(struct server *s, struct conn *c, struct err *e)
{
	struct dhcp_lease *l = c->waits;

	conn_close(c);
	return l && !has_waiting(s, l) ? dhcp_lease_release(l, s->base, e) : 0;
}

/* Is the lease that is known under this name of the pod that asks? 1, 0 or -errno. */
static int lease_fits(const struct server *s, const struct dhcp_lease *l, const struct dhcp_ask *q,
		      struct err *e)
{
	size_t prefix = strlen(s->base->prefix);
	struct err local = { 0 };
	int r;

	if (l->client.state == DHCP_LOST ||
	    strncmp(l->pod_link.netns, s->base->prefix, prefix) != 0 ||
	    strcmp(l->pod_link.netns + prefix, q->netns) != 0)
		return 0;
	r = dhcp_lease_check(l, s->base, &local);
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	return r < 0 ? err_take(e, &local) : 1;
}

/* Another pod has the name now: what there was ends, and whoever waits for it hears so. */
static int end_lease(struct server *s, struct dhcp_lease *l, struct err *e)
{
	struct err cancelled = { 0 };

	err_set(&cancelled, ECANCELED, "another ADD came");
	conn_answer_waiting(s, l, -ECANCELED, &cancelled);
	return dhcp_lease_release(l, s->base, e);
}

static int begin_lease(struct server *s, const struct dhcp_ask *q, struct dhcp_lease **out,
		       struct err *e)
{
	struct dhcp_lease *l = server_slot(s);
	int r;

	if (!l) {
		r = err_set(e, ENOSPC, "the DHCP daemon holds %d leases, its limit",
			    DHCP_LEASES_MAX);
		return err_code(e, r, CNI_ERR_FULL);
	}
	r = dhcp_lease_begin(l, s->base, q, e);
	if (r < 0)
		*l = (struct dhcp_lease){ .fd = -1 };
	else
		*out = l;
	if (r == -ENOTRECOVERABLE)
		return r;
	return err_code(e, r, CNI_ERR_ENVIRONMENT);
}

static int ask_add(struct server *s, struct conn *c, const struct dhcp_ask *q, struct err *e)
{
	struct dhcp_lease *l = server_find(s, &q->at);
	int fits = l ? lease_fits(s, l, q, e) : 0, r = fits < 0 ? fits : 0;

	if (l && fits == 0)
		r = end_lease(s, l, e);
	if (r == 0 && fits == 0)
		r = begin_lease(s, q, &l, e);
	if (r == 0 && dhcp_client_holds(&l->client))
		answer_lease(c, l);
	else if (r == 0)
		c->waits = l;
	return r;
}

static int ask_del(struct server *s, struct conn *c, const struct dhcp_ask *q, struct err *e)
{
	struct dhcp_lease *l = server_find(s, &q->at);
	struct err cancelled = { 0 };
	int r = 0;

	if (l) {
		err_set(&cancelled, ECANCELED, "DEL came while the lease was being acquired");
		conn_answer_waiting(s, l, -ECANCELED, &cancelled);
		r = dhcp_lease_release(l, s->base, e);
	}
	if (r == 0)
		answer_ok(c);
	return r;
}

static int ask_check(struct server *s, struct conn *c, const struct dhcp_ask *q, struct err *e)
{
	struct dhcp_lease *l = server_find(s, &q->at);
	int r;

	if (!l)
		r = err_set(e, ENOENT, "the DHCP daemon holds no lease for %s/%s/%s",
			    q->at.container_id, q->at.network, q->at.ifname);
	else if (l->client.state == DHCP_LOST)
		r = err_set(e, ENOENT,
			    "the DHCP lease of %s is lost: expired, or taken back by the server",
			    addr_text(&l->client.address));
	else if (!dhcp_client_holds(&l->client))
		r = err_set(e, ENOENT, "the DHCP lease is still being acquired");
	else
		r = err_ctx(e, dhcp_lease_check(l, s->base, e), "the pod of the DHCP lease");
	if (r == 0)
		answer_lease(c, l);
	return r == -ENOTRECOVERABLE ? r : err_code(e, r, CNI_ERR_DIFFERS);
}

static int ask_status(struct server *s, struct conn *c, struct err *e)
{
	int r;

	if (server_slot(s)) {
		answer_ok(c);
		return 0;
	}
	r = err_set(e, ENOSPC, "the DHCP daemon holds %d leases, its limit", DHCP_LEASES_MAX);
	return err_code(e, r, CNI_ERR_NOT_AVAILABLE);
}

static void write_attachment(struct json_writer *w, const struct dhcp_lease *l)
{
	json_open(w, '{');
	json_member_str(w, "container", l->container);
	json_member_str(w, "ifname", l->ifname);
	json_close(w, '}');
}

/* "next": where the list goes on, if it does. */
static int ask_list(struct server *s, struct conn *c, const struct dhcp_ask *q)
{
	struct text t = answer_begin();
	unsigned int count = 0, i;
	struct json_writer w;

	json_begin(&w, &t, 0);
	json_open(&w, '{');
	json_key(&w, "leases");
	json_open(&w, '[');
	for (i = (unsigned int)q->from; i < s->high && count < LIST_MAX; i++) {
		const struct dhcp_lease *l = &s->leases[i];

		if (!l->used || strcmp(l->network, q->at.network) != 0)
			continue;
		write_attachment(&w, l);
		count++;
	}
	json_close(&w, ']');
	if (i < s->high)
		json_member_int(&w, "next", i);
	json_close(&w, '}');
	answer_send(c, &t);
	return 0;
}

static int conn_ask(struct server *s, struct conn *c, const struct dhcp_ask *q, struct err *e)
{
	switch (q->command) {
	case DHCP_CMD_ADD:
		return ask_add(s, c, q, e);
	case DHCP_CMD_DEL:
		return ask_del(s, c, q, e);
	case DHCP_CMD_CHECK:
		return ask_check(s, c, q, e);
	case DHCP_CMD_STATUS:
		return ask_status(s, c, e);
	case DHCP_CMD_LIST:
		return ask_list(s, c, q);
	}
	return 0;
}

/* One whole question. Only what ends the daemon is returned. */
static int conn_question(struct server *s, struct conn *c, size_t len, struct err *e)
{
	struct dhcp_ask q;
	struct arena a;
	int r;

	c->have = 0;
	arena_init(&a, memory, sizeof(memory));
	r = dhcp_ask_read(&a, conn_in(s, c) + DHCP_RPC_HEAD, len, &q, e);
	if (r == 0)
		r = conn_ask(s, c, &q, e);
	if (r == -ENOTRECOVERABLE)
		return r;
	if (r < 0)
		answer_error(c, e);
	err_clear(e);
	return 0;
}

/* A question that is not whole yet waits; more than one question at a time is against the rules. */
static int conn_parse(struct server *s, struct conn *c, struct err *e)
{
	size_t len;

	if (c->have < DHCP_RPC_HEAD)
		return 0;
	len = be32_get((const uint8_t *)conn_in(s, c));
	if (len > DHCP_ASK_MAX || c->have > DHCP_RPC_HEAD + len || c->waits)
		return conn_lost(s, c, e);
	return c->have == DHCP_RPC_HEAD + len ? conn_question(s, c, len, e) : 0;
}

int conn_receive(struct server *s, struct conn *c, struct err *e)
{
	ssize_t n = recv(c->fd, conn_in(s, c) + c->have, sizeof(s->in[0]) - c->have, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return conn_lost(s, c, e);
	c->have += (size_t)n;
	return conn_parse(s, c, e);
}

bool conn_has_room(const struct server *s)
{
	for (unsigned int i = 0; i < DHCP_CONNS_MAX; i++) {
		if (s->conns[i].fd < 0)
			return true;
	}
	return false;
}

/* The socket's mode keeps others out; a socket of systemd's may have another. */
static bool peer_may_ask(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

void conn_accept(struct server *s, int64_t now)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			s->accept_from = now + RETRY_MS;
		return;
	}
	for (unsigned int i = 0; i < DHCP_CONNS_MAX && peer_may_ask(fd); i++) {
		if (s->conns[i].fd >= 0)
			continue;
		s->conns[i] = (struct conn){ .fd = fd, .since = now };
		return;
	}
	close(fd);
}

void conn_time_out(struct server *s, int64_t now)
{
	for (unsigned int i = 0; i < DHCP_CONNS_MAX; i++) {
		struct conn *c = &s->conns[i];

		if (c->fd >= 0 && !c->waits && now - c->since >= IDLE_MS)
			conn_close(c);
	}
}
