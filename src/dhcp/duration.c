/* Durations of the reference's options: see daemon.h. */
#include "dhcp/daemon.h"

#include <string.h>

#define YEAR_MS (INT64_C(366) * 24 * 3600 * 1000)

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60000 },
	{ "h", 3600000 },
};

/* The number at *s in thousandths. */
static bool number_parse(const char **s, int64_t *thousandths)
{
	const char *at = *s;
	int64_t value = 0, place = 1000;
	bool digits = false, fraction = false;

	for (; (*at >= '0' && *at <= '9') || (*at == '.' && !fraction); at++) {
		if (*at == '.') {
			fraction = true;
			continue;
		}
		digits = true;
		if (fraction) {
			place /= 10;
			value += (*at - '0') * place;
		} else {
			value = value * 10 + (*at - '0') * 1000;
		}
		if (value > YEAR_MS * 1000)
			return false;
	}
	*s = at;
	*thousandths = value;
	return digits;
}

/* "ms" stands before "m". */
static bool unit_parse(const char **s, int64_t *ms)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*s, units[i].name, len) != 0)
			continue;
		*s += len;
		*ms = units[i].ms;
		return true;
	}
	return false;
}

bool dhcp_duration_parse(const char *s, int64_t *ms)
{
	int64_t total = 0;

	while (*s) {
		int64_t thousandths, unit;

		if (!number_parse(&s, &thousandths) || !unit_parse(&s, &unit) ||
		    thousandths > YEAR_MS * 1000 / unit)
			return false;
		total += thousandths * unit / 1000;
		if (total > YEAR_MS)
			return false;
	}
	if (total == 0)
		return false;
	*ms = total;
	return true;
}
