/*
 * A JSON value written anew: for people with the writer's indentation, or without a blank. Keys,
 * numbers and strings stay as they stand.
 */
#ifndef JSON_REFORMAT_H
#define JSON_REFORMAT_H

#include "json/writer.h"

/* v is of a checked document. */
void json_put_reformatted(struct json_writer *w, struct json_raw v);

#endif
