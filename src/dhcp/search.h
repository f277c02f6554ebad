/*
 * Domain names out of a DHCP message, and the search list of RFC 3397 (names with the compression
 * of RFC 1035, section 4.1.4, inside the one option).
 */
#ifndef DHCP_SEARCH_H
#define DHCP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_NAME_MAX 253 /* of a domain name as text */
#define DHCP_SEARCH_MAX 8

/*
 * A name that can stand in a resolv.conf: labels of letters, digits, '-' and '_', at most 63 each.
 */
bool dhcp_name_is_plain(const char *name);

/* The names of the option's bytes, whole and plain ones only; the count. */
unsigned int dhcp_search_parse(const uint8_t *data, size_t len,
			       char out[static DHCP_SEARCH_MAX][DHCP_NAME_MAX + 1]);

#endif
