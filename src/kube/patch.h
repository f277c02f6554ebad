/*
 * One change of one object, sent until the server has taken it. Pure but for its answer's bytes, as
 * watch.h; knows no socket.
 *
 * A strategic merge patch names what shall be and leaves the rest alone, so it may arrive twice.
 */
#ifndef KUBE_PATCH_H
#define KUBE_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/backoff.h"
#include "kube/cutter.h"
#include "kube/refusal.h"

struct err;
struct watch_result;

#define PATCH_TYPE "application/strategic-merge-patch+json"
#define PATCH_CONTENT_MAX 1024
#define PATCH_PATH_MAX 512

/* Somebody may change it back at once, or a person give the right that was missing: then again. */
#define PATCH_AGAIN_MS 60000
#define PATCH_REFUSED_MS 300000

struct patch {
	bool wanted;
	const char *resource;	   /* "nodes/status", for errors */
	char path[PATCH_PATH_MAX]; /* "/api/v1/nodes/NAME/status" */
	char content[PATCH_CONTENT_MAX];
	int64_t due_ms; /* not before */
	struct backoff backoff;
	bool scanning;
	struct cutter cutter;
	char message[REFUSAL_MESSAGE_MAX];
	char buf[2 * REFUSAL_MESSAGE_MAX];
};

/* Is there something to be sent now? */
bool patch_is_due(const struct patch *p, int64_t now_ms);

void patch_begin(struct patch *p);

/* Bytes of the answer's body, and its status. */
int patch_body(struct patch *p, unsigned int status, const char *data, size_t len, struct err *e);

/*
 * The exchange has ended. 0: the server has taken it. Else as watch_end(); it is sent again while
 * it is wanted.
 */
int patch_end(struct patch *p, const struct watch_result *result, int64_t now_ms, struct err *e);

#endif
