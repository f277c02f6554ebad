/* Ranges as configuration gives them: see host_local_range.h. */
#include "ipam/host_local_range.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/text.h"

static bool range_holds(const struct host_local_range *r, const struct addr *a)
{
	return a->family == r->start.family && addr_cmp(&r->start, a) <= 0 &&
	       addr_cmp(a, &r->end) <= 0;
}

static bool ranges_overlap(const struct host_local_range *a, const struct host_local_range *b)
{
	return range_holds(a, &b->start) || range_holds(b, &a->start);
}

/* An address of these is an IPv4 address everywhere else (addr_parse_host()). */
static bool has_ipv4(const struct prefix *subnet)
{
	static const struct prefix mapped = { { AF_INET6, { [10] = 0xff, [11] = 0xff } }, 96 };

	return prefix_overlaps(subnet, &mapped);
}

static int subnet_check(const struct prefix *subnet, const char *name, struct err *e)
{
	const struct prefix masked = prefix_masked(subnet);
	char text[PREFIX_TEXT];

	if (!addr_is_set(&subnet->addr))
		return err_set(e, EINVAL, "%s.subnet is required", name);
	prefix_format(subnet, text);
	if (!prefix_equal(subnet, &masked))
		return err_set(e, EINVAL, "%s.subnet %s has host bits set: the network is %s", name,
			       text, prefix_text(&masked));
	if (subnet->len + 2U > addr_bits(&subnet->addr))
		return err_set(
			e, EINVAL,
			"%s.subnet %s is too small to allocate from: at least a /%u is needed",
			name, text, addr_bits(&subnet->addr) - 2);
	if (has_ipv4(subnet))
		return err_set(e, EINVAL,
			       "%s.subnet %s has IPv4 addresses in IPv6 form: give it as IPv4",
			       name, text);
	return 0;
}

static int bound_check(const struct addr *a, const char *key, const struct prefix *subnet,
		       const char *name, struct err *e)
{
	if (a->family == subnet->addr.family && prefix_contains(subnet, a))
		return 0;
	return err_set(e, EINVAL, "%s.%s %s is not in subnet %s", name, key, addr_text(a),
		       prefix_text(subnet));
}

static void range_defaults(struct host_local_range *r)
{
	const struct addr first = prefix_first(&r->subnet), last = prefix_last(&r->subnet);

	if (!addr_is_set(&r->start))
		r->start = addr_next(&first);
	if (!addr_is_set(&r->end))
		r->end = addr_bits(&last) == 32 ? addr_prev(&last) : last;
	if (!addr_is_set(&r->gateway))
		r->gateway = addr_next(&first);
}

int host_local_range_complete(struct host_local_range *r, const char *name, struct err *e)
{
	int err = subnet_check(&r->subnet, name, e);

	if (err)
		return err;
	range_defaults(r);
	err = bound_check(&r->start, "rangeStart", &r->subnet, name, e);
	if (err == 0)
		err = bound_check(&r->end, "rangeEnd", &r->subnet, name, e);
	if (err)
		return err;
	if (addr_cmp(&r->start, &r->end) > 0)
		return err_set(e, EINVAL, "%s.rangeStart %s is behind rangeEnd %s", name,
			       addr_text(&r->start), addr_text(&r->end));
	if (r->gateway.family != r->subnet.addr.family)
		return err_set(e, EINVAL, "%s.gateway %s and subnet %s are of different families",
			       name, addr_text(&r->gateway), prefix_text(&r->subnet));
	return 0;
}

static const char *range_format(const struct host_local_range *r, char *buf, size_t cap)
{
	const struct host_local_set one = { .ranges = r, .count = 1 };

	return host_local_set_format(&one, buf, cap);
}

const char *host_local_set_format(const struct host_local_set *set, char *buf, size_t cap)
{
	const size_t one = 2 * ADDR_TEXT + sizeof("-, ...");
	struct text t;

	text_init(&t, buf, cap);
	for (size_t i = 0; i < set->count; i++) {
		char start[ADDR_TEXT], end[ADDR_TEXT];

		if (cap - t.len < one) {
			text_str(&t, "...");
			break;
		}
		text_printf(&t, "%s-%s%s", addr_format(&set->ranges[i].start, start),
			    addr_format(&set->ranges[i].end, end), i + 1 < set->count ? ", " : "");
	}
	return buf;
}

/* A pair of ranges of any sets; of one set they must be of one family, too. */
static int pair_check(const struct host_local_range *a, const struct host_local_range *b,
		      bool same_set, const char *names, struct err *e)
{
	char left[3 * ADDR_TEXT], right[3 * ADDR_TEXT];
	const char *why = NULL;

	if (same_set && a->start.family != b->start.family)
		why = "are of different families: a set has one";
	else if (ranges_overlap(a, b))
		why = "overlap";
	if (!why)
		return 0;
	return err_set(e, EINVAL, "%s: %s and %s %s", names, range_format(a, left, sizeof(left)),
		       range_format(b, right, sizeof(right)), why);
}

/* Set i against set j, each pair of ranges once. */
static int two_sets_check(const struct host_local_set *sets, size_t i, size_t j, const char *name,
			  struct err *e)
{
	const struct host_local_set *a = &sets[i], *b = &sets[j];
	char names[128];
	struct text t;

	for (size_t x = 0; x < a->count; x++) {
		for (size_t y = i == j ? x + 1 : 0; y < b->count; y++) {
			int r;

			text_init(&t, names, sizeof(names));
			text_printf(&t, "%s[%zu][%zu] and [%zu][%zu]", name, i, x, j, y);
			r = pair_check(&a->ranges[x], &b->ranges[y], i == j, names, e);
			if (r)
				return r;
		}
	}
	return 0;
}

int host_local_sets_check(const struct host_local_set *sets, size_t count, const char *name,
			  struct err *e)
{
	if (count == 0)
		return err_set(e, EINVAL, "%s: no address ranges are given", name);
	for (size_t i = 0; i < count; i++) {
		if (sets[i].count == 0)
			return err_set(e, EINVAL, "%s[%zu]: the range set is empty", name, i);
		for (size_t j = i; j < count; j++) {
			int r = two_sets_check(sets, i, j, name, e);

			if (r)
				return r;
		}
	}
	return 0;
}

const struct host_local_range *host_local_range_of(const struct host_local_set *set,
						   const struct addr *a)
{
	for (size_t i = 0; i < set->count; i++) {
		if (range_holds(&set->ranges[i], a))
			return &set->ranges[i];
	}
	return NULL;
}

bool host_local_is_gateway(const struct host_local_set *set, const struct addr *a)
{
	for (size_t i = 0; i < set->count; i++) {
		if (addr_equal(&set->ranges[i].gateway, a))
			return true;
	}
	return false;
}

static const struct host_local_set *set_of(const struct host_local_set *sets, size_t count,
					   const struct addr *a)
{
	for (size_t i = 0; i < count; i++) {
		if (host_local_range_of(&sets[i], a))
			return &sets[i];
	}
	return NULL;
}

int host_local_wanted_check(const struct host_local_set *sets, size_t set_count,
			    const struct addr *wanted, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		const struct host_local_set *set = set_of(sets, set_count, &wanted[i]);

		if (!set)
			return err_set(e, EINVAL,
				       "requested IP address %s is in no range of the network",
				       addr_text(&wanted[i]));
		if (host_local_is_gateway(set, &wanted[i]))
			return err_set(e, EINVAL, "requested IP address %s is the subnet's gateway",
				       addr_text(&wanted[i]));
		for (size_t j = 0; j < i; j++) {
			if (!addr_equal(&wanted[i], &wanted[j]) &&
			    host_local_range_of(set, &wanted[j]))
				return err_set(e, EINVAL,
					       "requested IP addresses %s and %s are in the same "
					       "range set: one address is given from each",
					       addr_text(&wanted[j]), addr_text(&wanted[i]));
		}
	}
	return 0;
}
