/* Kubeconfigs, in YAML or JSON. */
#include "kube/access.h"

#include <errno.h>

#include "fuzz.h"
#include "http/http.h"
#include "kube/yaml.h"

/* What was read is a tree whose texts are all there. */
static void check_tree(const struct yaml *y, unsigned int depth)
{
	require(depth < 100);
	require((y->kind == YAML_TEXT) == (y->text != NULL));
	require(!y->first || y->kind == YAML_MAP || y->kind == YAML_LIST);
	for (const struct yaml *m = y->first; m; m = m->next) {
		require((y->kind == YAML_MAP) == (m->key != NULL));
		if (m->key)
			require(yaml_get(y, m->key) == m);
		check_tree(m, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct json_raw text = input_rest(&in, false);
	struct arena a = fuzz_arena();
	struct kube_access k;
	struct http_server server;
	const struct yaml *y;
	struct err e = { 0 };
	int r = yaml_parse(&a, text.text, text.len, &y, &e);

	check_err(r, &e);
	if (r == 0)
		check_tree(y, 0);
	err_clear(&e);
	r = kubeconfig_parse(&a, text.text, text.len, "/d/", &k, &e);
	check_err(r, &e);
	if (r == 0) {
		require(k.server);
		r = http_server_parse(&server, k.server, &e);
		check_err(r, &e);
		require(r < 0 || (server.host[0] && server.port));
	}
	input_end(&in);
	return 0;
}
