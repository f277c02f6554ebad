/* Asking once: see kubernetes.h. */
#include "cluster/kubernetes.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "cluster/cluster.h"
#include "cluster/node_store.h"
#include "kube/client.h"
#include "tls/tls.h"

#define PATIENCE_MS 30000
#define TLS_MEMORY (256 << 10)
#define STORE_MEMORY (4 << 20)
#define SCRATCH_MEMORY (1 << 20)

struct listing {
	struct kube_access access;
	struct kube_client client;
	struct node_store store;
	struct node_sink sink;
	struct arena scratch;
	bool complete;
};

static void on_change(void *arg, enum node_change change, const struct stored_node *n)
{
	(void)arg;
	(void)change;
	(void)n;
}

static void on_complete(void *arg)
{
	struct listing *l = arg;

	l->complete = true;
}

/* What may be gone in a moment. */
static bool is_passing(int r)
{
	return r == -EBUSY || r == -ECONNRESET || r == -EPIPE;
}

static void wait_for(const struct kube_client *c, int64_t end_ms)
{
	struct pollfd p;
	int64_t until, now = clock_ms();

	kube_client_wait(c, &p, &until);
	if (until > end_ms)
		until = end_ms;
	poll(&p, 1, until > now ? (int)(until - now) : 0);
}

static int run(struct listing *l, struct err *e)
{
	int64_t end = clock_ms() + PATIENCE_MS, now;

	for (;;) {
		int r;

		err_clear(e);
		now = clock_ms();
		r = kube_client_step(&l->client, now, e);
		if (l->complete) {
			err_clear(e);
			return 0;
		}
		if (r < 0 && (!is_passing(r) || l->client.watch.due_ms >= end))
			return r;
		if (now >= end)
			return r < 0 ? r : err_set(e, ETIMEDOUT, "list nodes: no answer in time");
		wait_for(&l->client, end);
	}
}

/* Memory for the reading, in the order in which it is needed. */
static int prepare(struct arena *a, struct listing *l, struct err *e)
{
	void *tls = arena_alloc(a, TLS_MEMORY), *scratch = arena_alloc(a, SCRATCH_MEMORY);
	void *store = arena_alloc(a, STORE_MEMORY);

	if (!tls || !scratch || !store)
		return err_set(e, ENOMEM, "no memory left to list the nodes");
	arena_init(&l->scratch, scratch, SCRATCH_MEMORY);
	l->sink = (struct node_sink){ .arg = l, .change = on_change, .complete = on_complete };
	node_store_init(&l->store, store, STORE_MEMORY, &l->scratch, &l->sink);
	return tls_setup(tls, TLS_MEMORY, e);
}

int cluster_list(struct arena *a, const struct access_options *o, struct cluster *out,
		 struct err *e)
{
	struct listing *l = arena_alloc(a, sizeof(*l));
	int r;

	if (!l)
		return err_set(e, ENOMEM, "no memory left to list the nodes");
	r = access_load(a, o, &l->access, e);
	if (r == 0)
		r = prepare(a, l, e);
	if (r < 0)
		return r;
	r = kube_client_init(&l->client, a, &l->access, &node_kind, &l->store.watch, e);
	l->client.watch.once = true;
	if (r == 0)
		r = run(l, e);
	kube_client_close(&l->client);
	if (r == 0)
		r = node_store_cluster(&l->store, a, out, e);
	return err_ctx(e, r, "%s", l->access.server);
}
