/* See known_nodes.h. */
#include "node/known_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/node_store.h"
#include "json/writer.h"
#include "kube/cutter.h"
#include "node/load.h"

#define KEY_MAX 512

static void put_annotations(struct json_writer *w, const struct stored_node *n)
{
	const char *at = n->annotations;
	char key[KEY_MAX];

	json_key(w, "annotations");
	json_open(w, '{');
	for (size_t i = 0; i < n->annotation_count; i++) {
		const char *value = at + strlen(at) + 1;

		snprintf(key, sizeof(key), NODE_ANNOTATIONS "%s", at);
		json_member_str(w, key, value);
		at = value + strlen(value) + 1;
	}
	json_close(w, '}');
}

static void put_spec(struct json_writer *w, const struct node *n)
{
	json_key(w, "spec");
	json_open(w, '{');
	json_key(w, "podCIDRs");
	json_open(w, '[');
	for (size_t i = 0; i < n->subnet_count; i++)
		json_put_str(w, prefix_text(&n->subnets[i]));
	json_close(w, ']');
	json_close(w, '}');
}

static void put_status(struct json_writer *w, const struct node *n)
{
	json_key(w, "status");
	json_open(w, '{');
	json_key(w, "addresses");
	json_open(w, '[');
	for (size_t i = 0; i < n->address_count; i++) {
		json_open(w, '{');
		json_member_str(w, "type", "InternalIP");
		json_member_str(w, "address", addr_text(&n->addresses[i]));
		json_close(w, '}');
	}
	json_close(w, ']');
	json_close(w, '}');
}

static void put_node(struct json_writer *w, const struct stored_node *n)
{
	json_open(w, '{');
	json_member_str(w, "kind", "Node");
	json_key(w, "metadata");
	json_open(w, '{');
	json_member_str(w, "name", n->node.name);
	if (n->created[0])
		json_member_str(w, "creationTimestamp", n->created);
	if (n->annotation_count)
		put_annotations(w, n);
	json_close(w, '}');
	put_spec(w, &n->node);
	put_status(w, &n->node);
	json_close(w, '}');
}

static void put_list(struct text *t, const struct node_store *s)
{
	struct stored_node n = { 0 };
	struct json_writer w;
	size_t at = 0;

	json_begin(&w, t, 0);
	json_open(&w, '{');
	json_member_str(&w, "kind", "NodeList");
	json_member_str(&w, "apiVersion", "v1");
	json_key(&w, "items");
	json_open(&w, '[');
	while (node_store_next(s, &at, &n))
		put_node(&w, &n);
	json_close(&w, ']');
	json_close(&w, '}');
	text_char(t, '\n');
}

static int write_text(const struct text *t, struct err *e)
{
	int dir, r;

	if (t->bad)
		return err_set(e, EFBIG, "more nodes than a file may hold");
	dir = dir_open(KNOWN_NODES_DIR, true, e);
	if (dir < 0)
		return dir;
	r = file_replace(dir, KNOWN_NODES_NAME, t->at, t->len, 0600, FILE_SYNC, e);
	close(dir);
	return r;
}

int known_nodes_save(const struct node_store *s, struct err *e)
{
	char *buf = load_reserve(LOAD_FILE_MAX, e);
	struct text t;
	int r;

	if (!buf)
		return -ENOMEM;
	text_init(&t, buf, LOAD_FILE_MAX);
	put_list(&t, s);
	r = write_text(&t, e);
	munmap(buf, LOAD_FILE_MAX);
	return err_ctx(e, r, "keep the nodes in " KNOWN_NODES);
}

static int take_node(void *arg, struct json_raw object, struct err *e)
{
	struct node_store *s = arg;

	return s->watch.object(s->watch.arg, WATCH_LISTED, object, e);
}

/* As from a server: the same scanner with the same paths. */
static int take_text(struct node_store *s, const char *text, size_t len, struct err *e)
{
	const struct cutter_spec spec = {
		.keep = node_kind.keep, .list = "items", .fn = take_node, .arg = s
	};
	size_t mark = s->scratch->used;
	char *buf = arena_alloc(s->scratch, WATCH_OBJECT_MAX);
	struct cutter cutter;
	int r = json_check(text, len, e);

	if (r == 0 && !buf)
		r = err_set(e, ENOMEM, "no memory left");
	if (r == 0) {
		s->watch.begin(s->watch.arg);
		cutter_init(&cutter, &spec, buf, WATCH_OBJECT_MAX);
		r = cutter_feed(&cutter, text, len, e);
	}
	arena_reset(s->scratch, mark);
	if (r == 0)
		s->watch.complete(s->watch.arg);
	return r;
}

int known_nodes_load(struct node_store *s, struct err *e)
{
	char *text = NULL;
	ssize_t len = load_text(KNOWN_NODES, LOAD_FILE, &text, e);
	int r = len < 0 ? (int)len : take_text(s, text, (size_t)len, e);

	if (text)
		munmap(text, LOAD_FILE_MAX + 1);
	return err_ctx(e, r, KNOWN_NODES);
}

int known_nodes_remove(struct err *e)
{
	struct err mine = { 0 };
	int dir = dir_open(KNOWN_NODES_DIR, false, &mine), r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : err_take(e, &mine);
	r = file_remove(dir, KNOWN_NODES_NAME, e);
	close(dir);
	rmdir(KNOWN_NODES_DIR); /* others may keep something there, or it is a mount */
	return r;
}
