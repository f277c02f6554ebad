/* Walking the members of a raw value: a scan that begins where the last one ended. */
#include "json/parts.h"
#include "json/scan.h"

struct json_iter json_members(struct json_raw raw)
{
	if (!raw.text)
		return (struct json_iter){ 0 };
	raw = json_trim(raw);
	if (!raw.len || (*raw.text != '{' && *raw.text != '['))
		return (struct json_iter){ 0 };
	return (struct json_iter){ .at = raw.text + 1,
				   .end = raw.text + raw.len,
				   .object = *raw.text == '{',
				   .first = true };
}

bool json_next(struct json_iter *it, struct json_raw *key, struct json_raw *value)
{
	struct json_raw rest = { .text = it->at, .len = (size_t)(it->end - it->at) };
	struct scan s;

	if (it->at == it->end)
		return false;
	if (scan_begin_inside(&s, rest, it->object, it->first) < 0 || scan_member(&s, key) <= 0 ||
	    scan_value(&s, value) < 0 || scan_rest(&s, value) < 0) {
		it->at = it->end;
		return false;
	}
	it->at = s.at;
	it->first = false;
	return true;
}

struct json_raw json_find(struct json_raw object, const char *name)
{
	struct json_iter it = json_members(object);
	struct json_raw key, value, found = { 0 };

	while (json_next(&it, &key, &value)) {
		if (key.text && json_key_is(key, name))
			found = value;
	}
	return found;
}
