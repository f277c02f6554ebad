/*
 * Taking an address: see host_local_take.h.
 *
 * Most searches end at the first try, since round robin steps to an address that was not used for
 * longest. When TRIES_BLIND in a row are taken, the names in the store are read once into a sorted
 * array, which answers "taken" without a system call. The array may say taken where the store would
 * not (an empty file that can be taken over), so a search that found nothing asks the store for
 * each address again before it says that the set is full.
 */
#include "ipam/host_local_take.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "ipam/host_local_range.h"
#include "ipam/lease_store.h"

#define TRIES_BLIND 64

/* A walk around the set: from the address behind the last given one to where it began. */
struct walk {
	const struct host_local_set *set;
	size_t range;
	struct addr at;
	struct addr began; /* none before the first step */
};

static struct walk walk_begin(struct lease_store *s, const struct host_local_request *q)
{
	struct walk w = { .set = q->set, .range = q->set->count - 1 };
	const struct host_local_range *r;
	struct addr last;

	w.at = q->set->ranges[w.range].end;
	if (lease_last(s, q->number, &last) == 0)
		return w;
	r = host_local_range_of(q->set, &last);
	if (r) {
		w.range = (size_t)(r - q->set->ranges);
		w.at = last;
	}
	return w;
}

/* false: around. */
static bool walk_step(struct walk *w)
{
	if (addr_equal(&w->at, &w->set->ranges[w->range].end)) {
		w->range = (w->range + 1) % w->set->count;
		w->at = w->set->ranges[w->range].start;
	} else {
		w->at = addr_next(&w->at);
	}
	if (addr_is_set(&w->began))
		return !addr_equal(&w->at, &w->began);
	w->began = w->at;
	return true;
}

/* The addresses of the set that have a name in the store, sorted. */
struct taken {
	const struct host_local_set *set;
	struct arena *scratch;
	struct addr *sorted; /* NULL: not known */
	size_t count;
};

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/*
 * Two walks over the directory, one to count and one to fill: the arena gives arrays of a known
 * size.
 */
static int taken_count(const struct addr *a, void *arg)
{
	struct taken *t = arg;

	t->count += host_local_range_of(t->set, a) != NULL;
	return 0;
}

struct fill {
	struct taken *taken;
	size_t count;
};

static int taken_fill(const struct addr *a, void *arg)
{
	struct fill *f = arg;

	if (host_local_range_of(f->taken->set, a) && f->count < f->taken->count)
		f->taken->sorted[f->count++] = *a;
	return 0;
}

static void taken_learn(struct taken *t, struct lease_store *s)
{
	struct fill f = { .taken = t };

	t->count = 0;
	if (lease_each_name(s, taken_count, t, err_ignored()) < 0)
		return;
	t->sorted = arena_array(t->scratch, t->count, sizeof(*t->sorted));
	if (!t->sorted || lease_each_name(s, taken_fill, &f, err_ignored()) < 0) {
		t->sorted = NULL;
		return;
	}
	t->count = f.count;
	qsort(t->sorted, t->count, sizeof(*t->sorted), by_addr);
}

static bool taken_has(const struct taken *t, const struct addr *a)
{
	return t->sorted && bsearch(a, t->sorted, t->count, sizeof(*t->sorted), by_addr);
}

/*
 * 1 taken for the owner, 0 the walk went around and found nothing, -errno. t: what to learn when
 * many tries have failed; NULL: nothing.
 */
static int walk_take(struct lease_store *s, const struct host_local_request *q, struct walk *w,
		     struct taken *t, struct err *e)
{
	for (unsigned int tries = 0; walk_step(w); tries++) {
		int r;

		if (t && tries == TRIES_BLIND)
			taken_learn(t, s);
		if (host_local_is_gateway(q->set, &w->at) || (t && taken_has(t, &w->at)))
			continue;
		r = lease_take(s, &w->at, q->owner, e);
		if (r != 0)
			return r;
	}
	return 0;
}

static void address_fill(struct host_local_address *out, const struct host_local_set *set,
			 const struct addr *a)
{
	const struct host_local_range *r = host_local_range_of(set, a);

	out->address = (struct prefix){ .addr = *a, .len = r->subnet.len };
	out->gateway = r->gateway;
}

static int take_next(struct lease_store *s, const struct host_local_request *q,
		     struct arena *scratch, struct addr *got, struct err *e)
{
	const size_t mark = scratch->used;
	struct taken taken = { .set = q->set, .scratch = scratch };
	struct walk w = walk_begin(s, q);
	char ranges[256];
	int r = walk_take(s, q, &w, &taken, e);

	arena_reset(scratch, mark);
	if (r == 0 && taken.sorted) {
		w = walk_begin(s, q);
		r = walk_take(s, q, &w, NULL, e);
	}
	if (r == 0)
		return err_set(e, ENOSPC, "no IP addresses available in network: %.64s (ranges %s)",
			       q->network, host_local_set_format(q->set, ranges, sizeof(ranges)));
	*got = w.at;
	return r < 0 ? r : 0;
}

static int take_wanted(struct lease_store *s, const struct host_local_request *q,
		       const struct addr *a, struct err *e)
{
	char ranges[256];
	int r;

	if (host_local_is_gateway(q->set, a))
		return err_set(e, EINVAL, "requested IP address %s is the subnet's gateway",
			       addr_text(a));
	r = lease_take(s, a, q->owner, e);
	if (r == 0)
		return err_set(e, EADDRINUSE,
			       "requested IP address %s is not available in range set %s of "
			       "network %.64s: it is leased",
			       addr_text(a), host_local_set_format(q->set, ranges, sizeof(ranges)),
			       q->network);
	return r < 0 ? r : 0;
}

static int owner_has_none(struct lease_store *s, const struct host_local_request *q, struct err *e)
{
	struct addr held[LEASE_RANGES_MAX];
	int n = lease_find(s, q->owner, held, LEASE_RANGES_MAX, e);

	for (int i = 0; i < n; i++) {
		if (host_local_range_of(q->set, &held[i]))
			return err_set(e, EEXIST,
				       "%s is leased to container %.64s, interface %s of network "
				       "%.64s already",
				       addr_text(&held[i]), q->owner->id, q->owner->ifname,
				       q->network);
	}
	return n < 0 ? n : 0;
}

static const struct addr *wanted_in_set(const struct host_local_request *q)
{
	for (size_t i = 0; i < q->wanted_count; i++) {
		if (host_local_range_of(q->set, &q->wanted[i]))
			return &q->wanted[i];
	}
	return NULL;
}

int host_local_take(struct lease_store *s, const struct host_local_request *q,
		    struct arena *scratch, struct host_local_address *out, struct err *e)
{
	const struct addr *wanted = wanted_in_set(q);
	struct addr got;
	int r = owner_has_none(s, q, e);

	if (r < 0)
		return r;
	if (wanted)
		got = *wanted;
	r = wanted ? take_wanted(s, q, wanted, e) : take_next(s, q, scratch, &got, e);
	if (r < 0)
		return r;
	lease_set_last(s, q->number, &got);
	address_fill(out, q->set, &got);
	return 0;
}

int host_local_has_free(struct lease_store *s, const struct host_local_request *q,
			struct arena *scratch, struct err *e)
{
	const size_t mark = scratch->used;
	struct taken taken = { .set = q->set, .scratch = scratch };
	struct walk w = walk_begin(s, q);
	char ranges[256];
	bool found = false;

	taken_learn(&taken, s);
	while (!found && walk_step(&w))
		found = !host_local_is_gateway(q->set, &w.at) && !taken_has(&taken, &w.at);
	arena_reset(scratch, mark);
	if (found)
		return 0;
	return err_set(e, ENOSPC, "no IP addresses available in network: %.64s (ranges %s)",
		       q->network, host_local_set_format(q->set, ranges, sizeof(ranges)));
}
