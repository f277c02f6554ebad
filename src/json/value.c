/*
 * Scalar values: text of a checked document into C types, and what is said about a value that does
 * not fit.
 */
#include "json/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

#define PATH_TEXT 200
#define VALUE_TEXT 40
#define POSITION_TEXT 64
#define ADDR_ESCAPED (6 * PREFIX_TEXT) /* each character may be written as \uXXXX */

enum json_type json_type(struct json_raw v)
{
	switch (v.text && v.len ? v.text[0] : 'n') {
	case 'n':
		return JSON_IS_NULL;
	case 't':
	case 'f':
		return JSON_IS_BOOL;
	case '"':
		return JSON_IS_STRING;
	case '[':
		return JSON_IS_LIST;
	case '{':
		return JSON_IS_OBJECT;
	default:
		return JSON_IS_NUMBER;
	}
}

const char *json_kind_name(enum json_kind kind)
{
	switch (kind) {
	case JSON_BOOL:
		return "a boolean";
	case JSON_INT:
		return "an integer";
	case JSON_STR:
		return "a string";
	case JSON_ADDR:
		return "an IP address";
	case JSON_PREFIX:
		return "an IP prefix";
	case JSON_RAW:
		return "any value";
	case JSON_OBJECT:
		return "an object";
	case JSON_LIST:
		return "a list";
	}
	return "?";
}

/* The chain is no longer than a document is deep. */
static void put_path(struct text *t, const struct json_place *p)
{
	if (!p)
		return;
	put_path(t, p->up);
	if (!p->key)
		text_printf(t, "[%zu]", p->index);
	else if (p->key[0])
		text_printf(t, "%s%s", t->len ? "." : "", p->key);
}

/* "ipam.ranges[0][1].subnet: ", nothing for the document itself. */
static const char *path_text(const struct json_place *p, char out[static PATH_TEXT])
{
	struct text t;

	text_init(&t, out, PATH_TEXT - 2);
	put_path(&t, p);
	if (t.len)
		memcpy(out + t.len, ": ", 3);
	return out;
}

/* DEL and the C1 controls may stand bare in a JSON string, but shall not reach a terminal. */
static bool is_control(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	return u[0] == 0x7f || (u[0] == 0xc2 && u[1] < 0xa0);
}

/* The source text of a scalar, cut between characters where it is long. */
static void put_short(struct text *t, struct json_raw v)
{
	size_t i = 0;

	while (i < v.len && i < VALUE_TEXT) {
		size_t size = utf8_size(v.text + i, v.len - i);
		bool control = is_control(v.text + i);

		text_put(t, control ? "?" : v.text + i, control ? 1 : size);
		i += size;
	}
	if (i < v.len)
		text_str(t, v.text[0] == '"' ? "...\"" : "...");
}

static const char *value_text(struct json_raw v, char out[static VALUE_TEXT + 24])
{
	static const char words[][10] = {
		[JSON_IS_NULL] = "null",	[JSON_IS_NUMBER] = "number ",
		[JSON_IS_STRING] = "string ",	[JSON_IS_LIST] = "a list",
		[JSON_IS_OBJECT] = "an object",
	};
	enum json_type type = json_type(v);
	struct text t;

	text_init(&t, out, VALUE_TEXT + 24);
	text_str(&t, words[type]);
	if (type == JSON_IS_BOOL || type == JSON_IS_NUMBER || type == JSON_IS_STRING)
		put_short(&t, v);
	return out;
}

/*
 * A program writes its documents in one line, and columns of that line help nobody: there the path
 * says all.
 */
static const char *position_text(const struct json_source *s, const char *at,
				 char out[static POSITION_TEXT])
{
	struct json_position p;

	out[0] = '\0';
	if (!s->text)
		return out;
	p = json_locate(s->text, at);
	if (p.line > 1)
		snprintf(out, POSITION_TEXT, " (line %zu, column %zu)", p.line, p.column);
	return out;
}

/* at is where the position is told of, what is put in front. */
static int refuse(const struct json_source *s, const struct json_place *p, const char *at,
		  const char *what, const char *wanted, const char *got)
{
	char path[PATH_TEXT], position[POSITION_TEXT];

	return err_set(s->err, EINVAL, "%s%sexpected %s, got %s%s", path_text(p, path), what,
		       wanted, got, position_text(s, at, position));
}

int value_refuse(const struct json_source *s, const struct json_place *p, struct json_raw v,
		 const char *wanted)
{
	char value[VALUE_TEXT + 24];

	return refuse(s, p, v.text, "", wanted, value_text(v, value));
}

int value_missing(const struct json_source *s, const struct json_place *p, struct json_raw object,
		  const struct json_field *f, bool is_null)
{
	struct json_place key = { .up = p, .key = f->name };

	return refuse(s, &key, object.text, "required: ", json_kind_name(f->kind),
		      is_null ? "null" : "nothing");
}

int value_no_room(const struct json_source *s, const struct json_place *p)
{
	char path[PATH_TEXT];

	return err_set(s->err, ENOMEM, "%sno memory left to decode the document (%zu bytes in use)",
		       path_text(p, path), s->arena->used);
}

/* A number without fraction and exponent. */
static bool is_whole(struct json_raw v)
{
	size_t i = v.text[0] == '-';

	while (i < v.len && v.text[i] >= '0' && v.text[i] <= '9')
		i++;
	return i == v.len;
}

static bool int_parse(struct json_raw v, int64_t *out)
{
	bool negative = v.text[0] == '-';
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	uint64_t n = 0;
	size_t i;

	for (i = negative; i < v.len; i++) {
		unsigned int digit = (unsigned int)(v.text[i] - '0');

		if (n > (limit - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = negative ? -(int64_t)(n - (n > 0)) - (n > 0) : (int64_t)n;
	return true;
}

static int decode_int(const struct json_source *s, const struct json_place *p,
		      const struct json_field *f, struct json_raw v, int64_t *out)
{
	bool limited = (int64_t)f->max > f->min;
	char wanted[80] = "an integer of at most 64 bits";
	int64_t n;

	if (limited)
		snprintf(wanted, sizeof(wanted), "an integer from %lld to %lld", (long long)f->min,
			 (long long)f->max);
	if (json_type(v) != JSON_IS_NUMBER)
		return value_refuse(s, p, v, limited ? wanted : "an integer");
	if (!is_whole(v))
		return value_refuse(s, p, v, "an integer without fraction or exponent");
	if (!int_parse(v, &n) || (limited && (n < f->min || n > f->max)))
		return value_refuse(s, p, v, wanted);
	*out = n;
	return 0;
}

static int decode_str(const struct json_source *s, const struct json_place *p, struct json_raw v,
		      const char **out)
{
	size_t len;
	char *text;

	if (json_type(v) != JSON_IS_STRING)
		return value_refuse(s, p, v, "a string");
	text = arena_alloc(s->arena, v.len); /* the quotes leave room for the NUL */
	if (!text)
		return value_no_room(s, p);
	if (!string_decode(v, text, &len))
		return value_refuse(s, p, v, "a string without \\u0000 and unpaired surrogates");
	text[len] = '\0';
	*out = text;
	return 0;
}

static int decode_addr(const struct json_source *s, const struct json_place *p, enum json_kind kind,
		       struct json_raw v, void *out)
{
	bool prefix = kind == JSON_PREFIX;
	char text[ADDR_ESCAPED + 1];
	size_t len;

	if (json_type(v) != JSON_IS_STRING)
		return value_refuse(s, p, v, json_kind_name(kind));
	if (v.len <= ADDR_ESCAPED && string_decode(v, text, &len)) {
		text[len] = '\0';
		if (prefix ? prefix_parse(text, out) : addr_parse_host(text, out))
			return 0;
	}
	return value_refuse(s, p, v, prefix ? "an IP prefix (address/length)" : "an IP address");
}

static int decode_bool(const struct json_source *s, const struct json_place *p, struct json_raw v,
		       bool *out)
{
	if (json_type(v) != JSON_IS_BOOL)
		return value_refuse(s, p, v, "a boolean");
	*out = v.text[0] == 't';
	return 0;
}

int value_decode(const struct json_source *s, const struct json_place *p,
		 const struct json_field *f, struct json_raw v, void *out)
{
	switch (f->kind) {
	case JSON_BOOL:
		return decode_bool(s, p, v, out);
	case JSON_INT:
		return decode_int(s, p, f, v, out);
	case JSON_STR:
		return decode_str(s, p, v, out);
	case JSON_ADDR:
	case JSON_PREFIX:
		return decode_addr(s, p, f->kind, v, out);
	case JSON_RAW:
		*(struct json_raw *)out = v;
		return 0;
	case JSON_OBJECT:
	case JSON_LIST:
		break;
	}
	return value_refuse(s, p, v, "a scalar");
}
