/* A DHCP client's state machine: see client.h. */
#include "dhcp/client.h"

#include <string.h>

enum {
	QUICK_TRIES = 4,
	FIRST_PAUSE_MS = 1000, /* a bridge port or a switch that has just come up loses packets */
	QUICK_PAUSE_MS = 2000,
	SLOW_PAUSE_MS = 4000, /* RFC 2131, section 4.1: 4, 8, 16, 32, 64 s, each +- 1 s */
	JITTER_MS = 1000,
	RENEW_PAUSE_MS = 60000, /* RFC 2131, section 4.4.5 */
	LEASE_S = 3600,		/* where a server does not say how long */
};

static const uint8_t mac_broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* Xorshift: spreads clients and tells their exchanges apart; secrecy is nothing that DHCP has. */
static uint32_t random_next(struct dhcp_client *c)
{
	c->seed ^= c->seed << 13;
	c->seed ^= c->seed >> 17;
	c->seed ^= c->seed << 5;
	return c->seed;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* base +- one second, or +- half of a base that is shorter than two. */
static int64_t jittered(struct dhcp_client *c, int64_t base)
{
	int64_t span = smaller(JITTER_MS, base / 2);

	return base - span + (int64_t)(random_next(c) % (uint32_t)(2 * span + 1));
}

/* The mean of the pause behind the nth message. */
static int64_t pause_mean(unsigned int n)
{
	unsigned int slow = n - QUICK_TRIES;

	if (n < QUICK_TRIES)
		return n == 0 ? FIRST_PAUSE_MS : QUICK_PAUSE_MS;
	return (int64_t)SLOW_PAUSE_MS << (slow < 16 ? slow : 16);
}

static int64_t resend_pause(struct dhcp_client *c)
{
	return jittered(c, smaller(pause_mean(c->tries++), c->settings->resend_max_ms));
}

/*
 * Half of what remains, at least a minute; of leases shorter than a quarter of an hour less, so
 * that those have a second chance too.
 */
static int64_t renew_pause(const struct dhcp_client *c, int64_t now, int64_t end)
{
	int64_t least = smaller(RENEW_PAUSE_MS, (c->expires - c->t1) / 8);

	return larger(larger((end - now) / 2, least), 1000);
}

static int64_t give_up_time(const struct dhcp_client *c)
{
	return c->started + c->settings->give_up_ms;
}

static int64_t resend_time(struct dhcp_client *c, int64_t now)
{
	return smaller(now + resend_pause(c), give_up_time(c));
}

static void enter(struct dhcp_client *c, enum dhcp_state state, int64_t now)
{
	c->state = state;
	c->since = now;
	c->tries = 0;
}

static void enter_lost(struct dhcp_client *c)
{
	c->state = DHCP_LOST;
	c->deadline = DHCP_NEVER;
}

void dhcp_client_start(struct dhcp_client *c, int64_t now)
{
	c->seed += !c->seed;
	enter(c, DHCP_SELECTING, now);
	c->xid = random_next(c);
	c->started = now;
	c->sent = now;
	c->deadline = now;
	c->address = c->server = (struct addr){ 0 };
	memset(c->server_mac, 0, sizeof(c->server_mac));
	c->t1 = c->t2 = c->expires = DHCP_NEVER;
	c->ack_len = 0;
}

static void begin_packet(const struct dhcp_client *c, enum dhcp_type type, struct dhcp_packet *out)
{
	const struct dhcp_head head = {
		.type = type,
		.xid = c->xid,
		.secs = (uint16_t)smaller((c->sent - c->started) / 1000, UINT16_MAX),
		.broadcast = c->broadcast && !addr_is_set(&out->from),
		.client = out->from,
		.mac = c->mac,
	};

	dhcp_begin(&out->message, &head);
	if (!dhcp_encoded_has(c->provide, c->provide_len, DHCP_OPT_CLIENT_ID))
		dhcp_put(&out->message, DHCP_OPT_CLIENT_ID, c->id, c->id_len);
}

static void address_packet(const struct dhcp_client *c, bool unicast, bool bound,
			   struct dhcp_packet *out)
{
	static const uint8_t unknown[6];

	out->from = bound ? c->address : (struct addr){ 0 };
	out->to = unicast ? c->server : (struct addr){ 0 };
	memcpy(out->mac,
	       unicast && memcmp(c->server_mac, unknown, 6) != 0 ? c->server_mac : mac_broadcast,
	       6);
}

/* Largest answer: counted with and without IP and UDP headers by different servers. */
static uint16_t answer_size(const struct dhcp_client *c)
{
	int64_t size = larger(smaller(c->mtu, 1500) - 28, 576);

	return (uint16_t)size;
}

static void put_wishes(const struct dhcp_client *c, struct dhcp_packet *out)
{
	dhcp_put_u16(&out->message, DHCP_OPT_MAX_SIZE, answer_size(c));
	if (c->request_len > 0)
		dhcp_put(&out->message, DHCP_OPT_REQUEST_LIST, c->request, c->request_len);
	dhcp_put_encoded(&out->message, c->provide, c->provide_len);
	dhcp_end(&out->message);
}

static enum dhcp_event send_discover(struct dhcp_client *c, struct dhcp_packet *out)
{
	address_packet(c, false, false, out);
	begin_packet(c, DHCP_DISCOVER, out);
	put_wishes(c, out);
	return DHCP_SEND;
}

/* RFC 2131, table 4: the offered address and its server are options, ciaddr is empty. */
static enum dhcp_event send_request(struct dhcp_client *c, struct dhcp_packet *out)
{
	address_packet(c, false, false, out);
	begin_packet(c, DHCP_REQUEST, out);
	dhcp_put_addr(&out->message, DHCP_OPT_ADDRESS, &c->address);
	dhcp_put_addr(&out->message, DHCP_OPT_SERVER, &c->server);
	put_wishes(c, out);
	return DHCP_SEND;
}

/* The address is in ciaddr, and there is no option for it or for the server. */
static enum dhcp_event send_renewal(struct dhcp_client *c, struct dhcp_packet *out)
{
	address_packet(c, c->state == DHCP_RENEWING, true, out);
	begin_packet(c, DHCP_REQUEST, out);
	put_wishes(c, out);
	return DHCP_SEND;
}

static void restart_selecting(struct dhcp_client *c, int64_t now)
{
	unsigned int tries = c->tries;

	enter(c, DHCP_SELECTING, now);
	c->tries = tries;
	c->xid = random_next(c);
	c->address = c->server = (struct addr){ 0 };
}

static enum dhcp_event acquire_timer(struct dhcp_client *c, int64_t now, struct dhcp_packet *out)
{
	if (now >= give_up_time(c)) {
		enter_lost(c);
		return DHCP_GAVE_UP;
	}
	if (c->state == DHCP_REQUESTING && now - c->since >= c->settings->timeout_ms)
		restart_selecting(c, now);
	c->sent = now;
	c->deadline = resend_time(c, now);
	return c->state == DHCP_SELECTING ? send_discover(c, out) : send_request(c, out);
}

static void begin_renewal(struct dhcp_client *c, enum dhcp_state state, int64_t now)
{
	if (c->state == DHCP_BOUND)
		c->started = now;
	enter(c, state, now);
	c->xid = random_next(c);
}

static enum dhcp_event hold_timer(struct dhcp_client *c, int64_t now, struct dhcp_packet *out)
{
	enum dhcp_state state = now >= c->t2 ? DHCP_REBINDING : DHCP_RENEWING;
	int64_t end = state == DHCP_RENEWING ? c->t2 : c->expires;

	if (now >= c->expires) {
		enter_lost(c);
		return DHCP_GONE;
	}
	if (c->state != state)
		begin_renewal(c, state, now);
	c->deadline = smaller(now + renew_pause(c, now, end), end);
	c->sent = now;
	return send_renewal(c, out);
}

enum dhcp_event dhcp_client_timer(struct dhcp_client *c, int64_t now, struct dhcp_packet *out)
{
	if (now < c->deadline)
		return DHCP_NOTHING;
	switch (c->state) {
	case DHCP_SELECTING:
	case DHCP_REQUESTING:
		return acquire_timer(c, now, out);
	case DHCP_BOUND:
	case DHCP_RENEWING:
	case DHCP_REBINDING:
		return hold_timer(c, now, out);
	case DHCP_LOST:
		break;
	}
	c->deadline = DHCP_NEVER;
	return DHCP_NOTHING;
}

/* The end of a time that the server gives in seconds; all ones is for ever. */
static int64_t time_end(const struct dhcp_client *c, uint32_t seconds)
{
	return seconds == UINT32_MAX ? DHCP_NEVER : c->sent + (int64_t)seconds * 1000;
}

/*
 * The lease counts from the REQUEST (RFC 2131, section 4.4.1). T1 and T2 that are not in order are
 * replaced by the defaults of section 4.4.5. No renewal comes within a second, whatever is said.
 */
static void read_times(struct dhcp_client *c, const struct dhcp_message *m, uint32_t lease)
{
	uint32_t t1 = lease / 2, t2 = (uint32_t)((uint64_t)lease * 7 / 8);

	c->expires = time_end(c, lease);
	dhcp_option_u32(m, DHCP_OPT_T2, &t2);
	if (t2 >= lease)
		t2 = (uint32_t)((uint64_t)lease * 7 / 8);
	dhcp_option_u32(m, DHCP_OPT_T1, &t1);
	if (t1 >= t2)
		t1 = lease / 2 < t2 ? lease / 2 : t2 / 2;
	c->t1 = larger(lease == UINT32_MAX ? DHCP_NEVER : time_end(c, t1), c->sent + 1000);
	c->t2 = larger(lease == UINT32_MAX ? DHCP_NEVER : time_end(c, t2), c->t1);
}

static enum dhcp_event take_lease(struct dhcp_client *c, const struct dhcp_message *m,
				  const struct dhcp_received *in, int64_t now)
{
	uint32_t lease = LEASE_S;

	dhcp_option_u32(m, DHCP_OPT_LEASE_TIME, &lease);
	if (lease == 0 || !dhcp_option_addr(m, DHCP_OPT_SERVER, &c->server))
		return DHCP_NOTHING;
	read_times(c, m, lease);
	memcpy(c->server_mac, in->mac, sizeof(c->server_mac));
	memcpy(c->ack, in->data, in->len);
	c->ack_len = in->len;
	enter(c, DHCP_BOUND, now);
	c->deadline = c->t1;
	return DHCP_GOT;
}

static enum dhcp_event take_offer(struct dhcp_client *c, const struct dhcp_message *m, int64_t now,
				  struct dhcp_packet *out)
{
	if (m->type != DHCP_OFFER || !addr_is_set(&m->your) ||
	    !dhcp_option_addr(m, DHCP_OPT_SERVER, &c->server))
		return DHCP_NOTHING;
	enter(c, DHCP_REQUESTING, now);
	c->address = m->your;
	c->sent = now;
	c->deadline = resend_time(c, now);
	return send_request(c, out);
}

static bool is_from(const struct dhcp_message *m, const struct addr *server)
{
	struct addr a;

	return dhcp_option_addr(m, DHCP_OPT_SERVER, &a) && addr_equal(&a, server);
}

/* A refused offer begins anew after the pause that another retransmission would have had. */
static enum dhcp_event take_verdict(struct dhcp_client *c, const struct dhcp_message *m,
				    const struct dhcp_received *in, int64_t now)
{
	if (m->type == DHCP_OFFER || !is_from(m, &c->server))
		return DHCP_NOTHING;
	if (m->type == DHCP_NAK) {
		restart_selecting(c, now);
		c->deadline = resend_time(c, now);
		return DHCP_NOTHING;
	}
	return addr_equal(&m->your, &c->address) ? take_lease(c, m, in, now) : DHCP_NOTHING;
}

/* Another address than the pod has is no prolongation. */
static enum dhcp_event take_renewal(struct dhcp_client *c, const struct dhcp_message *m,
				    const struct dhcp_received *in, int64_t now)
{
	if (m->type == DHCP_ACK && addr_equal(&m->your, &c->address))
		return take_lease(c, m, in, now) == DHCP_GOT ? DHCP_RENEWED : DHCP_NOTHING;
	if (m->type == DHCP_NAK && (c->state == DHCP_REBINDING || is_from(m, &c->server))) {
		enter_lost(c);
		return DHCP_GONE;
	}
	return DHCP_NOTHING;
}

enum dhcp_event dhcp_client_receive(struct dhcp_client *c, int64_t now,
				    const struct dhcp_received *in, struct dhcp_packet *out)
{
	struct dhcp_message m;

	if (!dhcp_message_parse(in->data, in->len, &m) || m.xid != c->xid ||
	    memcmp(m.mac, c->mac, sizeof(m.mac)) != 0)
		return DHCP_NOTHING;
	switch (c->state) {
	case DHCP_SELECTING:
		return take_offer(c, &m, now, out);
	case DHCP_REQUESTING:
		return take_verdict(c, &m, in, now);
	case DHCP_RENEWING:
	case DHCP_REBINDING:
		return take_renewal(c, &m, in, now);
	case DHCP_BOUND:
	case DHCP_LOST:
		break;
	}
	return DHCP_NOTHING;
}

int64_t dhcp_client_listens(const struct dhcp_client *c)
{
	switch (c->state) {
	case DHCP_SELECTING:
	case DHCP_REQUESTING:
		return DHCP_NEVER;
	case DHCP_RENEWING:
	case DHCP_REBINDING:
		return c->sent + c->settings->timeout_ms;
	case DHCP_BOUND:
	case DHCP_LOST:
		break;
	}
	return 0;
}

bool dhcp_client_holds(const struct dhcp_client *c)
{
	return c->state == DHCP_BOUND || c->state == DHCP_RENEWING || c->state == DHCP_REBINDING;
}

/* RFC 2131, table 5: only the server's identifier and the client's. */
void dhcp_client_release(struct dhcp_client *c, struct dhcp_packet *out)
{
	size_t at = 0;

	c->xid = random_next(c);
	c->started = c->sent;
	address_packet(c, true, true, out);
	begin_packet(c, DHCP_RELEASE, out);
	dhcp_put_addr(&out->message, DHCP_OPT_SERVER, &c->server);
	while (at < c->provide_len) {
		size_t len = 2 + (size_t)c->provide[at + 1];

		if (c->provide[at] == DHCP_OPT_CLIENT_ID)
			dhcp_put_encoded(&out->message, c->provide + at, len);
		at += len;
	}
	dhcp_end(&out->message);
	enter_lost(c);
}
