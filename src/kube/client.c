/* The client of one collection: see client.h. */
#include "kube/client.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

#define CONNECT_MS 10000
#define IDLE_MS 30000
#define LIST_MS 300000
#define WATCH_MS ((2 * WATCH_SECONDS + 60) * 1000) /* the server ends it before */

static const struct http_limits list_limits = { CONNECT_MS, IDLE_MS, LIST_MS };
static const struct http_limits watch_limits = { CONNECT_MS, WATCH_MS, WATCH_MS };

int kube_client_init(struct kube_client *c, struct arena *a, const struct kube_access *access,
		     const struct watch_kind *kind, const struct watch_sink *sink, struct err *e)
{
	c->access = access;
	c->arena = a;
	c->mark = a->used;
	c->busy = false;
	c->patching = c->patches = NULL;
	c->patch_count = 0;
	c->resolve = (struct http_resolve){ 0 };
	http_init(&c->conn);
	watch_init(&c->watch, kind, sink);
	return http_server_parse(&c->server, access->server, e);
}

/* Only spreads clients in time: without random bytes the clock must do. */
static uint32_t random_number(int64_t now_ms)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) == (ssize_t)sizeof(n))
		return n;
	return (uint32_t)now_ms * 2654435761U;
}

static int take_body(void *arg, const char *data, size_t len, struct err *e)
{
	struct kube_client *c = arg;

	if (c->patching)
		return patch_body(c->patching, c->conn.response.status, data, len, e);
	return watch_body(&c->watch, c->conn.response.status, data, len, e);
}

static int put_token(struct kube_client *c, struct err *e)
{
	char header[ACCESS_TOKEN_MAX + sizeof("Bearer ")] = "Bearer ";
	int r = access_token(c->access, header + strlen("Bearer "), e);

	if (r == 0 && header[strlen("Bearer ")])
		http_header(&c->conn, "Authorization", header);
	explicit_bzero(header, sizeof(header));
	return r;
}

bool kube_client_is_current(const struct kube_client *c)
{
	return c->watch.phase == WATCH_IS_WATCHING && c->watch.backoff.failures == 0;
}

void kube_client_patch(struct kube_client *c, struct patch *patches, size_t count)
{
	c->patches = patches;
	c->patch_count = count;
}

/* The one that has been due for longest. Only a server that has been heard is asked for more. */
static struct patch *find_patch(const struct kube_client *c, int64_t now_ms)
{
	struct patch *first = NULL;

	for (size_t i = 0; i < c->patch_count && kube_client_is_current(c); i++) {
		struct patch *p = &c->patches[i];

		if (patch_is_due(p, now_ms) && (!first || p->due_ms < first->due_ms))
			first = p;
	}
	return first;
}

/* The path of the next request. */
static void choose(struct kube_client *c, int64_t now_ms, struct text *path)
{
	c->patching = find_patch(c, now_ms);
	if (!c->patching) {
		watch_request(&c->watch, now_ms, random_number(now_ms), path);
		return;
	}
	patch_begin(c->patching);
	text_str(path, c->patching->path);
}

static void write_request(struct kube_client *c, const char *path)
{
	http_request(&c->conn, &c->server, c->patching ? "PATCH" : "GET", path);
	http_header(&c->conn, "Accept", "application/json");
	if (c->patching)
		http_content(&c->conn, PATCH_TYPE, c->patching->content);
}

/*
 * A name is resolved anew for each connection; the identity is at hand even where a connection is
 * kept, for it may turn out to be closed. -EAGAIN: the name is being looked up.
 */
static int begin(struct kube_client *c, int64_t now_ms, struct err *e)
{
	char path[3 * WATCH_CONTINUE_MAX + 512];
	bool is_long;
	struct text t;
	int r = 0;

	if (!http_is_idle(&c->conn))
		r = http_resolve_step(&c->resolve, &c->server, now_ms, e);
	if (r == -EAGAIN)
		return r;
	text_init(&t, path, sizeof(path));
	choose(c, now_ms, &t);
	arena_reset(c->arena, c->mark);
	if (r == 0)
		r = access_identity(c->arena, c->access, &c->identity, e);
	if (r < 0)
		return r;
	write_request(c, path);
	r = put_token(c, e);
	is_long = !c->patching && watch_is_long(&c->watch);
	if (r == 0)
		http_start(&c->conn, &c->identity, is_long ? &watch_limits : &list_limits,
			   take_body, c, now_ms);
	return r;
}

static int end(struct kube_client *c, int r, int64_t now_ms, struct err *e)
{
	const struct watch_result result = {
		.r = r,
		.status = c->conn.response.status,
		.retry_after_s = r == 0 ? c->conn.response.retry_after_s : -1,
		.random = random_number(now_ms),
	};

	c->busy = false;
	if (r < 0)
		http_close(&c->conn);
	return c->patching ? patch_end(c->patching, &result, now_ms, e)
			   : watch_end(&c->watch, &result, now_ms, e);
}

/* A watch may last for minutes: it is broken off, and begun again behind what is sent meanwhile. */
static void make_way(struct kube_client *c, int64_t now_ms)
{
	if (!c->busy || c->patching || !watch_is_long(&c->watch) || !find_patch(c, now_ms))
		return;
	http_close(&c->conn);
	c->busy = false;
	c->watch.due_ms = now_ms;
}

int kube_client_step(struct kube_client *c, int64_t now_ms, struct err *e)
{
	int r = 0;

	make_way(c, now_ms);
	while (c->busy || now_ms >= c->watch.due_ms || find_patch(c, now_ms)) {
		if (!c->busy) {
			r = begin(c, now_ms, e);
			if (r == -EAGAIN)
				return 0;
			c->busy = true;
		}
		if (r == 0)
			r = http_step(&c->conn, now_ms, e);
		if (r == -EAGAIN)
			return 0;
		r = end(c, r, now_ms, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void kube_client_wait(const struct kube_client *c, struct pollfd *p, int64_t *until_ms)
{
	const struct patch *next = find_patch(c, INT64_MAX);

	*p = (struct pollfd){ .fd = -1 };
	*until_ms = c->watch.due_ms;
	if (c->busy)
		http_wait(&c->conn, p, until_ms);
	else if (c->resolve.pid)
		http_resolve_wait(&c->resolve, p, until_ms);
	if (next && !(c->busy && c->patching) && !c->resolve.pid && next->due_ms < *until_ms)
		*until_ms = next->due_ms;
}

void kube_client_close(struct kube_client *c)
{
	http_resolve_stop(&c->resolve);
	http_close(&c->conn);
	arena_reset(c->arena, c->mark);
	c->busy = false;
}
