/*
 * libFuzzer target for JSON in and out. Beyond "does not crash": what the grammar check accepts,
 * every other part must take as well-formed, and what is written from it must say the same.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TABLE(f)                                                                                   \
	{                                                                                          \
		.fields = (f), .count = COUNT(f)                                                   \
	}
#define LONGER                                                                                     \
	16 /* the writer may need more than the source: U+FFFD and \u0001 for one byte, all        \
	      indented */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct node {
	int64_t number;
	bool flag;
	const char *text;
	struct addr addr;
	struct prefix prefix;
	struct json_raw raw;
	struct json_list strings; /* of const char * */
	struct json_list nodes;	  /* of struct node: the table holds itself */
	struct json_list matrix;  /* of lists of int64_t */
};

static const struct json_table node_table;
static const struct json_field node_elem = { .kind = JSON_OBJECT, .table = &node_table };
static const struct json_field string_elem = { .kind = JSON_STR };
static const struct json_field int_elem = { .kind = JSON_INT, .min = -5, .max = 5 };
static const struct json_field row_elem = { .kind = JSON_LIST,
					    .elem = &int_elem,
					    .elem_size = sizeof(int64_t) };
static const struct json_field node_fields[] = {
	{ "i", JSON_INT, offsetof(struct node, number) },
	{ "b", JSON_BOOL, offsetof(struct node, flag) },
	{ "s", JSON_STR, offsetof(struct node, text) },
	{ "a", JSON_ADDR, offsetof(struct node, addr) },
	{ "p", JSON_PREFIX, offsetof(struct node, prefix) },
	{ "raw", JSON_RAW, offsetof(struct node, raw) },
	{ "strings", JSON_LIST, offsetof(struct node, strings), .elem = &string_elem,
	  .elem_size = sizeof(const char *) },
	{ "nodes", JSON_LIST, offsetof(struct node, nodes), .elem = &node_elem,
	  .elem_size = sizeof(struct node) },
	{ "m", JSON_LIST, offsetof(struct node, matrix), .elem = &row_elem,
	  .elem_size = sizeof(struct json_list) },
};
static const struct json_table node_table = TABLE(node_fields);

static _Alignas(16) char memory[4 << 20];

static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct arena fresh_arena(void)
{
	struct arena a;

	arena_init(&a, memory, sizeof(memory));
	return a;
}

/* All that was decoded must be readable memory: strings have an end, lists have their items. */
static size_t read_node(const struct node *n)
{
	size_t sum = n->text ? strlen(n->text) : 0, i, k;

	for (i = 0; i < n->raw.len; i++)
		sum += (unsigned char)n->raw.text[i];
	for (i = 0; i < n->strings.count; i++)
		sum += strlen(((const char **)n->strings.items)[i]);
	for (i = 0; i < n->nodes.count; i++)
		sum += read_node(&((struct node *)n->nodes.items)[i]);
	for (i = 0; i < n->matrix.count; i++) {
		const struct json_list *row = &((struct json_list *)n->matrix.items)[i];

		for (k = 0; k < row->count; k++)
			require(((int64_t *)row->items)[k] >= -5 &&
				((int64_t *)row->items)[k] <= 5);
	}
	return sum;
}

/* An undecoded key, as the string that it was. */
static const char *key_string(struct arena *a, struct json_raw key)
{
	return json_string(a, (struct json_raw){ .text = key.text - 1, .len = key.len + 2 });
}

/* Write the value again; false where a string cannot be one in C (\u0000). */
static bool copy_value(struct arena *a, struct json_writer *w, struct json_raw v)
{
	struct json_iter it = json_members(v);
	struct json_raw key, value;
	const char *s;

	if (v.text[0] == '"') {
		s = json_string(a, v);
		if (s)
			json_put_str(w, s);
		return s;
	}
	if (v.text[0] != '{' && v.text[0] != '[') {
		json_put_raw(w, v);
		return true;
	}
	json_open(w, v.text[0]);
	while (json_next(&it, &key, &value)) {
		s = key.text ? key_string(a, key) : NULL;
		if (key.text && !s)
			return false;
		if (s)
			require(json_key_is(key, s));
		if (s)
			json_key(w, s);
		if (!copy_value(a, w, value))
			return false;
	}
	json_close(w, v.text[0] == '{' ? '}' : ']');
	return true;
}

static struct json_raw trimmed(const char *text, size_t len)
{
	while (len && memchr(" \t\r\n", *text, 4))
		text++, len--;
	while (len && memchr(" \t\r\n", text[len - 1], 4))
		len--;
	return (struct json_raw){ .text = text, .len = len };
}

/* Writing without blanks is a fixed point: the copy of a copy is the same. */
static void check_copy(struct json_raw v)
{
	struct arena a = fresh_arena();
	size_t cap = v.len * LONGER + 64;
	char *first = malloc(cap), *second = malloc(cap);
	struct json_writer w;
	struct text t, again;
	struct err e = { 0 };

	text_init(&t, first, cap);
	json_begin(&w, &t, 0);
	if (copy_value(&a, &w, v)) {
		require(!t.bad && json_check(first, t.len, &e) == 0);
		text_init(&again, second, cap);
		json_begin(&w, &again, 0);
		require(copy_value(&a, &w, (struct json_raw){ .text = first, .len = t.len }));
		require(!again.bad && again.len == t.len && memcmp(first, second, t.len) == 0);
	}
	free(first);
	free(second);
}

/* Whatever it is, walking it stays inside. */
static void walk(struct json_raw v, unsigned int depth)
{
	struct json_iter it = json_members(v);
	struct json_raw key, value;

	while (depth < JSON_DEPTH_MAX && json_next(&it, &key, &value)) {
		json_key_is(key, "strings");
		walk(value, depth + 1);
	}
}

static void decode_both_ways(const char *text, size_t len, bool well_formed)
{
	struct arena a = fresh_arena();
	struct node node = { 0 }, sliced = { 0 };
	struct err e = { 0 }, f = { 0 };
	struct json_raw v = trimmed(text, len);
	int r = json_decode(&a, text, len, &node_table, &node, &e);

	require(a.cap == sizeof(memory));
	require(r == 0 ? !e.errnum : e.errnum == -r && e.text[0] && !strchr(e.text, '\n'));
	if (r == 0)
		read_node(&node);
	if (!well_formed)
		require(r == -EINVAL || r == -E2BIG);
	require(strncmp(e.text, "expected what jsmn", 18) != 0); /* jsmn and the grammar agree */
	a = fresh_arena();
	if (json_decode_raw(&a, v, "x", &node_table, &sliced, &f) == 0)
		read_node(&sliced);
	require(e.errnum == f.errnum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = fresh_arena();
	struct err e = { 0 };
	char *text = malloc(size ? size : 1); /* exact: reading behind it is seen */
	bool well_formed;

	if (size > 1 << 16) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	well_formed = json_check(text, size, &e) == 0;
	require(well_formed || (e.text[0] && !strchr(e.text, '\n')));
	walk((struct json_raw){ .text = text, .len = size }, 0);
	json_string(&a, (struct json_raw){ .text = text, .len = size });
	decode_both_ways(text, size, well_formed);
	if (well_formed)
		check_copy(trimmed(text, size));
	free(text);
	return 0;
}
