/* Addresses and prefixes as values: see addr.h. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* inet_pton() of some C libraries takes "010.0.0.1"; Go and the kernel's tools do not. */
static bool has_leading_zero(const char *s)
{
	for (bool start = true; *s; start = *s++ == '.') {
		if (start && s[0] == '0' && s[1] >= '0' && s[1] <= '9')
			return true;
	}
	return false;
}

bool addr_parse(const char *s, struct addr *out)
{
	struct addr a = { .family = strchr(s, ':') ? AF_INET6 : AF_INET };

	if (a.family == AF_INET && has_leading_zero(s))
		return false;
	if (inet_pton(a.family, s, a.bytes) != 1)
		return false;
	*out = a;
	return true;
}

static bool len_parse(const char *s, unsigned int max, uint8_t *out)
{
	unsigned int len = 0;
	const char *at = s;

	for (; *at >= '0' && *at <= '9' && at - s < 3; at++)
		len = len * 10 + (unsigned int)(*at - '0');
	if (at == s || *at || len > max || (s[0] == '0' && s[1]))
		return false;
	*out = (uint8_t)len;
	return true;
}

bool prefix_parse(const char *s, struct prefix *out)
{
	const char *slash = strchr(s, '/');
	char text[ADDR_TEXT];
	struct prefix p = { 0 };

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return false;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	if (!addr_parse(text, &p.addr) || !len_parse(slash + 1, addr_bits(&p.addr), &p.len))
		return false;
	*out = p;
	return true;
}

const char *addr_format(const struct addr *a, char out[static ADDR_TEXT])
{
	if (!addr_is_set(a) || !inet_ntop(a->family, a->bytes, out, ADDR_TEXT))
		out[0] = '\0';
	return out;
}

const char *prefix_format(const struct prefix *p, char out[static PREFIX_TEXT])
{
	char text[ADDR_TEXT];

	snprintf(out, PREFIX_TEXT, "%s/%u", addr_format(&p->addr, text), (unsigned int)p->len);
	return out;
}

size_t addr_size(const struct addr *a)
{
	return addr_bits(a) / 8;
}

unsigned int addr_bits(const struct addr *a)
{
	return a->family == AF_INET ? 32 : a->family == AF_INET6 ? 128 : 0;
}

bool addr_is_set(const struct addr *a)
{
	return a->family != 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, addr_size(a));
}

struct addr addr_next(const struct addr *a)
{
	struct addr n = *a;

	for (size_t i = addr_size(a); i-- > 0 && ++n.bytes[i] == 0;)
		;
	return n;
}

struct addr addr_prev(const struct addr *a)
{
	struct addr p = *a;

	for (size_t i = addr_size(a); i-- > 0 && p.bytes[i]-- == 0;)
		;
	return p;
}

/* The mask's byte i for a prefix of len bits. */
static uint8_t mask_byte(unsigned int len, size_t i)
{
	unsigned int bits = len > i * 8 ? len - (unsigned int)i * 8 : 0;

	return bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
}

struct addr prefix_first(const struct prefix *p)
{
	struct addr a = p->addr;

	for (size_t i = 0; i < addr_size(&a); i++)
		a.bytes[i] = (uint8_t)(a.bytes[i] & mask_byte(p->len, i));
	return a;
}

struct addr prefix_last(const struct prefix *p)
{
	struct addr a = p->addr;

	for (size_t i = 0; i < addr_size(&a); i++)
		a.bytes[i] = (uint8_t)(a.bytes[i] | ~mask_byte(p->len, i));
	return a;
}

struct prefix prefix_masked(const struct prefix *p)
{
	return (struct prefix){ .addr = prefix_first(p), .len = p->len };
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	struct prefix other = { .addr = *a, .len = p->len };
	struct addr mine = prefix_first(p), theirs = prefix_first(&other);

	return addr_equal(&mine, &theirs);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return inner->len >= outer->len && prefix_contains(outer, &inner->addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_covers(a, b) || prefix_covers(b, a);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}
