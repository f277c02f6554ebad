/* Ports as text: see port_ranges.h. */
#include "fw/port_ranges.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static bool parse_port(const char **cursor, uint16_t *out)
{
	unsigned long v;
	char *end;

	if (**cursor < '0' || **cursor > '9')
		return false;
	v = strtoul(*cursor, &end, 10);
	if (v == 0 || v > UINT16_MAX || end - *cursor > 5)
		return false;
	*out = (uint16_t)v;
	*cursor = end;
	return true;
}

static bool parse_range(const char **cursor, struct port_range *out)
{
	const char *s = *cursor;
	struct port_range p;

	if (!parse_port(&s, &p.first))
		return false;
	p.last = p.first;
	if ((*s == ':' || *s == '-') && (s++, !parse_port(&s, &p.last)))
		return false;
	if (p.last < p.first)
		return false;
	*out = p;
	*cursor = s;
	return true;
}

static bool overlaps_any(const struct port_ranges *r, const struct port_range *p)
{
	for (size_t n = 0; n < r->count; n++) {
		if (p->first <= r->list[n].last && r->list[n].first <= p->last)
			return true;
	}
	return false;
}

static int parse_next(const char *key, const char *text, const char **cursor, struct port_ranges *r,
		      struct err *e)
{
	struct port_range p;

	if (r->count == PORT_RANGES_MAX)
		return err_set(e, E2BIG, "%s: more than %d ports and ranges", key, PORT_RANGES_MAX);
	if (!parse_range(cursor, &p))
		return err_set(e, EINVAL,
			       "%s: \"%.64s\": expected ports from 1 to 65535 and FIRST:LAST with "
			       "commas, found \"%.16s\"",
			       key, text, *cursor);
	if (overlaps_any(r, &p))
		return err_set(e, EINVAL, "%s: \"%.64s\": %u:%u is there twice", key, text, p.first,
			       p.last);
	r->list[r->count++] = p;
	return 0;
}

int port_ranges_parse(const char *key, const char *text, struct port_ranges *out, struct err *e)
{
	struct port_ranges ranges = { .count = 0 };
	const char *s = text + strspn(text, " ");

	while (*s) {
		int r = parse_next(key, text, &s, &ranges, e);

		if (r < 0)
			return r;
		s += strspn(s, " ");
		if (*s && (*s != ',' || !s[1 + strspn(s + 1, " ")]))
			return err_set(e, EINVAL,
				       "%s: \"%.64s\": expected a comma, found \"%.16s\"", key,
				       text, s);
		s += *s == ',';
		s += strspn(s, " ");
	}
	*out = ranges;
	return 0;
}
