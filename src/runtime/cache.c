/* The result cache: see cache.h. */
#include "runtime/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "json/writer.h"
#include "runtime/dirlist.h"

#define KIND "cniCacheV1"
#define ENTRY_MAX (4u << 20) /* a list of 1 MiB grows by a third in base64 */

struct file {
	const char *kind, *container, *ifname, *network, *netns;
	struct json_list args; /* struct json_raw */
	struct json_raw capability_args, result;
};

static const struct json_field raw_element = { .kind = JSON_RAW };
static const struct json_field fields[] = {
	{ "kind", JSON_STR, offsetof(struct file, kind), .required = true },
	{ "containerId", JSON_STR, offsetof(struct file, container), .required = true },
	{ "ifName", JSON_STR, offsetof(struct file, ifname), .required = true },
	{ "networkName", JSON_STR, offsetof(struct file, network), .required = true },
	{ "netns", JSON_STR, offsetof(struct file, netns) },
	{ "cniArgs", JSON_LIST, offsetof(struct file, args),

	  .elem = &raw_element, .elem_size = sizeof(struct json_raw) },
	{ "capabilityArgs", JSON_RAW, offsetof(struct file, capability_args) },
	{ "result", JSON_RAW, offsetof(struct file, result) },
};
static const struct json_table table = { .fields = fields,
					 .count = sizeof(fields) / sizeof(fields[0]) };

static int file_name(char out[static NAME_MAX + 1], const struct cni_attachment *at, struct err *e)
{
	struct attachment_names buf;
	struct cni_attachment brief = *at;

	if (strlen(at->network) + strlen(at->container_id) + strlen(at->ifname) + 2 > NAME_MAX)
		brief = attachment_shorten(at, &buf);
	if (snprintf(out, NAME_MAX + 1, "%s-%s-%s", brief.network, brief.container_id,
		     brief.ifname) > NAME_MAX ||
	    !name_is_plain(out))
		return err_set(
			e, EINVAL,
			"no cache file can be named after network \"%.80s\", interface \"%.16s\"",
			at->network, at->ifname);
	return 0;
}

/*
 * libcni makes it readable for root alone. "base/." follows base where it is a symbolic link to
 * another disk.
 */
static int open_results(const char *base, bool create, struct err *e)
{
	char path[PATH_MAX];
	int parent, dir;

	if ((size_t)snprintf(path, sizeof(path), "%s/.", base) >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "%.64s: path too long", base);
	parent = dir_open(path, create, e);
	if (parent < 0)
		return parent;
	if (create && mkdirat(parent, "results", 0700) < 0 && errno != EEXIST)
		err_sys(e, errno, "make directory %s/results", base);
	dir = openat(parent, "results", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		err_sys(e, errno, "open directory %s/results", base);
	close(parent);
	return dir < 0 ? -e->errnum : dir;
}

/* Standard alphabet with padding, as Go encodes a []byte. */
static void put_base64(struct text *t, struct json_raw raw)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const void *)raw.text;

	text_char(t, '"');
	for (size_t i = 0; i < raw.len; i += 3) {
		size_t n = raw.len - i;
		unsigned int v = p[i] << 16 | (n > 1 ? p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63],
				 n > 1 ? digits[v >> 6 & 63] : '=', n > 2 ? digits[v & 63] : '=' };

		text_put(t, four, 4);
	}
	text_char(t, '"');
}

/* "A=1;B=2" to [["A","1"],["B","2"]]; the caller has judged the pairs. */
static int put_args(struct arena *a, struct json_writer *w, const char *args, struct err *e)
{
	json_key(w, "cniArgs");
	json_open(w, '[');
	while (*args) {
		size_t len = strcspn(args, ";"), key = strcspn(args, "=");
		const char *name = arena_strndup(a, args, key < len ? key : len);
		const char *value = arena_strndup(a, args + key + 1, key < len ? len - key - 1 : 0);

		if (!name || !value)
			return err_set(e, ENOMEM, "CNI_ARGS: too long");
		json_open(w, '[');
		json_put_str(w, name);
		json_put_str(w, value);
		json_close(w, ']');
		args += len;
		args += *args == ';';
	}
	json_close(w, ']');
	return 0;
}

static int compose(struct arena *a, struct text *t, const struct cache_entry *c, struct err *e)
{
	struct json_writer w;
	int r = 0;

	json_begin(&w, t, 0);
	json_open(&w, '{');
	json_member_str(&w, "kind", KIND);
	json_member_str(&w, "containerId", c->at.container_id);
	json_key(&w, "config");
	w.after_key = false;
	put_base64(t, c->config);
	json_member_str(&w, "ifName", c->at.ifname);
	json_member_str(&w, "networkName", c->at.network);
	if (*c->netns)
		json_member_str(&w, "netns", c->netns);
	if (*c->args)
		r = put_args(a, &w, c->args, e);
	if (c->capability_args.text)
		json_member_raw(&w, "capabilityArgs", c->capability_args);
	if (c->result.text)
		json_member_raw(&w, "result", c->result);
	json_close(&w, '}');
	return r;
}

int cache_write(struct arena *a, const char *base, const struct cache_entry *c, struct err *e)
{
	static char buf[ENTRY_MAX];
	char name[NAME_MAX + 1];
	struct text t;
	int dir, r;

	text_init(&t, buf, sizeof(buf));
	r = file_name(name, &c->at, e);
	if (r == 0)
		r = compose(a, &t, c, e);
	if (r == 0 && t.bad)
		r = err_set(e, E2BIG, "the cached result would be larger than %u bytes", ENTRY_MAX);
	if (r < 0)
		return r;
	dir = open_results(base, true, e);
	if (dir < 0)
		return dir;
	r = file_replace(dir, name, t.at, t.len, 0600, FILE_NO_SYNC, e);
	close(dir);
	return r;
}

/* [["K","V"], ...] back to K=V;K=V */
static const char *join_args(struct arena *a, const struct json_list *pairs)
{
	const struct json_raw *pair = pairs->items;
	const char *joined = "";

	for (size_t i = 0; joined && i < pairs->count; i++) {
		struct json_iter it = json_members(pair[i]);
		struct json_raw none, raw[2] = { 0 };
		const char *name, *value;

		json_next(&it, &none, &raw[0]);
		json_next(&it, &none, &raw[1]);
		name = raw[0].text ? json_string(a, raw[0]) : NULL;
		value = raw[1].text ? json_string(a, raw[1]) : NULL;
		if (name && value)
			joined = arena_printf(a, "%s%s%s=%s", joined, *joined ? ";" : "", name,
					      value);
	}
	return joined ? joined : "";
}

static int read_entry(struct arena *a, int dir, const char *name, struct cache_entry *out,
		      struct err *e)
{
	struct json_raw text = { 0 };
	struct file f = { .netns = "" };
	int r = dirlist_read(a, dir, name, &text, e);

	if (r == 0)
		r = json_decode(a, text.text, text.len, &table, &f, e);
	if (r == 0 && strcmp(f.kind, KIND) != 0)
		r = err_set(e, EINVAL, "kind \"%.48s\": expected \"" KIND "\"", f.kind);
	if (r != 0)
		return r;
	*out = (struct cache_entry){
		.at = { .network = f.network, .container_id = f.container, .ifname = f.ifname },
		.netns = f.netns,
		.args = join_args(a, &f.args),
		.capability_args = f.capability_args,
		.result = f.result,
	};
	return 0;
}

int cache_read(struct arena *a, const char *base, const struct cni_attachment *at,
	       struct cache_entry *out, struct err *e)
{
	char name[NAME_MAX + 1];
	int dir, r;

	r = file_name(name, at, e);
	if (r < 0)
		return r;
	dir = open_results(base, false, e);
	if (dir < 0)
		return dir;
	r = err_ctx(e, read_entry(a, dir, name, out, e), "cached result %.100s", name);
	close(dir);
	return r;
}

int cache_remove(const char *base, const struct cni_attachment *at, struct err *e)
{
	char name[NAME_MAX + 1];
	int dir, r;

	r = file_name(name, at, e);
	if (r < 0)
		return r;
	dir = open_results(base, false, e);
	if (dir == -ENOENT)
		err_clear(e);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = err_ctx(e, file_remove(dir, name, e), "cached result");
	close(dir);
	return r;
}

static bool belongs(const struct cache_entry *c, const char *network)
{
	return strcmp(c->at.network, network) == 0 && cni_id_valid(c->at.container_id) &&
	       cni_ifname_valid(c->at.ifname);
}

int cache_list(struct arena *a, const char *base, const char *network, struct cache_entry **out,
	       size_t *count, struct err *e)
{
	const char *path = arena_printf(a, "%s/results", base);
	struct dirlist files = { .dir = -1 };
	int r;

	*count = 0;
	r = path ? dirlist_open(a, path, &files, e)
		 : err_set(e, ENOMEM, "%.64s: path too long", base);
	if (r == -ENOENT)
		err_clear(e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	*out = arena_array(a, files.count, sizeof(**out));
	for (size_t i = 0; *out && i < files.count; i++) {
		size_t mark = a->used;

		if (read_entry(a, files.dir, files.names[i], &(*out)[*count], err_ignored()) == 0 &&
		    belongs(&(*out)[*count], network))
			(*count)++;
		else
			arena_reset(a, mark);
	}
	dirlist_close(&files);
	return *out ? 0 : err_set(e, ENOMEM, "%s: too many cached results", path);
}
