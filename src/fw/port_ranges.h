/* Ports as text: "80,443,30000:32767". */
#ifndef FW_PORT_RANGES_H
#define FW_PORT_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct err;

#define PORT_RANGES_MAX 24

/* 1 to 65535, the last not before the first. */
struct port_range {
	uint16_t first, last;
};

struct port_ranges {
	struct port_range list[PORT_RANGES_MAX];
	size_t count;
};

/*
 * Ports and ranges with commas, and spaces around them; a range is FIRST:LAST or FIRST-LAST. None
 * is there twice; "" is none. What is wrong is named with key: -EINVAL, -E2BIG; out is untouched.
 */
int port_ranges_parse(const char *key, const char *text, struct port_ranges *out, struct err *e);

#endif
