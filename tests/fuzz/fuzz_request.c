/*
 * A whole call: command, container, namespace, interface and CNI_ARGS, each ended by a NUL, and
 * behind them standard input. What the request accepts goes on to every plugin's keys and to its
 * judgement, which touch nothing. CNI_PATH names no folder: nothing is looked for.
 */
#include "cni/plugin.c"

#include "cni/args.h"
#include "fuzz.h"
#include "net/link.h"
#include "plugins/plugins.h"

/* Whatever is refused, the runtime must be able to read why. */
static void check_refusal(const struct cni_request *req, int r, const struct err *e)
{
	struct err none = { 0 };
	struct text t;

	check_err(r, e);
	if (r == 0)
		return;
	text_init(&t, answer_buf, sizeof(answer_buf));
	write_error(&t, req, e);
	require(!t.bad && json_check(t.at, t.len, &none) == 0 && !strchr(t.at, '\n'));
}

static bool is_inside(struct json_raw part, struct json_raw whole)
{
	return !part.text || (part.text >= whole.text &&
			      part.len <= whole.len - (size_t)(part.text - whole.text));
}

static void check_request(const struct cni_request *req)
{
	if (req->command == CNI_ADD || req->command == CNI_DEL || req->command == CNI_CHECK)
		require(cni_id_valid(req->at.container_id) && cni_ifname_valid(req->at.ifname));
	require(req->command == CNI_VERSION || cni_network_valid(req->at.network));
	require(req->command == CNI_DEL || req->command == CNI_GC || req->command >= CNI_STATUS ||
		*req->netns);
	require(req->type);
	require(is_inside(req->ipam, req->config) && is_inside(req->dns, req->config));
	require(is_inside(req->prev_result, req->config));
	require(is_inside(req->runtime_config, req->config));
	require(is_inside(req->cni_args, req->config));
	require(req->command == CNI_GC || (!req->valid_known && !req->valid_count));
}

static void prepare(struct cni_request *req)
{
	static struct cni_result prev;

	for (size_t i = 0; i < plugin_count; i++) {
		const size_t mark = req->arena->used;
		struct err e = { 0 };
		void *conf;
		int r = decode_conf(plugins[i], req, &conf, &e);

		req->plugin = plugins[i];
		if (r == 0 && plugins[i]->prepare)
			r = plugins[i]->prepare(req, conf, &e);
		check_refusal(req, r, &e);
		err_clear(&e);
		if (r == 0 && req->prev_result.text)
			check_refusal(req,
				      cni_result_read(req->arena, req->prev_result, "prevResult",
						      &prev, &e),
				      &e);
		arena_reset(req->arena, mark);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct cni_env env = { .path = "/nowhere" };
	struct arena a = fuzz_arena();
	struct cni_request req;
	struct err e = { 0 };
	struct json_raw config;
	int r;

	env.command = input_string(&in);
	env.container_id = input_string(&in);
	env.netns = input_string(&in);
	env.ifname = input_string(&in);
	env.args = input_string(&in);
	config = input_rest(&in, true);
	r = cni_request_read(&req, &a, &env, config.text, config.len, &e);
	require((unsigned int)req.version < CNI_VERSIONS && (r == 0) == (e.code == 0));
	check_refusal(&req, r, &e);
	if (r == 0)
		check_request(&req);
	if (r == 0 && req.command != CNI_VERSION)
		prepare(&req);
	input_end(&in);
	return 0;
}
