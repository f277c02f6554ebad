/* Calling another plugin: see delegate.h. */
#include "cni/delegate.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "cni/exec.h"

#define FOREIGN_RESULT_MAX (64u << 10)

static int find(struct cni_delegate *d, const struct cni_plugin *own, const char *type,
		const struct cni_request *outer, struct err *e)
{
	struct err missing = { 0 };
	char file[PATH_MAX];
	int r = cni_find(outer->path, type, file, sizeof(file), &missing);

	d->plugin = NULL;
	d->file = "";
	if (own && (r == -ENOENT || (r == 0 && cni_is_self(file)))) {
		d->plugin = own;
		return 0;
	}
	if (r < 0)
		return err_code(e, err_take(e, &missing), CNI_ERR_CONFIG);
	d->file = arena_strndup(outer->arena, file, strlen(file));
	return d->file ? 0 : err_set(e, ENOMEM, "no memory left");
}

int cni_delegate_prepare(struct cni_delegate *d, const struct cni_plugin *own, const char *type,
			 const struct cni_request *outer, struct json_raw config, struct err *e)
{
	const struct cni_env env = cni_env_of(outer, outer->command);
	int r = find(d, own, type, outer, e);

	d->conf = NULL;
	if (r == 0)
		r = cni_request_read(&d->req, outer->arena, &env, config.text, config.len, e);
	d->req.plugin = d->plugin;
	if (r == 0 && d->plugin)
		r = cni_plugin_prepare(d->plugin, &d->req, &d->conf, e);
	return r;
}

static int call(struct cni_delegate *d, enum cni_command command, char *out, size_t *len,
		struct err *e)
{
	const struct cni_exec x = {
		.file = d->file,
		.env = cni_env_of(&d->req, command),
		.config = d->req.config.text,
		.config_len = d->req.config.len,
	};

	return err_ctx(e, cni_exec(d->req.arena, &x, out, FOREIGN_RESULT_MAX, len, e), "plugin %s",
		       d->file);
}

static void undo_foreign(void *ctx)
{
	static char text[FOREIGN_RESULT_MAX];
	struct err e = { 0 };
	size_t len;

	if (call(ctx, CNI_DEL, text, &len, &e) < 0)
		log_line(LOG_WARN, "undo: %s", e.text);
}

static int add_foreign(struct cni_delegate *d, struct cni_result *out, struct undo *u,
		       struct err *e)
{
	static char text[FOREIGN_RESULT_MAX];
	struct json_raw raw = { .text = text };
	int r;

	undo_push(u, undo_foreign, d); /* also when only the answer was lost */
	r = call(d, CNI_ADD, text, &raw.len, e);
	if (r < 0)
		return r;
	r = json_check(text, raw.len, e);
	if (r == 0)
		r = cni_result_read(d->req.arena, raw, "", out, e);
	return err_code(e, err_ctx(e, r, "result of plugin %s", d->file), CNI_ERR_DECODE);
}

int cni_delegate_add(struct cni_delegate *d, struct cni_result *out, struct undo *u, struct err *e)
{
	return d->plugin ? d->plugin->add(&d->req, d->conf, out, u, e) : add_foreign(d, out, u, e);
}

int cni_delegate_check(struct cni_delegate *d, const struct cni_result *prev, struct err *e)
{
	if (!d->plugin)
		return cni_delegate_run(d, e);
	return d->plugin->check ? d->plugin->check(&d->req, d->conf, prev, e) : 0;
}

int cni_delegate_run(struct cni_delegate *d, struct err *e)
{
	static char text[FOREIGN_RESULT_MAX];
	const struct cni_plugin *p = d->plugin;
	int (*fn)(const struct cni_request *, const void *, struct err *) = NULL;
	size_t len;

	if (!p)
		return call(d, d->req.command, text, &len, e);
	if (d->req.command == CNI_DEL)
		fn = p->del;
	else if (d->req.command == CNI_GC && d->req.valid_known)
		fn = p->gc;
	else if (d->req.command == CNI_STATUS)
		fn = p->status;
	return fn ? fn(&d->req, d->conf, e) : 0;
}

void cni_delegate_answered(const struct cni_delegate *d, const char *answer, int status)
{
	if (d->plugin && d->plugin->answered && d->conf)
		d->plugin->answered(&d->req, d->conf, answer, status);
}
