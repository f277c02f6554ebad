/*
 * Answers to HTTP requests on a loopback address: a few short texts, for probes and Prometheus. One
 * request for each connection; whoever is slow is cut off. Nothing waits.
 */
#ifndef NODE_LISTEN_H
#define NODE_LISTEN_H

#include "base/text.h"
#include "node/loop.h"

struct err;

/* What is asked for; the body goes into t. Returns the status: 200, 404, 503. */
typedef unsigned int listen_answer_fn(const char *path, struct text *t);

/*
 * where: "127.0.0.1:PORT" or "[::1]:PORT". -EINVAL: this is none, or no loopback address. One per
 * process.
 */
int listen_open(const char *where, listen_answer_fn *answer, struct loop_item *out, struct err *e);

#endif
