/*
 * Forwarding, and what must be changed with it. What a sysctl was before us is written down before
 * it is changed, in a file whose life ends with the boot as the sysctl's does: lines of path,
 * former value, our value. A line whose sysctl no longer has our value is not ours to restore.
 */
#include "node/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "net/sysctl.h"

#define SAVED NODE_STATE_DIR "/" SAVED_NAME
#define SAVED_NAME "sysctl"
#define SAVED_SIZE (128u << 10)

/* "net/ipv4/ip_forward 0 1" */
static bool parse_line(char *line, struct site_sysctl *out)
{
	char *before = strchr(line, ' ');
	char *ours = before ? strchr(before + 1, ' ') : NULL;

	if (!ours || strchr(ours + 1, ' '))
		return false;
	*before = '\0';
	*ours = '\0';
	*out = (struct site_sysctl){ line, before + 1, ours + 1 };
	return *out->before && *out->ours;
}

static int parse_saved(struct site *s, char *text, struct err *e)
{
	struct site_sysctl line;
	char *end;

	for (; *text; text = end + 1) {
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		if (!end || !parse_line(text, &line))
			return err_set(e, EINVAL,
				       SAVED ": \"%.64s\": expected a line of a sysctl, its former "
					     "value and ours",
				       text);
		list_add(&s->sysctls, &line);
	}
	return list_check(&s->sysctls, "sysctls", e);
}

int site_read_sysctls(struct site *s, struct err *e)
{
	char *text = arena_alloc(s->arena, SAVED_SIZE);
	struct err mine = { 0 };
	ssize_t len;

	list_init(&s->sysctls, s->arena, sizeof(struct site_sysctl));
	if (!text)
		return err_set(e, ENOMEM, "no memory for " SAVED);
	len = file_read(AT_FDCWD, SAVED, text, SAVED_SIZE, &mine);
	if (len == -ENOENT)
		return 0;
	return len < 0 ? err_take(e, &mine) : parse_saved(s, text, e);
}

const struct site_sysctl *site_sysctl(const struct site *s, const char *path)
{
	const struct site_sysctl *at = s->sysctls.at;

	for (size_t i = 0; i < s->sysctls.count; i++) {
		if (strcmp(at[i].path, path) == 0)
			return &at[i];
	}
	return NULL;
}

/*
 * Write down what was, of all that is wanted: once noted, a former value stays. What is stale stays
 * noted until it is restored.
 */
static void put_saved(const struct apply *a, const struct change *c, bool keep_stale,
		      struct text *t)
{
	const struct site_sysctl *known;

	if (c->verdict == ITEM_STALE && !keep_stale)
		return;
	known = site_sysctl(a->site, c->item->name);
	if (known)
		text_printf(t, "%s %s %s\n", known->path, known->before,
			    c->want ? c->want->value : known->ours);
	else if (c->verdict == ITEM_DIFFERS)
		text_printf(t, "%s %s %s\n", c->want->name, c->have->value, c->want->value);
}

static int save(const struct apply *a, bool keep_stale, struct err *e)
{
	static char buf[SAVED_SIZE];
	struct text t;
	int dir, r;

	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < a->count; i++)
		put_saved(a, &a->changes[i], keep_stale, &t);
	if (t.bad)
		return err_set(e, EFBIG, "more sysctls than fit into %u bytes", SAVED_SIZE);
	dir = dir_open(NODE_STATE_DIR, true, e);
	if (dir < 0)
		return dir;
	r = file_replace(dir, SAVED_NAME, t.at, t.len, 0644, FILE_NO_SYNC, e);
	close(dir);
	return r;
}

/*
 * Forwarding first, then what was changed for its sake: the order of the items backwards. Links may
 * be gone with their sysctls.
 */
static int restore(const struct apply *a, const struct change *c, struct err *e)
{
	const struct site_sysctl *known = site_sysctl(a->site, c->have->name);
	struct err mine = { 0 };
	int r = 0;

	if (known && strcmp(c->have->value, known->ours) == 0)
		r = sysctl_set(known->path, known->before, &mine);
	if (r < 0 && r != -ENOENT)
		return err_take(e, &mine);
	change_done(c);
	return 0;
}

static int change_all(const struct apply *a, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < a->count && r >= 0; i++) {
		const struct change *c = &a->changes[i];

		if (c->verdict != ITEM_DIFFERS)
			continue;
		r = sysctl_set(c->want->name, c->want->value, e);
		if (r >= 0)
			change_done(c);
	}
	return r < 0 ? r : 0;
}

static int restore_all(const struct apply *a, struct err *e)
{
	int r = 0;

	for (size_t i = a->count; i-- > 0 && r == 0;) {
		const struct change *c = &a->changes[i];

		if (c->verdict == ITEM_STALE)
			r = restore(a, c, e);
	}
	return r;
}

static bool any(const struct apply *a, enum verdict v)
{
	size_t i = 0;

	while (i < a->count && a->changes[i].verdict != v)
		i++;
	return i < a->count;
}

int apply_sysctls(const struct apply *a, struct err *e)
{
	bool stale = any(a, ITEM_STALE);
	int r = any(a, ITEM_DIFFERS) ? save(a, true, e) : 0;

	if (r == 0)
		r = change_all(a, e);
	if (r == 0 && stale)
		r = restore_all(a, e);
	return r == 0 && stale ? save(a, false, e) : r;
}
