/* The few members that count, of large objects: see members.h. */
#include "cluster/members.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

int cluster_no_room(struct err *e)
{
	return err_set(e, ENOMEM, "the cluster file is too large for the memory of this program");
}

void members_find(struct json_raw object, struct member *members, size_t count)
{
	struct json_iter it = json_members(object);
	struct json_raw key, value;

	while (json_next(&it, &key, &value)) {
		for (size_t i = 0; i < count; i++) {
			if (key.text && json_key_is(key, members[i].name))
				members[i].value = value;
		}
	}
}

int members_decode(struct arena *a, const struct member *members, const char *path,
		   const struct json_table *table, void *out, struct err *e)
{
	size_t size = sizeof("{}");
	struct text t;
	char *buf;

	for (size_t i = 0; i < table->count; i++)
		size += strlen(members[i].name) + members[i].value.len + sizeof(",\"\":");
	buf = arena_alloc(a, size);
	if (!buf)
		return cluster_no_room(e);
	text_init(&t, buf, size);
	text_char(&t, '{');
	for (size_t i = 0; i < table->count; i++) {
		if (!members[i].value.text)
			continue;
		text_printf(&t, "%s\"%s\":", t.len > 1 ? "," : "", members[i].name);
		text_put(&t, members[i].value.text, members[i].value.len);
	}
	text_char(&t, '}');
	return json_decode_raw(a, (struct json_raw){ buf, t.len }, path, table, out, e);
}
