/* The result cache, file for file what libcni writes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "runtime/cache.h"
#include "unit_files.h"

static char memory[4u << 20] __attribute__((aligned(16)));

struct fixture {
	struct arena a;
	struct err e;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	arena_init(&f.a, memory, sizeof(memory));
	*state = &f;
	return base_make();
}

#define RAW(s)                                                                                     \
	{                                                                                          \
		.text = (s), .len = sizeof(s) - 1                                                  \
	}

static const struct cache_entry sample = {
	.at = { .network = "n", .container_id = "c1", .ifname = "eth0" },
	.netns = "/run/netns/p",
	.args = "A=1;B=x",
	.capability_args = RAW("{\"mac\":\"m\"}"),
	.result = RAW("{\"cniVersion\":\"1.0.0\"}"),
	.config = RAW("{\"a\":1}"),
};

static void caches_as_libcni(void **state)
{
	struct fixture *f = *state;
	char path[128], text[1024] = "";
	struct stat st;
	FILE *file;

	assert_int_equal(cache_write(&f->a, base, &sample, &f->e), 0);
	snprintf(path, sizeof(path), "%s/results/n-c1-eth0", base);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(
		text, "{\"kind\":\"cniCacheV1\",\"containerId\":\"c1\",\"config\":\"eyJhIjoxfQ==\","
		      "\"ifName\":\"eth0\","
		      "\"networkName\":\"n\",\"netns\":\"/run/netns/"
		      "p\",\"cniArgs\":[[\"A\",\"1\"],[\"B\",\"x\"]],"
		      "\"capabilityArgs\":{\"mac\":\"m\"},\"result\":{\"cniVersion\":\"1.0.0\"}}");
}

static void encodes_every_length(void **state)
{
	static const char *const encoded[] = { "\"\"", "\"YQ==\"", "\"Yf8=\"", "\"Yf8+\"",
					       "\"Yf8+Pw==\"" };
	struct cache_entry c = sample;
	struct fixture *f = *state;
	char path[128], text[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/results/n-c1-eth0", base);
	for (size_t len = 0; len < 5; len++) {
		c.config = (struct json_raw){ .text = "a\xff>?", .len = len };
		assert_int_equal(cache_write(&f->a, base, &c, &f->e), 0);
		file = fopen(path, "r");
		assert_non_null(file);
		assert_non_null(fgets(text, sizeof(text), file));
		fclose(file);
		assert_memory_equal(strstr(text, "\"config\":") + 9, encoded[len],
				    strlen(encoded[len]));
	}
}

static void reads_what_it_cached(void **state)
{
	struct fixture *f = *state;
	struct cache_entry c, *all;
	size_t count;

	assert_int_equal(cache_read(&f->a, base, &sample.at, &c, &f->e), -ENOENT);
	err_clear(&f->e);
	assert_int_equal(cache_list(&f->a, base, "n", &all, &count, &f->e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(cache_remove(base, &sample.at, &f->e), 0);
	assert_int_equal(cache_write(&f->a, base, &sample, &f->e), 0);
	assert_int_equal(cache_read(&f->a, base, &sample.at, &c, &f->e), 0);
	assert_string_equal(c.at.network, "n");
	assert_string_equal(c.at.container_id, "c1");
	assert_string_equal(c.at.ifname, "eth0");
	assert_string_equal(c.netns, "/run/netns/p");
	assert_string_equal(c.args, "A=1;B=x");
	assert_memory_equal(c.result.text, sample.result.text, sample.result.len);
	assert_memory_equal(c.capability_args.text, sample.capability_args.text,
			    sample.capability_args.len);
	assert_int_equal(cache_remove(base, &sample.at, &f->e), 0);
	assert_int_equal(cache_read(&f->a, base, &sample.at, &c, &f->e), -ENOENT);
}

static void lists_one_network(void **state)
{
	struct fixture *f = *state;
	struct cache_entry c = sample, *all;
	size_t count;

	assert_int_equal(cache_write(&f->a, base, &c, &f->e), 0);
	c.at.ifname = "eth1";
	assert_int_equal(cache_write(&f->a, base, &c, &f->e), 0);
	c.at.network = "other";
	assert_int_equal(cache_write(&f->a, base, &c, &f->e), 0);
	put_file("results/n-c2-eth0", "{\"kind\":\"cniCa");
	put_file("results/n-c3-eth0", "{\"kind\":\"x\",\"containerId\":\"c3\",\"ifName\":\"eth0\","
				      "\"networkName\":\"n\"}");
	put_file("results/n-c4-eth0", "{\"kind\":\"cniCacheV1\",\"containerId\":\"../"
				      "c4\",\"ifName\":\"eth0\",\"networkName\":\"n\"}");
	assert_int_equal(cache_list(&f->a, base, "n", &all, &count, &f->e), 0);
	assert_int_equal(count, 2);
	assert_string_equal(all[0].at.ifname, "eth0");
	assert_string_equal(all[1].at.ifname, "eth1");
}

static void refuses_damaged_entries(void **state)
{
	struct fixture *f = *state;
	struct cache_entry c;

	assert_int_equal(cache_write(&f->a, base, &sample, &f->e), 0);
	put_file("results/n-c1-eth0", "");
	assert_int_equal(cache_read(&f->a, base, &sample.at, &c, &f->e), -EINVAL);
	assert_non_null(strstr(f->e.text, "n-c1-eth0"));
	err_clear(&f->e);
	c = sample;
	c.at.container_id = "a/../../b";
	assert_int_equal(cache_write(&f->a, base, &c, &f->e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(caches_as_libcni, setup, base_remove),
		cmocka_unit_test_setup_teardown(encodes_every_length, setup, base_remove),
		cmocka_unit_test_setup_teardown(reads_what_it_cached, setup, base_remove),
		cmocka_unit_test_setup_teardown(lists_one_network, setup, base_remove),
		cmocka_unit_test_setup_teardown(refuses_damaged_entries, setup, base_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
