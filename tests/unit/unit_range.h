/* host-local's ranges from text, "" where a key is not given. Include it behind cmocka.h. */
#ifndef UNIT_RANGE_H
#define UNIT_RANGE_H

#include "base/err.h"
#include "ipam/host_local_range.h"

static inline struct addr ip(const char *s)
{
	struct addr a = { 0 };

	if (*s)
		assert_true(addr_parse(s, &a));
	return a;
}

static inline struct host_local_range range(const char *subnet, const char *start, const char *end,
					    const char *gateway)
{
	struct host_local_range r = { .start = ip(start), .end = ip(end), .gateway = ip(gateway) };

	if (*subnet)
		assert_true(prefix_parse(subnet, &r.subnet));
	return r;
}

static inline struct host_local_range complete(const char *subnet, const char *start,
					       const char *end, const char *gateway)
{
	struct host_local_range r = range(subnet, start, end, gateway);
	struct err e = { 0 };

	assert_int_equal(host_local_range_complete(&r, "r", &e), 0);
	return r;
}

static inline void assert_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT];

	assert_string_equal(addr_format(a, text), want);
}

#endif
