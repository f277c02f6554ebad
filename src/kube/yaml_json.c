/* JSON as the YAML that it is: see yaml_private.h. */
#include "kube/yaml_private.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

static struct yaml *convert(struct arena *a, struct json_raw raw, struct err *e);

static bool add_members(struct arena *a, struct json_raw raw, struct yaml *v, struct err *e)
{
	struct json_iter it = json_members(raw);
	struct json_raw key, value;
	struct yaml *last = NULL;

	while (json_next(&it, &key, &value)) {
		struct yaml *m = convert(a, value, e);

		if (!m)
			return false;
		if (key.text)
			m->key = json_string(a, (struct json_raw){ key.text - 1, key.len + 2 });
		if (key.text && (!m->key || yaml_get(v, m->key))) {
			err_set(e, EINVAL, "the key \"%.*s\" is invalid or stands twice",
				(int)(key.len < 64 ? key.len : 64), key.text);
			return false;
		}
		*(last ? &last->next : &v->first) = m;
		last = m;
	}
	return true;
}

/* json_check() has limited the depth. */
static struct yaml *convert(struct arena *a, struct json_raw raw, struct err *e)
{
	struct yaml *v = arena_alloc(a, sizeof(*v));

	if (!v) {
		err_set(e, ENOMEM, "too large");
		return NULL;
	}
	switch (*raw.text) {
	case '{':
	case '[':
		v->kind = *raw.text == '{' ? YAML_MAP : YAML_LIST;
		return add_members(a, raw, v, e) ? v : NULL;
	case 'n':
		return v;
	case '"':
		v->text = json_string(a, raw);
		break;
	default:
		v->text = arena_strndup(a, raw.text, raw.len);
	}
	v->kind = YAML_TEXT;
	if (!v->text) {
		err_set(e, EINVAL, "a string is invalid");
		return NULL;
	}
	return v;
}

int yaml_parse_json(struct arena *a, const char *text, size_t len, const struct yaml **out,
		    struct err *e)
{
	int r = json_check(text, len, e);

	if (r < 0)
		return r;
	*out = convert(a, json_trim((struct json_raw){ text, len }), e);
	return *out ? 0 : -e->errnum;
}
