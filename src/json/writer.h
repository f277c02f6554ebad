/*
 * JSON out: a sticky writer into a text buffer. Commas are its business; strings are escaped;
 * invalid UTF-8 becomes U+FFFD. Deeper than JSON_DEPTH_MAX is bad, as an overflow is.
 */
#ifndef JSON_WRITER_H
#define JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"

struct text;

struct json_writer {
	struct text *t;
	unsigned int depth;
	uint64_t has_member; /* one bit per depth: a comma is due */
	bool after_key;
	unsigned int indent; /* spaces per depth; 0: one line */
};

void json_begin(struct json_writer *w, struct text *t, unsigned int indent);
void json_open(struct json_writer *w, char bracket);  /* '{' or '[' */
void json_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_key(struct json_writer *w, const char *name);
void json_key_raw(struct json_writer *w,
		  struct json_raw key);			 /* of json_next(): it stays as it stands */
void json_put_str(struct json_writer *w, const char *s); /* NULL: null */
void json_put_int(struct json_writer *w, int64_t v);
void json_put_bool(struct json_writer *w, bool v);
void json_put_raw(struct json_writer *w,
		  struct json_raw raw); /* already JSON; written as it stands; none: null */

/* key and value in one line */
void json_member_str(struct json_writer *w, const char *name, const char *s);
void json_member_int(struct json_writer *w, const char *name, int64_t v);
void json_member_bool(struct json_writer *w, const char *name, bool v);
void json_member_raw(struct json_writer *w, const char *name, struct json_raw raw);

/* All members of an object, as they stand, but those of these names; NULL behind the last. */
void json_members_but(struct json_writer *w, struct json_raw object, const char *const *names);

#endif
