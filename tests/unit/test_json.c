/* JSON in: decoding by tables, its errors, its memory, help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <unistd.h>
#include <sys/mman.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "json/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TABLE(f)                                                                                   \
	{                                                                                          \
		.fields = (f), .count = COUNT(f)                                                   \
	}

struct range {
	struct prefix subnet;
	struct addr gateway;
};

struct ipam {
	const char *type;
	struct json_list ranges;  /* of struct json_list of struct range */
	struct json_list names;	  /* of const char * */
	struct json_list servers; /* of struct addr */
};

struct conf {
	bool flag;
	int64_t mtu, any;
	const char *name;
	struct json_raw extra;
	struct ipam ipam;
	struct json_list raws, flags;
};

static const struct json_field range_fields[] = {
	{ "subnet", JSON_PREFIX, offsetof(struct range, subnet), .required = true,
	  .help = "the network" },
	{ "gateway", JSON_ADDR, offsetof(struct range, gateway), .help = "its router" },
};
static const struct json_table range_table = TABLE(range_fields);
static const struct json_field range_elem = { .kind = JSON_OBJECT, .table = &range_table };
static const struct json_field set_elem = { .kind = JSON_LIST,
					    .elem = &range_elem,
					    .elem_size = sizeof(struct range) };
static const struct json_field str_elem = { .kind = JSON_STR };
static const struct json_field addr_elem = { .kind = JSON_ADDR };
static const struct json_field raw_elem = { .kind = JSON_RAW };
static const struct json_field bool_elem = { .kind = JSON_BOOL };
static const struct json_field ipam_fields[] = {
	{ "type", JSON_STR, offsetof(struct ipam, type), .required = true, .help = "the plugin" },
	{ "ranges", JSON_LIST, offsetof(struct ipam, ranges), .elem = &set_elem,
	  .elem_size = sizeof(struct json_list), .help = "what to give" },
	{ "names", JSON_LIST, offsetof(struct ipam, names), .elem = &str_elem,
	  .elem_size = sizeof(const char *), .help = "names" },
	{ "servers", JSON_LIST, offsetof(struct ipam, servers), .elem = &addr_elem,
	  .elem_size = sizeof(struct addr), .help = "resolvers" },
};
static const struct json_table ipam_table = TABLE(ipam_fields);
static const struct json_field conf_fields[] = {
	{ "flag", JSON_BOOL, offsetof(struct conf, flag), .help = "a flag" },
	{ "mtu", JSON_INT, offsetof(struct conf, mtu), .min = 68, .max = 65535, .help = "bytes" },
	{ "any", JSON_INT, offsetof(struct conf, any) },
	{ "name", JSON_STR, offsetof(struct conf, name), .help = "the name" },
	{ "extra", JSON_RAW, offsetof(struct conf, extra), .help = "passed on" },
	{ "ipam", JSON_OBJECT, offsetof(struct conf, ipam), .table = &ipam_table,
	  .help = "addresses" },
	{ "raws", JSON_LIST, offsetof(struct conf, raws), .elem = &raw_elem,
	  .elem_size = sizeof(struct json_raw) },
	{ "flags", JSON_LIST, offsetof(struct conf, flags), .elem = &bool_elem,
	  .elem_size = sizeof(bool) },
};
static const struct json_table conf_table = TABLE(conf_fields);

static _Alignas(16) char memory[1 << 20];
static struct arena arena;
static struct err err;

static int decode(const char *text, struct conf *c)
{
	size_t len = strlen(text);
	char *exact =
		malloc(len); /* without a NUL, so that the sanitizer sees a read behind the end */
	char *copy;
	int r;

	arena_init(&arena, memory, sizeof(memory));
	copy = arena_strndup(&arena, text, len); /* raw values must outlive this function */
	err_clear(&err);
	memcpy(exact, text, len);
	memset(c, 0, sizeof(*c));
	c->mtu = 1500;
	r = json_decode(&arena, exact, len, &conf_table, c, &err);
	if (r == 0) {
		memset(c, 0, sizeof(*c));
		c->mtu = 1500;
		assert_int_equal(json_decode(&arena, copy, len, &conf_table, c, &err), 0);
	}
	free(exact);
	assert_int_equal(arena.cap, sizeof(memory));
	return r;
}

static void assert_refused(const char *text, const char *message)
{
	struct conf c;

	assert_int_equal(decode(text, &c), -EINVAL);
	assert_string_equal(err.text, message);
	assert_int_equal(err.errnum, EINVAL);
}

static void assert_raw(struct json_raw raw, const char *text)
{
	assert_int_equal(raw.len, strlen(text));
	assert_memory_equal(raw.text, text, raw.len);
}

static void test_decode_all(void **state)
{
	static const char text[] =
		"{ \"flag\": true, \"MTU\": 9000, \"any\": -9223372036854775808,"
		"\"Name\": \"a\\u00e9\\ud83d\\ude00\\n\", \"extra\" : {\"k\": [1, \"]\"]} ,"
		"\"ipam\": {\"type\": \"host-local\","
		"\"ranges\": [[{\"subnet\": \"10.1.2.3/8\", \"gateway\": \"10.0.0.1\"}], [],"
		"[{\"subnet\": \"fd00::/64\"},"
		"{\"subnet\": \"10.2.0.0/16\", \"gateway\": null, \"junk\": {\"subnet\": 7}}]]"
		",\"names\": [\"x\", \"\"]}, \"raws\": [null, 1, {}], \"flags\": [] }";
	const struct json_list *sets;
	const struct range *r;
	struct conf c;

	(void)state;
	assert_int_equal(decode(text, &c), 0);
	assert_true(c.flag);
	assert_int_equal(c.mtu, 9000);
	assert_true(c.any == INT64_MIN);
	assert_string_equal(c.name, "a\xc3\xa9\xf0\x9f\x98\x80\n");
	assert_raw(c.extra, "{\"k\": [1, \"]\"]}");
	assert_string_equal(c.ipam.type, "host-local");
	assert_int_equal(c.ipam.ranges.count, 3);
	sets = c.ipam.ranges.items;
	assert_int_equal(sets[0].count, 1);
	assert_int_equal(sets[1].count, 0);
	assert_int_equal(sets[2].count, 2);
	r = sets[0].items;
	assert_int_equal(r->subnet.len, 8);
	assert_memory_equal(r->subnet.addr.bytes, "\x0a\x01\x02\x03", 4);
	assert_int_equal(r->gateway.family, AF_INET);
	r = sets[2].items;
	assert_int_equal(r[0].subnet.addr.family, AF_INET6);
	assert_int_equal(r[1].subnet.len, 16);
	assert_int_equal(r[1].gateway.family, 0);
	assert_string_equal(((const char *const *)c.ipam.names.items)[0], "x");
	assert_string_equal(((const char *const *)c.ipam.names.items)[1], "");
	assert_int_equal(c.raws.count, 3);
	assert_raw(((struct json_raw *)c.raws.items)[0], "null");
	assert_raw(((struct json_raw *)c.raws.items)[2], "{}");
	assert_non_null(c.flags.items);
	assert_int_equal(c.flags.count, 0);
}

/* As deep as the grammar lets through: as much as jsmn may want to keep. */
static void test_decode_deepest(void **state)
{
	char deep[133];
	struct conf c;

	(void)state;
	memcpy(deep, "{\"x\":", 5);
	memset(deep + 5, '[', 63);
	memset(deep + 68, ']', 63);
	memcpy(deep + 131, "}", 2);
	assert_int_equal(decode(deep, &c), 0);
}

static void test_decode_defaults(void **state)
{
	struct conf c;

	(void)state;
	assert_int_equal(decode("\n{}\n", &c), 0);
	assert_int_equal(c.mtu, 1500);
	assert_null(c.name);
	assert_null(c.extra.text);
	assert_int_equal(decode("{\"mtu\":null,\"name\":null,\"extra\":null,\"ipam\":null,\"raws\":"
				"null,\"flag\":null}",
				&c),
			 0);
	assert_int_equal(c.mtu, 1500);
	assert_null(c.name);
	assert_null(c.extra.text);
	assert_null(c.raws.items);
	/*
	 * unknown keys, also prefixes and extensions of known ones; the last of several wins, null
	 * does not count
	 */
	assert_int_equal(decode("{\"mt\":\"x\",\"mtux\":[],\"\":{},\"addIf\":\"true\","
				"\"mtu\":100,\"Mtu\":200,\"MTU\":null}",
				&c),
			 0);
	assert_int_equal(c.mtu, 200);
	/* keys with escapes */
	assert_int_equal(
		decode("{\"\\u006d\\u0054u\":300,\"mtu\\u0000\":1,\"\\ud800mtu\":1,\"mtu\\n\":1}",
		       &c),
		0);
	assert_int_equal(c.mtu, 300);
}

static void test_decode_limits(void **state)
{
	struct conf c;

	(void)state;
	assert_int_equal(decode("{\"any\":9223372036854775807,\"mtu\":68}", &c), 0);
	assert_true(c.any == INT64_MAX && c.mtu == 68);
	assert_int_equal(decode("{\"any\":-0,\"mtu\":65535}", &c), 0);
	assert_true(c.any == 0 && c.mtu == 65535);
	assert_refused("{\"mtu\":67}", "mtu: expected an integer from 68 to 65535, got number 67");
	assert_refused("{\"mtu\":65536}",
		       "mtu: expected an integer from 68 to 65535, got number 65536");
	assert_refused("{\"mtu\":\"1500\"}",
		       "mtu: expected an integer from 68 to 65535, got string \"1500\"");
	assert_refused(
		"{\"any\":9223372036854775808}",
		"any: expected an integer of at most 64 bits, got number 9223372036854775808");
	assert_refused(
		"{\"any\":-9223372036854775809}",
		"any: expected an integer of at most 64 bits, got number -9223372036854775809");
	assert_refused("{\"any\":99999999999999999999999999999999999999999999999999}",
		       "any: expected an integer of at most 64 bits, "
		       "got number 9999999999999999999999999999999999999999...");
	assert_refused("{\"any\":1.0}",
		       "any: expected an integer without fraction or exponent, got number 1.0");
	assert_refused("{\"any\":1e3}",
		       "any: expected an integer without fraction or exponent, got number 1e3");
	assert_refused("{\"any\":1E3}",
		       "any: expected an integer without fraction or exponent, got number 1E3");
}

#define EURO "\xe2\x82\xac"
#define EURO5 EURO EURO EURO EURO EURO

static void test_decode_errors(void **state)
{
	(void)state;
	assert_refused("{\"ipam\":{\"ranges\":[[{\"subnet\":\"10.0.0.0/8\"},{\"subnet\":7}]]}}",
		       "ipam.ranges[0][1].subnet: expected an IP prefix, got number 7");
	assert_refused("{\"flag\":\n  0}",
		       "flag: expected a boolean, got number 0 (line 2, column 3)");
	assert_refused("{\"name\":false}", "name: expected a string, got false");
	assert_refused("{\"name\":{\"a\":1}}", "name: expected a string, got an object");
	assert_refused("{\"any\":true}", "any: expected an integer, got true");
	assert_refused("{\"ipam\":[1]}", "ipam: expected an object, got a list");
	assert_refused("{\"raws\":{}}", "raws: expected a list, got an object");
	assert_refused("{\"raws\":\"x\"}", "raws: expected a list, got string \"x\"");
	assert_refused("{\"flags\":[true,null]}", "flags[1]: expected a boolean, got null");
	assert_refused("{\"ipam\":{\"type\":\"x\",\"names\":[\"a\",null]}}",
		       "ipam.names[1]: expected a string, got null");
	assert_refused("{\"ipam\":{}}", "ipam.type: required: expected a string, got nothing");
	assert_refused("{\"ipam\":{\"TYPE\":null}}",
		       "ipam.type: required: expected a string, got null");
	assert_refused("{\"a\":1,\n\"ipam\":{\"type\":\"x\",\"ranges\":[[{}]]}}",
		       "ipam.ranges[0][0].subnet: required: expected an IP prefix, got nothing "
		       "(line 2, column 31)");
	assert_refused("{\"ipam\":{\"ranges\":[[{\"subnet\":\"10.0.0.0\"}]]}}",
		       "ipam.ranges[0][0].subnet: expected an IP prefix (address/length), got "
		       "string \"10.0.0.0\"");
	assert_refused(
		"{\"ipam\":{\"ranges\":[[{\"gateway\":\"10.0.0.256\"}]]}}",
		"ipam.ranges[0][0].gateway: expected an IP address, got string \"10.0.0.256\"");
	assert_refused("[]", "expected an object, got a list");
	assert_refused("7\n", "expected an object, got number 7");
	assert_refused(" \t\"x\" \r\n", "expected an object, got string \"x\"");
	assert_refused("null", "expected an object, got null");
	assert_refused("{\"name\":\"a\\u0000b\"}", "name: expected a string without \\u0000 and "
						   "unpaired surrogates, got string \"a\\u0000b\"");
	assert_refused("{\"name\":\"\\udc00\"}", "name: expected a string without \\u0000 and "
						 "unpaired surrogates, got string \"\\udc00\"");
	assert_refused("{\"name\":\"\\ud800\\u0041\"}",
		       "name: expected a string without \\u0000 and unpaired surrogates, "
		       "got string \"\\ud800\\u0041\"");
	/* cut between characters; no terminal escapes */
	assert_refused("{\"flag\":\"" EURO5 EURO5 EURO5 "\"}",
		       "flag: expected a boolean, got string \"" EURO5 EURO5 EURO EURO EURO
		       "...\"");
	assert_refused("{\"flag\":\"\xc2\x9b\x7f\"}",
		       "flag: expected a boolean, got string \"??\"");
}

/* Every escape in an address, and one that is too long to be one. */
static void test_decode_addr_text(void **state)
{
	static char text[4096];
	struct json_list *sets;
	struct conf c;

	(void)state;
	assert_int_equal(decode("{\"ipam\":{\"type\":\"x\",\"ranges\":[[{\"subnet\":"
				"\"\\u0031\\u0030.0.0.0\\/8\"}]]}}",
				&c),
			 0);
	sets = c.ipam.ranges.items;
	assert_int_equal(((struct range *)sets->items)->subnet.addr.bytes[0], 10);
	snprintf(text, sizeof(text), "{\"ipam\":{\"ranges\":[[{\"gateway\":\"%0*d\"}]]}}", 3000, 0);
	assert_int_equal(decode(text, &c), -EINVAL);
	assert_int_equal(
		decode("{\"ipam\":{\"ranges\":[[{\"gateway\":\"10.0.0.1\\u0000\"}]]}}", &c),
		-EINVAL);
}

static void test_decode_memory(void **state)
{
	static const char text[] =
		"{\"name\":\"0123456789\","
		"\"ipam\":{\"type\":\"t\",\"names\":[\"aa\",\"bb\"]},\"z\":[1,2,3,4]}";
	size_t cap, worked = 0;

	(void)state;
	for (cap = 0; cap < 2048; cap++) {
		char *exact = aligned_alloc(16, (cap + 16) & ~(size_t)15);
		struct conf c = { 0 };
		char *used;
		int r;

		err_clear(&err);
		arena_init(&arena, exact, cap);
		used = arena_alloc(&arena, 25);
		if (used)
			memset(used, 'u', 25);
		r = json_decode(&arena, text, strlen(text), &conf_table, &c, &err);
		assert_true(r == 0 || (r == -ENOMEM && !worked));
		assert_int_equal(arena.cap, cap);
		assert_true(!used || (used[0] == 'u' && memcmp(used, used + 1, 24) == 0));
		if (r == 0) {
			worked++;
			memset(exact + arena.used, 0xee,
			       cap - arena.used); /* nothing is kept behind what is used */
			assert_string_equal(c.name, "0123456789");
			assert_string_equal(((const char **)c.ipam.names.items)[1], "bb");
		} else {
			assert_non_null(strstr(err.text, "no memory left to decode the document"));
		}
		free(exact);
	}
	assert_true(worked > 0);
}

static void test_decode_raw(void **state)
{
	struct json_raw raw = { .text = "{\"ranges\":[],\"type\":5},", .len = 23 };
	struct ipam ipam = { 0 };

	(void)state;
	err_clear(&err);
	arena_init(&arena, memory, sizeof(memory));
	raw.len = strlen(raw.text) - 1;
	assert_int_equal(json_decode_raw(&arena, raw, "plugins[1].ipam", &ipam_table, &ipam, &err),
			 -EINVAL);
	assert_string_equal(err.text, "plugins[1].ipam.type: expected a string, got number 5");
	err_clear(&err);
	raw = (struct json_raw){ .text = "{\"type\":\"x\"}", .len = 12 };
	assert_int_equal(json_decode_raw(&arena, raw, "", &ipam_table, &ipam, &err), 0);
	assert_string_equal(ipam.type, "x");
	assert_int_equal(
		json_decode_raw(&arena, (struct json_raw){ 0 }, "p", &ipam_table, &ipam, &err),
		-EINVAL);
	assert_string_equal(err.text, "p: expected an object, got null");
	err_clear(&err);
	raw = (struct json_raw){ .text = "{\"type\":\"x\"}", .len = 11 };
	assert_int_equal(json_decode_raw(&arena, raw, "p", &ipam_table, &ipam, &err), -EINVAL);
	assert_string_equal(err.text, "p: line 1, column 12: expected ',' or '}' after the member, "
				      "got the end of the document");
}

static void test_help(void **state)
{
	char buf[2048];
	struct text t;

	(void)state;
	text_init(&t, buf, sizeof(buf));
	json_help(&t, &conf_table, "");
	assert_false(t.bad);
	assert_string_equal(
		buf, "  flag                           boolean                    a flag\n"
		     "  mtu                            integer 68..65535          bytes\n"
		     "  name                           string                     the name\n"
		     "  extra                          any value                  passed on\n"
		     "  ipam                           object                     addresses\n"
		     "  ipam.type                      string, required           the plugin\n"
		     "  ipam.ranges                    list of lists of objects   what to give\n"
		     "  ipam.ranges[][].subnet         IP prefix, required        the network\n"
		     "  ipam.ranges[][].gateway        IP address                 its router\n"
		     "  ipam.names                     list of strings            names\n"
		     "  ipam.servers                   list of IP addresses       resolvers\n");
	text_init(&t, buf, sizeof(buf));
	json_help(&t, &range_table, "a.b");
	assert_non_null(strstr(buf, "  a.b.gateway "));
}

#define MEMBERS 32000

/* A text of which two pages can be read, and a fault brings the next one in. */
static struct {
	char *text;
	size_t size, page;
	volatile size_t turns;
} book;

static void turn_page(int number, siginfo_t *info, void *context)
{
	size_t at = (size_t)((char *)info->si_addr - book.text) / book.page * book.page;

	(void)number;
	(void)context;
	if (at >= book.size)
		_exit(1); /* a fault of another kind */
	mprotect(book.text, book.size, PROT_NONE);
	mprotect(book.text + at, book.page, PROT_READ);
	if (at > 0)
		mprotect(book.text + at - book.page, book.page, PROT_READ);
	book.turns++;
}

static size_t put_members(char *text)
{
	size_t len = 1;

	text[0] = '{';
	for (int i = 0; i < MEMBERS; i++)
		len += (size_t)sprintf(text + len, "\"k%d\":[[{\"a\":[1,2],\"b\":{}}]],", i);
	return len + (size_t)sprintf(text + len, "\"mtu\":99}");
}

/* Who goes through the text once, without memory of it, takes time as it grows and no more. */
static void test_linear(void **state)
{
	static char mem[65536] __attribute__((aligned(16)));
	struct sigaction turn = { .sa_sigaction = turn_page, .sa_flags = SA_SIGINFO }, before;
	struct conf c = { 0 };
	size_t len;

	(void)state;
	book.page = (size_t)sysconf(_SC_PAGESIZE);
	book.size = MEMBERS * 40 / book.page * book.page;
	book.text =
		mmap(NULL, book.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(book.text != MAP_FAILED);
	len = put_members(book.text);
	arena_init(&arena, mem, sizeof(mem));
	err_clear(&err);
	assert_int_equal(sigaction(SIGSEGV, &turn, &before), 0);
	mprotect(book.text, book.size, PROT_NONE);
	assert_int_equal(json_decode(&arena, book.text, len, &conf_table, &c, &err), 0);
	sigaction(SIGSEGV, &before, NULL);
	munmap(book.text, book.size);
	assert_int_equal(c.mtu, 99);
	assert_int_equal(arena.used, 0);
	assert_true(len / book.page > 200 && book.turns <= len / book.page + 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_deepest),
		cmocka_unit_test(test_decode_all),
		cmocka_unit_test(test_decode_defaults),
		cmocka_unit_test(test_decode_limits),
		cmocka_unit_test(test_decode_errors),
		cmocka_unit_test(test_decode_addr_text),
		cmocka_unit_test(test_decode_memory),
		cmocka_unit_test(test_decode_raw),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
