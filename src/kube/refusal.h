/*
 * What an API server says when it does not do what it was asked: a Status object (API conventions,
 * "Error conditions"), with a code and a message for people.
 */
#ifndef KUBE_REFUSAL_H
#define KUBE_REFUSAL_H

#include <stddef.h>

#include "json/json.h"

struct err;

#define REFUSAL_MESSAGE_MAX 256

/* The codes of HTTP that mean something to a client of Kubernetes. */
enum {
	HTTP_OK = 200,
	HTTP_UNAUTHORIZED = 401,
	HTTP_FORBIDDEN = 403,
	HTTP_NOT_FOUND = 404,
	HTTP_GONE = 410,
};

/* The message as it stands, cut where it is long; a value that is no string leaves out as it is. */
void refusal_message(struct json_raw raw, char out[static REFUSAL_MESSAGE_MAX]);

/*
 * The error for a request that was refused with this code. -EACCES: the credentials, or a right of
 * theirs that is named. -ENOENT: no such API or object. -EBUSY: any other.
 */
int refusal_explain(unsigned int code, const char *verb, const char *resource, const char *message,
		    struct err *e);

#endif
