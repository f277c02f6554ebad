/*
 * One collection of the API over one connection: what watch.h decides, done over http.h with the
 * identity of access.h. A poll loop drives it; nothing waits. What is to be changed (patch.h) goes
 * over the same connection: a watch is ended for it, and goes on behind it from where it was.
 */
#ifndef KUBE_CLIENT_H
#define KUBE_CLIENT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "http/resolve.h"
#include "kube/access.h"
#include "kube/patch.h"
#include "kube/watch.h"

struct arena;
struct err;

struct kube_client {
	const struct kube_access *access;
	struct arena *arena; /* for certificates of a connection; given back up to mark */
	size_t mark;
	bool busy;		/* an exchange is going on */
	struct patch *patching; /* it is this one; NULL: it is the list's or the watch's */
	struct patch *patches;
	size_t patch_count;
	struct tls_options identity;
	struct http_server server;
	struct http_resolve resolve;
	struct http_conn conn;
	struct watch watch;
};

/*
 * Everything is borrowed. tls_setup() comes before. The arena is this client's from here on.
 * -EINVAL: the server's URL cannot be used.
 */
int kube_client_init(struct kube_client *c, struct arena *a, const struct kube_access *access,
		     const struct watch_kind *kind, const struct watch_sink *sink, struct err *e);

/* What is to be sent while it is wanted (patch.h), one after the other; borrowed. */
void kube_client_patch(struct kube_client *c, struct patch *patches, size_t count);

/* What to poll for (fd -1: nothing), and when to come back without it. */
void kube_client_wait(const struct kube_client *c, struct pollfd *p, int64_t *until_ms);

/*
 * Go on, as far as it goes without waiting. 0: nothing to report. Negative: an exchange has failed,
 * e says how, and it will be tried again when kube_client_wait() says; -EACCES, -ENOENT,
 * -EKEYREJECTED and -EINVAL are for people to mend. now_ms is CLOCK_MONOTONIC's.
 */
int kube_client_step(struct kube_client *c, int64_t now_ms, struct err *e);

/* Has there been a complete list, and nothing failed since? */
bool kube_client_is_current(const struct kube_client *c);

void kube_client_close(struct kube_client *c);

#endif
