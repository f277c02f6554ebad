/* See patch.h. */
#include "kube/patch.h"

#include <errno.h>

#include "base/err.h"
#include "kube/watch.h"

static const char *const keep[] = { "message", NULL };

bool patch_is_due(const struct patch *p, int64_t now_ms)
{
	return p->wanted && now_ms >= p->due_ms;
}

void patch_begin(struct patch *p)
{
	p->scanning = false;
	p->message[0] = '\0';
}

static int take_status(void *arg, struct json_raw object, struct err *e)
{
	struct patch *p = arg;

	(void)e;
	if (object.text)
		refusal_message(cutter_member(object, "message"), p->message);
	return 0;
}

/* The object as it is now is told by the watch. */
int patch_body(struct patch *p, unsigned int status, const char *data, size_t len, struct err *e)
{
	const struct cutter_spec spec = { .keep = keep, .fn = take_status, .arg = p };

	(void)e;
	if (status == HTTP_OK)
		return 0;
	if (!p->scanning)
		cutter_init(&p->cutter, &spec, p->buf, sizeof(p->buf));
	p->scanning = true;
	cutter_feed(&p->cutter, data, len, err_ignored());
	return 0;
}

int patch_end(struct patch *p, const struct watch_result *result, int64_t now_ms, struct err *e)
{
	int r = result->r;

	if (r == 0 && result->status == HTTP_OK) {
		backoff_reset(&p->backoff);
		p->due_ms = now_ms + PATCH_AGAIN_MS;
		return 0;
	}
	p->due_ms = now_ms + backoff_next(&p->backoff, result->retry_after_s, result->random);
	if (r < 0)
		return err_ctx(e, r, "patch %s", p->resource);
	r = refusal_explain(result->status, "patch", p->resource, p->message, e);
	if (r == -EACCES && result->status == HTTP_FORBIDDEN)
		p->due_ms = now_ms + PATCH_REFUSED_MS;
	return r;
}
