/*
 * What the files of this room share and nobody else sees: text inside JSON strings, scalar values,
 * the refusal of a value.
 */
#ifndef JSON_PARTS_H
#define JSON_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"

struct arena;
struct err;
struct text;

/*
 * Bytes of the well-formed UTF-8 sequence (Unicode table 3-7) at s[0..len), 0 if it is not one; len
 * is not 0.
 */
size_t utf8_size(const char *s, size_t len);

/* Write the code point; returns its bytes. */
size_t utf8_put(uint32_t code, char out[static 4]);

/*
 * Decode the escape whose backslash *at points to; returns the bytes written to out and moves *at
 * behind it. 0, with *at unmoved, for what no C string of valid Unicode can hold: malformed
 * escapes, \u0000 and lone surrogates.
 */
size_t escape_read(const char **at, const char *end, char out[static 4]);

/*
 * Decode what stands between the quotes of a raw string into out (never longer than the source),
 * without a NUL. Returns false where escape_read() would fail.
 */
bool string_decode(struct json_raw raw, char *out, size_t *len);

/* A position in the text as people count: from 1, in characters. */
struct json_position {
	size_t line, column;
};
struct json_position json_locate(const char *text, const char *at);

/*
 * Where a value stands, as a chain up to the document: an object's key, or an index when key is
 * NULL.
 */
struct json_place {
	const struct json_place *up;
	const char *key;
	size_t index;
};

/*
 * The document being decoded. text is its begin, from which errors count lines; NULL for a slice of
 * a larger one.
 */
struct json_source {
	struct arena *arena;
	const char *text;
	struct err *err;
};

enum json_type {
	JSON_IS_NULL,
	JSON_IS_BOOL,
	JSON_IS_NUMBER,
	JSON_IS_STRING,
	JSON_IS_LIST,
	JSON_IS_OBJECT
};

/* The type of a value, by its first character. */
enum json_type json_type(struct json_raw v);

/* "an IP prefix" */
const char *json_kind_name(enum json_kind kind);

/* "ipam.subnet: expected WANTED, got string "x" (line 3, column 14)"; returns -EINVAL. */
int value_refuse(const struct json_source *s, const struct json_place *p, struct json_raw v,
		 const char *wanted);

/*
 * "ipam.type: required: expected a string, got nothing"; object is where it belongs. Returns
 * -EINVAL.
 */
int value_missing(const struct json_source *s, const struct json_place *p, struct json_raw object,
		  const struct json_field *f, bool is_null);

/* Returns -ENOMEM. */
int value_no_room(const struct json_source *s, const struct json_place *p);

/* Decode a value that is neither JSON_OBJECT nor JSON_LIST into the member at out. */
int value_decode(const struct json_source *s, const struct json_place *p,
		 const struct json_field *f, struct json_raw v, void *out);

#endif
