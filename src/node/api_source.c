/*
 * The nodes of an API server: see source.h.
 *
 * Between listings and whatever the server does, the store keeps what was known last
 * (node_store.h), and that is what passes get. It is kept in a file (known_nodes.h), at most once a
 * minute, and begun with at the next start: what the first list then says, counts. Errors are
 * logged when they are new, and once an hour.
 */
#include "node/source.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "cluster/node_store.h"
#include "kube/client.h"
#include "node/available.h"
#include "node/known_nodes.h"
#include "node/load.h"
#include "node/published.h"
#include "tls/tls.h"

#define TLS_MEMORY (256 << 10)
#define STORE_MEMORY (16 << 20)
#define SCRATCH_MEMORY (1 << 20)
#define REMIND_MS 3600000
#define SAVE_MS 60000

/* What this node says of itself. */
enum { PATCH_CONDITION, PATCH_TUNNELS, PATCHES };

/* What is so while the server does not take it. */
static const char *const unpatched[PATCHES] = {
	[PATCH_CONDITION] = NODE_UNAVAILABLE " stays True",
	[PATCH_TUNNELS] = "the other nodes are not told of this node's tunnels",
};

struct api_source {
	const struct access_options *options;
	struct kube_access access;
	struct kube_client client;
	struct node_store store;
	struct node_sink sink;
	struct arena arena, scratch;
	bool dirty;
	bool listed;	     /* by the server, since we have begun */
	bool unsaved;	     /* the file says something else */
	int64_t save_due_ms; /* not before */
	bool save_failed;
	int64_t contact_ms; /* -1: never */
	int64_t away_ms, told_ms;
	char failure[sizeof(((struct err *)0)->text)]; /* ""; the server answers */
	struct patch patches[PATCHES];
	struct err patch_failures[PATCHES]; /* the last of each that was logged */
};

/* Not in .data, whose pages would all be there. */
static struct api_source api;
static _Alignas(16) char tls_memory[TLS_MEMORY];

static void on_change(void *arg, enum node_change change, const struct stored_node *n)
{
	struct api_source *a = arg;

	(void)change;
	(void)n;
	a->dirty = true;
	a->unsaved = true;
}

static void on_complete(void *arg)
{
	struct api_source *a = arg;

	log_line(LOG_INFO, "%s: %zu nodes listed", a->access.server, a->store.count);
	a->dirty = true;
	a->listed = true;
}

static void on_known(void *arg)
{
	struct api_source *a = arg;

	log_line(LOG_INFO, "%s: not asked yet; %zu nodes as " KNOWN_NODES " knows them",
		 a->access.server, a->store.count);
	a->dirty = true;
}

/* What is on disk is true until the server says something else. */
static void load_known(struct api_source *a)
{
	struct err e = { 0 };
	int r;

	a->sink.complete = on_known;
	r = known_nodes_load(&a->store, &e);
	a->sink.complete = on_complete;
	a->unsaved = false;
	if (r < 0 && r != -ENOENT)
		log_line(LOG_WARN, "%s", e.text);
}

static bool is_to_be_saved(const struct api_source *a)
{
	return a->unsaved && a->listed;
}

static void save_known(struct api_source *a, int64_t now_ms)
{
	struct err e = { 0 };
	bool failed;

	if (!is_to_be_saved(a) || now_ms < a->save_due_ms)
		return;
	failed = known_nodes_save(&a->store, &e) < 0;
	if (failed && !a->save_failed)
		log_line(LOG_WARN, "%s", e.text);
	a->save_failed = failed;
	a->unsaved = failed;
	a->save_due_ms = now_ms + SAVE_MS;
}

static long long seconds(int64_t ms)
{
	return (long long)(ms / 1000);
}

static void log_failure(struct api_source *a, const struct err *e, int64_t now)
{
	bool first = !a->failure[0], new = strcmp(a->failure, e->text) != 0;

	if (first)
		a->away_ms = now;
	if (new)
		log_line(LOG_ERROR, "%s: %s%s", a->access.server, e->text,
			 a->store.complete ? "; everything stays as it was" : "");
	else if (now - a->told_ms >= REMIND_MS)
		log_line(LOG_ERROR, "%s: for %lld s: %s", a->access.server,
			 seconds(now - a->away_ms), e->text);
	if (new || now - a->told_ms >= REMIND_MS)
		a->told_ms = now;
	str_copy(a->failure, sizeof(a->failure), e->text);
}

static void log_contact(struct api_source *a, int64_t now)
{
	a->contact_ms = now;
	if (a->failure[0])
		log_line(LOG_INFO, "%s: answers again, after %lld s", a->access.server,
			 seconds(now - a->away_ms));
	a->failure[0] = '\0';
}

/* It hinders nothing else. */
static void log_patch_failure(struct api_source *a, const struct err *e)
{
	size_t i = (size_t)(a->client.patching - a->patches);

	if (strcmp(a->patch_failures[i].text, e->text) != 0)
		log_line(LOG_ERROR, "%s: %s; %s", a->access.server, e->text, unpatched[i]);
	a->patch_failures[i] = *e;
}

static void source_wait(void *arg, struct pollfd *p, int64_t *until_ms)
{
	const struct api_source *a = arg;

	kube_client_wait(&a->client, p, until_ms);
	if (is_to_be_saved(a) && a->save_due_ms < *until_ms)
		*until_ms = a->save_due_ms;
}

static unsigned int source_step(void *arg, const struct pollfd *p, int64_t now_ms)
{
	struct api_source *a = arg;
	struct err e = { 0 };
	bool dirty;

	(void)p;
	if (kube_client_step(&a->client, now_ms, &e) < 0) {
		if (a->client.patching)
			log_patch_failure(a, &e);
		else
			log_failure(a, &e, now_ms);
	} else if (kube_client_is_current(&a->client))
		log_contact(a, now_ms);
	save_known(a, now_ms);
	dirty = a->dirty && a->store.complete;
	a->dirty = a->dirty && !dirty;
	return dirty ? LOOP_DIRTY : 0;
}

static int source_cluster(void *arg, struct arena *arena, struct cluster *out, struct err *e)
{
	const struct api_source *a = arg;

	if (!a->store.complete)
		return err_set(e, EAGAIN, "%s: no list of the nodes yet", a->access.server);
	return node_store_cluster(&a->store, arena, out, e);
}

static int64_t source_contact(void *arg)
{
	const struct api_source *a = arg;

	return a->contact_ms;
}

static bool find_node(const struct node_store *s, const char *name, struct stored_node *out)
{
	size_t at = 0;

	while (node_store_next(s, &at, out)) {
		if (strcmp(out->node.name, name) == 0)
			return true;
	}
	return false;
}

static void source_publish(void *arg, const struct published *what)
{
	struct api_source *a = arg;
	struct patch *p = &a->patches[PATCH_TUNNELS];
	struct stored_node n = { 0 };
	bool was = p->wanted;

	published_offer(p, what->node && find_node(&a->store, what->node, &n) ? &n : NULL, what);
	if (p->wanted && !was)
		log_line(LOG_INFO, "annotations of %s: its tunnels are published: %s", what->node,
			 published_backend(what->backend));
}

static void source_joined(void *arg, const char *name)
{
	struct api_source *a = arg;
	struct patch *p = &a->patches[PATCH_CONDITION];
	bool was = p->wanted;
	struct stored_node n = { 0 };

	available_offer(p, name && find_node(&a->store, name, &n) ? &n : NULL);
	if (p->wanted && !was)
		log_line(LOG_INFO, "condition " NODE_UNAVAILABLE " of %s is True: set to False",
			 name);
}

/* The strings of the access live in the arena, the client's certificates behind them. */
static int connect_anew(struct api_source *a, struct err *e)
{
	int r;

	arena_reset(&a->arena, 0);
	r = access_load(&a->arena, a->options, &a->access, e);
	if (r == 0)
		r = kube_client_init(&a->client, &a->arena, &a->access, &node_kind, &a->store.watch,
				     e);
	kube_client_patch(&a->client, a->patches, PATCHES);
	return r;
}

/* What the options name is read again, and the nodes are listed anew. */
static void source_reread(void *arg)
{
	struct api_source *a = arg;
	struct err e = { 0 };

	kube_client_close(&a->client);
	if (connect_anew(a, &e) < 0)
		log_line(LOG_ERROR, "%s", e.text);
}

static int reserve(struct api_source *a, struct err *e)
{
	void *store = load_reserve(STORE_MEMORY, e), *scratch = load_reserve(SCRATCH_MEMORY, e);

	if (!store || !scratch)
		return -ENOMEM;
	arena_init(&a->scratch, scratch, SCRATCH_MEMORY);
	a->sink = (struct node_sink){ .arg = a, .change = on_change, .complete = on_complete };
	node_store_init(&a->store, store, STORE_MEMORY, &a->scratch, &a->sink);
	return load_arena(&a->arena, 0, e);
}

int api_source_open(struct node_source *s, const struct access_options *o, struct err *e)
{
	int r = reserve(&api, e);

	*s = (struct node_source){
		.arg = &api,
		.item = { .arg = &api, .wait = source_wait, .step = source_step },
		.cluster = source_cluster,
		.joined = source_joined,
		.publish = source_publish,
		.reread = source_reread,
		.contact_ms = source_contact,
	};
	api.options = o;
	api.contact_ms = -1;
	if (r == 0)
		r = tls_setup(tls_memory, sizeof(tls_memory), e);
	if (r == 0)
		r = connect_anew(&api, e);
	if (r == 0)
		load_known(&api);
	s->name = api.access.server;
	return r;
}
