/* Kubeconfigs as they are found, and the YAML that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "kube/access.h"
#include "kube/base64.h"
#include "kube/yaml.h"

static _Alignas(16) char memory[1 << 20];
static struct arena arena;
static struct kube_access k;
static struct err e;

/* A copy of exactly its size, so that reading past it is seen. */
static int parse(const char *text)
{
	size_t len = strlen(text);
	char *copy = test_malloc(len ? len : 1);
	int r;

	arena_init(&arena, memory, sizeof(memory));
	err_clear(&e);
	memcpy(copy, text, len);
	r = kubeconfig_parse(&arena, copy, len, "/dir/", &k, &e);
	test_free(copy);
	return r;
}

static void parses(const char *text)
{
	int r = parse(text);

	if (r)
		print_error("%s\n", e.text);
	assert_int_equal(r, 0);
}

/* kubeadm's kubelet.conf: keys sorted, the certificate's file is the key's. */
static void test_kubeadm(void **state)
{
	(void)state;
	parses("apiVersion: v1\n"
	       "clusters:\n"
	       "- cluster:\n"
	       "    certificate-authority-data: Y2EK\n"
	       "    server: https://10.0.0.1:6443\n"
	       "  name: kubernetes\n"
	       "contexts:\n"
	       "- context:\n"
	       "    cluster: kubernetes\n"
	       "    user: system:node:m\n"
	       "  name: system:node:m@kubernetes\n"
	       "current-context: system:node:m@kubernetes\n"
	       "kind: Config\n"
	       "preferences: {}\n"
	       "users:\n"
	       "- name: system:node:m\n"
	       "  user:\n"
	       "    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n"
	       "    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem\n");
	assert_string_equal(k.server, "https://10.0.0.1:6443");
	assert_string_equal(k.ca.data, "ca\n");
	assert_string_equal(k.cert.file, "/var/lib/kubelet/pki/kubelet-client-current.pem");
	assert_string_equal(k.key.file, k.cert.file);
	assert_null(k.token.data);
}

/* k3s: apiVersion first, lists deeper than their key, several contexts. */
static void test_k3s(void **state)
{
	(void)state;
	parses("apiVersion: v1\n"
	       "clusters:\n"
	       "  - cluster:\n"
	       "      server: https://127.0.0.1:6444\n"
	       "      certificate-authority: /var/lib/rancher/k3s/agent/server-ca.crt\n"
	       "    name: local\n"
	       "contexts:\n"
	       "  - context:\n"
	       "      cluster: local\n"
	       "      namespace: default\n"
	       "      user: user\n"
	       "    name: Default\n"
	       "current-context: Default\n"
	       "kind: Config\n"
	       "preferences: {}\n"
	       "users:\n"
	       "  - name: user\n"
	       "    user:\n"
	       "      client-certificate: client-kubelet.crt\n"
	       "      client-key: client-kubelet.key\n");
	assert_string_equal(k.ca.file, "/var/lib/rancher/k3s/agent/server-ca.crt");
	assert_string_equal(k.cert.file, "/dir/client-kubelet.crt");
	assert_string_equal(k.key.file, "/dir/client-kubelet.key");
}

/* microk8s: a token; a comment and quotes, as people edit it. */
static void test_microk8s(void **state)
{
	(void)state;
	parses("---\n"
	       "# made by microk8s\n"
	       "apiVersion: v1\n"
	       "clusters:\n"
	       "- cluster:\n"
	       "    certificate-authority-data: \"Y2E=\"   # the CA\n"
	       "    server: 'https://127.0.0.1:16443'\n"
	       "  name: microk8s-cluster\n"
	       "\n"
	       "contexts:\n"
	       "- context: {}\n"
	       "  name: other\n"
	       "- context:\n"
	       "    cluster: microk8s-cluster\n"
	       "    user: kubelet\n"
	       "  name: microk8s\n"
	       "current-context: microk8s\r\n"
	       "users:\n"
	       "-\n"
	       "  name: kubelet\n"
	       "  user:\n"
	       "    token: \"a\\\"b==\"\n");
	assert_string_equal(k.server, "https://127.0.0.1:16443");
	assert_string_equal(k.ca.data, "ca");
	assert_string_equal(k.token.data, "a\"b==");
}

#define JSON(cluster, user)                                                                        \
	"{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":\"k\"," \
	"\"user\":\"u\"}}],\"clusters\":[{\"name\":\"k\",\"cluster\":{" cluster "}}],"             \
	"\"users\":[{\"name\":\"u\",\"user\":{" user "}}]}"
#define SERVER "\"server\":\"https://a\""

static void test_json(void **state)
{
	(void)state;
	parses(JSON(SERVER ",\"tls-server-name\":\"n\",\"insecure-skip-tls-verify\":false",
		    "\"tokenFile\":\"t\",\"exec\":null,\"token\":\"x\""));
	assert_string_equal(k.server, "https://a");
	assert_string_equal(k.tls_name, "n");
	assert_string_equal(k.token.file, "/dir/t");
	assert_string_equal(k.token.data, "x");
}

static void refuses(const char *text, const char *why)
{
	assert_int_equal(parse(text), -EINVAL);
	if (!strstr(e.text, why))
		print_error("%s\n", e.text);
	assert_non_null(strstr(e.text, why));
}

static void test_refused_by_name(void **state)
{
	(void)state;
	refuses(JSON(SERVER, "\"exec\":{\"command\":\"aws\"}"), "exec: a plugin");
	refuses(JSON(SERVER, "\"auth-provider\":{\"name\":\"gcp\"}"), "auth-provider: a plugin");
	refuses(JSON(SERVER, "\"username\":\"x\""), "username: passwords");
	refuses(JSON(SERVER, "\"as\":\"x\""), "as: impersonation");
	refuses(JSON(SERVER ",\"insecure-skip-tls-verify\":true", ""),
		"a server is always verified");
	refuses(JSON(SERVER ",\"proxy-url\":\"http://p\"", ""), "proxy-url");
	refuses(JSON("", ""), "the cluster has no server");
	refuses(JSON("\"server\":[1]", ""), "server: expected a text");
	refuses(JSON(SERVER ",\"certificate-authority-data\":\"*\"", ""), "no base64");
	refuses(JSON(SERVER, "\"client-key-data\":\"AA==\""), "no base64 of a text");
	refuses("{}", "no current-context");
	refuses("{\"current-context\":\"c\"}", "\"c\" is not among the contexts");
	refuses("", "no current-context");
	refuses("{\"a\":1,\"a\":2}", "stands twice");
}

static void test_refused_yaml(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "a: &x b\n", "line 1: an anchor" },
		{ "a: 1\nb: *x\n", "line 2: an alias" },
		{ "a: !!str b\n", "line 1: a tag" },
		{ "a:\n  b: |\n    c\n", "line 2: a block scalar" },
		{ "a: >-\n  c\n", "line 1: a block scalar" },
		{ "a: {b: c}\n", "line 1: flow style" },
		{ "a: [b]\n", "line 1: flow style" },
		{ "a:\n\tb: c\n", "line 2: a tab" },
		{ "a: b\tc\n", "line 1: a tab" },
		{ "a: b\n  c\n", "line 2: indented more" },
		{ "a: b\n  c: d\n", "line 2: indented more" },
		{ "a:\n    b: c\n  d: e\n", "line 3: indented more" },
		{ "  a: b\nc: d\n", "line 2: this belongs to nothing" },
		{ "a: b: c\n", "line 1: a colon and a blank" },
		{ "a: b\na: c\n", "line 2: the key \"a\" stands twice" },
		{ "a: \"b\n", "line 1: a quote that does not end" },
		{ "a: 'b' c\n", "line 1: something behind" },
		{ "a: \"\\u0041\"\n", "line 1: an escape" },
		{ "a: b\n---\nc: d\n", "line 2: " },
		{ "%YAML 1.2\n---\na: b\n", "line 1: " },
		{ "? a\n: b\n", "line 1: " },
		{ "a\n", "no current-context" },
		{ "- a\nb: c\n", "line 2: this belongs to nothing" },
		{ "a: b\n- c\n", "line 2: this belongs to nothing" },
		{ "a: b\nnonsense\n", "line 2: expected \"key: value\"" },
		{ "*a: b\n", "line 1: " },
		{ "a: @b\n", "line 1: a character" },
		{ "a: - b\n", "line 1: a key or list" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(bad[i].text, bad[i].why);
}

static void test_deep(void **state)
{
	static char text[4096];
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < 60; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%*sa:\n", (int)i, "");
	refuses(text, "nested too deeply");
	for (at = 0; at < 200; at += 2)
		memcpy(text + at, "- ", 3);
	refuses(text, "nested too deeply");
}

static void test_yaml_values(void **state)
{
	static const char text[] =
		"a: 'it''s'\nb:\nc: ~\nd: null # x\ne: x#y\nf: http://h:1/\n"
		"g:\n- 1\n-\n- - 2\n  - 3\n- x: y\n  z: w\nh: \"\"\n\"i j\": k\n";
	const struct yaml *y, *list;

	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	assert_int_equal(yaml_parse(&arena, text, strlen(text), &y, &e), 0);
	assert_string_equal(yaml_get_text(y, "a"), "it's");
	assert_int_equal(yaml_get(y, "b")->kind, YAML_NULL);
	assert_int_equal(yaml_get(y, "c")->kind, YAML_NULL);
	assert_null(yaml_get_text(y, "d"));
	assert_string_equal(yaml_get_text(y, "e"), "x#y");
	assert_string_equal(yaml_get_text(y, "f"), "http://h:1/");
	assert_string_equal(yaml_get_text(y, "h"), "");
	assert_string_equal(yaml_get_text(y, "i j"), "k");
	list = yaml_get(y, "g");
	assert_int_equal(list->kind, YAML_LIST);
	assert_string_equal(list->first->text, "1");
	assert_int_equal(list->first->next->kind, YAML_NULL);
	assert_string_equal(list->first->next->next->first->next->text, "3");
	assert_string_equal(yaml_get_text(list->first->next->next->next, "z"), "w");
}

static void test_base64(void **state)
{
	char out[16];
	size_t len;

	(void)state;
	assert_true(base64_decode("", out, &len) && len == 0);
	assert_true(base64_decode("Zm9vYg==", out, &len) && len == 4 &&
		    memcmp(out, "foob", 4) == 0);
	assert_true(base64_decode("Zm9vYmE=", out, &len) && len == 5);
	assert_true(base64_decode("+/+/", out, &len) && memcmp(out, "\xfb\xff\xbf", 3) == 0);
	assert_false(base64_decode("Zg", out, &len));
	assert_false(base64_decode("Z===", out, &len));
	assert_false(base64_decode("====", out, &len));
	assert_false(base64_decode("Zg==Zg==", out, &len));
	assert_false(base64_decode("Zm9\n", out, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kubeadm),
		cmocka_unit_test(test_k3s),
		cmocka_unit_test(test_microk8s),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_refused_by_name),
		cmocka_unit_test(test_refused_yaml),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_yaml_values),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
