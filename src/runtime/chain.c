/* Calling the plugins of a network list: see chain.h. */
#include "runtime/chain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/exec.h"
#include "cni/result.h"
#include "json/reformat.h"
#include "json/writer.h"
#include "runtime/cache.h"
#include "runtime/netconf.h"

#define ANSWER_MAX (1u << 20)
#define VERSION_ROOM                                                                               \
	4096 /* what a result in another version may be longer, besides twice as long */

static char config_buf[CNI_STDIN_MAX + 1];
static char answer_buf[ANSWER_MAX + 1];

static int name_plugin(const struct net_plugin *p, const char *doing, int r, struct err *e)
{
	const char *name = p->name && *p->name ? p->name : NULL;

	return err_ctx(e, r, "plugin type=\"%.64s\"%s%.80s%s failed (%s)", p->type,
		       name ? " name=\"" : "", name ? name : "", name ? "\"" : "", doing);
}

/* *answer is valid until the next call. */
static int exec_plugin(const struct chain *c, const struct net_plugin *p, const struct cni_env *env,
		       const struct text *config, struct json_raw *answer, struct err *e)
{
	char file[PATH_MAX];
	struct cni_exec x = {
		.file = file, .env = *env, .config = config->at, .config_len = config->len
	};
	size_t mark = c->arena->used;
	int r;

	if (config->bad)
		return err_set(e, E2BIG, "its configuration is larger than %u bytes",
			       CNI_STDIN_MAX);
	answer->text = answer_buf;
	r = cni_find(c->path, p->type, file, sizeof(file), e);
	if (r == 0)
		r = cni_exec(c->arena, &x, answer_buf, sizeof(answer_buf), &answer->len, e);
	arena_reset(c->arena, mark);
	return r;
}

/* All commands but VERSION; prev is without text for those that concern the network alone. */
static int call(const struct chain *c, const struct net_plugin *p, enum cni_command command,
		struct json_raw prev, struct json_raw *answer, struct err *e)
{
	const struct json_raw none = { 0 }, empty = { .text = "[]", .len = 2 };
	const struct net_inject in = {
		.prev_result = prev,
		.capability_args = c->capability_args,
		.valid_attachments = command == CNI_GC ? empty : none,
	};
	const struct cni_env env = {
		.command = cni_command_text(command),
		.container_id = c->at.container_id,
		.netns = c->netns,
		.ifname = c->at.ifname,
		.args = c->args,
		.path = c->path,
		.netns_override = getenv("CNI_NETNS_OVERRIDE"),
	};
	struct text config;

	text_init(&config, config_buf, sizeof(config_buf));
	net_config_write(&config, c->list, p, &in);
	return exec_plugin(c, p, &env, &config, answer, e);
}

/* Where the answer does not matter. */
static int call_plugin(const struct chain *c, const struct net_plugin *p, enum cni_command command,
		       struct json_raw prev, struct err *e)
{
	static const char *const doing[] = {
		[CNI_DEL] = "delete",
		[CNI_CHECK] = "check",
		[CNI_GC] = "gc",
		[CNI_STATUS] = "status",
	};
	struct json_raw ignored;

	return name_plugin(p, doing[command], call(c, p, command, prev, &ignored, e), e);
}

/* In the list's order, up to the first failure. */
static int call_all(const struct chain *c, enum cni_command command, struct json_raw prev,
		    struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->list->count; i++)
		r = call_plugin(c, &c->list->plugins[i], command, prev, e);
	return r;
}

struct versioned {
	const char *version;
};
static const struct json_field versioned_fields[] = {
	{ "cniVersion", JSON_STR, offsetof(struct versioned, version) },
};
static const struct json_table versioned_table = { .fields = versioned_fields, .count = 1 };

/*
 * A result in the list's version goes through with keys that nobody here knows, and without the
 * blanks that reference plugins indent with; it is kept, and handed to each plugin that follows.
 * Another version comes from a plugin that answers in another than it was asked, or from a list
 * whose version was changed under a running container.
 */
static int write_result(const struct chain *c, struct json_raw raw, struct text *t, struct err *e)
{
	static struct cni_result result;
	struct versioned v = { 0 };
	struct json_writer w;
	int r = json_decode(c->arena, raw.text, raw.len, &versioned_table, &v, e);

	if (r < 0)
		return r;
	if (v.version && strcmp(v.version, cni_version_text(c->list->version)) == 0) {
		json_begin(&w, t, 0);
		json_put_reformatted(&w, json_trim(raw));
		return 0;
	}
	r = cni_result_read(c->arena, raw, "", &result, e);
	if (r == 0)
		cni_result_write(t, &result, c->list->version);
	return r;
}

/* *out lives in the arena. */
static int take_result(const struct chain *c, struct json_raw raw, struct json_raw *out,
		       struct err *e)
{
	size_t room = 2 * raw.len + VERSION_ROOM;
	char *buf = arena_alloc(c->arena, room);
	struct text t;
	int r;

	if (!buf)
		return err_set(e, ENOMEM, "too large");
	text_init(&t, buf, room);
	r = write_result(c, raw, &t, e);
	*out = (struct json_raw){ .text = t.at, .len = t.len };
	return t.bad ? err_set(e, E2BIG, "too large") : r;
}

static int add_one(const struct chain *c, const struct net_plugin *p, struct json_raw *result,
		   struct err *e)
{
	struct json_raw answer = { 0 };
	int r = call(c, p, CNI_ADD, *result, &answer, e);

	if (r == 0)
		r = err_ctx(e, take_result(c, answer, result, e), "its result");
	return name_plugin(p, "add", r, e);
}

/* A plugin that is missing should be known before the first one has changed anything. */
static int find_all(const struct chain *c, struct err *e)
{
	char file[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->list->count; i++)
		r = cni_find(c->path, c->list->plugins[i].type, file, sizeof(file), e);
	return r;
}

int chain_add(const struct chain *c, struct json_raw *result, struct err *e)
{
	int r = find_all(c, e);

	*result = (struct json_raw){ 0 };
	for (size_t i = 0; r == 0 && i < c->list->count; i++)
		r = add_one(c, &c->list->plugins[i], result, e);
	if (r == 0) {
		const struct cache_entry entry = {
			.at = c->at,
			.netns = c->netns,
			.args = c->args,
			.capability_args = c->capability_args,
			.result = *result,
			.config = c->list->bytes,
		};

		r = cache_write(c->arena, c->cache, &entry, e);
	}
	return r;
}

/* *out is left without text when there is no cached result. */
static int cached_result(const struct chain *c, struct json_raw *out, struct err *e)
{
	struct cache_entry entry;
	int r = cache_read(c->arena, c->cache, &c->at, &entry, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0 || !entry.result.text)
		return r;
	return err_ctx(e, take_result(c, entry.result, out, e), "cached result of network \"%s\"",
		       c->at.network);
}

int chain_check(const struct chain *c, struct err *e)
{
	struct json_raw prev = { 0 };
	int r;

	if (c->list->version < CNI_0_4_0)
		return err_set(e, EOPNOTSUPP,
			       "network \"%s\": version %s does not support the CHECK command",
			       c->list->name, cni_version_text(c->list->version));
	if (c->list->disable_check)
		return 0;
	r = cached_result(c, &prev, e);
	return r < 0 ? r : call_all(c, CNI_CHECK, prev, e);
}

int chain_del(const struct chain *c, struct err *e)
{
	struct json_raw prev = { 0 };
	struct err damaged = { 0 };
	int r = 0;

	/*
	 * A damaged entry must not keep an attachment alive: plugins have to cope without
	 * (specification, DEL).
	 */
	if (c->list->version >= CNI_0_4_0 && cached_result(c, &prev, &damaged) < 0)
		log_line(LOG_WARN, "ignored: %s", damaged.text);
	for (size_t i = c->list->count; r == 0 && i-- > 0;)
		r = call_plugin(c, &c->list->plugins[i], CNI_DEL, prev, e);
	return r < 0 ? r : cache_remove(c->cache, &c->at, e);
}

/* The first failure is the caller's to tell; of the others the log is all that there is. */
static void collect(struct err *first, const struct err *e)
{
	if (!e->errnum)
		return;
	if (first->errnum)
		log_line(LOG_ERROR, "%s", e->text);
	else
		*first = *e;
}

static void gc_cached(const struct chain *c, struct err *first)
{
	struct cache_entry *entries = NULL;
	struct err e = { 0 };
	size_t count = 0;

	cache_list(c->arena, c->cache, c->list->name, &entries, &count, &e);
	collect(first, &e);
	for (size_t i = 0; i < count; i++) {
		struct chain one = *c;
		size_t mark = c->arena->used;

		one.at = entries[i].at;
		one.netns = entries[i].netns;
		one.args = entries[i].args;
		one.capability_args = entries[i].capability_args;
		err_clear(&e);
		err_ctx(&e, chain_del(&one, &e), "delete attachment %.64s %s", one.at.container_id,
			one.at.ifname);
		collect(first, &e);
		arena_reset(c->arena, mark);
	}
}

int chain_gc(const struct chain *c, struct err *e)
{
	struct err one;

	if (c->list->disable_gc)
		return 0;
	gc_cached(c, e);
	for (size_t i = 0; c->list->version >= CNI_1_1_0 && i < c->list->count; i++) {
		err_clear(&one);
		call_plugin(c, &c->list->plugins[i], CNI_GC, (struct json_raw){ 0 }, &one);
		collect(e, &one);
	}
	return -e->errnum;
}

int chain_status(const struct chain *c, struct err *e)
{
	return c->list->version < CNI_1_1_0 ? 0
					    : call_all(c, CNI_STATUS, (struct json_raw){ 0 }, e);
}

struct versions {
	struct json_list list;
};
static const struct json_field version_element = { .kind = JSON_STR };
static const struct json_field versions_fields[] = {
	{ "supportedVersions", JSON_LIST, offsetof(struct versions, list), .required = true,

	  .elem = &version_element, .elem_size = sizeof(const char *) },
};
static const struct json_table versions_table = { .fields = versions_fields, .count = 1 };

static int version_one(const struct chain *c, const struct net_plugin *p, struct text *out,
		       struct err *e)
{
	/*
	 * As the runtimes ask: the specification gives VERSION no other variables, but old plugins
	 * want them set.
	 */
	const struct cni_env env = {
		.command = "VERSION", .netns = "dummy", .ifname = "dummy", .path = "dummy"
	};
	const char *wanted = cni_version_text(c->list->version);
	struct versions v = { 0 };
	const char *const *version;
	bool spoken = false;
	struct json_raw answer = { 0 };
	struct text config;
	int r;

	text_init(&config, config_buf, sizeof(config_buf));
	text_printf(&config, "{\"cniVersion\":\"%s\"}", cni_version_text(CNI_LATEST));
	r = exec_plugin(c, p, &env, &config, &answer, e);
	if (r == 0)
		r = err_ctx(e,
			    json_decode(c->arena, answer.text, answer.len, &versions_table, &v, e),
			    "its answer");
	if (r < 0)
		return r;
	version = v.list.items;
	text_printf(out, "%s:", p->type);
	for (size_t i = 0; i < v.list.count; i++) {
		text_printf(out, " %s", version[i] ? version[i] : "null");
		spoken = spoken || (version[i] && strcmp(version[i], wanted) == 0);
	}
	text_char(out, '\n');
	return spoken ? 0
		      : err_set(e, EPROTONOSUPPORT,
				"it does not support version %s of network \"%s\"", wanted,
				c->list->name);
}

int chain_version(const struct chain *c, struct text *out, struct err *e)
{
	struct err one;

	for (size_t i = 0; i < c->list->count; i++) {
		err_clear(&one);
		name_plugin(&c->list->plugins[i], "version",
			    version_one(c, &c->list->plugins[i], out, &one), &one);
		collect(e, &one);
	}
	return -e->errnum;
}
