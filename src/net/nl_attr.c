/*
 * Netlink mechanism: reading attributes whose lengths nobody has checked yet. Nothing here trusts a
 * length field.
 */
#include "net/nl.h"

#include <string.h>
#include <sys/socket.h>
#include <linux/netlink.h>

#include "base/addr.h"

/* The attribute at *at if it lies whole within left bytes, else NULL. */
static const struct nlattr *attr_at(const char *at, size_t left)
{
	const struct nlattr *a = (const void *)at;

	if (left < sizeof(*a) || a->nla_len < sizeof(*a) || a->nla_len > left)
		return NULL;
	return a;
}

/* Bytes up to the next attribute; the last one's padding may be missing. */
static size_t attr_step(const struct nlattr *a, size_t left)
{
	size_t step = (size_t)NLA_ALIGN(a->nla_len);

	return step < left ? step : left;
}

static bool attrs_index(const char *at, size_t left, const struct nlattr **out, uint16_t max)
{
	while (left > 0) {
		const struct nlattr *a = attr_at(at, left);
		uint16_t type;

		if (!a)
			return false;
		type = a->nla_type & NLA_TYPE_MASK;
		if (type <= max)
			out[type] = a;
		at += attr_step(a, left);
		left -= attr_step(a, left);
	}
	return true;
}

static void attrs_clear(const struct nlattr **out, uint16_t max)
{
	for (unsigned int i = 0; i <= max; i++)
		out[i] = NULL;
}

bool nl_attrs(const struct nlmsghdr *h, size_t header_size, const struct nlattr **out, uint16_t max)
{
	size_t start;

	attrs_clear(out, max);
	if (h->nlmsg_len < sizeof(*h) || header_size > h->nlmsg_len - sizeof(*h))
		return false;
	start = sizeof(*h) + NLMSG_ALIGN(header_size);
	if (start >= h->nlmsg_len)
		return true;
	return attrs_index((const char *)h + start, h->nlmsg_len - start, out, max);
}

bool nl_attrs_nested(const struct nlattr *nest, const struct nlattr **out, uint16_t max)
{
	attrs_clear(out, max);
	return attrs_index(nl_data(nest), nl_size(nest), out, max);
}

bool nl_attr_next(const struct nlattr *nest, const struct nlattr **at)
{
	const char *start = nl_data(nest), *next = start;
	size_t left = nl_size(nest);

	if (left == 0)
		return false;
	if (*at) {
		next = (const char *)*at;
		next += attr_step(*at, left - (size_t)(next - start));
		left -= (size_t)(next - start);
	}
	*at = attr_at(next, left);
	return *at != NULL;
}

size_t nl_size(const struct nlattr *a)
{
	return a && a->nla_len > sizeof(*a) ? a->nla_len - sizeof(*a) : 0;
}

const void *nl_data(const struct nlattr *a)
{
	return a ? (const char *)a + sizeof(*a) : NULL;
}

/* The first size bytes; longer attributes are newer ones that grew. */
static bool read_bytes(const struct nlattr *a, void *out, size_t size)
{
	if (!a || nl_size(a) < size)
		return false;
	memcpy(out, nl_data(a), size);
	return true;
}

uint32_t nl_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	(void)read_bytes(a, &v, sizeof(v));
	return v;
}

uint32_t nl_be32(const struct nlattr *a)
{
	uint8_t b[4] = { 0 };

	(void)read_bytes(a, b, sizeof(b));
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

uint16_t nl_u16(const struct nlattr *a)
{
	uint16_t v = 0;

	(void)read_bytes(a, &v, sizeof(v));
	return v;
}

uint8_t nl_u8(const struct nlattr *a)
{
	uint8_t v = 0;

	(void)read_bytes(a, &v, sizeof(v));
	return v;
}

/* The kernel sends most strings with their NUL, some without (nla_put() of a fixed array). */
bool nl_str(const struct nlattr *a, char *out, size_t size)
{
	size_t len, fits;

	out[0] = '\0';
	if (!a)
		return false;
	len = strnlen(nl_data(a), nl_size(a));
	fits = len < size ? len : size - 1;
	memcpy(out, nl_data(a), fits);
	out[fits] = '\0';
	return fits == len;
}

bool nl_addr(const struct nlattr *a, uint8_t family, struct addr *out)
{
	struct addr got = { .family = family };
	size_t size = addr_size(&got);

	memset(out, 0, sizeof(*out));
	if (size == 0 || nl_size(a) != size || !read_bytes(a, got.bytes, size))
		return false;
	*out = got;
	return true;
}
