/*
 * JSON in: one strict scanner over jsmn's tokens (RFC 8259), and constant tables by which its text
 * becomes structs.
 *
 * Tokens never leave this room. A document is decoded into structs by tables of `struct
 * json_field`; what has no table is handed on as a slice of the source (struct json_raw), which
 * stays valid as long as the text. Text is read once and nothing is kept of it but what is asked
 * for, so a document may be larger than memory for all its tokens would be; it ends at INT_MAX
 * bytes (-EFBIG).
 *
 * Rules of decoding (as the Go decoder of the runtimes): keys match without regard to ASCII letter
 * case, the last of several wins; absent, null and, for addresses, "" leave the default; unknown
 * keys are ignored; a wrong type is an error that names the path, the value (shortened) and both
 * types, e.g. "ipam.ranges[0][1].subnet: expected an IP prefix, got number 7".
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct text;

#define JSON_DEPTH_MAX 64 /* deeper documents are refused */

/*
 * A value as it stands in the source, without surrounding blanks; text is NULL when there is none.
 * Not NUL-terminated.
 */
struct json_raw {
	const char *text;
	size_t len;
};

/*
 * A decoded list: count items of the element's struct or scalar type, in the arena; items is NULL
 * when absent or null, and not NULL for an empty list. An element that is null is a wrong type,
 * unless the elements are JSON_RAW.
 */
struct json_list {
	void *items;
	size_t count;
};

enum json_kind {
	JSON_BOOL, /* bool */
	JSON_INT,  /* int64_t, min..max inclusive when max > min; a number with fraction or exponent
		      is refused */
	JSON_STR, /* const char *, NUL-terminated UTF-8 in the arena; \u0000 and lone surrogates are
		     refused */
	JSON_ADDR,   /* struct addr from a string; one of IPv4 in IPv6 form is IPv4, as in Go */
	JSON_PREFIX, /* struct prefix from a string with "/len" */
	JSON_RAW,    /* struct json_raw, any type */
	JSON_OBJECT, /* a nested struct at offset, decoded by .table */
	JSON_LIST,   /* struct json_list; elements by .elem */
};

struct json_table;

struct json_field {
	const char *name;
	enum json_kind kind;
	uint32_t offset;  /* of the member in the struct */
	const char *help; /* one line for --help; NULL: the key is not shown */
	union {
		const struct json_table *table; /* JSON_OBJECT */
		const struct json_field *elem;	/* JSON_LIST: kind of the elements; its offset is 0,
						   its name is not used */
		struct {			/* JSON_INT */
			int64_t min, max;
		};
	};
	uint32_t elem_size; /* JSON_LIST: size of one element */
	bool required;	    /* absent or null is an error that names the key */
	bool names;	    /* says where something is: read by who only takes it away, too */
};

struct json_table {
	const struct json_field *fields;
	size_t count;
	bool only_names; /* other fields are passed over, whatever they hold */
};

/*
 * Check the grammar of text[0..len) as one document. On failure -EINVAL and an error that says
 * where: "line 3, column 14: expected ':' after the key". Deeper than JSON_DEPTH_MAX is -E2BIG.
 */
int json_check(const char *text, size_t len, struct err *e);

/*
 * Check and decode a whole document that must be an object into *out by the table. The caller has
 * put the defaults into *out. Strings and lists live in the arena, raw values in text. The error is
 * the first fault in the order of the text: -EINVAL bad input, -E2BIG too deep, -ENOMEM arena full.
 * *out then holds what stands before the fault. A list that grows leaves its former places behind
 * in the arena: it costs up to twice its size, and four elements at least.
 */
int json_decode(struct arena *a, const char *text, size_t len, const struct json_table *table,
		void *out, struct err *e);

/*
 * The same for a raw value, e.g. an element of a list; path is put in front of the keys in errors
 * ("" for none). The items of a large document are decoded one by one so: their list is one of
 * JSON_RAW.
 */
int json_decode_raw(struct arena *a, struct json_raw raw, const char *path,
		    const struct json_table *table, void *out, struct err *e);

/*
 * Walk the members of a raw object, or the elements of a raw array (key->text is NULL then):
 *
 *	struct json_iter it = json_members(raw);
 *
 *	while (json_next(&it, &key, &value))
 *		...
 *
 * Keys come without their quotes and undecoded. Anything that is no object or array has no
 * members; where the text is no JSON the walk ends.
 */
struct json_iter {
	const char *at, *end;
	bool object, first;
};
struct json_iter json_members(struct json_raw raw);
bool json_next(struct json_iter *it, struct json_raw *key, struct json_raw *value);

/* The member of an object by name, the last as json_decode() takes it; text NULL: there is none. */
struct json_raw json_find(struct json_raw object, const char *name);

/* A value without the blanks around it. */
struct json_raw json_trim(struct json_raw raw);

/* Does an undecoded key (or any raw text) equal name without regard to ASCII letter case? */
bool json_key_is(struct json_raw key, const char *name);

/*
 * Decode a raw string value (with its quotes) into the arena; NULL if raw is no string, is invalid,
 * or the arena is full.
 */
const char *json_string(struct arena *a, struct json_raw raw);

/*
 * One line per field with help: path, type, limits, required, help; nested tables indented by their
 * path.
 */
void json_help(struct text *t, const struct json_table *table, const char *path);

#endif
