/*
 * The one reader of JSON text: checking, decoding and walking are loops over these four calls.
 *
 * A value is read by scan_value(); of an object or list that is its bracket, and then
 * scan_member() and scan_value() take turns until scan_member() says that the bracket is closed.
 * scan_rest() is this loop for whoever does not want what is inside.
 *
 * All that has been read is strict JSON (RFC 8259). Errors are -EINVAL, deeper than JSON_DEPTH_MAX
 * is -E2BIG, and say where: "line 3, column 14: expected ':' after the key".
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/json.h"
#include "json/tokens.h"

struct err;

struct scan {
	const char *text, *end;
	const char *at;	    /* behind what has been read */
	const char *path;   /* in front of errors, "" for none */
	unsigned int depth; /* open brackets */
	uint64_t objects;   /* bit 0: the innermost open bracket is '{' */
	bool opened;	    /* nothing has been read behind the last bracket */
	struct err *err;
	struct tokens tokens;
};

/* Begin a document, or a value of a larger one. A text of more than INT_MAX bytes is -EFBIG. */
int scan_begin(struct scan *s, struct json_raw text, const char *path, struct err *e);

/* Begin in the midst of an object or list, behind its bracket (opened) or a value in it. */
int scan_begin_inside(struct scan *s, struct json_raw text, bool object, bool opened);

/* A scalar, or the bracket that opens a list or object: *v is then the bracket alone. */
int scan_value(struct scan *s, struct json_raw *v);

/*
 * In an object or list: 1 when another value follows; *key is then its undecoded key without the
 * quotes (text NULL in a list). 0 when the bracket was closed.
 */
int scan_member(struct scan *s, struct json_raw *key);

/* Read what is left of the value v, which scan_value() has just read; *v is then all of it. */
int scan_rest(struct scan *s, struct json_raw *v);

/* Nothing but blanks must follow. */
int scan_end(struct scan *s);

#endif
