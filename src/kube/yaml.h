/*
 * The YAML that kubectl, kubeadm, k3s, microk8s and k0s write, and JSON, which is YAML too.
 *
 * Understood: maps and lists in block style, one level per indentation, a list also at its key's
 * own indentation; plain, 'single' and "double" quoted scalars of one line; comments; empty {} and
 * []; one document with an optional "---" in front. Refused by line, and never guessed at: anchors,
 * aliases, tags, block scalars (| >), flow style with something in it, tabs, several lines in one
 * scalar, directives, keys that stand twice.
 */
#ifndef KUBE_YAML_H
#define KUBE_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;

enum yaml_kind { YAML_NULL, YAML_TEXT, YAML_MAP, YAML_LIST };

/* A value. Numbers and booleans are text: whoever reads them knows what they should be. */
struct yaml {
	enum yaml_kind kind;
	unsigned int line;  /* where it begins, from 1; 0 in JSON */
	const char *key;    /* in a map */
	const char *text;   /* YAML_TEXT */
	struct yaml *first; /* of a map's or list's members */
	struct yaml *next;  /* beside it */
};

/*
 * Parse text[0..len) into the arena. -EINVAL: the error names the line and what is not understood.
 * -ENOMEM: the arena is full. An empty text is YAML_NULL.
 */
int yaml_parse(struct arena *a, const char *text, size_t len, const struct yaml **out,
	       struct err *e);

/* The map's member, NULL if it has none or is no map. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);

/* Its text, NULL if it has none, is null or is no text. */
const char *yaml_get_text(const struct yaml *map, const char *key);

#endif
