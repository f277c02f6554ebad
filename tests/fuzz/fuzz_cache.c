/*
 * Files of the result cache, which other runtimes write too. What is accepted is the same when it
 * is written by us and read again.
 */
#include "fuzz.h"
#include "runtime/dirlist.h"

static struct json_raw file;

static int file_given(struct arena *a, int dir, const char *name, struct json_raw *out,
		      struct err *e)
{
	(void)a, (void)dir, (void)name, (void)e;
	*out = file;
	return 0;
}

#define dirlist_read file_given
#include "runtime/cache.c"

static void check_entry(struct arena *a, const struct cache_entry *c)
{
	static char buf[1 << 18];
	struct cache_entry again;
	struct err e = { 0 };
	struct text t;

	require(c->at.network && c->at.container_id && c->at.ifname && c->netns && c->args);
	text_init(&t, buf, sizeof(buf));
	require(compose(a, &t, c, &e) == 0 && !t.bad);
	file = (struct json_raw){ .text = t.at, .len = t.len };
	require(read_entry(a, -1, "again", &again, &e) == 0);
	require(str_equal(again.at.network, c->at.network) &&
		str_equal(again.at.container_id, c->at.container_id));
	require(str_equal(again.at.ifname, c->at.ifname) && str_equal(again.netns, c->netns));
	require(raw_equal(again.capability_args, c->capability_args) &&
		raw_equal(again.result, c->result));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct cache_entry c;
	char name[NAME_MAX + 1];
	struct err e = { 0 }, f = { 0 };
	int r;

	file = input_rest(&in, false);
	r = read_entry(&a, -1, "entry", &c, &e);
	check_err(r, &e);
	if (r == 0) {
		check_entry(&a, &c);
		check_err(file_name(name, &c.at, &f), &f);
	}
	input_end(&in);
	return 0;
}
