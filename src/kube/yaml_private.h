/* What the files of the YAML reader share and nobody else sees. */
#ifndef KUBE_YAML_PRIVATE_H
#define KUBE_YAML_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "kube/yaml.h"

struct arena;
struct err;

#define YAML_DEPTH_MAX 32

struct yaml_reader {
	struct arena *arena;
	struct err *err;
	const char *next, *end; /* the lines that follow */
	const char *begin;	/* of the line at hand */
	const char *at;		/* what of it was not taken yet; it is no blank */
	const char *line_end;	/* without its newline */
	unsigned int line;	/* from 1 */
	unsigned int depth;
	bool at_end; /* there is no line any more */
};

/* "line 3: WHY", -EINVAL. */
int yaml_refuse(struct yaml_reader *y, const char *why);

/*
 * The scalar at y->at, which is not moved, as text in the arena; plain ones end at a comment, the
 * others at their quote. Returns what is behind it, or NULL with the error set.
 */
const char *yaml_plain(struct yaml_reader *y, char **text);
const char *yaml_quoted(struct yaml_reader *y, char **text);

/* A document that begins with { or [, as JSON. */
int yaml_parse_json(struct arena *a, const char *text, size_t len, const struct yaml **out,
		    struct err *e);

#endif
