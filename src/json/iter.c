/*
 * Walking the members of a raw value. One pass over the text, no memory: a subtree is skipped by
 * counting brackets outside of strings. Meant for checked documents; on any other text the walk
 * ends early, but stays inside the text.
 */
#include "json/parts.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* From the opening quote to behind the closing one, or end. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < end)
			at++;
	}
	return at < end ? at + 1 : end;
}

static const char *skip_brackets(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return end;
}

static bool ends_scalar(char c)
{
	return c == ',' || c == ']' || c == '}' || is_blank(c);
}

static const char *skip_value(const char *at, const char *end)
{
	if (*at == '"')
		return skip_string(at, end);
	if (*at == '{' || *at == '[')
		return skip_brackets(at, end);
	while (at < end && !ends_scalar(*at))
		at++;
	return at;
}

struct json_raw json_trim(struct json_raw raw)
{
	const char *end = raw.text + raw.len, *at = skip_blanks(raw.text, end);

	while (end > at && is_blank(end[-1]))
		end--;
	return (struct json_raw){ .text = at, .len = (size_t)(end - at) };
}

struct json_iter json_members(struct json_raw raw)
{
	const char *at, *end;

	if (!raw.text)
		return (struct json_iter){ 0 };
	end = raw.text + raw.len;
	at = skip_blanks(raw.text, end);
	if (at == end || (*at != '{' && *at != '['))
		return (struct json_iter){ .at = end, .end = end };
	return (struct json_iter){ .at = at + 1, .end = end, .object = *at == '{' };
}

/* Read the key and its colon. */
static bool next_key(struct json_iter *it, struct json_raw *key)
{
	const char *open = it->at;
	const char *close;

	if (*open != '"')
		return false;
	close = skip_string(open, it->end);
	*key = (struct json_raw){ .text = open + 1, .len = (size_t)(close - open) - 2 };
	it->at = skip_blanks(close, it->end);
	if (it->at == it->end || *it->at != ':')
		return false;
	it->at = skip_blanks(it->at + 1, it->end);
	return it->at < it->end;
}

bool json_next(struct json_iter *it, struct json_raw *key, struct json_raw *value)
{
	struct json_raw name = { 0 };
	const char *begin;

	it->at = skip_blanks(it->at, it->end);
	if (it->at == it->end || *it->at == ']' || *it->at == '}' ||
	    (it->object && !next_key(it, &name))) {
		it->at = it->end;
		return false;
	}
	begin = it->at;
	it->at = skip_value(begin, it->end);
	*key = name;
	*value = (struct json_raw){ .text = begin, .len = (size_t)(it->at - begin) };
	it->at = skip_blanks(it->at, it->end);
	if (it->at < it->end && *it->at == ',')
		it->at++;
	return true;
}
