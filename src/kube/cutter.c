/*
 * Cutting: see cutter.h.
 *
 * Each byte belongs to one of four modes. CUTTER_PICK: between the members of an object that is
 * kept in part; keys are collected and compared. CUTTER_COPY, CUTTER_SKIP: inside a value that is
 * kept or dropped whole, until its object goes on at depth `base`. CUTTER_ELEMENTS: in the list,
 * between its elements. Strings are followed alike in all of them.
 */
#include "kube/cutter.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

void cutter_init(struct cutter *s, const struct cutter_spec *spec, char *buf, size_t cap)
{
	*s = (struct cutter){ .spec = *spec };
	text_init(&s->out, buf, cap);
}

static int not_json(struct err *e, const char *what)
{
	return err_set(e, EBADMSG, "the answer is not JSON: %s", what);
}

static bool is_object(const struct cutter *s, unsigned int depth)
{
	return s->objects >> (depth - 1) & 1;
}

static unsigned int level(const struct cutter *s)
{
	return s->depth - s->root;
}

static void put(struct cutter *s, char c)
{
	if (s->mode == CUTTER_COPY)
		text_char(&s->out, c);
}

static int open_bracket(struct cutter *s, char c, struct err *e)
{
	uint64_t bit;

	if (s->depth == CUTTER_DEPTH_MAX)
		return not_json(e, "nested too deeply");
	bit = 1ULL << s->depth++;
	s->objects = c == '{' ? s->objects | bit : s->objects & ~bit;
	s->commas &= ~bit;
	return 0;
}

/* An object that is cut begins: the root, or an element. */
static int begin_object(struct cutter *s, size_t path_len, struct err *e)
{
	int r = open_bracket(s, '{', e);

	if (r < 0)
		return r;
	s->root = s->depth;
	s->start = s->out.len;
	s->root_bad |= s->out.bad;
	s->path_len[0] = path_len;
	s->has_key = s->has_colon = false;
	s->mode = CUTTER_PICK;
	text_char(&s->out, '{');
	return 0;
}

static int hand_on(struct cutter *s, struct err *e)
{
	struct json_raw object = { s->out.at + s->start, s->out.len - s->start };
	int r;

	if (s->out.bad)
		object = (struct json_raw){ 0 };
	r = s->spec.fn(s->spec.arg, object, e);
	s->out.len = s->start;
	s->out.at[s->out.len] = '\0';
	s->out.bad = false;
	return r;
}

/* The last picked object's bracket was closed. */
static int end_object(struct cutter *s, struct err *e)
{
	bool element = s->spec.list && s->root > 1;

	s->has_key = s->has_colon = false;
	if (s->depth >= s->root)
		return 0; /* an inner one */
	if (!s->spec.list)
		return hand_on(s, e);
	if (!element)
		return 0; /* the root stays in the buffer */
	s->mode = CUTTER_ELEMENTS;
	return hand_on(s, e);
}

static int close_bracket(struct cutter *s, char c, struct err *e)
{
	if (s->depth == 0 || is_object(s, s->depth) != (c == '}'))
		return not_json(e, "brackets do not match");
	if ((s->mode == CUTTER_COPY || s->mode == CUTTER_SKIP) && s->depth == s->base)
		s->mode = CUTTER_PICK;
	if (s->mode == CUTTER_ELEMENTS) {
		s->depth--;
		s->root = 1;
		s->start = 0;
		s->path_len[0] = 0;
		s->has_key = s->has_colon = false;
		s->mode = CUTTER_PICK;
		return 0;
	}
	if (s->mode == CUTTER_PICK)
		text_char(&s->out, c);
	put(s, c);
	s->depth--;
	return s->mode == CUTTER_PICK ? end_object(s, e) : 0;
}

enum match { MATCH_NONE, MATCH_INSIDE, MATCH_WHOLE };

static enum match match_path(const struct cutter *s, size_t len)
{
	enum match found = MATCH_NONE;

	for (const char *const *k = s->spec.keep; *k; k++) {
		if (strlen(*k) < len || memcmp(*k, s->path, len) != 0)
			continue;
		if ((*k)[len] == '\0')
			return MATCH_WHOLE;
		if ((*k)[len] == '.')
			found = MATCH_INSIDE;
	}
	return found;
}

/* The member's path behind the object's; 0 when it has more than any that is kept. */
static size_t extend_path(struct cutter *s)
{
	size_t at = s->path_len[level(s)];

	if (s->key_len >= CUTTER_KEY_MAX || at + s->key_len + 1 >= CUTTER_PATH_MAX)
		return 0;
	if (at)
		s->path[at++] = '.';
	memcpy(s->path + at, s->key, s->key_len);
	s->path[at + s->key_len] = '\0';
	return at + s->key_len;
}

static void put_key(struct cutter *s)
{
	uint64_t bit = 1ULL << (s->depth - 1);

	if (s->commas & bit)
		text_char(&s->out, ',');
	s->commas |= bit;
	text_char(&s->out, '"');
	text_put(&s->out, s->key, s->key_len);
	text_str(&s->out, "\":");
}

static int pick_inside(struct cutter *s, size_t len, struct err *e)
{
	int r;

	put_key(s);
	text_char(&s->out, '{');
	r = open_bracket(s, '{', e);
	if (r == 0)
		s->path_len[level(s)] = len;
	return r;
}

static bool is_list(const struct cutter *s, char c)
{
	return s->spec.list && s->root == 1 && s->depth == 1 && c == '[' &&
	       s->key_len == strlen(s->spec.list) && memcmp(s->key, s->spec.list, s->key_len) == 0;
}

/* A member's value begins with c: kept, dropped, or gone into. Brackets are opened here. */
static int begin_value(struct cutter *s, char c, struct err *e)
{
	size_t len = extend_path(s);
	enum match match = len ? match_path(s, len) : MATCH_NONE;

	if (!s->has_colon)
		return not_json(e, "a key is missing");
	s->has_key = s->has_colon = false;
	if (is_list(s, c)) {
		s->list_len = len;
		s->mode = CUTTER_ELEMENTS;
		return open_bracket(s, c, e);
	}
	if (match == MATCH_INSIDE && c == '{' && level(s) < CUTTER_LEVELS_MAX)
		return pick_inside(s, len, e);
	s->base = s->depth;
	s->mode = match == MATCH_WHOLE ? CUTTER_COPY : CUTTER_SKIP;
	if (s->mode == CUTTER_COPY)
		put_key(s);
	put(s, c);
	return c == '{' || c == '[' ? open_bracket(s, c, e) : 0;
}

static void end_string(struct cutter *s)
{
	s->in_string = false;
	if (s->in_key)
		s->has_key = true;
	s->in_key = false;
}

static int begin_string(struct cutter *s, struct err *e)
{
	int r = 0;

	if (s->depth == 0 || s->mode == CUTTER_ELEMENTS)
		return not_json(e, "a string where an object is due");
	if (s->mode != CUTTER_PICK) {
		put(s, '"');
	} else if (s->has_key) {
		r = begin_value(s, '"', e);
	} else {
		s->in_key = true;
		s->key_len = 0;
	}
	s->in_string = true;
	return r;
}

static void string_byte(struct cutter *s, char c)
{
	put(s, c);
	if (s->in_key && (c != '"' || s->escape) && s->key_len < CUTTER_KEY_MAX)
		s->key[s->key_len++] = c;
	if (s->escape)
		s->escape = false;
	else if (c == '\\')
		s->escape = true;
	else if (c == '"')
		end_string(s);
}

static int begin_bracket(struct cutter *s, char c, struct err *e)
{
	if (s->mode == CUTTER_COPY || s->mode == CUTTER_SKIP) {
		put(s, c);
		return open_bracket(s, c, e);
	}
	if (s->depth > 0 && s->mode == CUTTER_PICK)
		return begin_value(s, c, e);
	if (c != '{' || (s->depth == 0 && s->spec.list && s->out.len))
		return not_json(e, "an object is due");
	return begin_object(s, s->depth ? s->list_len : 0, e);
}

static int comma(struct cutter *s)
{
	if ((s->mode == CUTTER_COPY || s->mode == CUTTER_SKIP) && s->depth == s->base)
		s->mode = CUTTER_PICK;
	put(s, ',');
	return 0;
}

static int colon(struct cutter *s, struct err *e)
{
	put(s, ':');
	if (s->mode != CUTTER_PICK)
		return 0;
	if (!s->has_key || s->has_colon)
		return not_json(e, "a colon without a key");
	s->has_colon = true;
	return 0;
}

static int cutter_byte(struct cutter *s, char c, struct err *e)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return 0;
	case '"':
		return begin_string(s, e);
	case '{':
	case '[':
		return begin_bracket(s, c, e);
	case '}':
	case ']':
		return close_bracket(s, c, e);
	case ',':
		return s->depth ? comma(s) : not_json(e, "an object is due");
	case ':':
		return s->depth ? colon(s, e) : not_json(e, "an object is due");
	default:
		if (s->depth == 0 || s->mode == CUTTER_ELEMENTS)
			return not_json(e, "an object is due");
		if (s->mode == CUTTER_PICK)
			return begin_value(s, c, e);
		put(s, c);
		return 0;
	}
}

int cutter_feed(struct cutter *s, const char *data, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		int r = 0;

		if (s->in_string)
			string_byte(s, data[i]);
		else
			r = cutter_byte(s, data[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int cutter_end(const struct cutter *s, struct err *e)
{
	return s->depth == 0 ? 0 : not_json(e, "it ends in the middle");
}

struct json_raw cutter_root(const struct cutter *s)
{
	if (s->root_bad || s->out.bad || s->out.len == 0)
		return (struct json_raw){ 0 };
	return (struct json_raw){ s->out.at, s->out.len };
}

struct json_raw cutter_member(struct json_raw object, const char *name)
{
	struct json_raw key, value, found = { 0 };
	struct json_iter it;

	if (!object.text)
		return found;
	it = json_members(object);
	while (json_next(&it, &key, &value)) {
		if (key.text && key.len == strlen(name) && memcmp(key.text, name, key.len) == 0)
			found = value;
	}
	return found;
}
