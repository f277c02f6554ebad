/*
 * What a DHCP client and its daemon read from others. The first byte says which: a datagram as it
 * comes from the wire; messages to a client in the state that the second byte says; a question to
 * the daemon; a lease's file.
 */
#include "cni/attachment.h"
#include "cni/result.h"
#include "dhcp/client.h"
#include "dhcp/frame.h"
#include "dhcp/ipam_dhcp.h"
#include "dhcp/lease_file.h"
#include "dhcp/options.h"
#include "dhcp/rpc.h"
#include "dhcp/search.h"
#include "fuzz.h"

#define MESSAGES_MAX 8
#define XID 0x01020304

static const struct dhcp_settings settings = { 10000, 62000, 208000 };
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static void check_name(const char *name)
{
	require(*name && strlen(name) <= DHCP_NAME_MAX && !strpbrk(name, " \t\r\n\"\\"));
}

static void check_search(const struct dhcp_message *m)
{
	static char list[DHCP_SEARCH_MAX][DHCP_NAME_MAX + 1];
	uint8_t bytes[DHCP_MESSAGE_MAX];
	int len = dhcp_option(m, DHCP_OPT_SEARCH, bytes, sizeof(bytes));
	unsigned int count = len > 0 ? dhcp_search_parse(bytes, (size_t)len, list) : 0;

	require(count <= DHCP_SEARCH_MAX);
	for (unsigned int i = 0; i < count; i++)
		check_name(list[i]);
}

/* A lease's result is one that the caller's plugin reads without complaint. */
static void check_result(const struct dhcp_message *m)
{
	static struct cni_result result, again;
	static char buf[65536];
	struct arena a = fuzz_arena();
	struct err e = { 0 };
	struct text t;
	int r = dhcp_lease_result(m, &a, &result, &e);

	check_err(r, &e);
	if (r < 0)
		return;
	require(result.ip_count == 1 && result.route_count <= CNI_ROUTES_MAX);
	for (size_t i = 0; i < result.route_count; i++) {
		struct prefix masked = prefix_masked(&result.routes[i].dst);

		require(prefix_equal(&masked, &result.routes[i].dst));
	}
	text_init(&t, buf, sizeof(buf));
	cni_result_write(&t, &result, CNI_LATEST);
	require(!t.bad && json_check(t.at, t.len, &e) == 0);
	require(cni_result_read(&a, (struct json_raw){ t.at, t.len }, "", &again, &e) == 0);
	require(again.route_count == result.route_count && again.ip_count == 1);
	require(prefix_equal(&again.ips[0].address, &result.ips[0].address));
}

static void check_message(const uint8_t *data, size_t len)
{
	struct dhcp_message m;
	uint8_t bytes[DHCP_MESSAGE_MAX];

	if (!dhcp_message_parse(data, len, &m))
		return;
	for (unsigned int code = 0; code < 256; code++)
		require(dhcp_option(&m, (uint8_t)code, bytes, sizeof(bytes)) <= (int)len);
	check_search(&m);
	if (m.type == DHCP_ACK && addr_is_set(&m.your))
		check_result(&m);
}

static void fuzz_frame(struct input *in, bool partial)
{
	struct json_raw raw = input_rest(in, false);
	struct dhcp_area out;

	if (!dhcp_frame_parse((const uint8_t *)raw.text, raw.len, partial, &out))
		return;
	require(out.at >= (const uint8_t *)raw.text);
	require(out.at + out.len <= (const uint8_t *)raw.text + raw.len);
	check_message(out.at, out.len);
}

static struct dhcp_client client_in(unsigned int how)
{
	struct dhcp_client c = { .settings = &settings, .mtu = 1500, .seed = 1 };

	memcpy(c.mac, mac, sizeof(mac));
	dhcp_client_start(&c, 0);
	c.state = (enum dhcp_state)(how % (DHCP_LOST + 1));
	if (c.state == DHCP_LOST)
		c.deadline = DHCP_NEVER;
	else if (c.state >= DHCP_BOUND)
		c.t1 = 100, c.t2 = 300, c.expires = 100000;
	c.address = (struct addr){ .family = 2, .bytes = { 10, 9, 0, 10 } };
	c.server = (struct addr){ .family = 2, .bytes = { 10, 9, 0, 1 } };
	return c;
}

/* Whoever sends what, a client's times are in order, and it never sends without a pause. */
static void check_client(const struct dhcp_client *c, enum dhcp_event event,
			 const struct dhcp_packet *p, int64_t now)
{
	static uint8_t frame[DHCP_FRAME_MAX];

	require(c->t1 <= c->t2 && (c->t2 <= c->expires || c->expires <= now + 1000));
	require(c->ack_len <= DHCP_MESSAGE_MAX);
	require(c->state != DHCP_LOST || c->deadline == DHCP_NEVER);
	if (event == DHCP_SEND)
		require(dhcp_frame_write(frame, p) > 0 && c->deadline > now);
	if (event == DHCP_GOT || event == DHCP_RENEWED) {
		require(c->state == DHCP_BOUND && c->deadline >= c->sent + 1000);
		check_message(c->ack, c->ack_len);
	}
}

/* Two bytes of length in front of each message; its xid and MAC are made right. */
static void fuzz_client(struct input *in, unsigned int how)
{
	struct dhcp_client c = client_in(how);
	struct dhcp_packet p;

	for (int64_t now = 0; in->left > 2 && in->count < MESSAGES_MAX; now += 100) {
		const uint8_t *head = (const uint8_t *)in->at;
		size_t len = (size_t)(head[0] << 8 | head[1]);
		struct dhcp_received got;
		uint8_t *copy;

		in->at += 2, in->left -= 2;
		len = len < in->left ? len : in->left;
		copy = (uint8_t *)input_take(in, len, false);
		c.xid = XID;
		if (len >= 34) {
			memcpy(copy + 4, "\1\2\3\4", 4);
			memcpy(copy + 28, mac, sizeof(mac));
		}
		got = (struct dhcp_received){ .data = copy, .len = len };
		check_client(&c, dhcp_client_receive(&c, now, &got, &p), &p, now);
		check_client(&c, dhcp_client_timer(&c, now, &p), &p, now);
	}
}

static void fuzz_ask(struct input *in)
{
	struct json_raw raw = input_rest(in, false);
	struct arena a = fuzz_arena();
	struct dhcp_ask q, again;
	struct err e = { 0 };
	static char buf[2 * DHCP_ASK_MAX];
	struct text t;
	int r = dhcp_ask_read(&a, raw.text, raw.len, &q, &e);

	check_err(r, &e);
	if (r < 0 || q.command != DHCP_CMD_ADD)
		return;
	require(attachment_short_id_valid(q.at.container_id) &&
		attachment_short_network_valid(q.at.network));
	require(cni_ifname_valid(q.at.ifname) && strlen(q.netns) <= DHCP_NETNS_MAX);
	require(dhcp_encoded_valid(q.provide, q.provide_len));
	text_init(&t, buf, sizeof(buf));
	dhcp_ask_write(&t, &q);
	require(!t.bad && dhcp_ask_read(&a, t.at, t.len, &again, &e) == 0);
	require(str_equal(q.netns, again.netns) && q.provide_len == again.provide_len);
}

/* Not by memcmp(): there is room between the members. */
static bool same_link(const struct dhcp_pod_link *a, const struct dhcp_pod_link *b)
{
	return str_equal(a->netns, b->netns) && str_equal(a->ifname, b->ifname) &&
	       a->ns_dev == b->ns_dev && a->ns_inode == b->ns_inode &&
	       a->ns_cookie == b->ns_cookie && a->index == b->index &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

static void fuzz_file(struct input *in)
{
	static struct dhcp_lease l, again;
	static char buf[16384];
	struct json_raw raw = input_rest(in, false);
	struct arena a = fuzz_arena();
	struct err e = { 0 };
	struct text t;
	int r = dhcp_lease_decode(&l, "boot", &a, raw, &e);

	check_err(r, &e);
	if (r <= 0)
		return;
	require(!dhcp_client_holds(&l.client) || l.client.deadline == l.client.t1);
	text_init(&t, buf, sizeof(buf));
	dhcp_lease_encode(&l, "boot", &t);
	require(!t.bad &&
		dhcp_lease_decode(&again, "boot", &a, (struct json_raw){ t.at, t.len }, &e) == 1);
	require(same_link(&l.pod_link, &again.pod_link));
	require(memcmp(&l.client, &again.client, sizeof(l.client)) == 0);
}

/* The "ipam" object, with the CNI_ARGS in front of it, ended by a NUL. */
static void fuzz_conf(struct input *in)
{
	const char *args = input_string(in);
	struct json_raw raw = input_rest(in, false);
	struct arena a = fuzz_arena();
	const struct cni_request req = { .arena = &a, .command = CNI_ADD, .args = args };
	struct err e = { 0 };
	struct ipam_dhcp d;
	int r = ipam_dhcp_read(&req, raw, &d, &e);

	check_err(r, &e);
	require(r < 0 || dhcp_encoded_valid(d.provide, d.provide_len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	uint8_t how;

	if (size < 1)
		return 0;
	how = data[0];
	in.at++, in.left--;
	switch (how % 5) {
	case 0:
		fuzz_frame(&in, how & 0x80);
		break;
	case 1:
		fuzz_client(&in, how / 5u);
		break;
	case 2:
		fuzz_ask(&in);
		break;
	case 3:
		fuzz_file(&in);
		break;
	case 4:
		fuzz_conf(&in);
		break;
	}
	input_end(&in);
	return 0;
}
