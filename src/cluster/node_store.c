/*
 * The stored nodes: see node_store.h.
 *
 * A record is a head and, behind it without gaps, the addresses, the subnets, the name, the time of
 * creation and the annotations. Addresses and prefixes are structs of bytes, so they need no
 * alignment; heads stand at multiples of 4. Records are found by looking through the heads, whose
 * hash spares nearly all comparisons: 5,000 of them are 20 us of work, 20 times a second.
 */
#include "cluster/node_store.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "cluster/annotations.h"
#include "cluster/node_list.h"
#include "json/json.h"

#define RECORD_MAX 8192 /* nobody's node needs more */

struct record {
	uint32_t size; /* with this head, a multiple of 4 */
	uint32_t hash; /* of the name */
	uint16_t addresses, subnets, annotations;
	uint8_t mark;
	uint8_t unavailable;
};

_Static_assert(alignof(struct addr) == 1 && alignof(struct prefix) == 1,
	       "they stand anywhere in a record");

static const char *const keep[] = {
	WATCH_KEEP,
	"items.metadata.name",
	"items.metadata.annotations",
	"items.metadata.creationTimestamp",
	"items.spec.podCIDR",
	"items.spec.podCIDRs",
	"items.status.addresses",
	"items.status.conditions",
	"object.metadata.name",
	"object.metadata.annotations",
	"object.metadata.creationTimestamp",
	"object.spec.podCIDR",
	"object.spec.podCIDRs",
	"object.status.addresses",
	"object.status.conditions",
	NULL,
};

const struct watch_kind node_kind = {
	.path = "/api/v1/nodes", .resource = "nodes", .keep = keep, .page = 500
};

static uint32_t hash_name(const char *s)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	return h;
}

static struct record *record_at(const struct node_store *s, size_t at)
{
	return (struct record *)(void *)(s->mem + at);
}

static void view(const struct record *r, size_t index, struct stored_node *out)
{
	const char *at = (const char *)(r + 1);

	*out = (struct stored_node){ .annotation_count = r->annotations,
				     .unavailable = r->unavailable };
	out->node.index = index;
	out->node.addresses = (const struct addr *)at;
	out->node.address_count = r->addresses;
	at += r->addresses * sizeof(struct addr);
	out->node.subnets = (const struct prefix *)at;
	out->node.subnet_count = r->subnets;
	at += r->subnets * sizeof(struct prefix);
	out->node.name = at;
	out->created = at + strlen(at) + 1;
	out->annotations = out->created + strlen(out->created) + 1;
}

bool node_store_next(const struct node_store *s, size_t *at, struct stored_node *out)
{
	size_t index = *at ? out->node.index + 1 : 0;

	if (*at >= s->used)
		return false;
	view(record_at(s, *at), index, out);
	*at += record_at(s, *at)->size;
	return true;
}

const char *stored_annotation(const struct stored_node *n, const char *key)
{
	const char *at = n->annotations;

	for (size_t i = 0; i < n->annotation_count; i++) {
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, key) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* Where the record of this name is; s->used: nowhere. */
static size_t find(const struct node_store *s, const char *name, size_t *index)
{
	uint32_t hash = hash_name(name);
	struct stored_node n;
	size_t at = 0;

	*index = 0;
	while (at < s->used) {
		const struct record *r = record_at(s, at);

		if (r->hash == hash) {
			view(r, *index, &n);
			if (strcmp(n.node.name, name) == 0)
				return at;
		}
		at += r->size;
		++*index;
	}
	return at;
}

static void notify(struct node_store *s, enum node_change change, const struct record *r,
		   size_t index)
{
	struct stored_node n;

	view(r, index, &n);
	s->sink->change(s->sink->arg, change, &n);
}

/* Replace the record at `at` by this one (NULL: by none), moving what is behind. */
static int replace(struct node_store *s, size_t at, const struct record *new, struct err *e)
{
	size_t old_size = at < s->used ? record_at(s, at)->size : 0;
	size_t new_size = new ? new->size : 0;

	if (s->used - old_size + new_size > s->cap)
		return err_set(e, ENOMEM, "there is no memory for more than %zu nodes", s->count);
	memmove(s->mem + at + new_size, s->mem + at + old_size, s->used - at - old_size);
	if (new)
		memcpy(s->mem + at, new, new_size);
	s->used = s->used - old_size + new_size;
	s->count = s->count + (new_size > 0) - (old_size > 0);
	return 0;
}

static int store(struct node_store *s, struct record *new, const char *name, struct err *e)
{
	size_t index, at = find(s, name, &index);
	struct record *old = at < s->used ? record_at(s, at) : NULL;
	int r;

	new->mark = s->mark;
	if (old)
		old->mark = s->mark;
	if (old && old->size == new->size &&memcmp(old, new, new->size) == 0)
		return 0;
	r = replace(s, at, new, e);
	if (r == 0)
		notify(s, old ? NODE_CHANGED : NODE_ADDED, record_at(s, at), index);
	return r;
}

static void forget(struct node_store *s, size_t at, size_t index)
{
	notify(s, NODE_GONE, record_at(s, at), index);
	replace(s, at, NULL, err_ignored());
}

static void put_annotations(struct arena *a, struct json_raw annotations, struct record *r,
			    struct text *t)
{
	const size_t prefix = strlen(NODE_ANNOTATIONS);
	struct json_raw key, value;
	struct json_iter it;

	if (!annotations.text)
		return;
	it = json_members(annotations);
	while (json_next(&it, &key, &value)) {
		const char *text;

		if (!key.text || key.len <= prefix ||
		    memcmp(key.text, NODE_ANNOTATIONS, prefix) != 0)
			continue;
		text = json_string(a, value);
		if (!text)
			continue;
		text_put(t, key.text + prefix, key.len - prefix);
		text_char(t, '\0');
		text_put(t, text, strlen(text) + 1);
		r->annotations++;
	}
}

/* RFC 3339 in UTC, as the API server writes it: texts in the order of the times. */
static void put_created(struct arena *a, struct json_raw metadata, struct text *t)
{
	const char *s = json_string(a, cutter_member(metadata, "creationTimestamp"));

	if (s)
		text_str(t, s);
	text_char(t, '\0');
}

static bool is_string(struct json_raw raw, const char *s)
{
	return raw.len == strlen(s) + 2 && memcmp(raw.text + 1, s, raw.len - 2) == 0;
}

static bool is_unavailable(struct json_raw conditions)
{
	struct json_iter it = json_members(conditions);
	struct json_raw key, value;

	while (conditions.text && json_next(&it, &key, &value)) {
		if (is_string(cutter_member(value, "type"), NODE_UNAVAILABLE))
			return is_string(cutter_member(value, "status"), "True");
	}
	return false;
}

static int encode(struct arena *a, const struct node *n, struct json_raw object, struct record *out,
		  struct err *e)
{
	struct json_raw metadata = cutter_member(object, "metadata");
	struct text t;

	*out = (struct record){ .hash = hash_name(n->name) };
	text_init(&t, (char *)(out + 1), RECORD_MAX - sizeof(*out));
	for (size_t i = 0; i < n->address_count; i++)
		text_put(&t, (const char *)&n->addresses[i], sizeof(n->addresses[i]));
	for (size_t i = 0; i < n->subnet_count; i++)
		text_put(&t, (const char *)&n->subnets[i], sizeof(n->subnets[i]));
	text_put(&t, n->name, strlen(n->name) + 1);
	put_created(a, metadata, &t);
	put_annotations(a, cutter_member(metadata, "annotations"), out, &t);
	while (t.len % alignof(struct record))
		text_char(&t, '\0');
	if (t.bad)
		return err_set(e, E2BIG, "node %s: too large", n->name);
	out->unavailable =
		is_unavailable(cutter_member(cutter_member(object, "status"), "conditions"));
	out->addresses = (uint16_t)n->address_count;
	out->subnets = (uint16_t)n->subnet_count;
	out->size = (uint32_t)(sizeof(*out) + t.len);
	return 0;
}

/*
 * What cannot be read must not stop the others. A node that is stored stays as it was; one without
 * a name may be any of them.
 */
static void leave_out(struct node_store *s, const char *name, const char *why)
{
	size_t index, at = name ? find(s, name, &index) : s->used;

	if (at < s->used)
		record_at(s, at)->mark = s->mark;
	s->nameless |= !name;
	log_line(LOG_WARN, "%s %s%s%s",
		 at < s->used ? "kept as it was:" : "left out:", name ? name : "", name ? ": " : "",
		 why);
}

static int take(struct node_store *s, enum watch_event event, struct json_raw object, struct err *e)
{
	struct record *new = arena_alloc(s->scratch, RECORD_MAX);
	struct node n = { 0 };
	struct err mine = { 0 };
	size_t index, at;
	int r;

	if (!new)
		return err_set(e, ENOMEM, "no memory left for a node");
	r = kube_node_parse(s->scratch, object, "node", &n, &mine);
	if (r == 1 && event != WATCH_DELETED)
		r = encode(s->scratch, &n, object, new, &mine);
	if (r < 0) {
		leave_out(s, n.name, mine.text);
		return 0;
	}
	if (event != WATCH_DELETED)
		return n.name ? store(s, new, n.name, e) : 0;
	at = find(s, n.name ? n.name : "", &index);
	if (at < s->used)
		forget(s, at, index);
	return 0;
}

static int on_object(void *arg, enum watch_event event, struct json_raw object, struct err *e)
{
	struct node_store *s = arg;
	size_t mark = s->scratch->used;
	int r;

	if (!object.text) {
		leave_out(s, NULL, "a node of too many bytes");
		return 0;
	}
	r = take(s, event, object, e);
	arena_reset(s->scratch, mark);
	return r;
}

static void on_begin(void *arg)
{
	struct node_store *s = arg;

	s->mark++;
	s->nameless = false;
}

/* Sweep; not when there was a node whose name could not be read: it would be taken for gone. */
static void on_complete(void *arg)
{
	struct node_store *s = arg;
	size_t at = 0, index = 0;

	while (at < s->used) {
		const struct record *r = record_at(s, at);

		if (r->mark == s->mark || s->nameless) {
			at += r->size;
			index++;
		} else {
			forget(s, at, index);
		}
	}
	s->complete = true;
	s->sink->complete(s->sink->arg);
}

void node_store_init(struct node_store *s, void *mem, size_t cap, struct arena *scratch,
		     const struct node_sink *sink)
{
	*s = (struct node_store){ .mem = mem, .cap = cap, .scratch = scratch, .sink = sink };
	s->watch = (struct watch_sink){
		.arg = s, .begin = on_begin, .object = on_object, .complete = on_complete
	};
}

/* The older first, of two of one age the one whose name comes first; so every node orders them. */
static int cmp_age(const void *x, const void *y)
{
	const struct stored_node *const *a = x, *const *b = y;
	int r = strcmp((*a)->created, (*b)->created);

	return r ? r : strcmp((*a)->node.name, (*b)->node.name);
}

static int apply_annotations(struct arena *a, const struct stored_node *n, struct node *out,
			     struct err *e)
{
	const char *at = n->annotations;
	struct node_tunnel t = { 0 };

	for (size_t i = 0; i < n->annotation_count; i++) {
		const char *value = at + strlen(at) + 1;

		annotation_apply(a, &t, at, value);
		at = value + strlen(value) + 1;
	}
	return node_set_tunnel(a, out, &t, e);
}

/* Of two that claim one subnet or address the older one keeps it: it is validated first. */
static int list_by_age(const struct node_store *s, struct arena *a, struct node *out, struct err *e)
{
	struct stored_node *all = arena_array(a, s->count, sizeof(*all)), n = { 0 };
	const struct stored_node **order = arena_array(a, s->count, sizeof(const void *));
	size_t at = 0, count = 0;
	int r = 0;

	if (!out || !all || !order)
		return err_set(e, ENOMEM, "no memory left for the nodes of the cluster");
	while (node_store_next(s, &at, &n)) {
		all[count] = n;
		order[count] = &all[count];
		count++;
	}
	qsort(order, count, sizeof(*order), cmp_age);
	for (size_t i = 0; i < count && r == 0; i++) {
		out[i] = order[i]->node;
		out[i].index = i;
		r = apply_annotations(a, order[i], &out[i], e);
	}
	return r;
}

int node_store_cluster(const struct node_store *s, struct arena *a, struct cluster *out,
		       struct err *e)
{
	struct node *nodes = arena_array(a, s->count, sizeof(*nodes));
	int r = cluster_defaults(a, out, e);

	if (r == 0)
		r = list_by_age(s, a, nodes, e);
	if (r < 0)
		return r;
	out->kubernetes = true;
	out->nodes = nodes;
	out->node_count = s->count;
	return cluster_validate(a, out, e);
}
