/*
 * A collection of objects of the Kubernetes API, listed and then watched: which request is next,
 * and what its answer means. Fed by bytes and by the clock; knows no socket.
 *
 * It follows "Efficient detection of changes" of the Kubernetes API concepts: a list in pages gives
 * a resourceVersion, a watch goes on from there, bookmarks move it forward, and whoever is told
 * that it has expired (410 Gone, as a status or as an ERROR event) lists again, nothing older than
 * what was known. What a list did not name any more is gone, but only behind its last page.
 */
#ifndef KUBE_WATCH_H
#define KUBE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/backoff.h"
#include "kube/cutter.h"
#include "kube/refusal.h"

struct err;

#define WATCH_VERSION_MAX 64
#define WATCH_CONTINUE_MAX 2048
#define WATCH_OBJECT_MAX (32 << 10) /* one object, cut to what matters */
#define WATCH_SECONDS 300	    /* of one watch, and up to as much again by chance */

/* Paths (cutter.h) that the watch itself needs: to be among those of its kind. */
#define WATCH_KEEP                                                                                 \
	"kind", "metadata.resourceVersion", "metadata.continue", "message", "code", "type",        \
		"object.kind", "object.metadata.resourceVersion", "object.message", "object.code"

struct watch_kind {
	const char *path;	 /* "/api/v1/nodes" */
	const char *resource;	 /* "nodes", for errors */
	const char *const *keep; /* of "items.…" and "object.…", and WATCH_KEEP; ends with NULL */
	unsigned int page;	 /* objects in one answer to a list */
};

enum watch_event { WATCH_LISTED, WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED };

/*
 * Who gets the objects. Between begin and complete come those of a whole list (WATCH_LISTED), some
 * of them possibly twice; begin may come again before complete, when a list had to be begun anew.
 * object: grammar-checked, of what was kept; text NULL: it was too large even so, and is left out.
 * A negative answer ends the exchange, which is then tried again.
 */
struct watch_sink {
	void *arg;
	void (*begin)(void *arg);
	int (*object)(void *arg, enum watch_event event, struct json_raw object, struct err *e);
	void (*complete)(void *arg);
};

struct watch {
	const struct watch_kind *kind;
	const struct watch_sink *sink;
	enum { WATCH_IS_LISTING, WATCH_IS_WATCHING } phase;
	int64_t due_ms; /* when the next request is to be made */
	struct backoff backoff;
	char version[WATCH_VERSION_MAX]; /* what is known; "": nothing */
	char next[WATCH_CONTINUE_MAX];	 /* the next page; "": the first */
	bool once;			 /* no watch behind the list: set it after watch_init() */
	bool scanning;			 /* the answer has begun */
	bool heard;			 /* this watch has said something */
	bool refused;			 /* the credentials, once: they may have been renewed */
	bool expired;			 /* a list, once */
	unsigned int code;		 /* of an ERROR event; 0: none */
	int64_t begun_ms;
	struct cutter cutter;
	char message[REFUSAL_MESSAGE_MAX]; /* of a Status */
	char buf[WATCH_OBJECT_MAX];
};

void watch_init(struct watch *w, const struct watch_kind *kind, const struct watch_sink *sink);

/* It is due: begin the next request, and write its path with the query. random: any number. */
void watch_request(struct watch *w, int64_t now_ms, uint32_t random, struct text *path);

/* Is the answer one that goes on for WATCH_SECONDS to twice as long? */
bool watch_is_long(const struct watch *w);

/* Bytes of the answer's body, and its status. */
int watch_body(struct watch *w, unsigned int status, const char *data, size_t len, struct err *e);

/* How the exchange has ended. */
struct watch_result {
	int r;		       /* 0: the answer was whole; else -errno, and the error is set */
	unsigned int status;   /* when it was whole */
	int64_t retry_after_s; /* -1: not said */
	uint32_t random;       /* any number */
};

/*
 * The exchange has ended: decide what is next, and when (w->due_ms). 0: all is as it should be.
 * -EACCES: the credentials or their rights do not suffice, the error names the verb. -ENOENT: there
 * is no such API. Any other: it did not work this time. It is tried again in any case.
 */
int watch_end(struct watch *w, const struct watch_result *result, int64_t now_ms, struct err *e);

#endif
