/*
 * Netlink mechanism, writing and reading: bytes that the builder writes, what it does when they do
 * not fit, attributes with lying lengths.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/addr.h"
#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nl.h"
#include "wire.h"

static char buffer[80000];

static void begin(struct nl *nl, size_t cap)
{
	*nl = (struct nl){ .fd = -1, .buf = buffer, .cap = cap };
	memset(buffer, 0xaa, sizeof(buffer));
}

static void assert_batch(const struct nl *nl, const char *bytes, size_t len)
{
	assert_false(nl->bad);
	assert_int_equal(nl->len, len);
	assert_memory_equal(nl->buf, bytes, len);
}
#define assert_golden(nl, bytes) assert_batch(nl, bytes, sizeof(bytes) - 1)

/* As they are laid out here, a line is a header or an attribute. */
/* clang-format off */
static void golden_attributes(void **state)
{
	struct addr a = { .family = AF_INET, .bytes = { 10, 1, 2, 3 } };
	struct nl nl;

	(void)state;
	begin(&nl, sizeof(buffer));
	nl_request(&nl, "test", 0x1234, NLM_F_ACK, "HEAD", 4);
	nl_put_u8(&nl, 1, 0x11);
	nl_put_u16(&nl, 2, 0x2221);
	nl_put_u32(&nl, 3, 0x34333231);
	nl_put_be32(&nl, 4, 0x41424344);
	nl_put_str(&nl, 5, "abcd");
	nl_put_addr(&nl, 6, &a);
	nl_nest (&nl, 7) {
		nl_put_raw(&nl, "xyz", 3);
		nl_nest (&nl, 8)
			nl_put_u8(&nl, 9, 0x99);
		nl_nest (&nl, 10)
			;
	}
	assert_golden(&nl, U32("\x60") U16X("\x34", "\x12") U16("\x05") U32("\x01") U32("\0")
		      "HEAD"
		      U16("\x05") U16("\x01") "\x11" "\0\0\0"
		      U16("\x06") U16("\x02") U16X("\x21", "\x22") "\0\0"
		      U16("\x08") U16("\x03") U32X("\x31", "\x32", "\x33", "\x34")
		      U16("\x08") U16("\x04") "ABCD"
		      U16("\x09") U16("\x05") "abcd\0" "\0\0\0"
		      U16("\x08") U16("\x06") "\x0a\x01\x02\x03"
		      U16("\x18") U16X("\x07", "\x80")
		      "xyz\0"
		      U16("\x0c") U16X("\x08", "\x80")
		      U16("\x05") U16("\x09") "\x99" "\0\0\0"
		      U16("\x04") U16X("\x0a", "\x80"));
}

static void golden_batch_of_two(void **state)
{
	struct nl nl;

	(void)state;
	begin(&nl, sizeof(buffer));
	nl.seq = 0xffffffff;
	link_up(&nl, 7);
	link_del(&nl, 8);
	assert_golden(&nl, U32("\x20") U16("\x13") U16("\x01") U32("\0") U32("\0")
		      "\0\0" U16("\0") U32("\x07") U32("\x01") U32("\x01")
		      U32("\x20") U16("\x11") U16("\x01") U32("\x01") U32("\0")
		      "\0\0" U16("\0") U32("\x08") U32("\0") U32("\0"));
	assert_int_equal(nl.count, 2);
	nl_discard(&nl);
	assert_int_equal(nl.len, 0);
}

static void golden_veth(void **state)
{
	const struct veth v = { .host = "h",
				.pod = "eth0",
				.alias = "a",
				.group = 9,
				.pod_ns = 5,
				.master = 3,
				.mtu = 1400,
				.host_mac = { 2, 0, 0, 0, 0, 1 },
				.pod_mac = { 2, 0, 0, 0, 0, 2 } };
	struct nl nl;

	(void)state;
	begin(&nl, sizeof(buffer));
	link_add_veth(&nl, &v);
	assert_golden(&nl, U32("\x94") U16("\x10") U16X("\x05", "\x06") U32("\x01") U32("\0")
		      "\0\0" U16("\0") U32("\0") U32("\0") U32("\0")
		      U16("\x06") U16("\x03") "h\0" "\0\0"
		      U16("\x0a") U16("\x01") "\x02\0\0\0\0\x01" "\0\0"
		      U16("\x08") U16("\x04") U32X("\x78", "\x05", "\0", "\0")
		      U16("\x08") U16("\x1b") U32("\x09")
		      U16("\x50") U16X("\x12", "\x80")
		      U16("\x09") U16("\x01") "veth\0" "\0\0\0"
		      U16("\x40") U16X("\x02", "\x80")
		      U16("\x3c") U16X("\x01", "\x80")
		      "\0\0" U16("\0") U32("\0") U32("\0") U32("\0")
		      U16("\x09") U16("\x03") "eth0\0" "\0\0\0"
		      U16("\x08") U16("\x1c") U32("\x05")
		      U16("\x0a") U16("\x01") "\x02\0\0\0\0\x02" "\0\0"
		      U16("\x08") U16("\x04") U32X("\x78", "\x05", "\0", "\0"));
	assert_int_equal(nl.count, 1);
	begin(&nl, sizeof(buffer));
	link_join_veth(&nl, &v, true);
	assert_golden(&nl, U32("\x50") U16("\x13") U16("\x01") U32("\x01") U32("\0")
		      "\0\0" U16("\0") U32("\0") U32("\0") U32("\0")
		      U16("\x06") U16("\x03") "h\0" "\0\0"
		      U16("\x05") U16("\x14") "a" "\0\0\0"
		      U16("\x08") U16("\x1b") U32("\0")
		      U16("\x08") U16("\x0a") U32("\x03")
		      U16("\x10") U16X("\x1a", "\x80")
		      U16("\x0c") U16X("\x0a", "\x80")
		      U16("\x05") U16("\x08") "\x01" "\0\0\0"
		      U32("\x28") U16("\x13") U16("\x01") U32("\x02") U32("\0")
		      "\0\0" U16("\0") U32("\0") U32("\x01") U32("\x01")
		      U16("\x06") U16("\x03") "h\0" "\0\0");
	assert_int_equal(nl.count, 2);
}

static void golden_address(void **state)
{
	struct prefix p;
	struct nl nl;

	(void)state;
	assert_true(prefix_parse("10.1.2.3/24", &p));
	begin(&nl, sizeof(buffer));
	ifaddr_add(&nl, 9, &p);
	assert_golden(&nl, U32("\x30") U16("\x14") U16X("\x01", "\x06") U32("\x01") U32("\0")
		      "\x02\x18\0\0" U32("\x09")
		      U16("\x08") U16("\x02") "\x0a\x01\x02\x03"
		      U16("\x08") U16("\x01") "\x0a\x01\x02\x03"
		      U16("\x08") U16("\x04") "\x0a\x01\x02\xff");
	/* No broadcast from /31 on; duplicate address detection off in IPv6 (ifa_flags 2). */
	assert_true(prefix_parse("10.1.2.3/31", &p));
	nl_discard(&nl);
	ifaddr_add(&nl, 9, &p);
	assert_int_equal(nl.len, 0x28);
	assert_true(prefix_parse("fd00::1/64", &p));
	nl_discard(&nl);
	ifaddr_add(&nl, 9, &p);
	assert_memory_equal(nl.buf + 16, "\x0a\x40\x02\0" U32("\x09"), 8);
}

static void golden_route(void **state)
{
	struct route r = { .index = 2, .mtu = 1400 };
	struct nl nl;

	(void)state;
	assert_true(prefix_parse("10.9.8.7/16", &r.dst));
	assert_true(addr_parse("10.0.0.1", &r.via));
	begin(&nl, sizeof(buffer));
	route_add(&nl, &r);
	assert_golden(&nl, U32("\x48") U16("\x18") U16X("\x01", "\x06") U32("\x01") U32("\0")
		      "\x02\x10\0\0\0\x03\0\x01" U32("\0")
		      U16("\x08") U16("\x0f") U32("\xfe")
		      U16("\x08") U16("\x01") "\x0a\x09\0\0"
		      U16("\x08") U16("\x05") "\x0a\0\0\x01"
		      U16("\x08") U16("\x04") U32("\x02")
		      U16("\x0c") U16X("\x08", "\x80")
		      U16("\x08") U16("\x02") U32X("\x78", "\x05", "\0", "\0"));
	/* A deletion matches any protocol, scope and type. */
	nl_discard(&nl);
	route_del(&nl, &r);
	assert_memory_equal(nl.buf + 16, "\x02\x10\0\0\0\0\xff\0", 8);
}
/* clang-format on */

/* Try every buffer size: nothing is written beyond it, and the result is either whole or refused.
 */
static void overflow_is_sticky_at_every_size(void **state)
{
	const struct veth v = {
		.host = "vethx", .pod = "eth0", .alias = "net id eth0", .master = 1, .mtu = 9000
	};
	size_t whole;
	struct nl nl;

	(void)state;
	begin(&nl, sizeof(buffer));
	link_add_veth(&nl, &v);
	link_join_veth(&nl, &v, true);
	assert_false(nl.bad);
	whole = nl.len;
	for (size_t cap = 0; cap < whole; cap++) {
		struct err e = { 0 };
		unsigned int failed = 77;

		begin(&nl, cap);
		link_add_veth(&nl, &v);
		link_join_veth(&nl, &v, true);
		assert_true(nl.bad);
		assert_int_equal((uint8_t)buffer[cap], 0xaa);
		nl_put_u8(&nl, 1, 1); /* smaller than what is left perhaps, but refused */
		assert_true(nl.bad && nl.len <= cap);
		assert_int_equal(nl_commit(&nl, &failed, &e), -EMSGSIZE);
		assert_in_range(failed, 0, 2);
		assert_non_null(strstr(e.text, "too large"));
		assert_false(nl.bad);
	}
	begin(&nl, whole);
	link_add_veth(&nl, &v);
	link_join_veth(&nl, &v, true);
	assert_false(nl.bad);
}

static void limits_are_kept(void **state)
{
	static char big[70000];
	struct nl nl;

	(void)state;
	begin(&nl, sizeof(buffer));
	nl_request(&nl, "big", 1, 0, "", 0);
	nl_put(&nl, 1, big, UINT16_MAX - 4);
	assert_false(nl.bad);
	nl_discard(&nl);
	nl_request(&nl, "big", 1, 0, "", 0);
	nl_put(&nl, 1, big, UINT16_MAX - 3);
	assert_true(nl.bad);

	/* A nest whose parts fit but whose sum does not. */
	nl_discard(&nl);
	nl_request(&nl, "big", 1, 0, "", 0);
	nl_nest (&nl, 1) {
		nl_put(&nl, 1, big, 40000);
		nl_put(&nl, 1, big, 30000);
	}
	assert_true(nl.bad);

	nl_discard(&nl);
	nl_request(&nl, "deep", 1, 0, "", 0);
	for (int i = 0; i < NL_NEST_MAX; i++)
		nl_nest_open(&nl, 1);
	assert_false(nl.bad);
	nl_nest_open(&nl, 1);
	assert_true(nl.bad);
	for (int i = 0; i <= NL_NEST_MAX; i++)
		nl_nest_close(&nl);
	assert_int_equal(nl.depth, 0);

	nl_discard(&nl);
	for (int i = 0; i < NL_REQUESTS_MAX; i++)
		nl_request(&nl, "many", 1, 0, "", 0);
	assert_false(nl.bad);
	nl_request(&nl, "many", 1, 0, "", 0);
	assert_true(nl.bad);
}

/*
 * A message of its own in the heap, so that the sanitizer sees any step beyond it (cmocka's
 * test_malloc() would pad it).
 */
static struct nlmsghdr *message(const char *payload, size_t len)
{
	struct nlmsghdr *h = malloc(sizeof(*h) + len);

	memset(h, 0, sizeof(*h));
	h->nlmsg_len = (uint32_t)(sizeof(*h) + len);
	memcpy(h + 1, payload, len);
	return h;
}
#define MESSAGE(bytes) message(bytes, sizeof(bytes) - 1)

/* As they are laid out here, a line is a header or an attribute. */
/* clang-format off */
static void attributes_are_indexed(void **state)
{
	const struct nlattr *a[4];
	char text[4];
	struct nlmsghdr *h;

	(void)state;
	h = MESSAGE("HDR\0"
		    U16("\x08") U16("\x01") U32("\x01")
		    U16("\x08") U16("\x01") U32("\x02")
		    U16("\x08") U16("\x09") U32("\x09")
		    U16("\x08") U16X("\x02", "\xc0")
		    "abc\0"
		    U16("\x05") U16("\x03") "z");
	assert_true(nl_attrs(h, 3, a, 3));
	assert_null(a[0]);
	assert_int_equal(nl_u32(a[1]), 2);
	assert_true(nl_str(a[2], text, sizeof(text)));
	assert_string_equal(text, "abc");
	assert_int_equal(nl_u8(a[3]), 'z');
	free(h);
	h = MESSAGE("HDRX");
	assert_true(nl_attrs(h, 4, a, 3));
	assert_false(nl_attrs(h, 5, a, 3));
	assert_false(nl_attrs(h, SIZE_MAX, a, 3));
	h->nlmsg_len = 15;
	assert_false(nl_attrs(h, 0, a, 3));
	free(h);
	assert_true(nl_attrs_nested(NULL, a, 3));
}

static void lying_lengths_are_refused(void **state)
{
	static const struct {
		char bytes[16];
		size_t len;
	} bad[] = {
		{ U16("\x08") U16("\x01") U32("\x01")
		  U16("\0") U16("\x02") U32("\x01"),
		  16 }, /* zero: would loop for ever */
		{ U16("\x08") U16("\x01") U32("\x01")
		  U16("\x03") U16("\x02") U32("\x01"),
		  16 }, /* less than its header */
		{ U16("\x08") U16("\x01") U32("\x01")
		  U16("\x09") U16("\x02") U32("\x01"),
		  16 }, /* one byte too far */
		{ U16("\x08") U16("\x01") U32("\x01")
		  U16X("\xff", "\xff") U16("\x02") U32("\x01"),
		  16 },
		{ U16("\x08") U16("\x01") U32("\x01")
		  U16("\x08") "\x02",
		  11 }, /* half a header */
		{ U16("\x08") U16("\x01") U32("\x01")
		  "\x08",
		  9 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nlmsghdr *h = message(bad[i].bytes, bad[i].len);
		const struct nlattr *a[3], *at = NULL;
		struct nlattr *nest;

		assert_false(nl_attrs(h, 0, a, 2));
		assert_int_equal(nl_u32(a[1]), 1);
		assert_null(a[2]);
		free(h);

		nest = malloc(sizeof(*nest) + bad[i].len);
		nest->nla_len = (uint16_t)(sizeof(*nest) + bad[i].len);
		nest->nla_type = 1;
		memcpy(nest + 1, bad[i].bytes, bad[i].len);
		assert_false(nl_attrs_nested(nest, a, 2));
		assert_int_equal(nl_u32(a[1]), 1);
		assert_true(nl_attr_next(nest, &at));
		assert_false(nl_attr_next(nest, &at));
		free(nest);
	}
}

static void lists_are_walked(void **state)
{
	const struct nlattr *a[2], *at = NULL;
	struct nlmsghdr *h = MESSAGE(U16("\x16") U16X("\x01", "\x80")
				     U16("\x05") U16("\x01")
				     "a\0\0\0"
				     U16("\x04") U16("\x01")
				     U16("\x06") U16("\x01")
				     "bc"
				     "\0\0");

	(void)state;
	assert_true(nl_attrs(h, 0, a, 1));
	assert_true(nl_attr_next(a[1], &at));
	assert_int_equal(nl_u8(at), 'a');
	assert_true(nl_attr_next(a[1], &at));
	assert_int_equal(nl_size(at), 0);
	assert_true(nl_attr_next(a[1], &at));
	assert_int_equal(nl_size(at), 2);
	assert_false(nl_attr_next(a[1], &at));
	at = NULL;
	assert_false(nl_attr_next(NULL, &at));
	free(h);
}

static void short_payloads_read_as_nothing(void **state)
{
	const struct nlattr *a[5];
	struct nlmsghdr *h = MESSAGE(U16("\x07") U16("\x01") "\x01\x02\x03\0"
				     U16("\x04") U16("\x02")
				     U16("\x09") U16("\x03")
				     "abcde\0\0\0"
				     U16("\x08") U16("\x04") "\x0a\0\0\x01");
	char text[5], wide[8];
	struct addr got;

	(void)state;
	assert_true(nl_attrs(h, 0, a, 4));
	assert_int_equal(nl_u32(a[1]), 0);
	assert_int_equal(nl_be32(a[1]), 0);
	assert_int_equal(nl_u16(a[1]), *(const uint16_t *)"\x01\x02");
	assert_int_equal(nl_u8(a[2]), 0);
	assert_int_equal(nl_u32(NULL), 0);
	assert_int_equal(nl_size(NULL), 0);
	assert_int_equal(nl_be32(a[4]), 0x0a000001);

	assert_false(nl_str(a[3], text, sizeof(text))); /* cut */
	assert_string_equal(text, "abcd");
	assert_true(nl_str(a[3], wide, sizeof(wide))); /* not NUL-terminated on the wire */
	assert_string_equal(wide, "abcde");
	assert_true(nl_str(a[2], text, sizeof(text)));
	assert_string_equal(text, "");
	assert_false(nl_str(NULL, text, sizeof(text)));
	assert_string_equal(text, "");

	assert_true(nl_addr(a[4], AF_INET, &got));
	assert_int_equal(got.bytes[0], 10);
	assert_false(nl_addr(a[4], AF_INET6, &got));
	assert_int_equal(got.family, 0);
	assert_false(nl_addr(a[1], AF_INET, &got));
	assert_false(nl_addr(a[3], AF_INET, &got));
	assert_false(nl_addr(a[4], 99, &got));
	assert_false(nl_addr(NULL, AF_INET, &got));
	free(h);
}
/* clang-format on */

static void macs(void **state)
{
	uint8_t mac[6], other[6];
	char text[MAC_TEXT];

	(void)state;
	assert_true(mac_parse("02:aB:00:ff:10:9e", mac));
	assert_string_equal(mac_format(mac, text), "02:ab:00:ff:10:9e");
	memcpy(other, mac, sizeof(mac));
	assert_false(mac_parse("", mac));
	assert_false(mac_parse("02:ab:00:ff:10", mac));
	assert_false(mac_parse("02:ab:00:ff:10:9e:", mac));
	assert_false(mac_parse("02:ab:00:ff:10:9", mac));
	assert_false(mac_parse("02:ab:00:ff:10:9e0", mac));
	assert_false(mac_parse("02-ab-00-ff-10-9e", mac));
	assert_false(mac_parse("0g:ab:00:ff:10:9e", mac));
	assert_memory_equal(mac, other, sizeof(mac));
	mac_random(mac);
	mac_random(other);
	assert_int_equal(mac[0] & 3, 2);
	assert_memory_not_equal(mac, other, sizeof(mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_attributes),
		cmocka_unit_test(golden_batch_of_two),
		cmocka_unit_test(golden_veth),
		cmocka_unit_test(golden_address),
		cmocka_unit_test(golden_route),
		cmocka_unit_test(overflow_is_sticky_at_every_size),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(attributes_are_indexed),
		cmocka_unit_test(lying_lengths_are_refused),
		cmocka_unit_test(lists_are_walked),
		cmocka_unit_test(short_payloads_read_as_nothing),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests_name("nl", tests, NULL, NULL);
}
