/*
 * What a lease says, as a CNI result; names of options, durations.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/rtnetlink.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cni/result.h"
#include "dhcp/daemon.h"
#include "dhcp/options.h"
#include "dhcp/search.h"
#include "unit_dhcp.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static struct cni_result result;
static struct arena arena;
static struct err e;

static int describe(const struct reply *r)
{
	struct dhcp_message m;

	err_clear(&e);
	arena_init(&arena, memory, sizeof(memory));
	assert_true(dhcp_message_parse(r->at, r->len, &m));
	return dhcp_lease_result(&m, &arena, &result, &e);
}

/* The result in short: "address via gateway; destination via router, ...; dns". */
static void assert_result(const struct reply *r, const char *want)
{
	static char buf[4096];
	struct text t;

	assert_int_equal(describe(r), 0);
	text_init(&t, buf, sizeof(buf));
	text_printf(&t, "%s", prefix_text(&result.ips[0].address));
	if (addr_is_set(&result.ips[0].gateway))
		text_printf(&t, " via %s", addr_text(&result.ips[0].gateway));
	for (size_t i = 0; i < result.route_count; i++) {
		const struct cni_route *rt = &result.routes[i];

		text_printf(&t, "; %s", prefix_text(&rt->dst));
		if (addr_is_set(&rt->gw))
			text_printf(&t, " via %s", addr_text(&rt->gw));
		else if (rt->scope == RT_SCOPE_LINK)
			text_str(&t, " on link");
	}
	text_printf(&t, "; %.*s", (int)result.dns.len, result.dns.len ? result.dns.text : "");
	assert_string_equal(buf, want);
}

static void mask_router_default_route(void **state)
{
	struct reply r;

	(void)state;
	reply_usual(&r, 5, 1);
	assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 0.0.0.0/0 via 10.9.0.1; ");
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xfffffffe);
	assert_result(&r, "10.9.0.10/31; ");
}

static void without_a_mask_there_is_no_result(void **state)
{
	static const uint32_t wrong[] = { 0, 0x00ffffff, 0xff00ff00, 0x80000001 };
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	assert_int_equal(describe(&r), -EPROTO);
	assert_non_null(strstr(e.text, "no subnet mask (option 1)"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reply_bare(&r, 5, 1, POD);
		reply_u32(&r, 1, wrong[i]);
		assert_int_equal(describe(&r), -EPROTO);
	}
}

/* RFC 3442: with option 121 the router and option 33 do not count. */
static void classless_routes_come_first(void **state)
{
	struct reply r;

	(void)state;
	reply_usual(&r, 5, 1);
	reply_text(&r, 33, "\xc0\xa8\x01\x00\x0a\x09\x00\x02");
	assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 192.168.1.0/24 via 10.9.0.2; "
			  "0.0.0.0/0 via 10.9.0.1; ");
	reply_text(&r, 121,
		   "\x00\x0a\x09\x00\x03"
		   "\x0c\xac\x1f\x0a\x09\x00\x04"
		   "\x18\xc0\xa8\x05\x00\x00\x00\x00"
		   "\x20\x01\x02\x03\x04\x0a\x09\x00\x05");
	assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 0.0.0.0/0 via 10.9.0.3; 172.16.0.0/12 via "
			  "10.9.0.4; 192.168.5.0/24 on link; 1.2.3.4/32 via 10.9.0.5; ");
}

static void malformed_classless_routes_are_as_if_absent(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} wrong[] = {
		{ "", 0 },
		{ "\x21\x01\x02\x03\x04\x05\x0a\x09\x00\x05", 10 }, /* /33 */
		{ "\x18\xc0\xa8\x05\x0a\x09\x00", 7 },		    /* cut */
		{ "\x00\x0a\x09\x00\x03\x18", 6 },		    /* the second cut */
		{ "\x00\xe0\x00\x00\x01", 5 },			    /* a multicast router */
	};
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reply_usual(&r, 5, 1);
		reply_option(&r, 121, wrong[i].bytes, wrong[i].len);
		assert_result(&r, "10.9.0.10/24 via 10.9.0.1; 0.0.0.0/0 via 10.9.0.1; ");
	}
}

static void a_flood_of_routes_is_cut(void **state)
{
	uint8_t routes[250];
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(routes); i += 5)
		memcpy(routes + i, "\x00\x0a\x09\x00\x03", 5);
	reply_usual(&r, 5, 1);
	for (int i = 0; i < 4; i++)
		reply_option(&r, 121, routes, sizeof(routes));
	assert_int_equal(describe(&r), 0);
	assert_int_equal(result.route_count, CNI_ROUTES_MAX);
}

static void classful_routes_by_class(void **state)
{
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xffffff00);
	reply_text(&r, 33,
		   "\x0b\x00\x00\x00\x0a\x09\x00\x02"
		   "\x80\x01\x00\x00\x0a\x09\x00\x02"
		   "\x00\x00\x00\x00\x0a\x09\x00\x02" /* RFC 2132: no default route here */
		   "\xe0\x00\x00\x00\x0a\x09\x00\x02"
		   "\x0b\x00\x00\x00");
	assert_result(&r, "10.9.0.10/24; 11.0.0.0/8 via 10.9.0.2; 128.1.0.0/16 via 10.9.0.2; ");
}

static void names_and_servers(void **state)
{
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xffffff00);
	reply_text(&r, 6, "\x0a\x09\x00\x01\x00\x00\x00\x00\x08\x08\x08\x08");
	reply_text(&r, 15, "example.org\0");
	reply_text(&r, 119, "\1a\7example\3org\0\1b\xc0\2");
	assert_result(&r, "10.9.0.10/24; {\"nameservers\":[\"10.9.0.1\",\"8.8.8.8\"],"
			  "\"domain\":\"example.org\",\"search\":[\"a.example.org\","
			  "\"b.example.org\"]}");
}

/* They end up in a resolv.conf, where a line break begins another keyword. */
static void names_that_are_none_are_dropped(void **state)
{
	struct reply r;

	(void)state;
	reply_bare(&r, 5, 1, POD);
	reply_u32(&r, 1, 0xffffff00);
	reply_text(&r, 15, "a\nnameserver 6.6.6.6");
	reply_text(&r, 119, "\3a b\0\2ok\0");
	assert_result(&r, "10.9.0.10/24; {\"search\":[\"ok\"]}");
}

static unsigned int search(const char *bytes, size_t len)
{
	static char list[DHCP_SEARCH_MAX][DHCP_NAME_MAX + 1];
	uint8_t *copy = malloc(len);
	unsigned int count;

	memcpy(copy, bytes, len);
	count = dhcp_search_parse(copy, len, list);
	free(copy);
	return count;
}

static void compression_leads_backwards_only(void **state)
{
	(void)state;
	assert_int_equal(search("\xc0\x00", 2), 0);
	assert_int_equal(search("\1a\xc0\x02", 4), 0);
	assert_int_equal(search("\1a\xc0\x00", 4), 0);
	assert_int_equal(search("\1a\0\1b\xc0\x03", 7), 1);
	assert_int_equal(search("\1a\0\xc0", 4), 1);
	assert_int_equal(search("\1a", 2), 0);
	assert_int_equal(search("\5a", 2), 0);
	assert_int_equal(search("\x80\1a", 3), 0);
	assert_int_equal(search("\1a\0\1b\0\1c\0\1d\0\1e\0\1f\0\1g\0\1h\0\1i\0", 27), 8);
}

static void option_names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(dhcp_option_code("host-name"), 12);
	assert_int_equal(dhcp_option_code("vendor-class-identifier"), 60);
	assert_int_equal(dhcp_option_code("121"), 121);
	assert_int_equal(dhcp_option_code("254"), 254);
	assert_int_equal(dhcp_option_code("0"), 0);
	assert_int_equal(dhcp_option_code("255"), 0);
	assert_int_equal(dhcp_option_code("99999999999"), 0);
	assert_int_equal(dhcp_option_code("12x"), 0);
	assert_int_equal(dhcp_option_code(""), 0);
}

static void durations(void **state)
{
	static const char *const wrong[] = { "",       "10",	"s",
					     "-1s",    "1d",	"0s",
					     "0.1ms",  "1s2",	"99999999999999999999s",
					     "10000h", "1..5s", ".s" };
	int64_t ms = 7;

	(void)state;
	assert_true(dhcp_duration_parse("10s", &ms) && ms == 10000);
	assert_true(dhcp_duration_parse("1m2s", &ms) && ms == 62000);
	assert_true(dhcp_duration_parse("1.5h", &ms) && ms == 5400000);
	assert_true(dhcp_duration_parse("300ms", &ms) && ms == 300);
	ms = 7;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(dhcp_duration_parse(wrong[i], &ms));
	assert_int_equal(ms, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mask_router_default_route),
		cmocka_unit_test(without_a_mask_there_is_no_result),
		cmocka_unit_test(classless_routes_come_first),
		cmocka_unit_test(malformed_classless_routes_are_as_if_absent),
		cmocka_unit_test(a_flood_of_routes_is_cut),
		cmocka_unit_test(classful_routes_by_class),
		cmocka_unit_test(names_and_servers),
		cmocka_unit_test(names_that_are_none_are_dropped),
		cmocka_unit_test(compression_leads_backwards_only),
		cmocka_unit_test(option_names_and_numbers),
		cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests_name("dhcp_options", tests, NULL, NULL);
}
