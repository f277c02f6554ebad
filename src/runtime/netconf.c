/* Network configuration lists: see netconf.h. */
#include "runtime/netconf.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

struct file {
	const char *name, *type, *version;
	struct json_list versions; /* const char * */
	struct json_list plugins;  /* struct json_raw */
	struct json_raw disable_check, disable_gc, only_inlined;
};

static const struct json_field text_element = { .kind = JSON_STR };
static const struct json_field raw_element = { .kind = JSON_RAW };

static const struct json_field file_fields[] = {
	{ "name", JSON_STR, offsetof(struct file, name), .required = true },
	{ "type", JSON_STR, offsetof(struct file, type) },
	{ "cniVersion", JSON_STR, offsetof(struct file, version) },
	{ "cniVersions", JSON_LIST, offsetof(struct file, versions),

	  .elem = &text_element, .elem_size = sizeof(const char *) },
	{ "plugins", JSON_LIST, offsetof(struct file, plugins),

	  .elem = &raw_element, .elem_size = sizeof(struct json_raw) },
	{ "disableCheck", JSON_RAW, offsetof(struct file, disable_check) },
	{ "disableGC", JSON_RAW, offsetof(struct file, disable_gc) },
	{ "loadOnlyInlinedPlugins", JSON_RAW, offsetof(struct file, only_inlined) },
};
static const struct json_table file_table = {
	.fields = file_fields, .count = sizeof(file_fields) / sizeof(file_fields[0])
};

static const struct json_field plugin_fields[] = {
	{ "type", JSON_STR, offsetof(struct net_plugin, type), .required = true },
	{ "name", JSON_STR, offsetof(struct net_plugin, name) },
	{ "capabilities", JSON_RAW, offsetof(struct net_plugin, capabilities) },
};
static const struct json_table plugin_table = { .fields = plugin_fields, .count = 3 };

/* As libcni: also "true" and "false" in quotes. */
static int read_bool(struct json_raw raw, const char *key, bool *out, struct err *e)
{
	struct json_raw bare = raw;

	if (!raw.text)
		return 0;
	if (raw.len >= 2 && raw.text[0] == '"')
		bare = (struct json_raw){ .text = raw.text + 1, .len = raw.len - 2 };
	*out = json_key_is(bare, "true");
	if (!*out && !json_key_is(bare, "false"))
		return err_set(e, EINVAL, "%s: expected true or false, got %.*s", key,
			       raw.len > 48 ? 48 : (int)raw.len, raw.text);
	return 0;
}

/*
 * The highest version that is ours too; one that we do not know is newer than we are, and the list
 * may name it for others.
 */
static int choose_version(const struct file *f, enum cni_version *out, struct err *e)
{
	const char *const *other = f->versions.items;
	bool found = f->version && *f->version && cni_version_parse(f->version, out);
	enum cni_version v;

	for (size_t i = 0; i < f->versions.count; i++) {
		if (other[i] && cni_version_parse(other[i], &v) && (!found || v > *out)) {
			*out = v;
			found = true;
		}
	}
	if (found)
		return 0;
	*out = CNI_0_1_0;
	if (f->version && *f->version)
		return err_set(e, EINVAL, "cniVersion \"%.32s\" is not supported (0.1.0 to %s)",
			       f->version, cni_version_text(CNI_LATEST));
	return 0;
}

static int check_capabilities(const struct net_plugin *p, struct err *e)
{
	struct json_iter it = json_members(p->capabilities);
	struct json_raw key, value;
	bool ignored;

	if (!p->capabilities.text)
		return 0;
	if (p->capabilities.text[0] != '{')
		return err_set(e, EINVAL, "capabilities: expected an object");
	while (json_next(&it, &key, &value)) {
		if (value.text[0] == '"' || read_bool(value, "", &ignored, err_ignored()) < 0)
			return err_set(e, EINVAL, "capabilities.%.*s: expected true or false",
				       key.len > 48 ? 48 : (int)key.len, key.text);
	}
	return 0;
}

int net_plugin_parse(struct arena *a, struct json_raw raw, struct net_plugin *out, struct err *e)
{
	int r;

	*out = (struct net_plugin){ .config = json_trim(raw) };
	r = json_decode_raw(a, raw, "", &plugin_table, out, e);
	if (r == 0 && !*out->type)
		r = err_set(e, EINVAL, "type: must name a plugin, is empty");
	return r < 0 ? r : check_capabilities(out, e);
}

static int read_plugins(struct arena *a, const struct json_list *raws, struct net_list *out,
			struct err *e)
{
	const struct json_raw *raw = raws->items;
	int r;

	out->plugins = arena_array(a, raws->count, sizeof(*out->plugins));
	if (!out->plugins)
		return err_set(e, ENOMEM, "plugins: too many");
	for (size_t i = 0; raw && i < raws->count; i++) {
		r = net_plugin_parse(a, raw[i], &out->plugins[i], e);
		if (r < 0)
			return err_ctx(e, r, "plugins[%zu]", i);
		out->count++;
	}
	return 0;
}

/* A file of one plugin: the cache keeps it as the list that it stands for, in libcni's form. */
static int wrap(struct arena *a, const struct file *f, struct json_raw text, struct net_list *out,
		struct err *e)
{
	const char *version = (f->version && *f->version) || f->versions.count
				      ? cni_version_text(out->version)
				      : "";
	char *bytes = arena_printf(a, "{\"cniVersion\":\"%s\",\"name\":\"%s\",\"plugins\":[%.*s]}",
				   version, f->name, (int)text.len, text.text);

	if (!bytes)
		return err_set(e, ENOMEM, "too large");
	out->bytes = (struct json_raw){ .text = bytes, .len = strlen(bytes) };
	return read_plugins(a, &(struct json_list){ .items = &text, .count = 1 }, out, e);
}

static int read_list(struct arena *a, const struct file *f, struct net_list *out, bool *more,
		     struct err *e)
{
	bool only_inlined = false;
	int r = read_bool(f->disable_check, "disableCheck", &out->disable_check, e);

	if (r == 0)
		r = read_bool(f->disable_gc, "disableGC", &out->disable_gc, e);
	if (r == 0)
		r = read_bool(f->only_inlined, "loadOnlyInlinedPlugins", &only_inlined, e);
	if (r < 0)
		return r;
	*more = !only_inlined;
	if (!f->plugins.items && only_inlined)
		return err_set(e, EINVAL, "plugins: required with loadOnlyInlinedPlugins");
	if (f->plugins.items && f->plugins.count == 0)
		return err_set(e, EINVAL, "plugins: the list is empty");
	return read_plugins(a, &f->plugins, out, e);
}

int net_list_parse(struct arena *a, struct json_raw text, struct net_list *out, bool *more,
		   struct err *e)
{
	struct file f = { 0 };
	int r = json_decode(a, text.text, text.len, &file_table, &f, e);

	*out = (struct net_list){ .bytes = text };
	*more = false;
	if (r == 0 && !cni_network_valid(f.name))
		r = err_set(e, EINVAL,
			    "name \"%.48s\": expected a letter or digit, then letters, digits, "
			    "'_', '.' and '-', at "
			    "most %d",
			    f.name, CNI_NAME_MAX);
	if (r < 0)
		return r;
	out->name = f.name;
	r = choose_version(&f, &out->version, e);
	if (r < 0)
		return r;
	return f.type && !f.plugins.items ? wrap(a, &f, text, out, e)
					  : read_list(a, &f, out, more, e);
}
