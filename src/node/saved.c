/* Former values of sysctls: see saved.h. */
#include "node/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/list.h"
#include "base/text.h"
#include "node/site.h"
#include "node/told.h"

#define SAVED_NAME "sysctl"
#define SAVED NODE_STATE_DIR "/" SAVED_NAME

/* "net/ipv4/ip_forward 0 1" */
static bool parse_line(char *line, struct saved_sysctl *out)
{
	char *before = strchr(line, ' ');
	char *ours = before ? strchr(before + 1, ' ') : NULL;

	if (!ours || strchr(ours + 1, ' '))
		return false;
	*before = '\0';
	*ours = '\0';
	*out = (struct saved_sysctl){ line, before + 1, ours + 1 };
	return *out->before && *out->ours;
}

static int parse_lines(struct list *out, char *text, struct err *e)
{
	struct saved_sysctl line;
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
		list_add(out, &line);
	}
	return list_check(out, "sysctls", e);
}

int saved_read(struct list *out, struct err *e)
{
	char *text = arena_alloc_raw(out->arena, SAVED_SIZE);
	struct err mine = { 0 };
	ssize_t len;

	if (!text)
		return err_set(e, ENOMEM, "no memory for " SAVED);
	len = file_read(AT_FDCWD, SAVED, text, SAVED_SIZE, &mine);
	if (len == -ENOENT)
		return 0;
	if (len < 0)
		return err_take(e, &mine);
	return parse_lines(out, text, e);
}

const struct saved_sysctl *saved_find(const struct list *saved, const char *path)
{
	const struct saved_sysctl *at = saved->at;

	for (size_t i = 0; i < saved->count; i++) {
		if (strcmp(at[i].path, path) == 0)
			return &at[i];
	}
	return NULL;
}

void saved_put(struct text *t, const struct saved_sysctl *s)
{
	text_printf(t, "%s %s %s\n", s->path, s->before, s->ours);
}

int saved_write(const struct text *t, struct err *e)
{
	int dir, r;

	if (t->bad)
		return err_set(e, EFBIG, "more sysctls than fit into %u bytes", SAVED_SIZE);
	dir = dir_open(NODE_STATE_DIR, true, e);
	if (dir < 0)
		return dir;
	r = file_replace(dir, SAVED_NAME, t->at, t->len, 0644, FILE_NO_SYNC, e);
	close(dir);
	return r;
}

int saved_remove(struct err *e)
{
	static const struct {
		const char *path;
		int flags;
	} parts[] = { { SAVED, 0 },
		      { NODE_STATE_DIR "/." SAVED_NAME ".new", 0 },
		      { NODE_STATE_DIR "/" TOLD_NAME, 0 },
		      { NODE_STATE_DIR "/." TOLD_NAME ".new", 0 },
		      { NODE_STATE_DIR, AT_REMOVEDIR } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (unlinkat(AT_FDCWD, parts[i].path, parts[i].flags) < 0 && errno != ENOENT)
			return err_errno(e, "remove %s", parts[i].path);
	}
	return 0;
}
