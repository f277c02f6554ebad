/* The keys of the dhcp plugin, and what an ADD provides for the server. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "dhcp/ipam_dhcp.h"
#include "dhcp/options.h"
#include "dhcp/rpc.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static struct arena arena;
static struct err e;

static int read_conf(const char *ipam, const char *args, struct ipam_dhcp *out)
{
	static struct cni_request req;

	arena_init(&arena, memory, sizeof(memory));
	req = (struct cni_request){ .arena = &arena, .command = CNI_ADD, .args = args };
	err_clear(&e);
	return ipam_dhcp_read(&req, (struct json_raw){ ipam, strlen(ipam) }, out, &e);
}

static void keys_of_the_plugin(void **state)
{
	struct ipam_dhcp d;

	(void)state;
	assert_int_equal(read_conf("{}", "", &d), 0);
	assert_string_equal(d.socket, DHCP_SOCKET);
	assert_memory_equal(d.request, "\x01\x79\x03\x21\x06\x0f\x77", 7);
	assert_int_equal(d.request_len, 7);
	assert_int_equal(d.provide_len, 0);
	assert_int_equal(
		read_conf("{\"request\":[{\"option\":\"42\"},{\"option\":\"routers\"}]}", "", &d),
		0);
	assert_int_equal(d.request_len, 8);
	assert_int_equal(d.request[7], 42);
	assert_int_equal(read_conf("{\"request\":[{\"option\":\"subnet-mask\"},"
				   "{\"skipDefault\":true}],\"priority\":700,"
				   "\"suppress\":[\"gateway\"]}",
				   "", &d),
			 0);
	assert_int_equal(d.request_len, 1);
	assert_int_equal(d.priority, 700);
	assert_true(d.suppress_gateway);
}

static void what_is_provided(void **state)
{
	struct ipam_dhcp d;

	(void)state;
	assert_int_equal(
		read_conf("{\"provide\":[{\"option\":\"60\",\"value\":\"cni\"},"
			  "{\"option\":\"host-name\",\"value\":\"x\",\"fromArg\":\"K8S_POD_NAME\"},"
			  "{\"option\":\"77\",\"fromArg\":\"ABSENT\"}]}",
			  "A=1;K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=default", &d),
		0);
	assert_int_equal(d.provide_len, 12);
	assert_memory_equal(d.provide, "\x3c\3cni\x0c\5web-1", 12);
	assert_true(dhcp_encoded_valid(d.provide, d.provide_len));
	assert_int_equal(read_conf("{\"provide\":[{\"option\":\"12\",\"value\":\"first\"},"
				   "{\"option\":\"12\",\"value\":\"last\"}]}",
				   "", &d),
			 0);
	assert_memory_equal(d.provide, "\x0c\4last", 6);
	assert_int_equal(d.provide_len, 6);
}

static void wrong_keys_are_named(void **state)
{
	static const struct {
		const char *conf, *text;
	} wrong[] = {
		{ "{\"request\":[{\"option\":\"foo\"}]}", "ipam.request[0].option: \"foo\"" },
		{ "{\"request\":[{}]}", "ipam.request[0].option: \"\"" },
		{ "{\"request\":[{\"option\":3}]}", "ipam.request[0].option: expected a string" },
		{ "{\"provide\":[{\"option\":\"53\",\"value\":\"x\"}]}",
		  "ipam.provide[0]: option 53 is the protocol's own" },
		{ "{\"provide\":[{\"option\":\"bar\"}]}", "ipam.provide[0]: \"bar\"" },
		{ "{\"provide\":[{}]}", "ipam.provide[0].option" },
		{ "{\"suppress\":[\"routes\"]}", "ipam.suppress[0]: \"routes\"" },
		{ "{\"priority\":-1}", "ipam.priority" },
	};
	struct ipam_dhcp d;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(read_conf(wrong[i].conf, "", &d) < 0);
		if (!strstr(e.text, wrong[i].text))
			fail_msg("%s: %s", wrong[i].conf, e.text);
		assert_int_equal(e.code, CNI_ERR_CONFIG);
	}
}

static void too_much_to_provide(void **state)
{
	char conf[2048], value[300];
	struct ipam_dhcp d;
	struct text t;

	(void)state;
	memset(value, 'x', sizeof(value));
	value[256] = '\0';
	snprintf(conf, sizeof(conf), "{\"provide\":[{\"option\":\"60\",\"value\":\"%s\"}]}", value);
	assert_int_equal(read_conf(conf, "", &d), -E2BIG);
	value[255] = '\0';
	text_init(&t, conf, sizeof(conf));
	text_str(&t, "{\"provide\":[");
	for (int i = 0; i < 3; i++)
		text_printf(&t, "%s{\"option\":\"%d\",\"value\":\"%s\"}", i ? "," : "", 200 + i,
			    value);
	text_str(&t, "]}");
	assert_int_equal(read_conf(conf, "", &d), -E2BIG);
	assert_non_null(strstr(e.text, "ipam.provide[1]: more than 512 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_the_plugin),
		cmocka_unit_test(what_is_provided),
		cmocka_unit_test(wrong_keys_are_named),
		cmocka_unit_test(too_much_to_provide),
	};

	return cmocka_run_group_tests_name("dhcp_conf", tests, NULL, NULL);
}
