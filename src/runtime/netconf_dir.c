/*
 * Finding a network in a directory of configuration files: see netconf.h.
 *
 * A file that is broken might be the one that is wanted, so its trouble is told: as a warning when
 * the network is found behind it, as part of the error when it is not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/dirlist.h"
#include "runtime/netconf.h"

struct search {
	struct arena *arena;
	const char *path;
	const char *name;
	struct dirlist files;
	struct net_list *out;
	bool more;
	char known_buf[256];
	struct text known; /* names of the other networks */
	struct err broken; /* the first file that could not be read */
};

static bool has_suffix(const char *name, const char *suffix)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, suffix) == 0;
}

/* Is this file the network? */
static bool try_file(struct search *s, const char *name)
{
	struct json_raw text = { 0 };
	struct err e = { 0 };
	int r = dirlist_read(s->arena, s->files.dir, name, &text, &e);

	if (r == 0)
		r = err_ctx(&e, net_list_parse(s->arena, text, s->out, &s->more, &e), "%s/%s",
			    s->path, name);
	if (r < 0) {
		if (!s->broken.errnum)
			s->broken = e;
		return false;
	}
	if (strcmp(s->out->name, s->name) == 0)
		return true;
	text_printf(&s->known, "%s%s", s->known.len ? ", " : "", s->out->name);
	return false;
}

static bool try_files(struct search *s, const char *suffix, const char *other)
{
	for (size_t i = 0; i < s->files.count; i++) {
		const char *name = s->files.names[i];

		if ((has_suffix(name, suffix) || has_suffix(name, other)) && try_file(s, name))
			return true;
	}
	return false;
}

static int not_found(const struct search *s, struct err *e)
{
	const char *known = s->known.len ? s->known_buf : "none";

	if (s->broken.errnum)
		return err_set(e, ENOENT,
			       "no network \"%.64s\" in %s (known: %s); not readable: %s", s->name,
			       s->path, known, s->broken.text);
	return err_set(e, ENOENT, "no network \"%.64s\" in %s (known: %s)", s->name, s->path,
		       known);
}

static int read_more(struct search *s, const struct dirlist *files, struct err *e)
{
	struct net_list *l = s->out;
	struct net_plugin *all = arena_array(s->arena, l->count + files->count, sizeof(*all));

	if (!all)
		return err_set(e, ENOMEM, "too many plugins");
	if (l->count)
		memcpy(all, l->plugins, l->count * sizeof(*all));
	l->plugins = all;
	for (size_t i = 0; i < files->count; i++) {
		struct json_raw text = { 0 };
		int r;

		if (!has_suffix(files->names[i], ".conf"))
			continue;
		r = dirlist_read(s->arena, files->dir, files->names[i], &text, e);
		if (r == 0)
			r = err_ctx(e, net_plugin_parse(s->arena, text, &all[l->count], e), "%s",
				    files->names[i]);
		if (r < 0)
			return r;
		l->count++;
	}
	return 0;
}

/*
 * Specification 1.1.0, loadOnlyInlinedPlugins: DIR/NETWORK/ *.conf stand behind the list's own
 * plugins.
 */
static int load_more(struct search *s, struct err *e)
{
	const char *path = arena_printf(s->arena, "%s/%s", s->path, s->name);
	struct dirlist files;
	int r;

	if (!path)
		return err_set(e, ENOMEM, "too many files in %s", s->path);
	r = dirlist_open(s->arena, path, &files, e);
	/* No directory can have the name of a network that is too long for one. */
	if (r == -ENOENT || r == -ENOTDIR || r == -ENAMETOOLONG) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	r = err_ctx(e, read_more(s, &files, e), "%s", path);
	dirlist_close(&files);
	return r;
}

static int search(struct search *s, struct err *e)
{
	int r = 0;

	text_init(&s->known, s->known_buf, sizeof(s->known_buf));
	if (!try_files(s, ".conflist", ".conflist") && !try_files(s, ".conf", ".json"))
		return not_found(s, e);
	if (s->broken.errnum)
		log_line(LOG_WARN, "ignored: %s", s->broken.text);
	if (s->more)
		r = load_more(s, e);
	if (r == 0 && s->out->count == 0)
		r = err_set(e, EINVAL, "network \"%.64s\" in %s has no plugins", s->name, s->path);
	return r;
}

int net_list_load(struct arena *a, const char *dir, const char *name, struct net_list *out,
		  struct err *e)
{
	struct search s = { .arena = a, .path = dir, .name = name, .out = out };
	int r = dirlist_open(a, dir, &s.files, e);

	if (r < 0)
		return r;
	r = search(&s, e);
	dirlist_close(&s.files);
	return r;
}
