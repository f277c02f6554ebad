/* The field tables as --help: what the decoder accepts is what is printed. */
#include "json/json.h"

#include <string.h>

#include "base/text.h"
#include "json/parts.h"

#define PATH_TEXT 128

static const struct json_field *innermost(const struct json_field *f)
{
	while (f->kind == JSON_LIST)
		f = f->elem;
	return f;
}

static const char *bare_name(enum json_kind kind)
{
	const char *name = json_kind_name(kind);
	const char *blank = kind == JSON_RAW ? NULL : strchr(name, ' ');

	return blank ? blank + 1 : name;
}

/* "list of lists of IP prefixes" */
static void put_type(struct text *t, const struct json_field *f)
{
	const struct json_field *value = innermost(f), *level;
	const char *name = bare_name(value->kind);
	char last = name[strlen(name) - 1];

	for (level = f; level->kind == JSON_LIST; level = level->elem)
		text_str(t, level == f ? "list of " : "lists of ");
	text_str(t, name);
	if (level != f)
		text_str(t, last == 's' || last == 'x' ? "es" : "s");
	if (value->kind == JSON_INT && (int64_t)value->max > value->min)
		text_printf(t, " %lld..%lld", (long long)value->min, (long long)value->max);
}

static void put_fields(struct text *t, const struct json_table *table, const char *path);

/* A list's members stand under "ranges[][]". */
static void put_field(struct text *t, const struct json_field *f, const char *path)
{
	char here[PATH_TEXT], type[PATH_TEXT];
	struct text h, ty;
	const struct json_field *level;

	text_init(&h, here, sizeof(here));
	text_printf(&h, "%s%s%s", path, *path ? "." : "", f->name);
	text_init(&ty, type, sizeof(type));
	put_type(&ty, f);
	if (f->required)
		text_str(&ty, ", required");
	text_printf(t, "  %-30s %-26s %s\n", here, type, f->help);
	for (level = f; level->kind == JSON_LIST; level = level->elem)
		text_str(&h, "[]");
	if (level->kind == JSON_OBJECT &&
	    !h.bad) /* a table that holds itself ends where the path is full */
		put_fields(t, level->table, here);
}

static void put_fields(struct text *t, const struct json_table *table, const char *path)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		if (table->fields[i].help)
			put_field(t, &table->fields[i], path);
	}
}

void json_help(struct text *t, const struct json_table *table, const char *path)
{
	put_fields(t, table, path);
}
