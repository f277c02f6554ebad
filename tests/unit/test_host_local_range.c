/* host-local's ranges: defaults, checks, what of them may be asked for, their text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "ipam/host_local_take.h"
#include "unit_range.h"

static void test_defaults(void **state)
{
	static const struct {
		const char *subnet, *start, *end, *gateway, *want_start, *want_end, *want_gateway;
	} t[] = {
		{ "10.0.0.0/29", "", "", "", "10.0.0.1", "10.0.0.6", "10.0.0.1" },
		{ "10.0.0.0/30", "", "", "", "10.0.0.1", "10.0.0.2", "10.0.0.1" },
		{ "fd00::/126", "", "", "", "fd00::1", "fd00::3", "fd00::1" },
		{ "fd00::/24", "", "", "", "fd00::1", "fd00:ff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "fd00::1" },
		{ "0.0.0.0/0", "", "", "", "0.0.0.1", "255.255.255.254", "0.0.0.1" },
		{ "10.0.0.0/29", "10.0.0.0", "10.0.0.7", "10.0.1.1", "10.0.0.0", "10.0.0.7",
		  "10.0.1.1" },
		{ "10.0.0.0/29", "10.0.0.7", "10.0.0.7", "10.0.0.0", "10.0.0.7", "10.0.0.7",
		  "10.0.0.0" },
		{ "fd00::/125", "fd00::", "", "", "fd00::", "fd00::7", "fd00::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct host_local_range r =
			complete(t[i].subnet, t[i].start, t[i].end, t[i].gateway);

		assert_addr(&r.start, t[i].want_start);
		assert_addr(&r.end, t[i].want_end);
		assert_addr(&r.gateway, t[i].want_gateway);
	}
}

static void test_refused_ranges(void **state)
{
	static const struct {
		const char *subnet, *start, *end, *gateway, *text;
	} t[] = {
		{ "", "10.0.0.1", "", "", "r[0].subnet is required" },
		{ "10.0.0.0/31", "", "", "",
		  "r[0].subnet 10.0.0.0/31 is too small to allocate from: at least a /30 is "
		  "needed" },
		{ "10.0.0.0/32", "", "", "", "too small" },
		{ "fd00::/127", "", "", "", "at least a /126" },
		{ "fd00::/128", "", "", "", "too small" },
		{ "10.0.0.5/29", "", "", "",
		  "r[0].subnet 10.0.0.5/29 has host bits set: the network is 10.0.0.0/29" },
		{ "fd00::5/120", "", "", "", "host bits" },
		{ "::ffff:10.0.0.0/120", "", "", "",
		  "r[0].subnet ::ffff:10.0.0.0/120 has IPv4 addresses in IPv6 form: give it as "
		  "IPv4" },
		{ "::/80", "", "", "", "in IPv6 form" },
		{ "10.0.0.0/29", "10.0.1.1", "", "",
		  "r[0].rangeStart 10.0.1.1 is not in subnet 10.0.0.0/29" },
		{ "10.0.0.0/29", "", "10.0.0.8", "",
		  "r[0].rangeEnd 10.0.0.8 is not in subnet 10.0.0.0/29" },
		{ "10.0.0.0/29", "fd00::1", "", "", "rangeStart fd00::1 is not in" },
		{ "10.0.0.0/29", "10.0.0.4", "10.0.0.3", "",
		  "r[0].rangeStart 10.0.0.4 is behind rangeEnd 10.0.0.3" },
		{ "10.0.0.0/29", "10.0.0.7", "", "",
		  "rangeStart 10.0.0.7 is behind rangeEnd 10.0.0.6" },
		{ "10.0.0.0/29", "", "", "fd00::1",
		  "r[0].gateway fd00::1 and subnet 10.0.0.0/29 are of different families" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct host_local_range r = range(t[i].subnet, t[i].start, t[i].end, t[i].gateway);
		struct err e = { 0 };

		assert_int_equal(host_local_range_complete(&r, "r[0]", &e), -EINVAL);
		assert_non_null(strstr(e.text, t[i].text));
	}
}

static int check_two(struct host_local_range a, struct host_local_range b, bool one_set,
		     struct err *e)
{
	const struct host_local_range r[] = { a, b };
	const struct host_local_set one = { r, 2 }, two[] = { { r, 1 }, { r + 1, 1 } };

	*e = (struct err){ 0 };
	return host_local_sets_check(one_set ? &one : two, one_set ? 1 : 2, "ipam.ranges", e);
}

static void test_sets(void **state)
{
	const struct host_local_range small = complete("10.0.0.0/29", "", "", ""),
				      big = complete("10.0.0.0/28", "", "", "");
	const struct host_local_range v6 = complete("fd00::/64", "", "", "");
	const struct host_local_range low = complete("10.0.0.0/24", "", "10.0.0.7", "");
	const struct host_local_range high = complete("10.0.0.0/24", "10.0.0.8", "", "");
	const struct host_local_range touching =
		complete("10.0.0.0/24", "10.0.0.7", "10.0.0.7", "");
	const struct host_local_set empty = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(check_two(small, big, true, &e), -EINVAL);
	assert_string_equal(
		e.text,
		"ipam.ranges[0][0] and [0][1]: 10.0.0.1-10.0.0.6 and 10.0.0.1-10.0.0.14 overlap");
	assert_int_equal(check_two(big, small, false, &e), -EINVAL);
	assert_string_equal(
		e.text,
		"ipam.ranges[0][0] and [1][0]: 10.0.0.1-10.0.0.14 and 10.0.0.1-10.0.0.6 overlap");
	assert_int_equal(check_two(small, v6, true, &e), -EINVAL);
	assert_non_null(strstr(e.text, "different families"));
	assert_int_equal(check_two(low, touching, true, &e), -EINVAL);
	assert_int_equal(check_two(touching, low, false, &e), -EINVAL);
	assert_int_equal(check_two(small, v6, false, &e), 0);
	assert_int_equal(check_two(low, high, true, &e), 0);
	assert_int_equal(check_two(high, low, false, &e), 0);

	assert_int_equal(host_local_sets_check(&empty, 0, "ipam.ranges", &e), -EINVAL);
	assert_string_equal(e.text, "ipam.ranges: no address ranges are given");
	e = (struct err){ 0 };
	assert_int_equal(host_local_sets_check(&empty, 1, "ipam.ranges", &e), -EINVAL);
	assert_string_equal(e.text, "ipam.ranges[0]: the range set is empty");
}

static int want(const char *a, const char *b, struct err *e)
{
	const struct host_local_range v4[] = { complete("10.0.0.0/24", "", "", ""),
					       complete("10.0.1.0/24", "", "", "10.0.0.99") };
	const struct host_local_range v6 = complete("fd00::/64", "", "", "");
	const struct host_local_set sets[] = { { v4, 2 }, { &v6, 1 } };
	const struct addr wanted[] = { ip(a), ip(b) };

	*e = (struct err){ 0 };
	return host_local_wanted_check(sets, 2, wanted, 2, e);
}

static void test_wanted_check(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(want("10.0.0.5", "fd00::5", &e), 0);
	assert_int_equal(want("10.0.0.5", "10.0.0.5", &e), 0);
	assert_int_equal(want("fd00::5", "10.0.2.1", &e), -EINVAL);
	assert_string_equal(e.text, "requested IP address 10.0.2.1 is in no range of the network");
	assert_int_equal(want("fd00::5", "10.0.0.255", &e), -EINVAL);
	assert_int_equal(want("10.0.0.5", "10.0.1.6", &e), -EINVAL);
	assert_string_equal(e.text, "requested IP addresses 10.0.0.5 and 10.0.1.6 are in the same "
				    "range set: one address is given from each");
	assert_int_equal(want("10.0.0.1", "fd00::5", &e), -EINVAL);
	assert_string_equal(e.text, "requested IP address 10.0.0.1 is the subnet's gateway");
	assert_int_equal(want("fd00::5", "10.0.0.99", &e), -EINVAL);
}

static void test_set_format(void **state)
{
	struct host_local_range many[20];
	char buf[256], tiny[8];

	(void)state;
	for (size_t i = 0; i < 20; i++)
		many[i] = complete("10.0.0.0/29", "", "", "");
	assert_string_equal(
		host_local_set_format(&(struct host_local_set){ many, 2 }, buf, sizeof(buf)),
		"10.0.0.1-10.0.0.6, 10.0.0.1-10.0.0.6");
	host_local_set_format(&(struct host_local_set){ many, 20 }, buf, sizeof(buf));
	assert_string_equal(buf + strlen(buf) - 7, ".6, ...");
	assert_string_equal(
		host_local_set_format(&(struct host_local_set){ many, 1 }, tiny, sizeof(tiny)),
		"...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),   cmocka_unit_test(test_refused_ranges),
		cmocka_unit_test(test_sets),	   cmocka_unit_test(test_wanted_check),
		cmocka_unit_test(test_set_format),
	};

	return cmocka_run_group_tests_name("host_local ranges", tests, NULL, NULL);
}
