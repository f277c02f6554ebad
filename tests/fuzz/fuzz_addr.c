/*
 * Addresses, prefixes and MAC addresses as text: accepted is what glibc accepts, written is what
 * glibc writes (but for IPv4-compatible addresses, RFC 4291 2.5.5.1, which only glibc writes with
 * dots), and outputs are untouched on failure.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <strings.h>

#include "fuzz.h"
#include "net/link.h"

static void check_addr(const char *s)
{
	static const uint8_t zero[12];
	const struct addr before = { .family = 77, .bytes = { 1, 2, 3 } };
	struct addr a = before, again;
	uint8_t theirs[16] = { 0 };
	char text[ADDR_TEXT], want[INET6_ADDRSTRLEN];
	bool ok = addr_parse(s, &a);

	require(ok == (inet_pton(strchr(s, ':') ? AF_INET6 : AF_INET, s, theirs) == 1));
	if (!ok) {
		require(memcmp(&a, &before, sizeof(a)) == 0);
		return;
	}
	require(memcmp(a.bytes, theirs, sizeof(theirs)) == 0);
	require(addr_format(&a, text) == text && inet_ntop(a.family, theirs, want, sizeof(want)));
	require(strcmp(text, want) == 0 ||
		(a.family == AF_INET6 && memcmp(theirs, zero, sizeof(zero)) == 0));
	require(addr_parse(text, &again) && addr_equal(&again, &a));
	again = addr_next(&a);
	again = addr_prev(&again);
	require(addr_equal(&again, &a));
}

static void check_prefix(const char *s)
{
	const struct prefix before = { .addr.family = 77, .len = 99 };
	struct prefix p = before, again;
	char text[PREFIX_TEXT];
	struct addr first, last;

	if (!prefix_parse(s, &p)) {
		require(memcmp(&p, &before, sizeof(p)) == 0);
		return;
	}
	require(p.len <= addr_bits(&p.addr) && prefix_parse(prefix_format(&p, text), &again) &&
		prefix_equal(&p, &again));
	first = prefix_first(&p);
	last = prefix_last(&p);
	require(addr_cmp(&first, &p.addr) <= 0 && addr_cmp(&p.addr, &last) <= 0);
	require(prefix_contains(&p, &first) && prefix_contains(&p, &last) &&
		prefix_covers(&p, &again));
	last = addr_next(&last);
	require(p.len == 0 || !prefix_contains(&p, &last));
}

static void check_mac(const char *s)
{
	uint8_t mac[6] = { 1, 2, 3, 4, 5, 6 };
	char text[MAC_TEXT];

	if (mac_parse(s, mac))
		require(strcasecmp(mac_format(mac, text), s) == 0);
	else
		require(memcmp(mac, (const uint8_t[]){ 1, 2, 3, 4, 5, 6 }, 6) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	const char *s = input_string(&in);

	check_addr(s);
	check_prefix(s);
	check_mac(s);
	input_end(&in);
	return 0;
}
