/* Listing and watching: see watch.h. */
#include "kube/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define SHORT_MS 1000 /* a watch that ends sooner without a word has failed */

void watch_init(struct watch *w, const struct watch_kind *kind, const struct watch_sink *sink)
{
	memset(w, 0, offsetof(struct watch, buf));
	w->kind = kind;
	w->sink = sink;
}

/* RFC 3986: what is not unreserved is encoded. */
static void put_encoded(struct text *t, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-._~", c)) {
			text_char(t, *s);
			continue;
		}
		text_char(t, '%');
		text_char(t, hex[c >> 4]);
		text_char(t, hex[c & 15]);
	}
}

static void put_list(const struct watch *w, struct text *t)
{
	text_printf(t, "%s?limit=%u", w->kind->path, w->kind->page);
	if (w->next[0]) {
		text_str(t, "&continue=");
		put_encoded(t, w->next);
	} else if (w->version[0]) {
		text_str(t, "&resourceVersionMatch=NotOlderThan&resourceVersion=");
		put_encoded(t, w->version);
	}
}

void watch_request(struct watch *w, int64_t now_ms, uint32_t random, struct text *path)
{
	w->scanning = w->heard = false;
	w->code = 0;
	w->message[0] = '\0';
	w->begun_ms = now_ms;
	if (w->phase == WATCH_IS_LISTING) {
		if (!w->next[0])
			w->sink->begin(w->sink->arg);
		put_list(w, path);
		return;
	}
	text_printf(path, "%s?watch=1&allowWatchBookmarks=true&timeoutSeconds=%u&resourceVersion=",
		    w->kind->path, WATCH_SECONDS + random % WATCH_SECONDS);
	put_encoded(path, w->version);
}

bool watch_is_long(const struct watch *w)
{
	return w->phase == WATCH_IS_WATCHING;
}

static bool is_text(struct json_raw raw, const char *text)
{
	size_t len = strlen(text);

	return raw.len == len + 2 && raw.text[0] == '"' && memcmp(raw.text + 1, text, len) == 0;
}

/* A string without escapes, of at least one byte; false: it is none, or does not fit. */
static bool copy_text(struct json_raw raw, char *out, size_t size)
{
	if (!raw.text || raw.len < 3 || raw.text[0] != '"' || raw.len - 2 >= size ||
	    memchr(raw.text, '\\', raw.len))
		return false;
	memcpy(out, raw.text + 1, raw.len - 2);
	out[raw.len - 2] = '\0';
	return true;
}

static unsigned int number(struct json_raw raw)
{
	char digits[8] = "";

	if (raw.text && raw.len < sizeof(digits))
		memcpy(digits, raw.text, raw.len);
	return (unsigned int)strtoul(digits, NULL, 10);
}

static int bad_answer(const struct watch *w, struct err *e, const char *what)
{
	return err_set(e, EBADMSG, "the API's answer for %s: %s", w->kind->resource, what);
}

/* An answer that is no success is a Status, if it comes from Kubernetes at all. */
static int take_status(void *arg, struct json_raw object, struct err *e)
{
	struct watch *w = arg;

	(void)e;
	if (object.text && json_check(object.text, object.len, err_ignored()) == 0)
		refusal_message(cutter_member(object, "message"), w->message);
	return 0;
}

static int check_object(const struct watch *w, struct json_raw object, struct err *e)
{
	int r = json_check(object.text, object.len, e);

	return err_ctx(e, r, "the API's answer for %s", w->kind->resource);
}

static int take_item(void *arg, struct json_raw object, struct err *e)
{
	struct watch *w = arg;
	int r = object.text ? check_object(w, object, e) : 0;

	return r < 0 ? r : w->sink->object(w->sink->arg, WATCH_LISTED, object, e);
}

static int take_change(struct watch *w, struct json_raw type, struct json_raw object, struct err *e)
{
	static const char *const names[] = {
		[WATCH_ADDED] = "ADDED", [WATCH_MODIFIED] = "MODIFIED", [WATCH_DELETED] = "DELETED"
	};

	for (unsigned int i = WATCH_ADDED; i <= WATCH_DELETED; i++) {
		if (is_text(type, names[i]))
			return w->sink->object(w->sink->arg, (enum watch_event)i, object, e);
	}
	return is_text(type, "BOOKMARK") ? 0 : bad_answer(w, e, "an event of an unknown type");
}

/* {"type":"ADDED","object":{...}} */
static int take_event(void *arg, struct json_raw event, struct err *e)
{
	struct watch *w = arg;
	struct json_raw object, type;
	int r;

	w->heard = true;
	if (!event.text)
		return w->sink->object(w->sink->arg, WATCH_MODIFIED, event, e);
	r = check_object(w, event, e);
	if (r < 0)
		return r;
	type = cutter_member(event, "type");
	object = cutter_member(event, "object");
	if (!type.text || !object.text || *object.text != '{')
		return bad_answer(w, e, "an event without type or object");
	if (is_text(type, "ERROR")) {
		w->code = number(cutter_member(object, "code"));
		w->code = w->code ? w->code : 500;
		refusal_message(cutter_member(object, "message"), w->message);
		return err_set(e, ECANCELED, "the watch has ended"); /* nothing comes after it */
	}
	r = take_change(w, type, object, e);
	if (r < 0)
		return r;
	backoff_reset(&w->backoff); /* it goes on: what was wrong is over */
	copy_text(cutter_member(cutter_member(object, "metadata"), "resourceVersion"), w->version,
		  sizeof(w->version));
	return 0;
}

int watch_body(struct watch *w, unsigned int status, const char *data, size_t len, struct err *e)
{
	bool list = w->phase == WATCH_IS_LISTING;
	const struct cutter_spec spec = {
		.keep = w->kind->keep,
		.list = status == HTTP_OK && list ? "items" : NULL,
		.fn = status != HTTP_OK ? take_status
		      : list		? take_item
					: take_event,
		.arg = w,
	};

	if (!w->scanning)
		cutter_init(&w->cutter, &spec, w->buf, sizeof(w->buf));
	w->scanning = true;
	if (status == HTTP_OK)
		return cutter_feed(&w->cutter, data, len, e);
	cutter_feed(&w->cutter, data, len, err_ignored());
	return 0;
}

static void fail(struct watch *w, const struct watch_result *result, int64_t now_ms)
{
	w->due_ms = now_ms + backoff_next(&w->backoff, result->retry_after_s, result->random);
}

static void list_again(struct watch *w)
{
	w->phase = WATCH_IS_LISTING;
	w->next[0] = '\0';
}

/* One page, whole. The version is that of all pages. */
static int end_page(struct watch *w, int64_t now_ms, struct err *e)
{
	char kind[WATCH_VERSION_MAX] = "";
	struct json_raw root, metadata;
	int r = cutter_end(&w->cutter, e);

	if (r < 0)
		return r;
	root = cutter_root(&w->cutter);
	if (!root.text)
		return bad_answer(w, e, "the list's metadata is too large");
	r = check_object(w, root, e);
	if (r < 0)
		return r;
	metadata = cutter_member(root, "metadata");
	copy_text(cutter_member(root, "kind"), kind, sizeof(kind));
	if (strlen(kind) < 4 || strcmp(kind + strlen(kind) - 4, "List") != 0)
		return bad_answer(w, e, "this is no list");
	w->next[0] = '\0';
	if (cutter_member(metadata, "continue").len > 2 &&
	    !copy_text(cutter_member(metadata, "continue"), w->next, sizeof(w->next)))
		return bad_answer(w, e, "its continue token cannot be used");
	w->due_ms = now_ms;
	w->expired = w->refused = false;
	if (w->next[0])
		return 0;
	if (!copy_text(cutter_member(metadata, "resourceVersion"), w->version, sizeof(w->version)))
		return bad_answer(w, e, "the list has no resourceVersion");
	w->phase = WATCH_IS_WATCHING;
	if (w->once)
		w->due_ms = INT64_MAX;
	backoff_reset(&w->backoff);
	w->sink->complete(w->sink->arg);
	return 0;
}

/* Expired: list again, at once the first time. */
static int end_gone(struct watch *w, const struct watch_result *result, int64_t now_ms)
{
	list_again(w);
	w->due_ms = now_ms;
	if (w->expired)
		fail(w, result, now_ms);
	w->expired = true;
	return 0;
}

static int end_watch(struct watch *w, const struct watch_result *result, int64_t now_ms,
		     struct err *e)
{
	int r;

	if (w->code == HTTP_GONE)
		return end_gone(w, result, now_ms);
	if (w->code) {
		list_again(w);
		fail(w, result, now_ms);
		return err_set(e, EIO, "watch %s: the API server says: %s (%u)", w->kind->resource,
			       w->message, w->code);
	}
	r = w->scanning ? cutter_end(&w->cutter, e) : 0;
	w->refused = false;
	if (r == 0 && (w->heard || now_ms - w->begun_ms >= SHORT_MS)) {
		w->due_ms = now_ms;
		w->expired = false;
		backoff_reset(&w->backoff);
		return 0;
	}
	fail(w, result, now_ms);
	return r < 0 ? r
		     : err_set(e, EIO, "watch %s: the API server ends it at once",
			       w->kind->resource);
}

static int refuse(const struct watch *w, unsigned int status, struct err *e)
{
	const char *verb = w->phase == WATCH_IS_LISTING ? "list" : "watch";

	return refusal_explain(status, verb, w->kind->resource, w->message, e);
}

/* Does a refused watch blame what it was to begin from, rather than us or the server's load? */
static bool is_about_version(unsigned int status)
{
	return status == 504 || (status >= 400 && status < 500 && status != HTTP_UNAUTHORIZED &&
				 status != HTTP_FORBIDDEN && status != 429);
}

/* Another status than success. */
static int end_refused(struct watch *w, const struct watch_result *result, int64_t now_ms,
		       struct err *e)
{
	if (result->status == HTTP_GONE)
		return end_gone(w, result, now_ms);
	if (result->status == HTTP_UNAUTHORIZED && !w->refused) {
		w->refused = true;
		w->due_ms = now_ms;
		return 0;
	}
	if (w->phase == WATCH_IS_WATCHING && is_about_version(result->status))
		list_again(w);
	/* The server may have lost what we know: a restored etcd counts from an earlier version. */
	if (w->phase == WATCH_IS_LISTING && !w->next[0] && result->status != HTTP_UNAUTHORIZED)
		w->version[0] = '\0';
	fail(w, result, now_ms);
	return refuse(w, result->status, e);
}

int watch_end(struct watch *w, const struct watch_result *result, int64_t now_ms, struct err *e)
{
	int r = result->r;

	if (w->code) {
		err_clear(e);
		return end_watch(w, result, now_ms, e);
	}
	if (r == 0 && result->status != HTTP_OK)
		return end_refused(w, result, now_ms, e);
	if (r == 0 && w->phase == WATCH_IS_WATCHING)
		return end_watch(w, result, now_ms, e);
	if (r == 0)
		r = w->scanning ? end_page(w, now_ms, e) : bad_answer(w, e, "it is empty");
	else if (w->phase == WATCH_IS_WATCHING && w->heard)
		backoff_reset(&w->backoff);
	if (r == 0)
		return 0;
	fail(w, result, now_ms);
	return err_ctx(e, r, "%s %s", w->phase == WATCH_IS_LISTING ? "list" : "watch",
		       w->kind->resource);
}
