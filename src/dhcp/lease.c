/* One lease of the daemon: see lease.h. */
#include "dhcp/lease.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "dhcp/lease_file.h"
#include "dhcp/options.h"
#include "dhcp/rpc.h"

#define FRAMES_AT_ONCE 16 /* of one pod; then it is the others' turn */

int64_t dhcp_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool dhcp_lease_is(const struct dhcp_lease *l, const struct cni_attachment *at)
{
	return strcmp(l->container, at->container_id) == 0 &&
	       strcmp(l->network, at->network) == 0 && strcmp(l->ifname, at->ifname) == 0;
}

const char *dhcp_lease_name(const struct dhcp_lease *l)
{
	static char name[DHCP_ID_MAX + 1];

	snprintf(name, sizeof(name), "%s/%s/%s", l->container, l->network, l->ifname);
	return name;
}

/* Type 0: not a hardware address (RFC 2132, section 9.14). The reference's form. */
static void set_id(struct dhcp_lease *l)
{
	const char *name = dhcp_lease_name(l);

	l->client.id_len = 1 + strnlen(name, DHCP_ID_MAX - 1);
	l->client.id[0] = 0;
	memcpy(l->client.id + 1, name, l->client.id_len - 1);
}

static void set_names(struct dhcp_lease *l, const struct dhcp_ask *q)
{
	str_copy(l->container, sizeof(l->container), q->at.container_id);
	str_copy(l->network, sizeof(l->network), q->at.network);
	str_copy(l->ifname, sizeof(l->ifname), q->at.ifname);
	str_copy(l->pod_link.ifname, sizeof(l->pod_link.ifname), q->at.ifname);
}

static void set_client(struct dhcp_lease *l, const struct dhcp_base *b, const struct dhcp_ask *q,
		       const struct dhcp_link_facts *link)
{
	struct dhcp_client *c = &l->client;

	c->settings = &b->settings;
	memcpy(c->mac, l->pod_link.mac, sizeof(c->mac));
	c->mtu = link->mtu;
	c->broadcast = b->broadcast || link->shares_mac;
	memcpy(c->request, q->request, q->request_len);
	c->request_len = q->request_len;
	memcpy(c->provide, q->provide, q->provide_len);
	c->provide_len = q->provide_len;
	set_id(l);
}

static uint32_t random_seed(void)
{
	uint32_t seed = (uint32_t)dhcp_now();

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		return seed ^ (uint32_t)getpid() << 16;
	return seed;
}

int dhcp_lease_begin(struct dhcp_lease *l, const struct dhcp_base *b, const struct dhcp_ask *q,
		     struct err *e)
{
	struct dhcp_link_facts link;
	int len, r;

	*l = (struct dhcp_lease){ .fd = -1 };
	set_names(l, q);
	len = snprintf(l->pod_link.netns, sizeof(l->pod_link.netns), "%s%s", b->prefix, q->netns);
	if ((size_t)len >= sizeof(l->pod_link.netns))
		return err_set(e, ENAMETOOLONG, "CNI_NETNS with -hostprefix: longer than %d bytes",
			       DHCP_NETNS_MAX);
	r = dhcp_pod_link_find(&l->pod_link, b->home, &link, e);
	if (r < 0)
		return r;
	set_client(l, b, q, &link);
	l->client.seed = random_seed();
	dhcp_client_start(&l->client, dhcp_now());
	l->used = true;
	return 0;
}

void dhcp_closing_run(struct dhcp_closing *c)
{
	if (c->count > 0)
		close(c->fds[--c->count]);
}

static void close_socket(struct dhcp_lease *l, const struct dhcp_base *b)
{
	struct dhcp_closing *c = b->closing;

	if (l->fd >= 0) {
		if (c->count == DHCP_CLOSING_MAX)
			dhcp_closing_run(c);
		c->fds[c->count++] = l->fd;
	}
	l->fd = -1;
}

/* Failures that no later try can mend. */
static bool is_final(int r)
{
	return r == -ENOENT || r == -ENODEV || r == -ENOTRECOVERABLE;
}

static int send_packet(struct dhcp_lease *l, const struct dhcp_base *b, const struct dhcp_packet *p,
		       struct err *e)
{
	int r = 0;

	if (l->fd < 0) {
		r = dhcp_pod_link_open(&l->pod_link, b->home, e);
		l->fd = r < 0 ? -1 : r;
	}
	if (l->fd >= 0)
		r = dhcp_pod_link_send(l->fd, &l->pod_link, p, e);
	if (r < 0)
		close_socket(l, b);
	return r < 0 ? r : 0;
}

/* What cannot be sent now is sent at the next deadline, as if it had been lost on the way. */
static int act(struct dhcp_lease *l, const struct dhcp_base *b, enum dhcp_event event,
	       const struct dhcp_packet *p, struct err *e)
{
	int r;

	if (event != DHCP_SEND) {
		if (event != DHCP_NOTHING)
			close_socket(l, b);
		return 0;
	}
	r = send_packet(l, b, p, e);
	if (r == 0 || is_final(r))
		return r;
	log_line(LOG_WARN, "%s: %s", dhcp_lease_name(l), e->text);
	err_clear(e);
	return 0;
}

int64_t dhcp_lease_deadline(const struct dhcp_lease *l)
{
	int64_t listens = l->fd >= 0 ? dhcp_client_listens(&l->client) : DHCP_NEVER;

	return listens < l->client.deadline ? listens : l->client.deadline;
}

int dhcp_lease_timer(struct dhcp_lease *l, const struct dhcp_base *b, enum dhcp_event *event,
		     struct err *e)
{
	static struct dhcp_packet packet;
	int64_t now = dhcp_now();

	if (l->fd >= 0 && now >= dhcp_client_listens(&l->client))
		close_socket(l, b);
	*event = dhcp_client_timer(&l->client, now, &packet);
	return act(l, b, *event, &packet, e);
}

int dhcp_lease_receive(struct dhcp_lease *l, const struct dhcp_base *b, enum dhcp_event *event,
		       struct err *e)
{
	static struct dhcp_packet packet;
	static struct dhcp_inbox in;
	int r = 1;

	*event = DHCP_NOTHING;
	for (int i = 0; i < FRAMES_AT_ONCE && r > 0 && *event == DHCP_NOTHING; i++) {
		struct dhcp_received got;

		r = dhcp_pod_link_receive(l->fd, &in, e);
		if (r <= 0)
			break;
		got = (struct dhcp_received){ .data = in.message, .len = in.len };
		memcpy(got.mac, in.mac, sizeof(got.mac));
		*event = dhcp_client_receive(&l->client, dhcp_now(), &got, &packet);
	}
	if (r < 0) { /* the interface is down, or gone: the next deadline finds out */
		close_socket(l, b);
		err_clear(e);
	}
	return act(l, b, *event, &packet, e);
}

static bool parse_ack(const struct dhcp_lease *l, struct dhcp_message *out)
{
	return l->client.ack_len > 0 && dhcp_message_parse(l->client.ack, l->client.ack_len, out);
}

int dhcp_lease_describe(const struct dhcp_lease *l, struct arena *a, struct cni_result *out,
			struct err *e)
{
	struct dhcp_message ack;

	if (!dhcp_client_holds(&l->client) || !parse_ack(l, &ack))
		return err_set(e, ENOENT, "%s holds no lease", dhcp_lease_name(l));
	return dhcp_lease_result(&ack, a, out, e);
}

int dhcp_lease_check(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e)
{
	return dhcp_pod_link_check(&l->pod_link, b->home, e);
}

int dhcp_lease_release(struct dhcp_lease *l, const struct dhcp_base *b, struct err *e)
{
	static struct dhcp_packet packet;
	struct err unsent = { 0 };
	int r = 0;

	if (dhcp_client_holds(&l->client)) {
		dhcp_client_release(&l->client, &packet);
		r = send_packet(l, b, &packet, &unsent);
		log_line(LOG_INFO, "%s: %s%s", dhcp_lease_name(l),
			 r < 0 ? "not released: " : "released", unsent.text);
	}
	dhcp_lease_forget(l, b);
	return r == -ENOTRECOVERABLE ? err_take(e, &unsent) : 0;
}

void dhcp_lease_forget(struct dhcp_lease *l, const struct dhcp_base *b)
{
	struct err e = { 0 };

	close_socket(l, b);
	if (dhcp_lease_file_remove(l, b, &e) < 0)
		log_line(LOG_WARN, "%s: %s", dhcp_lease_name(l), e.text);
	*l = (struct dhcp_lease){ .fd = -1 };
}

int dhcp_lease_tear_down(struct dhcp_lease *l, const struct dhcp_base *b, struct err *e)
{
	struct prefix p = { .addr = l->client.address };

	if (!addr_is_set(&p.addr))
		return 0;
	return dhcp_pod_link_drop_address(&l->pod_link, b->home, &p, e);
}

int dhcp_lease_save(const struct dhcp_lease *l, const struct dhcp_base *b, struct err *e)
{
	return dhcp_lease_file_write(l, b, e);
}

int dhcp_lease_load(struct dhcp_lease *l, const struct dhcp_base *b, struct arena *a,
		    const char *name, struct err *e)
{
	int r = dhcp_lease_file_read(l, b, a, name, e);

	if (r <= 0)
		return r;
	l->client.settings = &b->settings;
	l->client.seed = random_seed() | 1;
	set_id(l);
	l->used = true;
	l->fd = -1;
	return 1;
}
