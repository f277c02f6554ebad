/*
 * Text into structs, by tables, in one pass: what the scanner reads is decoded as it is read, and a
 * value that nobody asked for is read and forgotten. So memory follows what is wanted, not the
 * document. The first fault in the order of the text is the error.
 */
#include "json/json.h"

#include <assert.h>
#include <errno.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "json/parts.h"
#include "json/scan.h"

#define FIELDS_MAX 64 /* one bit each for "seen" and "null" */
#define LIST_FIRST 4  /* elements; doubled as the list grows */

struct decoder {
	struct json_source src;
	struct scan scan;
};

static int decode_value(struct decoder *d, const struct json_place *p, const struct json_field *f,
			struct json_raw v, void *out);

static bool is_read(const struct json_table *table, size_t field)
{
	return !table->only_names || table->fields[field].names;
}

static const struct json_field *field_find(const struct json_table *table, struct json_raw key)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		if (is_read(table, i) && json_key_is(key, table->fields[i].name))
			return &table->fields[i];
	}
	return NULL;
}

/* Callers write "" where they have no address. */
static bool is_absent(const struct json_field *f, struct json_raw v)
{
	bool address = f && (f->kind == JSON_ADDR || f->kind == JSON_PREFIX);

	return json_type(v) == JSON_IS_NULL || (address && v.len == 2 && v.text[0] == '"');
}

static int check_required(const struct decoder *d, const struct json_place *p,
			  const struct json_table *table, struct json_raw object,
			  const uint64_t seen[static 2])
{
	size_t f;

	for (f = 0; f < table->count; f++) {
		if (table->fields[f].required && is_read(table, f) && !(seen[0] >> f & 1))
			return value_missing(&d->src, p, object, &table->fields[f],
					     seen[1] >> f & 1);
	}
	return 0;
}

static int decode_object(struct decoder *d, const struct json_place *p,
			 const struct json_table *table, struct json_raw object, void *out)
{
	uint64_t seen[2] = { 0 }; /* with a value, as null */
	struct json_raw key, v;
	int r;

	assert(table->count <= FIELDS_MAX);
	if (json_type(object) != JSON_IS_OBJECT)
		return value_refuse(&d->src, p, object, "an object");
	while ((r = scan_member(&d->scan, &key)) > 0) {
		const struct json_field *f = field_find(table, key);
		struct json_place at = { .up = p };
		bool null;

		r = scan_value(&d->scan, &v);
		if (r < 0)
			return r;
		null = is_absent(f, v);
		if (f)
			seen[null] |= UINT64_C(1) << (f - table->fields);
		if (f && !null) {
			at.key = f->name;
			r = decode_value(d, &at, f, v, (char *)out + f->offset);
		} else {
			r = scan_rest(&d->scan, &v);
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? r : check_required(d, p, table, object, seen);
}

/* An element has no default that null could leave: null is a wrong type here, raw values aside. */
static int decode_list(struct decoder *d, const struct json_place *p, const struct json_field *f,
		       struct json_raw v, struct json_list *out)
{
	struct json_place at = { .up = p };
	struct json_raw none;
	struct list items;
	int r;

	if (json_type(v) != JSON_IS_LIST)
		return value_refuse(&d->src, p, v, "a list");
	list_init(&items, d->src.arena, f->elem_size);
	list_reserve(&items, LIST_FIRST);
	while ((r = scan_member(&d->scan, &none)) > 0) {
		char *item = list_new(&items);

		if (!item)
			break;
		r = scan_value(&d->scan, &v);
		if (r == 0)
			r = decode_value(d, &at, f->elem, v, item + f->elem->offset);
		if (r < 0)
			return r;
		at.index++;
	}
	if (items.bad)
		return value_no_room(&d->src, p);
	if (r == 0)
		*out = (struct json_list){ .items = items.at, .count = items.count };
	return r;
}

/* Recursion is as deep as the document, JSON_DEPTH_MAX at most. v is what scan_value() gave. */
static int decode_value(struct decoder *d, const struct json_place *p, const struct json_field *f,
			struct json_raw v, void *out)
{
	int r;

	switch (f->kind) {
	case JSON_OBJECT:
		return decode_object(d, p, f->table, v, out);
	case JSON_LIST:
		return decode_list(d, p, f, v, out);
	case JSON_RAW:
		r = scan_rest(&d->scan, &v);
		*(struct json_raw *)out = v;
		return r;
	case JSON_BOOL:
	case JSON_INT:
	case JSON_STR:
	case JSON_ADDR:
	case JSON_PREFIX:
		break;
	}
	return value_decode(&d->src, p, f, v, out);
}

static int decode(struct decoder *d, struct json_raw raw, const char *path,
		  const struct json_table *table, void *out)
{
	struct json_place root = { .key = path };
	struct json_raw v;
	int r = scan_begin(&d->scan, raw, path, d->src.err);

	if (r == 0)
		r = scan_value(&d->scan, &v);
	if (r == 0)
		r = decode_object(d, &root, table, v, out);
	return r < 0 ? r : scan_end(&d->scan);
}

int json_decode(struct arena *a, const char *text, size_t len, const struct json_table *table,
		void *out, struct err *e)
{
	struct decoder d;

	d.src = (struct json_source){ .arena = a, .text = text, .err = e };
	return decode(&d, (struct json_raw){ .text = text, .len = len }, "", table, out);
}

int json_decode_raw(struct arena *a, struct json_raw raw, const char *path,
		    const struct json_table *table, void *out, struct err *e)
{
	struct decoder d;

	d.src = (struct json_source){ .arena = a, .err = e };
	if (!raw.text)
		raw = (struct json_raw){ .text = "null", .len = 4 };
	return decode(&d, raw, path, table, out);
}
