/*
 * Tokens into structs.
 *
 * jsmn writes the tokens of a document in the order of the text: a key, its value, all that is in
 * the value, the next key. Nothing in them says where the next key is, so one pass gives every
 * token the index of the first token behind its subtree; with that a value nobody asked for is
 * skipped in one step, and the whole of decoding is linear.
 *
 * The grammar check counts the tokens, so that they can be borrowed from the far end of the arena
 * while strings and lists grow from its near end; after decoding the far end is whole again.
 */
#include "json/json.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS /* without them jsmn searches backwards for the open bracket: quadratic  \
			   */
#include <jsmn.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/parts.h"

#define FIELDS_MAX 64 /* one bit each for "seen" and "null" */
#define TOKEN_ALIGN 16u

struct decoder {
	struct json_source src;
	const char *text; /* what the tokens count from */
	const jsmntok_t *tok;
};

static int decode_value(const struct decoder *d, const struct json_place *p,
			const struct json_field *f, int i, void *out);

/*
 * The index of the token behind the subtree of token i. tokens_link() has put it where jsmn kept
 * the parent.
 */
static int token_next(const struct decoder *d, int i)
{
	return d->tok[i].parent;
}

static struct json_raw token_raw(const struct decoder *d, int i)
{
	const jsmntok_t *t = &d->tok[i];
	int quote = t->type == JSMN_STRING;

	return (struct json_raw){ .text = d->text + t->start - quote,
				  .len = (size_t)(t->end - t->start + 2 * quote) };
}

static struct json_raw token_key(const struct decoder *d, int i)
{
	const jsmntok_t *t = &d->tok[i];

	return (struct json_raw){ .text = d->text + t->start, .len = (size_t)(t->end - t->start) };
}

static const struct json_field *field_find(const struct json_table *table, struct json_raw key)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		if (json_key_is(key, table->fields[i].name))
			return &table->fields[i];
	}
	return NULL;
}

static int check_required(const struct decoder *d, const struct json_place *p,
			  const struct json_table *table, int i, const uint64_t seen[static 2])
{
	size_t f;

	for (f = 0; f < table->count; f++) {
		if (table->fields[f].required && !(seen[0] >> f & 1))
			return value_missing(&d->src, p, token_raw(d, i), &table->fields[f],
					     seen[1] >> f & 1);
	}
	return 0;
}

static int decode_object(const struct decoder *d, const struct json_place *p,
			 const struct json_table *table, int i, void *out)
{
	uint64_t seen[2] = { 0 }; /* with a value, as null */
	int member, key, r;

	assert(table->count <= FIELDS_MAX);
	if (d->tok[i].type != JSMN_OBJECT)
		return value_refuse(&d->src, p, token_raw(d, i), "an object");
	for (member = 0, key = i + 1; member < d->tok[i].size;
	     member++, key = token_next(d, key + 1)) {
		const struct json_field *f = field_find(table, token_key(d, key));
		struct json_place at = { .up = p };
		bool null;

		if (!f)
			continue;
		null = json_type(token_raw(d, key + 1)) == JSON_IS_NULL;
		seen[null] |= UINT64_C(1) << (f - table->fields);
		if (null)
			continue;
		at.key = f->name;
		r = decode_value(d, &at, f, key + 1, (char *)out + f->offset);
		if (r < 0)
			return r;
	}
	return check_required(d, p, table, i, seen);
}

/* An element has no default that null could leave, so null is a wrong type here (raw values aside).
 */
static int decode_list(const struct decoder *d, const struct json_place *p,
		       const struct json_field *f, int i, struct json_list *out)
{
	size_t count = (size_t)d->tok[i].size;
	struct json_place at = { .up = p };
	char *items;
	int elem;

	if (d->tok[i].type != JSMN_ARRAY)
		return value_refuse(&d->src, p, token_raw(d, i), "a list");
	items = arena_array(d->src.arena, count, f->elem_size);
	if (!items)
		return value_no_room(&d->src, p);
	for (elem = i + 1; at.index < count; at.index++, elem = token_next(d, elem)) {
		int r = decode_value(d, &at, f->elem, elem,
				     items + at.index * f->elem_size + f->elem->offset);

		if (r < 0)
			return r;
	}
	*out = (struct json_list){ .items = items, .count = count };
	return 0;
}

/* Recursion is as deep as the document, JSON_DEPTH_MAX at most. */
static int decode_value(const struct decoder *d, const struct json_place *p,
			const struct json_field *f, int i, void *out)
{
	switch (f->kind) {
	case JSON_OBJECT:
		return decode_object(d, p, f->table, i, out);
	case JSON_LIST:
		return decode_list(d, p, f, i, out);
	case JSON_BOOL:
	case JSON_INT:
	case JSON_STR:
	case JSON_ADDR:
	case JSON_PREFIX:
	case JSON_RAW:
		break;
	}
	return value_decode(&d->src, p, f, token_raw(d, i), out);
}

/*
 * Put the index behind each token's subtree in the place of its parent, which jsmn needs only while
 * it reads.
 */
static int tokens_link(jsmntok_t *tok, int count)
{
	int open[JSON_DEPTH_MAX];
	int depth = 0, i;

	for (i = 0; i < count; i++) {
		while (depth > 0 && tok[open[depth - 1]].end <= tok[i].start)
			tok[open[--depth]].parent = i;
		tok[i].parent = i + 1;
		if (tok[i].type != JSMN_OBJECT && tok[i].type != JSMN_ARRAY)
			continue;
		if (depth == JSON_DEPTH_MAX)
			return -E2BIG;
		open[depth++] = i;
	}
	while (depth > 0)
		tok[open[--depth]].parent = count;
	return 0;
}

static jsmntok_t *tokens_borrow(struct arena *a, size_t count)
{
	size_t room = a->cap - a->used, start;

	if (count > room / sizeof(jsmntok_t))
		return NULL;
	start = (a->cap - count * sizeof(jsmntok_t)) & ~(size_t)(TOKEN_ALIGN - 1);
	if (start < a->used)
		return NULL;
	a->cap = start;
	return (void *)(a->base + start);
}

static int decode_tokens(struct decoder *d, const struct json_place *p, struct json_raw raw,
			 size_t count, const struct json_table *table, void *out)
{
	jsmntok_t *tok = tokens_borrow(d->src.arena, count);
	jsmn_parser parser;

	if (!tok)
		return value_no_room(&d->src, p);
	jsmn_init(&parser);
	if (jsmn_parse(&parser, raw.text, raw.len, tok, (unsigned int)count) != (int)count ||
	    tokens_link(tok, (int)count) < 0)
		return value_refuse(&d->src, p, raw, "what jsmn takes for JSON");
	d->text = raw.text;
	d->tok = tok;
	return decode_object(d, p, table, 0, out);
}

static int decode(struct json_source *src, struct json_raw raw, const char *path,
		  const struct json_table *table, void *out)
{
	struct json_place root = { .key = path };
	struct decoder d = { .src = *src };
	size_t cap = src->arena->cap, count;
	int r;

	if (raw.len > INT_MAX) /* jsmn counts with int */
		return err_set(src->err, EFBIG, "a document of %zu bytes is too large", raw.len);
	r = document_scan(raw.text, raw.len, &count, src->err);
	if (r < 0)
		return *path ? err_ctx(src->err, r, "%s", path) : r;
	raw = json_trim(raw);
	if (json_type(raw) != JSON_IS_OBJECT)
		return value_refuse(src, &root, raw, "an object");
	r = decode_tokens(&d, &root, raw, count, table, out);
	src->arena->cap = cap;
	return r;
}

int json_decode(struct arena *a, const char *text, size_t len, const struct json_table *table,
		void *out, struct err *e)
{
	struct json_source src = { .arena = a, .text = text, .err = e };

	return decode(&src, (struct json_raw){ .text = text, .len = len }, "", table, out);
}

int json_decode_raw(struct arena *a, struct json_raw raw, const char *path,
		    const struct json_table *table, void *out, struct err *e)
{
	struct json_source src = { .arena = a, .err = e };

	if (!raw.text)
		raw = (struct json_raw){ .text = "null", .len = 4 };
	return decode(&src, raw, path, table, out);
}
