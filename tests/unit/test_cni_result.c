/* Results: read from, and written in, every version of the protocol. */
#include "unit_cni.h"

#include "cni/result.h"

static struct cni_result result;

static int read_result(const char *text)
{
	const struct json_raw raw = { .text = text, .len = strlen(text) };

	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	return cni_result_read(&arena, raw, "prevResult", &result, &e);
}

static const char *written(enum cni_version v)
{
	static char buf[4096];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	cni_result_write(&t, &result, v);
	assert_false(t.bad);
	return buf;
}

#define NEW                                                                                        \
	"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"br0\",\"mac\":\"02:00:00:00:00:"    \
	"01\","                                                                                    \
	"\"mtu\":1500},{\"name\":\"eth0\",\"sandbox\":\"/n\",\"pciID\":\"0:1\"}],"                 \
	"\"ips\":[{\"interface\":1,\"address\":\"10.0.0.2/24\",\"gateway\":\"10.0.0.1\"},"         \
	"{\"interface\":1,\"address\":\"fd00::2/64\"}],"                                           \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.7\","        \
	"\"priority\":5,\"scope\":0}],\"dns\":{\"search\":[\"a\"]}}"

static void the_newest_form_stays_as_it_is(void **state)
{
	(void)state;
	assert_int_equal(read_result(NEW), 0);
	assert_int_equal(result.iface_count, 2);
	assert_int_equal(result.ips[0].interface, 1);
	assert_false(addr_is_set(&result.ips[1].gateway));
	assert_int_equal(result.routes[0].scope, -1);
	assert_int_equal(result.routes[1].scope, 0);
	assert_string_equal(written(CNI_1_1_0), NEW);
}

static void older_forms_lack_what_came_later(void **state)
{
	const char *old;

	(void)state;
	assert_int_equal(read_result(NEW), 0);
	old = written(CNI_0_4_0);
	assert_non_null(
		strstr(old, "{\"version\":\"4\",\"interface\":1,\"address\":\"10.0.0.2/24\""));
	assert_non_null(
		strstr(old, "{\"version\":\"6\",\"interface\":1,\"address\":\"fd00::2/64\"}"));
	assert_non_null(strstr(old, "{\"name\":\"eth0\",\"sandbox\":\"/n\"}"));
	assert_null(strstr(old, "mtu"));
	assert_null(strstr(written(CNI_1_0_0), "\"version\":\"4\""));
	old = written(CNI_0_2_0);
	assert_non_null(strstr(old, "\"ip4\":{\"ip\":\"10.0.0.2/24\",\"gateway\":\"10.0.0.1\","
				    "\"routes\":[{\"dst\":\"0.0.0.0/0\"}"));
	assert_non_null(
		strstr(old, "\"ip6\":{\"ip\":\"fd00::2/64\"},\"dns\":{\"search\":[\"a\"]}}"));
	assert_null(strstr(old, "interfaces"));
}

static void the_oldest_form_is_read(void **state)
{
	(void)state;
	assert_int_equal(read_result("{\"ip4\":{\"ip\":\"10.0.0.2/24\",\"routes\":[{\"dst\":"
				     "\"0.0.0.0/0\",\"gw\":\"10.0.0.1\"}]},\"ip6\":{\"ip\":\"fd00::"
				     "2/64\",\"gateway\":\"fd00::1\"}}"),
			 0);
	assert_int_equal(result.ip_count, 2);
	assert_int_equal(result.route_count, 1);
	assert_int_equal(result.ips[0].interface, -1);
	assert_string_equal(addr_text(&result.ips[1].gateway), "fd00::1");
}

static void absent_is_empty(void **state)
{
	(void)state;
	assert_int_equal(read_result("{\"ips\":[{\"address\":\"10.0.0.2/24\","
				     "\"interface\":3}]}"),
			 0);
	assert_int_equal(result.ips[0].interface, -1); /* there is no such interface */
	result = (struct cni_result){ 0 };
	assert_string_equal(written(CNI_1_1_0), "{\"cniVersion\":\"1.1.0\"}");
	assert_string_equal(written(CNI_1_0_0), "{\"cniVersion\":\"1.0.0\",\"dns\":{}}");
}

static void errors_name_the_entry(void **state)
{
	(void)state;
	assert_failure(read_result("{\"ips\":[{\"address\":\"10.0.0.2/24\"},{\"address\":\"x\"}]}"),
		       EINVAL, 0, "prevResult.ips[1].address");
	assert_failure(read_result("{\"interfaces\":[{\"mac\":\"x\"}]}"), EINVAL, 0,
		       "prevResult.interfaces[0].name");
	assert_failure(read_result("{\"routes\":[{}]}"), EINVAL, 0, "prevResult.routes[0].dst");
}

static void tables_are_full_in_the_end(void **state)
{
	const struct cni_iface f = { .name = "x" };
	const struct cni_ip ip = { .interface = -1 };
	const struct cni_route rt = { .scope = -1 };

	(void)state;
	result = (struct cni_result){ 0 };
	err_clear(&e);
	for (int i = 0; i < CNI_IFACES_MAX; i++)
		assert_int_equal(cni_result_add_iface(&result, &f, &e), i);
	assert_int_equal(cni_result_add_iface(&result, &f, &e), -E2BIG);
	for (int i = 0; i < CNI_IPS_MAX; i++)
		assert_int_equal(cni_result_add_ip(&result, &ip, &e), i);
	assert_int_equal(cni_result_add_ip(&result, &ip, &e), -E2BIG);
	for (int i = 0; i < CNI_ROUTES_MAX; i++)
		assert_int_equal(cni_result_add_route(&result, &rt, &e), i);
	assert_int_equal(cni_result_add_route(&result, &rt, &e), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_form_stays_as_it_is),
		cmocka_unit_test(older_forms_lack_what_came_later),
		cmocka_unit_test(the_oldest_form_is_read),
		cmocka_unit_test(absent_is_empty),
		cmocka_unit_test(errors_name_the_entry),
		cmocka_unit_test(tables_are_full_in_the_end),
	};

	return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
