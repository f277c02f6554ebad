/*
 * jsmn's tokens, one after the other, in memory that does not grow with the document.
 *
 * jsmn wants an array for all tokens of a text, and can go on where the array was full. Of the
 * tokens that have been handed out it needs no more than the last one and those that this one
 * stands in: the array is freed of all others, and jsmn goes on. So a document of any size needs
 * room for its depth and for a few tokens that jsmn is ahead of the reader.
 *
 * jsmn runs in its lax mode: it finds where tokens begin and end, and scan.c refuses what is not
 * JSON. In its strict mode it accepts about half of all malformed documents all the same, and
 * refuses a number that is the whole document.
 */
#ifndef JSON_TOKENS_H
#define JSON_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#define JSMN_HEADER	  /* the functions are in jsmn.c */
#define JSMN_PARENT_LINKS /* without them jsmn searches backwards for the open bracket: quadratic  \
			   */
#include <jsmn.h>

#include "json/json.h"

#define TOKENS_AHEAD 64 /* at most; the first few times less, for those who want one value only */
#define TOKENS_ROOM (2 * JSON_DEPTH_MAX + 1 + TOKENS_AHEAD) /* a bracket and its key per level */

struct tokens {
	const char *text;
	size_t len;
	jsmn_parser parser;
	unsigned int next, ahead;
	bool end; /* jsmn finds nothing more, or nothing that it understands */
	jsmntok_t tok[TOKENS_ROOM];
};

/* len is at most INT_MAX: jsmn counts with int. */
void tokens_begin(struct tokens *t, const char *text, size_t len);

/*
 * The next token, in the order of the text; NULL behind the last, and from where the text is
 * nothing that jsmn understands. Good until the next call. The reader stops at the first token that
 * JSON does not allow where it stands, or JSON_DEPTH_MAX deep.
 */
const jsmntok_t *tokens_next(struct tokens *t);

#endif
