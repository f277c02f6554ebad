/*
 * Reading the YAML of kubeconfigs: see yaml.h.
 *
 * The text is taken line by line. Of each line the indentation and what stands there is known
 * before anything is built; a block is a function that takes lines as long as they stand at its
 * indentation, and calls itself for what stands deeper. "- key: value" begins a map at the column
 * of its key.
 */
#include "kube/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "kube/yaml_private.h"

/* Blanks and a comment may stand behind a value. */
static bool is_rest(const char *at, const char *end)
{
	const char *from = at;

	while (at < end && *at == ' ')
		at++;
	return at == end || (*at == '#' && at > from);
}

int yaml_refuse(struct yaml_reader *y, const char *why)
{
	return err_set(y->err, EINVAL, "line %u: %s", y->line, why);
}

/* Go to the next line that has something; at_end when there is none. */
static int next_line(struct yaml_reader *y)
{
	while (!y->at_end) {
		const char *at = y->next, *end;

		if (at >= y->end) {
			y->at_end = true;
			break;
		}
		end = memchr(at, '\n', (size_t)(y->end - at));
		end = end ? end : y->end;
		y->next = end < y->end ? end + 1 : end;
		y->line++;
		if (end > at && end[-1] == '\r')
			end--;
		y->begin = at;
		while (at < end && *at == ' ')
			at++;
		if (at == end || *at == '#')
			continue;
		y->at = at;
		y->line_end = end;
		if (memchr(at, '\t', (size_t)(end - at)))
			return yaml_refuse(y, "a tab");
		break;
	}
	return 0;
}

static size_t column(const struct yaml_reader *y)
{
	return (size_t)(y->at - y->begin);
}

static struct yaml *make(struct yaml_reader *y, enum yaml_kind kind)
{
	struct yaml *v = arena_alloc(y->arena, sizeof(*v));

	if (!v) {
		err_set(y->err, ENOMEM, "line %u: too large", y->line);
		return NULL;
	}
	v->kind = kind;
	v->line = y->line;
	return v;
}

static bool is_dash(const struct yaml_reader *y)
{
	return *y->at == '-' && (y->at + 1 == y->line_end || y->at[1] == ' ');
}

/* The ':' that ends a plain key, NULL: this is no "key:". */
static const char *find_colon(const struct yaml_reader *y)
{
	for (const char *c = y->at; c < y->line_end; c++) {
		if (*c == ':' && (c + 1 == y->line_end || c[1] == ' '))
			return c;
		if (*c == '#' && c > y->at && c[-1] == ' ')
			return NULL;
	}
	return NULL;
}

/* '"' and "'" begin a key only when a colon follows their end. */
static bool is_key(const struct yaml_reader *y)
{
	const char *c = y->at;

	if (*c != '"' && *c != '\'')
		return find_colon(y) != NULL;
	for (c++; c < y->line_end && *c != *y->at; c++) {
		if (*c == '\\' && *y->at == '"')
			c++;
	}
	return c + 1 < y->line_end && c[1] == ':' && (c + 2 == y->line_end || c[2] == ' ');
}

static struct yaml *scalar(struct yaml_reader *y)
{
	struct yaml *v = make(y, YAML_TEXT);
	bool quoted = *y->at == '"' || *y->at == '\'';
	char *text = NULL;
	const char *end = v ? (quoted ? yaml_quoted : yaml_plain)(y, &text) : NULL;

	if (!end)
		return NULL;
	if (!is_rest(end, y->line_end)) {
		yaml_refuse(y, "something behind the value");
		return NULL;
	}
	if (!quoted && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
		v->kind = YAML_NULL;
	else
		v->text = text;
	return next_line(y) < 0 ? NULL : v;
}

/* {} and []: the only flow style there is. */
static struct yaml *empty_flow(struct yaml_reader *y)
{
	bool map = *y->at == '{';
	const char *c = y->at + 1;
	struct yaml *v;

	while (c < y->line_end && *c == ' ')
		c++;
	if (c == y->line_end || *c != (map ? '}' : ']') || !is_rest(c + 1, y->line_end)) {
		yaml_refuse(y, "flow style ({...}, [...]) with something in it");
		return NULL;
	}
	v = make(y, map ? YAML_MAP : YAML_LIST);
	return v && next_line(y) == 0 ? v : NULL;
}

static struct yaml *block(struct yaml_reader *y, size_t indent);
static struct yaml *list_block(struct yaml_reader *y, size_t indent);

static bool is_blank(const struct yaml_reader *y)
{
	return y->at == y->line_end || *y->at == '#';
}

/*
 * What stands behind "key:" or "-" of a block at this indentation: on the same line, or deeper on
 * the next ones. A list may stand at the very column of its key.
 */
static struct yaml *value(struct yaml_reader *y, size_t indent, bool of_key)
{
	struct yaml *v;

	if (!is_blank(y))
		return *y->at == '{' || *y->at == '[' ? empty_flow(y) : scalar(y);
	v = make(y, YAML_NULL);
	if (!v || next_line(y) < 0)
		return NULL;
	if (!y->at_end && column(y) > indent)
		return block(y, column(y));
	if (!y->at_end && of_key && column(y) == indent && is_dash(y))
		return list_block(y, indent);
	return v;
}

static void skip_blanks(struct yaml_reader *y)
{
	while (y->at < y->line_end && *y->at == ' ')
		y->at++;
}

/* The key at y->at, which is left at what is behind its colon. */
static const char *take_key(struct yaml_reader *y)
{
	bool quoted = *y->at == '"' || *y->at == '\'';
	const char *colon;
	char *key = NULL;

	if (!is_key(y)) {
		yaml_refuse(y, "expected \"key: value\"");
		return NULL;
	}
	if (!quoted && strchr("&*!|>@`%?{}[],", *y->at)) {
		yaml_refuse(y, "a key that begins with a special character");
		return NULL;
	}
	colon = quoted ? yaml_quoted(y, &key) : find_colon(y);
	if (!colon)
		return NULL;
	if (!quoted)
		key = arena_strndup(y->arena, y->at, (size_t)(colon - y->at));
	if (!key)
		err_set(y->err, ENOMEM, "line %u: too large", y->line);
	y->at = colon + 1;
	skip_blanks(y);
	return key;
}

/* Behind a member of a block: the next one, or the end of the block; nothing between. */
static bool is_aligned(struct yaml_reader *y, size_t indent)
{
	if (y->at_end || column(y) <= indent)
		return true;
	yaml_refuse(y, "indented more than what it should belong to, or a value of several lines");
	return false;
}

static struct yaml *map_block(struct yaml_reader *y, size_t indent)
{
	struct yaml *map = make(y, YAML_MAP), *last = NULL;

	while (map && !y->at_end && column(y) == indent && !is_dash(y)) {
		unsigned int line = y->line;
		const char *key = take_key(y);
		struct yaml *v = key ? value(y, indent, true) : NULL;

		if (!v || !is_aligned(y, indent))
			return NULL;
		if (yaml_get(map, key)) {
			err_set(y->err, EINVAL, "line %u: the key \"%s\" stands twice", line, key);
			return NULL;
		}
		v->key = key;
		v->line = line;
		*(last ? &last->next : &map->first) = v;
		last = v;
	}
	return map;
}

/* "- ": what stands behind it is a block of its own, at its own column. */
static struct yaml *element(struct yaml_reader *y, size_t indent)
{
	y->at++;
	skip_blanks(y);
	return is_blank(y) ? value(y, indent, false) : block(y, column(y));
}

static struct yaml *list_block(struct yaml_reader *y, size_t indent)
{
	struct yaml *list = make(y, YAML_LIST), *last = NULL;

	while (list && !y->at_end && column(y) == indent && is_dash(y)) {
		struct yaml *v = element(y, indent);

		if (!v || !is_aligned(y, indent))
			return NULL;
		*(last ? &last->next : &list->first) = v;
		last = v;
	}
	return list;
}

static struct yaml *block(struct yaml_reader *y, size_t indent)
{
	struct yaml *v;

	if (y->depth == YAML_DEPTH_MAX) {
		yaml_refuse(y, "nested too deeply");
		return NULL;
	}
	y->depth++;
	if (is_dash(y))
		v = list_block(y, indent);
	else if (*y->at == '{' || *y->at == '[')
		v = empty_flow(y);
	else
		v = is_key(y) ? map_block(y, indent) : scalar(y);
	y->depth--;
	return v;
}

/* "---", alone on its line. */
static bool is_mark(const struct yaml_reader *y)
{
	return column(y) == 0 && y->line_end - y->at >= 3 && strncmp(y->at, "---", 3) == 0 &&
	       is_rest(y->at + 3, y->line_end);
}

static int parse_document(struct yaml_reader *y, const struct yaml **out)
{
	struct yaml *v;
	int r = next_line(y);

	if (r == 0 && !y->at_end && is_mark(y))
		r = next_line(y);
	if (r < 0)
		return r;
	v = y->at_end ? make(y, YAML_NULL) : block(y, column(y));
	if (!v)
		return -y->err->errnum;
	if (!y->at_end)
		return yaml_refuse(y, is_mark(y) ? "a second document"
						 : "this belongs to nothing above it");
	*out = v;
	return 0;
}

int yaml_parse(struct arena *a, const char *text, size_t len, const struct yaml **out,
	       struct err *e)
{
	struct yaml_reader y = { .arena = a, .err = e, .next = text, .end = text + len };
	size_t blank = 0;

	while (blank < len && strchr(" \t\r\n", text[blank] ? text[blank] : 'x'))
		blank++;
	if (blank < len && (text[blank] == '{' || text[blank] == '['))
		return yaml_parse_json(a, text, len, out, e);
	return parse_document(&y, out);
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml *m = map->first; m; m = m->next) {
		if (strcmp(m->key, key) == 0)
			return m;
	}
	return NULL;
}

const char *yaml_get_text(const struct yaml *map, const char *key)
{
	const struct yaml *v = yaml_get(map, key);

	return v && v->kind == YAML_TEXT ? v->text : NULL;
}
