/* What a resolv.conf(5) says, as the "dns" of a result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "ipam/resolv_conf.h"

static char memory[1 << 17];

/* The file's text is read by a path, as the plugin does. */
static int read_text(const char *text, struct json_raw *dns, struct err *e)
{
	static struct arena a;
	char path[64];
	int fd = memfd_create("resolv.conf", MFD_CLOEXEC), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	arena_init(&a, memory, sizeof(memory));
	r = resolv_conf_read(&a, path, dns, e);
	close(fd);
	return r;
}

static void expect(const char *text, const char *json)
{
	struct json_raw dns = { 0 };
	struct err e = { 0 };
	char got[1024];

	assert_int_equal(read_text(text, &dns, &e), 0);
	snprintf(got, sizeof(got), "%.*s", (int)dns.len, dns.text ? dns.text : "");
	assert_string_equal(got, json);
}

static void keywords_once(void **state)
{
	(void)state;
	expect("# by hand\nnameserver 10.0.0.53\nsearch a.example b.example\noptions ndots:5\n",
	       "{\"nameservers\":[\"10.0.0.53\"],\"search\":[\"a.example\",\"b.example\"],"
	       "\"options\":[\"ndots:5\"]}");
	expect("domain\ta.example", "{\"domain\":\"a.example\"}");
}

static void a_line_names_one_server(void **state)
{
	(void)state;
	expect("nameserver 10.0.0.1 10.0.0.2\nnameserver fd00::1\n",
	       "{\"nameservers\":[\"10.0.0.1\",\"fd00::1\"]}");
}

/* "domain" and "search" are two names of one list: the last line of either wins. */
static void the_last_search_list_wins(void **state)
{
	(void)state;
	expect("search a b\nsearch c\n", "{\"search\":[\"c\"]}");
	expect("search a b\ndomain c\n", "{\"domain\":\"c\"}");
	expect("domain c\nsearch a b\n", "{\"search\":[\"a\",\"b\"]}");
}

static void options_gather(void **state)
{
	(void)state;
	expect("options ndots:2 rotate\noptions timeout:1\n",
	       "{\"options\":[\"ndots:2\",\"rotate\",\"timeout:1\"]}");
}

static void nothing_is_no_dns(void **state)
{
	(void)state;
	expect("", "");
	expect("; nothing\n\nnameservers 10.0.0.1\n search x\ndomain \n", "");
}

static void a_missing_file_is_named(void **state)
{
	static struct arena a;
	struct json_raw dns = { 0 };
	struct err e = { 0 };

	(void)state;
	arena_init(&a, memory, sizeof(memory));
	assert_true(resolv_conf_read(&a, "/nonexistent/resolv.conf", &dns, &e) < 0);
	assert_non_null(strstr(e.text, "ipam.resolvConf: open /nonexistent/resolv.conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keywords_once),
		cmocka_unit_test(a_line_names_one_server),
		cmocka_unit_test(the_last_search_list_wins),
		cmocka_unit_test(options_gather),
		cmocka_unit_test(nothing_is_no_dns),
		cmocka_unit_test(a_missing_file_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
