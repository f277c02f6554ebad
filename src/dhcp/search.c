/* Domain names out of a DHCP message: see search.h. */
#include "dhcp/search.h"

#include <string.h>

#include "base/text.h"

enum {
	LABEL_MAX = 63,
	POINTER = 0xc0,
};

static bool char_is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool dhcp_name_is_plain(const char *name)
{
	size_t label = 0, len = strlen(name);

	if (len == 0 || len > DHCP_NAME_MAX)
		return false;
	for (const char *c = name; *c; c++) {
		if (*c == '.' && label == 0)
			return false;
		if (*c != '.' && !char_is_plain(*c))
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return true;
}

/*
 * Append the labels of the name at *at, and set *at behind it. A pointer leads backwards only, so
 * every jump makes the rest smaller and there is an end.
 */
static bool name_parse(const uint8_t *data, size_t len, size_t *at, struct text *out)
{
	size_t pos = *at, limit = *at;
	bool jumped = false;

	while (pos < len && data[pos] != 0) {
		size_t label = data[pos];

		if (label >= POINTER) {
			if (len - pos < 2)
				return false;
			*at = jumped ? *at : pos + 2;
			jumped = true;
			pos = (label & ~(size_t)POINTER) << 8 | data[pos + 1];
			if (pos >= limit)
				return false;
			limit = pos;
			continue;
		}
		if (label > LABEL_MAX || len - pos - 1 < label)
			return false;
		text_str(out, out->len ? "." : "");
		text_put(out, (const char *)data + pos + 1, label);
		pos += 1 + label;
	}
	*at = jumped ? *at : pos + 1;
	return pos < len && !out->bad;
}

unsigned int dhcp_search_parse(const uint8_t *data, size_t len,
			       char out[static DHCP_SEARCH_MAX][DHCP_NAME_MAX + 1])
{
	unsigned int count = 0;
	size_t at = 0;

	while (at < len && count < DHCP_SEARCH_MAX) {
		struct text t;

		text_init(&t, out[count], DHCP_NAME_MAX + 1);
		if (!name_parse(data, len, &at, &t))
			break;
		if (strlen(out[count]) == t.len && dhcp_name_is_plain(out[count]))
			count++;
	}
	return count;
}
