/*
 * What matters of a stream of JSON, cut out while it passes by.
 *
 * A list of 5,000 nodes is 42 MB of text of which 1 MB matters. The cutter keeps no document: it
 * follows brackets and strings byte by byte, finds the objects by depth (not by lines), writes of
 * each only the members whose paths it was given, and hands it on. Its memory is the buffer, which
 * limits one object after the cutting. It finds pieces, no errors: what it hands on is for the JSON
 * room to check, and what it drops is not looked at but for its brackets.
 */
#ifndef KUBE_CUTTER_H
#define KUBE_CUTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "json/json.h"

struct err;

#define CUTTER_DEPTH_MAX 64
#define CUTTER_LEVELS_MAX 6 /* of members that paths can name */
#define CUTTER_KEY_MAX 64
#define CUTTER_PATH_MAX 192

/*
 * One object without what does not matter, and without blanks; valid during the call. text NULL: it
 * was larger than the buffer. Negative: scanning ends so.
 */
typedef int cutter_object_fn(void *arg, struct json_raw object, struct err *e);

struct cutter_spec {
	const char *const *keep; /* "metadata.name", "items.metadata.name"; NULL ends the list */
	const char *list;	 /* the root's array whose elements are objects, "items"; or NULL */
	cutter_object_fn *fn;
	void *arg;
};

struct cutter {
	struct cutter_spec spec;
	struct text out;

	enum { CUTTER_PICK, CUTTER_COPY, CUTTER_SKIP, CUTTER_ELEMENTS } mode;
	bool in_string, escape;
	bool in_key, has_key, has_colon; /* in an object whose members are picked */
	unsigned int depth;		 /* of open brackets */
	unsigned int base;		 /* the depth around the value that is copied or skipped */
	unsigned int root;		 /* the depth in the object that is cut */
	uint64_t objects;		 /* bit n: the bracket at depth n is { */
	uint64_t commas;		 /* bit n: the object at depth n has a member in out */
	size_t start;			 /* of the object in out */
	size_t list_len;		 /* of the list's name in path */
	bool root_bad;			 /* it did not fit */
	size_t key_len, path_len[CUTTER_LEVELS_MAX + 1];
	char key[CUTTER_KEY_MAX];
	char path[CUTTER_PATH_MAX];
};

/*
 * Without list: each object of the stream is cut and handed on. With list: each element of that
 * array is, with paths that begin with the array's name; cutter_root() then has the members that
 * were kept of the one root object. What spec points to and buf are borrowed.
 */
void cutter_init(struct cutter *s, const struct cutter_spec *spec, char *buf, size_t cap);

/* -EBADMSG: this is no JSON. */
int cutter_feed(struct cutter *s, const char *data, size_t len, struct err *e);

/* The stream has ended; -EBADMSG: in the middle of a document. */
int cutter_end(const struct cutter *s, struct err *e);

/* With list, after cutter_end(): the root without the list; text NULL: it did not fit, or was not.
 */
struct json_raw cutter_root(const struct cutter *s);

/* A member of an object that was handed on, the last of its name; text NULL: it has none. */
struct json_raw cutter_member(struct json_raw object, const char *name);

#endif
