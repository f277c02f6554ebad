/*
 * The DHCP client's state machine, driven by a clock and a server of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dhcp/client.h"
#include "unit_dhcp.h"

static const struct dhcp_settings settings = {
	.timeout_ms = 10000,
	.resend_max_ms = 62000,
	.give_up_ms = 208000,
};

static struct dhcp_client c;
static struct dhcp_packet p;
static int64_t now;

static void begin(void)
{
	now = 1000000;
	c = (struct dhcp_client){ .settings = &settings, .mtu = 1500, .seed = 7 };
	memcpy(c.mac, pod_mac, 6);
	memcpy(c.id, "\0pod", 4);
	c.id_len = 4;
	memcpy(c.request, "\1\3", 2);
	c.request_len = 2;
	dhcp_client_start(&c, now);
}

/* Let time go on to the deadline. */
static enum dhcp_event wait(void)
{
	assert_true(c.deadline >= now && c.deadline < DHCP_NEVER);
	now = c.deadline;
	return dhcp_client_timer(&c, now, &p);
}

static enum dhcp_event receive(const struct reply *r)
{
	struct dhcp_received in = { .data = r->at, .len = r->len };

	memcpy(in.mac, server_mac, 6);
	return dhcp_client_receive(&c, now, &in, &p);
}

static enum dhcp_event receive_usual(uint8_t type)
{
	struct reply r;

	reply_usual(&r, type, c.xid);
	return receive(&r);
}

static void acquire(void)
{
	begin();
	assert_int_equal(wait(), DHCP_SEND);
	assert_int_equal(receive_usual(2), DHCP_SEND);
	assert_int_equal(receive_usual(5), DHCP_GOT);
}

static uint8_t sent_type(void)
{
	size_t len = 0;
	const uint8_t *type = sent_option(p.message.at, p.message.len, 53, &len);

	assert_int_equal(len, 1);
	return type ? *type : 0;
}

static void assert_sent(uint8_t code, const char *bytes, size_t size)
{
	size_t len = 0;
	const uint8_t *data = sent_option(p.message.at, p.message.len, code, &len);

	assert_non_null(data);
	assert_int_equal(len, size);
	assert_memory_equal(data, bytes, size);
}

static void assert_not_sent(uint8_t code)
{
	size_t len;

	assert_null(sent_option(p.message.at, p.message.len, code, &len));
}

static void from_discover_to_bound(void **state)
{
	(void)state;
	begin();
	assert_int_equal(c.deadline, now);
	assert_int_equal(dhcp_client_listens(&c), DHCP_NEVER);
	assert_int_equal(wait(), DHCP_SEND);
	assert_int_equal(sent_type(), DHCP_DISCOVER);
	assert_sent(61, "\0pod", 4);
	assert_sent(55, "\1\3", 2);
	assert_sent(57, "\x05\xc0", 2);
	assert_memory_equal(p.mac, "\xff\xff\xff\xff\xff\xff", 6);
	assert_int_equal(receive_usual(2), DHCP_SEND);
	assert_int_equal(sent_type(), DHCP_REQUEST);
	assert_sent(50, "\x0a\x09\0\x0a", 4);
	assert_sent(54, "\x0a\x09\0\1", 4);
	assert_memory_equal(p.message.at + 12, "\0\0\0\0", 4);
	assert_false(addr_is_set(&p.from));
	assert_false(dhcp_client_holds(&c));
	assert_int_equal(receive_usual(5), DHCP_GOT);
	assert_true(dhcp_client_holds(&c));
	assert_int_equal(dhcp_client_listens(&c), 0);
	assert_int_equal(c.t1, now + 300000);
	assert_int_equal(c.t2, now + 525000);
	assert_int_equal(c.expires, now + 600000);
	assert_int_equal(c.deadline, c.t1);
}

static void strangers_change_nothing(void **state)
{
	struct reply r;

	(void)state;
	begin();
	wait();
	reply_usual(&r, 2, c.xid + 1);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	reply_usual(&r, 2, c.xid);
	r.at[28] ^= 2;
	assert_int_equal(receive(&r), DHCP_NOTHING);
	assert_int_equal(receive_usual(5), DHCP_NOTHING);
	assert_int_equal(receive_usual(6), DHCP_NOTHING);
	reply_bare(&r, 2, c.xid, POD); /* no server identifier */
	assert_int_equal(receive(&r), DHCP_NOTHING);
	reply_bare(&r, 2, c.xid, 0);
	reply_u32(&r, 54, SERVER);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	assert_int_equal(c.state, DHCP_SELECTING);
	assert_int_equal(receive_usual(2), DHCP_SEND);
	reply_bare(&r, 5, c.xid, POD); /* another server's */
	reply_u32(&r, 54, SERVER + 1);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	reply_bare(&r, 6, c.xid, 0);
	reply_u32(&r, 54, SERVER + 1);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	reply_bare(&r, 5, c.xid, POD + 1); /* not what was offered */
	reply_u32(&r, 54, SERVER);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	assert_int_equal(c.state, DHCP_REQUESTING);
}

/* RFC 2131, section 4.1, behind the quick ones: each within a second of its mean. */
static void discover_is_repeated_ever_slower(void **state)
{
	static const int mean[] = { 1, 2, 2, 2, 4, 8, 16, 32, 62, 62, 62 };
	uint32_t xid;
	int span;

	(void)state;
	begin();
	assert_int_equal(wait(), DHCP_SEND);
	xid = c.xid;
	for (size_t i = 0; i < sizeof(mean) / sizeof(mean[0]); i++) {
		int64_t before = now;
		enum dhcp_event event = wait();

		if (event == DHCP_GAVE_UP) {
			assert_int_equal(now, 1000000 + 208000);
			assert_int_equal(c.state, DHCP_LOST);
			assert_true(i > 6);
			return;
		}
		assert_int_equal(event, DHCP_SEND);
		assert_int_equal(c.xid, xid);
		span = mean[i] > 1 ? 1000 : 500;
		assert_in_range(now - before, mean[i] * 1000 - span, mean[i] * 1000 + span);
		assert_int_equal(p.message.at[8] << 8 | p.message.at[9], (now - 1000000) / 1000);
	}
	fail();
}

static void clients_do_not_march_in_step(void **state)
{
	int64_t first;

	(void)state;
	begin();
	wait();
	first = c.deadline;
	for (uint32_t seed = 1; seed < 20; seed++) {
		begin();
		c.seed = seed * 0x9e3779b9u;
		wait();
		if (c.deadline != first)
			return;
	}
	fail();
}

static void a_refused_offer_begins_anew_after_a_pause(void **state)
{
	uint32_t xid;

	(void)state;
	begin();
	wait();
	receive_usual(2);
	xid = c.xid;
	assert_int_equal(receive_usual(6), DHCP_NOTHING);
	assert_int_equal(c.state, DHCP_SELECTING);
	assert_true(c.deadline >= now + 500);
	assert_int_not_equal(c.xid, xid);
	assert_int_equal(wait(), DHCP_SEND);
	assert_int_equal(sent_type(), DHCP_DISCOVER);
}

static void an_offer_never_acknowledged_is_forgotten(void **state)
{
	int64_t offered;

	(void)state;
	begin();
	wait();
	offered = now;
	receive_usual(2);
	while (c.state == DHCP_REQUESTING) {
		assert_true(now < offered + settings.timeout_ms);
		assert_int_equal(sent_type(), DHCP_REQUEST);
		assert_int_equal(wait(), DHCP_SEND);
	}
	assert_int_equal(sent_type(), DHCP_DISCOVER);
	assert_true(now >= offered + settings.timeout_ms);
}

static void renewal_goes_to_the_server(void **state)
{
	int64_t acquired;

	(void)state;
	acquire();
	acquired = now;
	assert_int_equal(wait(), DHCP_SEND);
	assert_int_equal(now, acquired + 300000);
	assert_int_equal(c.state, DHCP_RENEWING);
	assert_int_equal(sent_type(), DHCP_REQUEST);
	assert_memory_equal(p.mac, server_mac, 6);
	assert_string_equal(addr_text(&p.to), "10.9.0.1");
	assert_string_equal(addr_text(&p.from), "10.9.0.10");
	assert_memory_equal(p.message.at + 12, "\x0a\x09\0\x0a", 4);
	assert_not_sent(50);
	assert_not_sent(54);
	assert_int_equal(dhcp_client_listens(&c), now + settings.timeout_ms);
	assert_int_equal(receive_usual(5), DHCP_RENEWED);
	assert_int_equal(c.state, DHCP_BOUND);
	assert_int_equal(c.expires, now + 600000);
}

static void without_an_answer_rebinding_then_the_end(void **state)
{
	unsigned int renewals = 0, rebindings = 0;
	int64_t acquired;
	enum dhcp_event event;

	(void)state;
	acquire();
	acquired = now;
	while ((event = wait()) == DHCP_SEND) {
		bool broadcast = p.mac[0] == 0xff;

		assert_int_equal(broadcast, now >= acquired + 525000);
		assert_int_equal(addr_is_set(&p.to), !broadcast);
		renewals += !broadcast;
		rebindings += broadcast;
	}
	assert_int_equal(event, DHCP_GONE);
	assert_int_equal(now, acquired + 600000);
	assert_in_range(renewals, 2, 5);
	assert_in_range(rebindings, 2, 3);
	assert_int_equal(c.state, DHCP_LOST);
	assert_int_equal(c.deadline, DHCP_NEVER);
	assert_false(dhcp_client_holds(&c));
	assert_int_equal(dhcp_client_timer(&c, now + 1, &p), DHCP_NOTHING);
	assert_int_equal(receive_usual(5), DHCP_NOTHING);
}

static void rebinding_takes_any_server(void **state)
{
	struct reply r;

	(void)state;
	acquire();
	while (c.state != DHCP_REBINDING)
		wait();
	reply_bare(&r, 5, c.xid, POD);
	reply_u32(&r, 54, SERVER + 7);
	reply_u32(&r, 51, 60);
	assert_int_equal(receive(&r), DHCP_RENEWED);
	assert_string_equal(addr_text(&c.server), "10.9.0.8");
	assert_int_equal(c.expires, now + 60000);
}

static void another_address_is_no_renewal(void **state)
{
	struct reply r;

	(void)state;
	acquire();
	wait();
	reply_bare(&r, 5, c.xid, POD + 1);
	reply_u32(&r, 54, SERVER);
	reply_u32(&r, 51, 600);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	assert_int_equal(c.state, DHCP_RENEWING);
}

static void nak_of_the_own_server_ends_the_lease(void **state)
{
	struct reply r;

	(void)state;
	acquire();
	wait();
	reply_bare(&r, 6, c.xid, 0);
	reply_u32(&r, 54, SERVER + 1);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	assert_int_equal(receive_usual(6), DHCP_GONE);
	assert_false(dhcp_client_holds(&c));
}

/* Lease, T1 and T2 as the server says them (0: not at all), and what is made of it. */
static void check_times(uint32_t lease, uint32_t t1, uint32_t t2, int64_t want1, int64_t want2)
{
	struct reply r;

	begin();
	wait();
	receive_usual(2);
	reply_bare(&r, 5, c.xid, POD);
	reply_u32(&r, 54, SERVER);
	reply_u32(&r, 51, lease);
	if (t1)
		reply_u32(&r, 58, t1);
	if (t2)
		reply_u32(&r, 59, t2);
	assert_int_equal(receive(&r), DHCP_GOT);
	assert_int_equal(c.t1, want1 == DHCP_NEVER ? want1 : now + want1);
	assert_int_equal(c.t2, want2 == DHCP_NEVER ? want2 : now + want2);
	assert_int_equal(c.deadline, c.t1);
}

static void times_of_servers(void **state)
{
	(void)state;
	check_times(1000, 0, 0, 500000, 875000);
	check_times(1000, 100, 200, 100000, 200000);
	check_times(1000, 900, 200, 100000, 200000);  /* T1 behind T2 */
	check_times(1000, 100, 2000, 100000, 875000); /* T2 behind the end */
	check_times(1000, 4000, 2000, 500000, 875000);
	check_times(UINT32_MAX, 100, 200, DHCP_NEVER, DHCP_NEVER);
	check_times(1, 0, 0, 1000, 1000); /* never a storm */
	check_times(4000000000u, 0, 0, 2000000000000, 3500000000000);
}

static void a_lease_of_no_time_is_none(void **state)
{
	struct reply r;

	(void)state;
	begin();
	wait();
	receive_usual(2);
	reply_bare(&r, 5, c.xid, POD);
	reply_u32(&r, 54, SERVER);
	reply_u32(&r, 51, 0);
	assert_int_equal(receive(&r), DHCP_NOTHING);
	reply_bare(&r, 5, c.xid, POD);
	reply_u32(&r, 54, SERVER);
	assert_int_equal(receive(&r), DHCP_GOT); /* not said: an hour */
	assert_int_equal(c.expires, now + 3600000);
}

static void broadcast_is_asked_for_until_the_address_is_there(void **state)
{
	(void)state;
	begin();
	wait();
	assert_int_equal(p.message.at[10], 0);
	begin();
	c.broadcast = true;
	wait();
	assert_int_equal(p.message.at[10], 0x80);
	receive_usual(2);
	assert_int_equal(p.message.at[10], 0x80);
	receive_usual(5);
	wait();
	assert_int_equal(p.message.at[10], 0);
}

static void provided_options_go_along_and_may_replace_the_id(void **state)
{
	(void)state;
	begin();
	memcpy(c.provide, "\x0c\3web\x3d\2\1x", 9);
	c.provide_len = 9;
	wait();
	assert_sent(12, "web", 3);
	assert_sent(61, "\1x", 2);
	receive_usual(2);
	receive_usual(5);
	dhcp_client_release(&c, &p);
	assert_int_equal(sent_type(), DHCP_RELEASE);
	assert_sent(61, "\1x", 2);
	assert_sent(54, "\x0a\x09\0\1", 4);
	assert_not_sent(12);
	assert_not_sent(55);
	assert_memory_equal(p.message.at + 12, "\x0a\x09\0\x0a", 4);
	assert_memory_equal(p.mac, server_mac, 6);
	assert_false(dhcp_client_holds(&c));
}

static void the_largest_client_still_fits(void **state)
{
	(void)state;
	begin();
	memset(c.id, 1, sizeof(c.id));
	c.id_len = sizeof(c.id);
	memset(c.request, 1, sizeof(c.request));
	c.request_len = sizeof(c.request);
	for (c.provide_len = 0; c.provide_len + 32 <= sizeof(c.provide); c.provide_len += 32)
		memcpy(c.provide + c.provide_len, "\xc8\x1e", 2);
	assert_true(dhcp_encoded_valid(c.provide, c.provide_len));
	wait();
	assert_false(p.message.bad);
	receive_usual(2);
	assert_false(p.message.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_discover_to_bound),
		cmocka_unit_test(strangers_change_nothing),
		cmocka_unit_test(discover_is_repeated_ever_slower),
		cmocka_unit_test(clients_do_not_march_in_step),
		cmocka_unit_test(a_refused_offer_begins_anew_after_a_pause),
		cmocka_unit_test(an_offer_never_acknowledged_is_forgotten),
		cmocka_unit_test(renewal_goes_to_the_server),
		cmocka_unit_test(without_an_answer_rebinding_then_the_end),
		cmocka_unit_test(rebinding_takes_any_server),
		cmocka_unit_test(another_address_is_no_renewal),
		cmocka_unit_test(nak_of_the_own_server_ends_the_lease),
		cmocka_unit_test(times_of_servers),
		cmocka_unit_test(a_lease_of_no_time_is_none),
		cmocka_unit_test(broadcast_is_asked_for_until_the_address_is_there),
		cmocka_unit_test(provided_options_go_along_and_may_replace_the_id),
		cmocka_unit_test(the_largest_client_still_fits),
	};

	return cmocka_run_group_tests_name("dhcp_client", tests, NULL, NULL);
}
