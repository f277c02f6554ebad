/* Addresses and prefixes as values: see addr.h. */
#include "base/addr.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

/*
 * Decimal without leading zeros: inet_pton() of some C libraries takes "010.0.0.1"; Go and the
 * kernel's tools do not.
 */
static bool number_parse(const char **cursor, unsigned int max, uint8_t *out)
{
	const char *at = *cursor;
	unsigned int n = 0;

	for (; *at >= '0' && *at <= '9' && at - *cursor < 3; at++)
		n = n * 10 + (unsigned int)(*at - '0');
	if (at == *cursor || n > max || (**cursor == '0' && at - *cursor > 1))
		return false;
	*out = (uint8_t)n;
	*cursor = at;
	return true;
}

static bool ipv4_parse(const char *s, uint8_t out[static 4])
{
	uint8_t b[4];

	for (unsigned int i = 0; i < 4; i++) {
		if (!number_parse(&s, 255, &b[i]) || *s++ != (i < 3 ? '.' : '\0'))
			return false;
	}
	memcpy(out, b, sizeof(b));
	return true;
}

/* Up to four hexadecimal digits. */
static bool group_parse(const char **cursor, uint8_t out[static 2])
{
	const char *at = *cursor;
	unsigned int n = 0;

	for (; at - *cursor < 4; at++) {
		if (*at >= '0' && *at <= '9')
			n = n << 4 | (unsigned int)(*at - '0');
		else if ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'f')
			n = n << 4 | (unsigned int)((*at | 0x20) - 'a' + 10);
		else
			break;
	}
	if (at == *cursor)
		return false;
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	*cursor = at;
	return true;
}

/* What stands behind "::" moves to the end. */
static void gap_open(uint8_t b[static 16], size_t gap, size_t len)
{
	memmove(b + 16 - (len - gap), b + gap, len - gap);
	memset(b + gap, 0, 16 - len);
}

/* RFC 4291, section 2.2. */
static bool ipv6_parse(const char *s, uint8_t b[static 16])
{
	size_t len = 0, gap = 16;

	if (*s == ':' && *++s != ':')
		return false;
	for (;;) {
		if (*s == ':' && gap == 16 && len < 16) {
			gap = len;
			if (!*++s)
				break;
		}
		if (len <= 12 && ipv4_parse(s, b + len)) {
			len += 4;
			break;
		}
		if (len == 16 || !group_parse(&s, b + len))
			return false;
		len += 2;
		if (!*s)
			break;
		if (*s++ != ':')
			return false;
	}
	if (gap < 16 && len < 16)
		gap_open(b, gap, len);
	return (gap < 16) != (len == 16);
}

bool addr_parse(const char *s, struct addr *out)
{
	struct addr a = { .family = strchr(s, ':') ? AF_INET6 : AF_INET };

	if (!(a.family == AF_INET ? ipv4_parse(s, a.bytes) : ipv6_parse(s, a.bytes)))
		return false;
	*out = a;
	return true;
}

static bool len_parse(const char *s, unsigned int max, uint8_t *out)
{
	return number_parse(&s, max, out) && !*s;
}

bool addr_parse_host(const char *s, struct addr *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* RFC 4291, 2.5.5.2 */
	struct addr a;

	if (!addr_parse(s, &a))
		return false;
	if (a.family == AF_INET6 && memcmp(a.bytes, mapped, sizeof(mapped)) == 0) {
		a.family = AF_INET;
		memmove(a.bytes, a.bytes + 12, 4);
		memset(a.bytes + 4, 0, 12);
	}
	*out = a;
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

static void ipv4_format(struct text *t, const uint8_t *b)
{
	text_printf(t, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
}

/* How many groups from here on are zero. */
static unsigned int zeros_at(const uint8_t *b, unsigned int group)
{
	unsigned int n = 0;

	while (group + n < 8 && !b[2 * (group + n)] && !b[2 * (group + n) + 1])
		n++;
	return n;
}

/* RFC 5952: "::" stands for the first of the longest runs of zeros, if it is longer than one group.
 */
static void ipv6_format(struct text *t, const uint8_t *b)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	unsigned int gap = 8, gap_len = 1;

	for (unsigned int i = 0; i < 8; i++) {
		if (zeros_at(b, i) > gap_len) {
			gap = i;
			gap_len = zeros_at(b, i);
		}
	}
	for (unsigned int i = 0; i < 8; i++) {
		if (i == gap) {
			text_str(t, "::");
			i += gap_len - 1;
			continue;
		}
		if (i > 0 && i != gap + gap_len)
			text_char(t, ':');
		if (i == 6 && memcmp(b, mapped, sizeof(mapped)) == 0) {
			ipv4_format(t, b + 12);
			break;
		}
		text_printf(t, "%x", b[2 * i] << 8 | b[2 * i + 1]);
	}
}

const char *addr_format(const struct addr *a, char out[static ADDR_TEXT])
{
	struct text t;

	text_init(&t, out, ADDR_TEXT);
	if (a->family == AF_INET)
		ipv4_format(&t, a->bytes);
	else if (a->family == AF_INET6)
		ipv6_format(&t, a->bytes);
	return out;
}

const char *prefix_format(const struct prefix *p, char out[static PREFIX_TEXT])
{
	char text[ADDR_TEXT];

	snprintf(out, PREFIX_TEXT, "%s/%u", addr_format(&p->addr, text), (unsigned int)p->len);
	return out;
}

static char *message_buffer(void)
{
	static char buf[8][PREFIX_TEXT];
	static unsigned int next;

	return buf[next++ % 8];
}

const char *addr_text(const struct addr *a)
{
	return addr_format(a, message_buffer());
}

const char *prefix_text(const struct prefix *p)
{
	return prefix_format(p, message_buffer());
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

	return (uint8_t)(bits >= 8 ? 0xff : 0xff00 >> bits);
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
	if (p->addr.family != a->family)
		return false;
	for (size_t i = 0; i < addr_size(a); i++) {
		if ((p->addr.bytes[i] ^ a->bytes[i]) & mask_byte(p->len, i))
			return false;
	}
	return true;
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
