/*
 * DHCP messages and the datagrams around them: what is read, what is refused, what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "dhcp/client.h"
#include "dhcp/frame.h"
#include "dhcp/message.h"
#include "unit_dhcp.h"

/* A copy of exactly this size, so that the sanitizer sees a byte read behind it. */
static bool parse(const struct reply *m, struct dhcp_message *out)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(m->len ? m->len : 1);
	memcpy(copy, m->at, m->len);
	return dhcp_message_parse(copy, m->len, out);
}

static void usual_answer_is_read(void **state)
{
	struct dhcp_message m;
	struct addr a;
	uint32_t v;
	struct reply r;

	(void)state;
	reply_usual(&r, 5, 0x12345678);
	assert_true(parse(&r, &m));
	assert_int_equal(m.type, DHCP_ACK);
	assert_int_equal(m.xid, 0x12345678);
	assert_string_equal(addr_text(&m.your), "10.9.0.10");
	assert_memory_equal(m.mac, pod_mac, 6);
	assert_true(dhcp_option_addr(&m, DHCP_OPT_SERVER, &a));
	assert_string_equal(addr_text(&a), "10.9.0.1");
	assert_true(dhcp_option_u32(&m, DHCP_OPT_LEASE_TIME, &v));
	assert_int_equal(v, 600);
	assert_false(dhcp_option_u32(&m, DHCP_OPT_T1, &v));
	assert_int_equal(v, 600);
}

static void change(struct reply *r, size_t at, uint8_t value)
{
	reply_usual(r, 5, 1);
	r->at[at] = value;
}

static void what_is_no_answer_is_refused(void **state)
{
	struct dhcp_message m;
	struct reply r;

	(void)state;
	change(&r, 0, 1); /* a client's */
	assert_false(parse(&r, &m));
	change(&r, 1, 6); /* not Ethernet */
	assert_false(parse(&r, &m));
	change(&r, 2, 16);
	assert_false(parse(&r, &m));
	change(&r, 237, 0); /* BOOTP's own vendor field */
	assert_false(parse(&r, &m));
	change(&r, 242, 1); /* a DISCOVER */
	assert_false(parse(&r, &m));
	change(&r, 241, 200); /* an option that runs over the end */
	assert_false(parse(&r, &m));
	reply_usual(&r, 5, 1);
	for (size_t len = 0; len < 240; len++) {
		r.len = len;
		assert_false(parse(&r, &m));
	}
	reply_usual(&r, 5, 1);
	r.len = DHCP_MESSAGE_MAX + 1;
	assert_false(parse(&r, &m));
	r.len = DHCP_MESSAGE_MAX;
	assert_true(parse(&r, &m));
}

static void a_message_without_a_type_is_none(void **state)
{
	struct dhcp_message m;
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	r.len = 240;
	assert_false(parse(&r, &m));
	reply_option(&r, 53, "\5\5", 2);
	assert_false(parse(&r, &m));
}

/* RFC 2132, section 9.3; RFC 3396: options, then file, then sname. */
static void overloaded_fields_are_read_in_order(void **state)
{
	struct dhcp_message m;
	uint8_t text[16];
	struct reply r;

	(void)state;
	reply_usual(&r, 5, 1);
	reply_text(&r, 52, "\3");
	reply_text(&r, 15, "one.");
	memcpy(r.at + 108, "\x0f\4two.\xff", 7);
	memcpy(r.at + 44, "\0\0\x0f\5three", 9);
	assert_true(parse(&r, &m));
	assert_int_equal(dhcp_option(&m, 15, text, sizeof(text)), 13);
	assert_memory_equal(text, "one.two.three", 13);
	assert_int_equal(dhcp_option(&m, 15, text, 12), -1);
	r.at[109] = 200; /* over the end of file, although sname would have room */
	assert_false(parse(&r, &m));
}

static void fields_are_no_options_unless_said(void **state)
{
	struct dhcp_message m;
	uint8_t text[16];
	struct reply r;

	(void)state;
	reply_usual(&r, 5, 1);
	memcpy(r.at + 108, "\x0f\4two.\xff", 7);
	assert_true(parse(&r, &m));
	assert_int_equal(dhcp_option(&m, 15, text, sizeof(text)), -1);
}

static void addresses_no_host_can_have_are_none(void **state)
{
	static const uint32_t none[] = { 0,	     0x00000001, 0x7f000001,
					 0xe0000001, 0xffffffff, 0xf0000001 };
	struct dhcp_message m;
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		reply_bare(&r, 5, 1, none[i]);
		assert_true(parse(&r, &m));
		assert_false(addr_is_set(&m.your));
	}
}

static void a_short_message_is_padded(void **state)
{
	const struct dhcp_head head = { .type = DHCP_DISCOVER,
					.xid = 0xa1b2c3d4,
					.secs = 0x0102,
					.broadcast = true,
					.mac = pod_mac };
	struct dhcp_out o;

	(void)state;
	memset(&o, 0xaa, sizeof(o));
	dhcp_begin(&o, &head);
	dhcp_put(&o, 61, "\0abc", 4);
	dhcp_end(&o);
	assert_false(o.bad);
	assert_int_equal(o.len, DHCP_MESSAGE_MIN);
	assert_memory_equal(o.at, "\1\1\6\0\xa1\xb2\xc3\xd4\1\2\x80\0\0\0\0\0", 16);
	assert_memory_equal(o.at + 28, pod_mac, 6);
	assert_memory_equal(o.at + 236, "\x63\x82\x53\x63\x35\1\1\x3d\4\0abc\xff", 14);
	for (size_t i = 250; i < o.len; i++)
		assert_int_equal(o.at[i], 0);
}

static void overflow_marks_the_message_bad(void **state)
{
	const struct dhcp_head head = { .type = DHCP_REQUEST, .mac = pod_mac };
	static uint8_t frame[DHCP_FRAME_MAX];
	static struct dhcp_packet p;
	static const uint8_t many[255];

	(void)state;
	dhcp_begin(&p.message, &head);
	for (int i = 0; i < 4; i++)
		dhcp_put(&p.message, 200, many, sizeof(many));
	assert_false(p.message.bad);
	dhcp_put(&p.message, 200, many, sizeof(many));
	assert_true(p.message.bad);
	dhcp_end(&p.message);
	assert_int_equal(dhcp_frame_write(frame, &p), 0);
}

static void encoded_options_are_whole(void **state)
{
	(void)state;
	assert_true(dhcp_encoded_valid((const uint8_t *)"", 0));
	assert_true(dhcp_encoded_valid((const uint8_t *)"\x0c\3web\x3c\0", 7));
	assert_false(dhcp_encoded_valid((const uint8_t *)"\x0c\4web", 5));
	assert_false(dhcp_encoded_valid((const uint8_t *)"\x0c", 1));
	assert_false(dhcp_encoded_valid((const uint8_t *)"\0\0", 2));
	assert_false(dhcp_encoded_valid((const uint8_t *)"\xff\0", 2));
	assert_true(dhcp_encoded_has((const uint8_t *)"\x0c\3web\x3c\0", 7, 60));
	assert_false(dhcp_encoded_has((const uint8_t *)"\x0c\3web\x3c\0", 7, 'w'));
}

static uint16_t word(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* As written on the wire by hand: RFC 1071's example method, sums by 16-bit words. */
static uint32_t ones_sum(const uint8_t *at, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static size_t write_frame(uint8_t *frame, size_t payload)
{
	static struct dhcp_packet p;
	const struct dhcp_head head = { .type = DHCP_DISCOVER, .mac = pod_mac };

	p = (struct dhcp_packet){ 0 };
	dhcp_begin(&p.message, &head);
	dhcp_end(&p.message);
	p.message.len = payload;
	return dhcp_frame_write(frame, &p);
}

static void frames_have_right_checksums(void **state)
{
	static uint8_t frame[DHCP_FRAME_MAX];

	(void)state;
	for (size_t payload = 300; payload < 304; payload++) {
		size_t len = write_frame(frame, payload);
		uint32_t pseudo = 17 + (uint32_t)payload + 8;

		assert_int_equal(len, 28 + payload);
		assert_int_equal(ones_sum(frame, 20, 0), 0xffff);
		assert_int_equal(ones_sum(frame + 20, len - 20, ones_sum(frame + 12, 8, pseudo)),
				 0xffff);
		assert_int_equal(word(frame + 20), 68);
		assert_int_equal(word(frame + 22), 67);
		assert_memory_equal(frame + 12, "\0\0\0\0\xff\xff\xff\xff", 8);
	}
}

/* An answer on the wire: the client's own frame with the ports the other way round. */
static size_t answer_frame(uint8_t *frame)
{
	size_t len = write_frame(frame, 300);
	uint8_t ports[4];

	memcpy(ports, frame + 20, 4);
	memcpy(frame + 20, ports + 2, 2);
	memcpy(frame + 22, ports, 2);
	return len;
}

static void datagrams_to_the_client_are_read(void **state)
{
	static uint8_t frame[DHCP_FRAME_MAX];
	size_t len = answer_frame(frame);
	struct dhcp_area out;

	(void)state;
	assert_true(dhcp_frame_parse(frame, len, false, &out));
	assert_int_equal(out.len, 300);
	assert_ptr_equal(out.at, frame + 28);
	assert_true(dhcp_frame_parse(frame, len + 4, false, &out)); /* Ethernet's padding */
	assert_int_equal(out.len, 300);
	frame[40] ^= 1;
	assert_false(dhcp_frame_parse(frame, len, false, &out));
	assert_true(dhcp_frame_parse(frame, len, true, &out)); /* not computed yet */
	memset(frame + 26, 0, 2);
	assert_true(dhcp_frame_parse(frame, len, false, &out)); /* sent without */
}

static void other_datagrams_are_refused(void **state)
{
	static uint8_t frame[DHCP_FRAME_MAX];
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ 0, 0x65 },  /* IPv6 */
		{ 0, 0x44 },  /* a header of 16 bytes */
		{ 0, 0x4f },  /* options, and then the checksum is wrong */
		{ 2, 0xff },  /* longer than what came */
		{ 6, 0x20 },  /* more fragments */
		{ 7, 1 },     /* a later fragment */
		{ 9, 6 },     /* TCP */
		{ 10, 0xaa }, /* header's checksum */
		{ 23, 69 },   /* another port */
		{ 24, 0xff }, /* UDP longer than IP */
	};
	struct dhcp_area out;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		len = answer_frame(frame);
		frame[wrong[i].at] = wrong[i].value;
		assert_false(dhcp_frame_parse(frame, len, true, &out));
	}
	len = answer_frame(frame);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, frame, cut);
		assert_false(dhcp_frame_parse(copy, cut, true, &out));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_answer_is_read),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(a_message_without_a_type_is_none),
		cmocka_unit_test(overloaded_fields_are_read_in_order),
		cmocka_unit_test(fields_are_no_options_unless_said),
		cmocka_unit_test(addresses_no_host_can_have_are_none),
		cmocka_unit_test(a_short_message_is_padded),
		cmocka_unit_test(overflow_marks_the_message_bad),
		cmocka_unit_test(encoded_options_are_whole),
		cmocka_unit_test(frames_have_right_checksums),
		cmocka_unit_test(datagrams_to_the_client_are_read),
		cmocka_unit_test(other_datagrams_are_refused),
	};

	return cmocka_run_group_tests_name("dhcp_message", tests, NULL, NULL);
}
