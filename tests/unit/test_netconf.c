/*
 * Network lists from files, the configuration that each plugin gets, container ids.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/sha512.h"
#include "base/text.h"
#include "json/reformat.h"
#include "runtime/netconf.h"
#include "unit_files.h"

static char memory[4u << 20] __attribute__((aligned(16)));

struct fixture {
	struct arena a;
	struct err e;
	struct net_list l;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	arena_init(&f.a, memory, sizeof(memory));
	*state = &f;
	return base_make();
}

static void put_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int parse(struct fixture *f, const char *text, bool *more)
{
	err_clear(&f->e);
	return net_list_parse(&f->a, (struct json_raw){ .text = text, .len = strlen(text) }, &f->l,
			      more, &f->e);
}

static void expect_refused(struct fixture *f, const char *text, const char *why)
{
	bool more;

	assert_int_equal(parse(f, text, &more), -EINVAL);
	if (!strstr(f->e.text, why))
		fail_msg("%s\n  says: %s\n  not:  %s", text, f->e.text, why);
}

static void parses_a_list(void **state)
{
	struct fixture *f = *state;
	const char *text = "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"disableCheck\":\"TRUE\","
			   "\"disableGC\":true,\"plugins\":"
			   "[{\"type\":\"a\",\"name\":\"own\"},{\"type\":\"b\",\"capabilities\":{"
			   "\"x\":true}}]}";
	bool more;

	assert_int_equal(parse(f, text, &more), 0);
	assert_string_equal(f->l.name, "n");
	assert_int_equal(f->l.version, CNI_1_0_0);
	assert_true(f->l.disable_check);
	assert_true(f->l.disable_gc);
	assert_true(more);
	assert_int_equal(f->l.count, 2);
	assert_string_equal(f->l.plugins[0].type, "a");
	assert_string_equal(f->l.plugins[0].name, "own");
	assert_null(f->l.plugins[0].capabilities.text);
	assert_string_equal(f->l.plugins[1].type, "b");
	assert_null(f->l.plugins[1].name);
	assert_ptr_equal(f->l.bytes.text, text);
}

static void wraps_one_plugin(void **state)
{
	struct fixture *f = *state;
	bool more;

	assert_int_equal(
		parse(f, "\n {\"name\":\"n\",\"type\":\"a\",\"cniVersion\":\"0.3.1\"}", &more), 0);
	assert_false(more);
	assert_int_equal(f->l.count, 1);
	assert_int_equal(f->l.version, CNI_0_3_1);
	assert_string_equal(f->l.bytes.text, "{\"cniVersion\":\"0.3.1\",\"name\":\"n\",\"plugins\":"
					     "[\n {\"name\":\"n\",\"type\":\"a\","
					     "\"cniVersion\":\"0.3.1\"}]}");
	assert_int_equal(f->l.plugins[0].config.text[0], '{');
}

static void chooses_the_version(void **state)
{
	static const struct {
		const char *keys;
		enum cni_version version;
	} cases[] = {
		{ "", CNI_0_1_0 },
		{ "\"cniVersion\":\"\",", CNI_0_1_0 },
		{ "\"cniVersion\":\"0.4.0\",", CNI_0_4_0 },
		{ "\"cniVersions\":[\"0.3.1\",\"1.0.0\",\"0.4.0\"],", CNI_1_0_0 },
		{ "\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"0.3.1\"],", CNI_0_4_0 },
		{ "\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"1.1.0\",\"9.0.0\"],", CNI_1_1_0 },
		{ "\"cniVersion\":\"9.0.0\",\"cniVersions\":[\"1.0.0\"],", CNI_1_0_0 },
	};
	struct fixture *f = *state;
	char text[256];
	bool more;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "{%s\"name\":\"n\",\"plugins\":[{\"type\":\"a\"}]}",
			 cases[i].keys);
		assert_int_equal(parse(f, text, &more), 0);
		assert_int_equal(f->l.version, cases[i].version);
	}
}

static void refuses_bad_lists(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "{\n\"name\":\"n\",,}", "line 2, column 12");
	expect_refused(f, "[]", "an object");
	expect_refused(f, "{\"plugins\":[{\"type\":\"a\"}]}", "name");
	expect_refused(f, "{\"name\":\"../x\",\"plugins\":[{\"type\":\"a\"}]}", "name \"../x\"");
	expect_refused(f, "{\"name\":\"n\",\"plugins\":[]}", "plugins: the list is empty");
	expect_refused(f, "{\"name\":\"n\",\"plugins\":7}", "plugins");
	expect_refused(f, "{\"name\":\"n\",\"plugins\":[7]}", "plugins[0]");
	expect_refused(f, "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},{}]}", "plugins[1]: type");
	expect_refused(f, "{\"name\":\"n\",\"plugins\":[{\"type\":\"\"}]}", "plugins[0]: type");
	expect_refused(f,
		       "{\"name\":\"n\",\"cniVersion\":\"9.9.9\",\"plugins\":[{\"type\":\"a\"}]}",
		       "cniVersion \"9.9.9\"");
	expect_refused(f, "{\"name\":\"n\",\"disableCheck\":\"x\",\"plugins\":[{\"type\":\"a\"}]}",
		       "disableCheck");
	expect_refused(f, "{\"name\":\"n\",\"disableGC\":1,\"plugins\":[{\"type\":\"a\"}]}",
		       "disableGC");
	expect_refused(f, "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true}", "plugins: required");
	expect_refused(f, "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\",\"capabilities\":[]}]}",
		       "capabilities: expected an object");
	expect_refused(f,
		       "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\",\"capabilities\":{\"ips\":"
		       "\"true\"}}]}",
		       "capabilities.ips");
}

static void finds_the_first_in_order(void **state)
{
	struct fixture *f = *state;

	put_file("01-n.conf", "{\"name\":\"n\",\"type\":\"single\"}");
	put_file("20-n.conflist", "{\"name\":\"n\",\"plugins\":[{\"type\":\"late\"}]}");
	put_file("10-n.conflist", "{\"name\":\"n\",\"plugins\":[{\"type\":\"early\"}]}");
	put_file("05-n.txt", "{\"name\":\"n\",\"plugins\":[{\"type\":\"text\"}]}");
	put_file(".00-n.conflist", "{\"name\":\"n\",\"plugins\":[{\"type\":\"hidden\"}]}");
	put_file("02-m.json", "{\"name\":\"m\",\"type\":\"json\"}");
	put_file("03-k.json", "{\"name\":\"k\",\"plugins\":[{\"type\":\"inside\"}]}");
	assert_int_equal(net_list_load(&f->a, base, "n", &f->l, &f->e), 0);
	assert_string_equal(f->l.plugins[0].type, "early");
	assert_int_equal(net_list_load(&f->a, base, "m", &f->l, &f->e), 0);
	assert_string_equal(f->l.plugins[0].type, "json");
	assert_int_equal(net_list_load(&f->a, base, "k", &f->l, &f->e), 0);
	assert_string_equal(f->l.plugins[0].type, "inside");
}

static void names_what_it_found_instead(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(net_list_load(&f->a, base, "n", &f->l, &f->e), -ENOENT);
	assert_non_null(strstr(f->e.text, "(known: none)"));
	err_clear(&f->e);
	put_file("1.conflist", "{\"name\":\"one\",\"plugins\":[{\"type\":\"a\"}]}");
	put_file("2.conf", "{\"name\":\"two\",\"type\":\"a\"}");
	put_file("3.conf", "{\"name\":\n\"three\"\"type\":\"a\"}");
	assert_int_equal(net_list_load(&f->a, base, "n", &f->l, &f->e), -ENOENT);
	assert_non_null(strstr(f->e.text, "(known: one, two)"));
	assert_non_null(strstr(f->e.text, "/3.conf: line 2, column 8"));
	err_clear(&f->e);
	assert_int_equal(net_list_load(&f->a, "/nonexistent/net.d", "n", &f->l, &f->e), -ENOENT);
	assert_non_null(strstr(f->e.text, "/nonexistent/net.d"));
}

static void loads_plugins_of_the_folder(void **state)
{
	struct fixture *f = *state;

	put_dir("n");
	put_file("n/2.conf", "{\"type\":\"two\"}");
	put_file("n/1.conf", "{\"type\":\"one\"}");
	put_file("n/0.json", "{\"type\":\"json\"}");
	put_file("1.conflist", "{\"name\":\"n\",\"plugins\":[{\"type\":\"inline\"}]}");
	assert_int_equal(net_list_load(&f->a, base, "n", &f->l, &f->e), 0);
	assert_int_equal(f->l.count, 3);
	assert_string_equal(f->l.plugins[0].type, "inline");
	assert_string_equal(f->l.plugins[1].type, "one");
	assert_string_equal(f->l.plugins[2].type, "two");
	put_file("1.conflist", "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true,\"plugins\":[{"
			       "\"type\":\"inline\"}]}");
	assert_int_equal(net_list_load(&f->a, base, "n", &f->l, &f->e), 0);
	assert_int_equal(f->l.count, 1);
	put_file("1.conflist", "{\"name\":\"n\"}");
	assert_int_equal(net_list_load(&f->a, base, "n", &f->l, &f->e), 0);
	assert_int_equal(f->l.count, 2);
	put_file("n/1.conf", "{\"type\":}");
	assert_int_equal(net_list_load(&f->a, base, "n", &f->l, &f->e), -EINVAL);
	assert_non_null(strstr(f->e.text, "/n: 1.conf: line 1, column 9"));
	err_clear(&f->e);
	put_file("1.conflist", "{\"name\":\"m\"}");
	assert_int_equal(net_list_load(&f->a, base, "m", &f->l, &f->e), -EINVAL);
	assert_non_null(strstr(f->e.text, "has no plugins"));
}

static const char *written(struct fixture *f, const char *plugin, const struct net_inject *in)
{
	static char buf[1024];
	struct net_plugin p;
	struct text t;

	f->l = (struct net_list){ .name = "n", .version = CNI_1_0_0 };
	assert_int_equal(
		net_plugin_parse(&f->a, (struct json_raw){ .text = plugin, .len = strlen(plugin) },
				 &p, &f->e),
		0);
	text_init(&t, buf, sizeof(buf));
	net_config_write(&t, &f->l, &p, in);
	assert_false(t.bad);
	return buf;
}

#define RAW(s)                                                                                     \
	{                                                                                          \
		.text = (s), .len = sizeof(s) - 1                                                  \
	}

static void writes_the_configuration(void **state)
{
	struct fixture *f = *state;
	struct net_inject none = { 0 }, in = { .prev_result = RAW("{\"r\":1}") };

	assert_string_equal(written(f,
				    "{ \"type\" : \"a\", \"Name\":\"other\", "
				    "\"CNIVersion\":\"0.1.0\", \"x\": [1, 2], "
				    "\"prevResult\":5 }",
				    &none),
			    "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\" : \"a\",\"x\": [1, "
			    "2],\"prevResult\":5}");
	assert_string_equal(written(f, "{\"type\":\"a\",\"prevResult\":5}", &in),
			    "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"a\","
			    "\"prevResult\":{\"r\":1}}");
	in = (struct net_inject){ .valid_attachments = RAW("[]") };
	assert_string_equal(written(f, "{\"type\":\"a\",\"cni.dev/valid-attachments\":null}", &in),
			    "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"a\",\"cni.dev/"
			    "valid-attachments\":[],\"cni.dev/attachments\":[]}");
}

static void passes_what_the_plugin_is_capable_of(void **state)
{
	struct fixture *f = *state;
	struct net_inject in = {
		.capability_args =
			RAW("{\"ips\":[\"10.0.0.9\"],\"mac\":\"m\",\"other\":1,\"no\":2}")
	};

	assert_string_equal(written(f,
				    "{\"type\":\"a\",\"capabilities\":{\"mac\":true,\"ips\":true,"
				    "\"no\":false,\"absent\":true}}",
				    &in),
			    "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"a\","
			    "\"capabilities\":{\"mac\":true,\"ips\":true,"
			    "\"no\":false,\"absent\":true},"
			    "\"runtimeConfig\":{\"mac\":\"m\",\"ips\":[\"10.0.0.9\"]}}");
	/* Nothing to pass: the configuration's own stays. */
	assert_string_equal(written(f,
				    "{\"type\":\"a\",\"runtimeConfig\":{\"k\":1},\"capabilities\":{"
				    "\"no\":false}}",
				    &in),
			    "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"a\","
			    "\"runtimeConfig\":{\"k\":1},\"capabilities\":{"
			    "\"no\":false}}");
	assert_string_equal(written(f,
				    "{\"type\":\"a\",\"runtimeConfig\":{\"k\":1},\"capabilities\":{"
				    "\"no\":true}}",
				    &in),
			    "{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"a\","
			    "\"capabilities\":{\"no\":true},"
			    "\"runtimeConfig\":{\"no\":2}}");
}

static void reformats(void **state)
{
	const struct json_raw raw = RAW("{ \"a\\n\" : [ ] ,\"b\":[1.50, {\"c\":null}]}");
	char buf[256];
	struct json_writer w;
	struct text t;

	(void)state;
	text_init(&t, buf, sizeof(buf));
	json_begin(&w, &t, 0);
	json_put_reformatted(&w, raw);
	assert_string_equal(buf, "{\"a\\n\":[],\"b\":[1.50,{\"c\":null}]}");
	text_init(&t, buf, sizeof(buf));
	json_begin(&w, &t, 4);
	json_put_reformatted(&w, raw);
	assert_string_equal(
		buf,
		"{\n    \"a\\n\": [],\n    \"b\": [\n        1.50,\n        {\n            \"c\": "
		"null\n        }\n    ]\n}");
}

static void hashes(void **state)
{
	/* FIPS 180-4 examples; 112 bytes need a block more than 111. */
	static const struct {
		const char *text;
		uint8_t begin[8];
	} cases[] = {
		{ "", { 0xcf, 0x83, 0xe1, 0x35, 0x7e, 0xef, 0xb8, 0xbd } },
		{ "abc", { 0xdd, 0xaf, 0x35, 0xa1, 0x93, 0x61, 0x7a, 0xba } },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopq"
		  "klmnopqrlmnopqrsmnop"
		  "q"
		  "rstnopqrstu",
		  { 0x8e, 0x95, 0x9b, 0x75, 0xda, 0xe3, 0x13, 0xda } },
	};
	uint8_t out[SHA512_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sha512(cases[i].text, strlen(cases[i].text), out);
		assert_memory_equal(out, cases[i].begin, 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parses_a_list, setup, base_remove),
		cmocka_unit_test_setup_teardown(wraps_one_plugin, setup, base_remove),
		cmocka_unit_test_setup_teardown(chooses_the_version, setup, base_remove),
		cmocka_unit_test_setup_teardown(refuses_bad_lists, setup, base_remove),
		cmocka_unit_test_setup_teardown(finds_the_first_in_order, setup, base_remove),
		cmocka_unit_test_setup_teardown(names_what_it_found_instead, setup, base_remove),
		cmocka_unit_test_setup_teardown(loads_plugins_of_the_folder, setup, base_remove),
		cmocka_unit_test_setup_teardown(writes_the_configuration, setup, base_remove),
		cmocka_unit_test_setup_teardown(passes_what_the_plugin_is_capable_of, setup,
						base_remove),
		cmocka_unit_test_setup_teardown(reformats, setup, base_remove),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
