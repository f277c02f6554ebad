/* One call of a plugin: environment, configuration, versions, GC's list, what the caller asks for.
 */
#include "unit_cni.h"

#include "cni/attachment.h"
#include "cni/args.h"

#define CONF(members) "{\"cniVersion\":\"1.1.0\",\"name\":\"net1\",\"type\":\"t\"" members "}"

static void a_whole_call(void **state)
{
	struct cni_env env = a_call("ADD");

	(void)state;
	env.netns_override = "TRUE";
	assert_int_equal(
		read_request(&env, CONF(",\"IPAM\":{\"type\":\"x\"},\"dns\":{\"search\":[]},"
					"\"prevResult\":{\"ips\":[]},\"unknown\":[{}]")),
		0);
	assert_int_equal(req.command, CNI_ADD);
	assert_int_equal(req.version, CNI_1_1_0);
	assert_string_equal(req.at.network, "net1");
	assert_string_equal(req.at.container_id, "c1");
	assert_string_equal(req.at.ifname, "eth0");
	assert_string_equal(req.netns, "/run/netns/c1");
	assert_true(req.netns_override);
	assert_memory_equal(req.ipam.text, "{\"type\":\"x\"}", req.ipam.len);
	assert_non_null(req.dns.text);
	assert_memory_equal(req.prev_result.text, "{\"ips\":[]}", req.prev_result.len);
}

static void nothing_said_is_nothing(void **state)
{
	struct cni_env env = a_call("DEL");

	(void)state;
	env.netns = "";
	assert_int_equal(read_request(&env, CONF(",\"prevResult\":{},\"dns\":null,\"ipam\":null,"
						 "\"runtimeConfig\":{},\"args\":7")),
			 0);
	assert_null(req.prev_result.text);
	assert_null(req.dns.text);
	assert_null(req.ipam.text);
	assert_null(req.runtime_config.text);
	assert_null(req.cni_args.text);
	assert_false(req.netns_override);
}

static void versions(void **state)
{
	struct cni_env add = a_call("ADD"), check = a_call("CHECK"), gc = a_call("GC");
	char text[64];

	(void)state;
	for (enum cni_version v = CNI_0_1_0; v < CNI_VERSIONS; v++) {
		enum cni_version read;

		assert_true(cni_version_parse(cni_version_text(v), &read) && read == v);
		snprintf(text, sizeof(text), "{\"cniVersion\":\"%s\",\"name\":\"n\"}",
			 cni_version_text(v));
		assert_int_equal(read_request(&add, text), 0);
		assert_int_equal(req.version, v);
	}
	assert_int_equal(read_request(&add, "{\"name\":\"n\"}"), 0);
	assert_int_equal(req.version, CNI_0_1_0);
	assert_failure(read_request(&add, "{\"cniVersion\":\"9.9.9\",\"name\":\"n\"}"), EINVAL,
		       CNI_ERR_VERSION, "\"9.9.9\"");
	assert_int_equal(req.version, CNI_LATEST); /* of the error object */
	assert_failure(read_request(&check, "{\"cniVersion\":\"0.3.1\",\"name\":\"n\"}"), EINVAL,
		       CNI_ERR_VERSION, "0.3.1 has no CHECK: it came with 0.4.0");
	assert_int_equal(req.version, CNI_0_3_1);
	assert_failure(read_request(&gc, "{\"cniVersion\":\"1.0.0\",\"name\":\"n\"}"), EINVAL,
		       CNI_ERR_VERSION, "it came with 1.1.0");
}

static void version_needs_nothing_else(void **state)
{
	const struct cni_env env = { .command = "VERSION",
				     .container_id = "",
				     .netns = "dummy",
				     .ifname = "dummy",
				     .args = "",
				     .path = "" };

	(void)state;
	assert_int_equal(read_request(&env, "{\"cniVersion\":\"0.4.0\"}"), 0);
	assert_int_equal(req.version, CNI_0_4_0);
	assert_int_equal(read_request(&env, " \n"), 0);
}

static void all_of_the_environment_in_one_error(void **state)
{
	struct cni_env env = a_call("ADD");

	(void)state;
	env.container_id = "../c";
	env.netns = "";
	env.ifname = "a/b";
	assert_failure(read_request(&env, "{"), EINVAL, CNI_ERR_ENVIRONMENT,
		       "CNI_NETNS is not set");
	assert_non_null(strstr(e.text, "CNI_CONTAINERID \"../c\""));
	assert_non_null(strstr(e.text, "CNI_IFNAME \"a/b\""));
	env = a_call("FLY");
	assert_failure(read_request(&env, CONF("")), EINVAL, CNI_ERR_ENVIRONMENT, "\"FLY\"");
}

static void bad_configurations(void **state)
{
	const struct cni_env env = a_call("ADD");

	(void)state;
	assert_failure(read_request(&env, "{\"name\":\"n\","), EINVAL, CNI_ERR_DECODE, "line 1");
	assert_failure(read_request(&env, " "), EINVAL, CNI_ERR_DECODE, "empty");
	assert_failure(read_request(&env, "{\"name\":7}"), EINVAL, CNI_ERR_DECODE, "name");
	assert_failure(read_request(&env, "{}"), EINVAL, CNI_ERR_CONFIG, "name: missing");
	assert_failure(read_request(&env, "{\"name\":\"a b\"}"), EINVAL, CNI_ERR_CONFIG, "\"a b\"");
}

/* What is asked for is an id as it is, or its short form. */
static void valid_attachments_have_long_ids(void **state)
{
	const struct cni_env env = a_call("GC");
	char config[1024], id[301], brief[CNI_ID_SHORT + 1];

	(void)state;
	memset(id, 'i', 300);
	id[300] = '\0';
	snprintf(config, sizeof(config),
		 CONF(",\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth0\"},"
		      "{\"containerID\":\"%s\",\"ifname\":\"eth0\"}]"),
		 id);
	assert_int_equal(read_request(&env, config), 0);
	assert_true(cni_is_valid(&req, "a", "eth0"));
	assert_true(cni_is_valid(&req, id, "eth0"));
	assert_true(cni_is_valid(&req, attachment_short_id(id, brief), "eth0"));
	id[299] = 'j';
	assert_false(cni_is_valid(&req, id, "eth0"));
	assert_false(cni_is_valid(&req, attachment_short_id(id, brief), "eth0"));
}

static void valid_attachments(void **state)
{
	const struct cni_env env = a_call("GC");

	(void)state;
	assert_int_equal(read_request(&env, CONF(",\"cni.dev/valid-attachments\":null")), 0);
	assert_false(req.valid_known);
	assert_int_equal(read_request(&env, CONF(",\"cni.dev/valid-attachments\":["
						 "{\"containerID\":\"b\",\"ifname\":\"eth0\"},"
						 "{\"containerID\":\"a\",\"ifname\":\"eth1\"}]")),
			 0);
	assert_true(req.valid_known);
	assert_true(cni_is_valid(&req, "a", "eth1"));
	assert_true(cni_is_valid(&req, "b", "eth0"));
	assert_true(cni_is_valid(&req, "b", ""));
	assert_false(cni_is_valid(&req, "a", "eth0"));
	assert_false(cni_is_valid(&req, "c", ""));
	assert_int_equal(read_request(&env, CONF(",\"cni.dev/valid-attachments\":[]")), 0);
	assert_true(req.valid_known);
	assert_int_equal(req.valid_count, 0);
	assert_int_equal(read_request(&env, CONF(",\"cni.dev/valid-attachments\":[{}]")), -EINVAL);
	assert_int_equal(e.code, CNI_ERR_DECODE);
}

static int read_args(const char *args, const char *members)
{
	struct cni_env env = a_call("ADD");
	char text[1024];
	int r;

	env.args = args;
	snprintf(text, sizeof(text), "{\"cniVersion\":\"1.1.0\",\"name\":\"net1\"%s}", members);
	r = read_request(&env, text);
	return r < 0 ? r : cni_args_read(&req, &e);
}

static void args_of_the_caller(void **state)
{
	(void)state;
	assert_int_equal(
		read_args("IgnoreUnknown=1;X=y;IP=10.0.0.7/24;MAC=02:00:00:00:00:01;;", ""), 0);
	assert_int_equal(req.wanted_ip_count, 1);
	assert_string_equal(addr_text(&req.wanted_ip[0]), "10.0.0.7");
	assert_string_equal(req.wanted_mac, "02:00:00:00:00:01");
	assert_int_equal(read_args("MAC=02:00:00:00:00:01",
				   ",\"args\":{\"cni\":{\"mac\":\"02:00:00:00:00:02\"}},"
				   "\"runtimeConfig\":{\"ips\":[\"fd00::5\"],\"Mac\":\"02:00:00:00:"
				   "00:03\"}"),
			 0);
	assert_string_equal(req.wanted_mac, "02:00:00:00:00:03");
	assert_string_equal(addr_text(&req.wanted_ip[0]), "fd00::5");
	assert_int_equal(read_args("K8S_POD_NAME=a=b", ""), 0);
	assert_null(req.wanted_mac);
}

static void bad_args(void **state)
{
	(void)state;
	assert_failure(read_args("X=1;IP=ten;none", ""), EINVAL, CNI_ERR_ENVIRONMENT,
		       "\"X=1\" is an unknown key");
	assert_non_null(strstr(e.text, "\"IP=ten\" is no IP address"));
	assert_non_null(strstr(e.text, "\"none\" has no '='"));
	assert_failure(read_args("", ",\"runtimeConfig\":{\"ips\":[\"10.0.0.1\",\"x\"]}"), EINVAL,
		       CNI_ERR_CONFIG, "runtimeConfig.ips[1]: \"x\"");
	assert_failure(read_args("", ",\"args\":{\"cni\":{\"mac\":\"x\"}}"), EINVAL, CNI_ERR_CONFIG,
		       "args.cni.mac");
	assert_failure(read_args("IP=10.0.0.1;IP=10.0.0.2;IP=10.0.0.3;IP=10.0.0.4;IP=10.0.0.5;"
				 "IP=10.0.0.6;IP=10.0.0.7;IP=10.0.0.8;IP=10.0.0.9",
				 ""),
		       E2BIG, CNI_ERR_CONFIG, "more than 8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_call),
		cmocka_unit_test(nothing_said_is_nothing),
		cmocka_unit_test(versions),
		cmocka_unit_test(version_needs_nothing_else),
		cmocka_unit_test(all_of_the_environment_in_one_error),
		cmocka_unit_test(bad_configurations),
		cmocka_unit_test(valid_attachments_have_long_ids),
		cmocka_unit_test(valid_attachments),
		cmocka_unit_test(args_of_the_caller),
		cmocka_unit_test(bad_args),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
