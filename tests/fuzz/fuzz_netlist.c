/*
 * cnitool's configuration lists: two objects that a call adds (capability arguments, a result),
 * each ended by a NUL, then the file. Each plugin of an accepted list gets a configuration that a
 * plugin accepts, and the list as the cache keeps it is the same list.
 */
#include "runtime/netconf.h"

#include "cni/request.h"
#include "fuzz.h"

static char config_buf[1 << 18];

static struct json_raw checked(struct json_raw raw)
{
	struct err e = { 0 };

	if (json_check(raw.text, raw.len, &e) < 0)
		return (struct json_raw){ 0 };
	/* What has passed the check is not empty. */
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
	while (memchr(" \t\r\n", *raw.text, 4))
		raw.text++, raw.len--;
	while (memchr(" \t\r\n", raw.text[raw.len - 1], 4))
		raw.len--;
	return *raw.text == '{' ? raw : (struct json_raw){ 0 };
}

static struct json_raw input_object(struct input *in)
{
	const char *s = input_string(in);

	return checked((struct json_raw){ .text = s, .len = strlen(s) });
}

static void check_config(struct arena *a, const struct net_list *l, const struct net_plugin *p,
			 const struct net_inject *inject)
{
	const struct cni_env env = {
		.command = "ADD",
		.container_id = "c",
		.netns = "/n",
		.ifname = "eth0",
		.args = "",
		.path = "/nowhere",
	};
	struct cni_request req;
	struct err e = { 0 };
	struct text t;
	int r;

	text_init(&t, config_buf, sizeof(config_buf));
	net_config_write(&t, l, p, inject);
	require(!t.bad);
	r = cni_request_read(&req, a, &env, t.at, t.len, &e);
	check_err(r, &e);
	require(json_check(t.at, t.len, &(struct err){ 0 }) == 0);
	if (r < 0)
		return; /* a key of ours that the list's author got wrong */
	require(str_equal(req.type, p->type) && str_equal(req.at.network, l->name) &&
		req.version == l->version);
	if (inject->prev_result.text)
		require(raw_equal(fuzz_member(req.config, "prevResult"), inject->prev_result));
}

static void check_list(struct arena *a, const struct net_list *l, const struct net_inject *inject)
{
	struct net_list again;
	struct err e = { 0 };
	bool more;

	require(cni_network_valid(l->name) && (unsigned int)l->version < CNI_VERSIONS);
	require(net_list_parse(a, l->bytes, &again, &more, &e) == 0);
	require(again.count == l->count && again.version == l->version &&
		str_equal(again.name, l->name));
	for (size_t i = 0; i < l->count; i++) {
		require(l->plugins[i].type && *l->plugins[i].type &&
			str_equal(l->plugins[i].type, again.plugins[i].type));
		check_config(a, l, &l->plugins[i], inject);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct net_inject inject = { 0 };
	struct net_list l;
	struct err e = { 0 };
	bool more = false;
	int r;

	inject.capability_args = input_object(&in);
	inject.prev_result = input_object(&in);
	r = net_list_parse(&a, input_rest(&in, false), &l, &more, &e);
	check_err(r, &e);
	require(r < 0 || l.count > 0 || more);
	if (r == 0)
		check_list(&a, &l, &inject);
	input_end(&in);
	return 0;
}
