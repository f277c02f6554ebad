/* The configuration that one plugin of a list gets: see netconf.h. */
#include "runtime/netconf.h"

#include <string.h>

#include "base/text.h"
#include "cni/result.h"
#include "json/writer.h"

static struct json_raw find_key(struct json_raw object, struct json_raw wanted)
{
	struct json_iter it = json_members(object);
	struct json_raw key, value, found = { 0 };

	while (json_next(&it, &key, &value)) {
		if (key.len == wanted.len && memcmp(key.text, wanted.text, key.len) == 0)
			found = value;
	}
	return found;
}

/* The next of the arguments that the plugin is capable of. */
static bool next_capability(struct json_iter *capabilities, struct json_raw args,
			    struct json_raw *key, struct json_raw *arg)
{
	struct json_raw capable;

	while (json_next(capabilities, key, &capable)) {
		*arg = find_key(args, *key);
		if (arg->text && capable.text[0] == 't')
			return true;
	}
	return false;
}

static bool has_runtime_config(const struct net_plugin *p, struct json_raw args)
{
	struct json_iter it = json_members(p->capabilities);
	struct json_raw key, arg;

	return next_capability(&it, args, &key, &arg);
}

/* Not even an empty one when there are no arguments. */
static void put_runtime_config(struct json_writer *w, const struct net_plugin *p,
			       struct json_raw args)
{
	struct json_iter it = json_members(p->capabilities);
	struct json_raw key, arg;

	if (!has_runtime_config(p, args))
		return;
	json_key(w, "runtimeConfig");
	json_open(w, '{');
	while (next_capability(&it, args, &key, &arg)) {
		json_key_raw(w, key);
		json_put_raw(w, arg);
	}
	json_close(w, '}');
}

static bool is_injected(struct json_raw key, const struct net_plugin *p,
			const struct net_inject *in)
{
	if (json_key_is(key, "name") || json_key_is(key, "cniVersion"))
		return true;
	if (in->prev_result.text && json_key_is(key, "prevResult"))
		return true;
	if (in->valid_attachments.text && (json_key_is(key, "cni.dev/valid-attachments") ||
					   json_key_is(key, "cni.dev/attachments")))
		return true;
	return json_key_is(key, "runtimeConfig") && has_runtime_config(p, in->capability_args);
}

void net_config_write(struct text *t, const struct net_list *l, const struct net_plugin *p,
		      const struct net_inject *in)
{
	struct json_iter it = json_members(p->config);
	struct json_raw key, value;
	struct json_writer w;

	cni_object_begin(&w, t, l->version);
	json_member_str(&w, "name", l->name);
	while (json_next(&it, &key, &value)) {
		const char *start = key.text - 1, *end = value.text + value.len;

		if (!is_injected(key, p, in)) /* the member as it stands in the file */
			json_put_raw(&w, (struct json_raw){ .text = start,
							    .len = (size_t)(end - start) });
	}
	put_runtime_config(&w, p, in->capability_args);
	if (in->prev_result.text)
		json_member_raw(&w, "prevResult", in->prev_result);
	if (in->valid_attachments.text) {
		/*
		 * The reference plugins up to 1.5 read the second name, from a draft of the
		 * specification.
		 */
		json_member_raw(&w, "cni.dev/valid-attachments", in->valid_attachments);
		json_member_raw(&w, "cni.dev/attachments", in->valid_attachments);
	}
	json_close(&w, '}');
}
