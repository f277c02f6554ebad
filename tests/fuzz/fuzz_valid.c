/*
 * GC's list: the configuration of a GC call. A live attachment that is read wrong loses its
 * network, so all that the list names must be found, and nothing may be said when there is no list.
 */
#include "cni/valid.h"

#include "cni/request.h"
#include "fuzz.h"

static const char *member_string(struct arena *a, struct json_raw object, const char *name)
{
	struct json_raw value = fuzz_member(object, name);
	const char *s = value.text ? json_string(a, value) : NULL;

	require(s);
	return s;
}

/*
 * Read once more by other means: the specification's key, and the one of its drafts only where that
 * is missing.
 */
static void check_all_found(const struct cni_request *req)
{
	struct json_raw list = fuzz_member(req->config, "cni.dev/valid-attachments"), none, entry;
	struct json_iter it;

	if (!list.text)
		list = fuzz_member(req->config, "cni.dev/attachments");
	require(req->valid_known == !!list.text);
	it = json_members(list);
	while (json_next(&it, &none, &entry)) {
		const char *id = member_string(req->arena, entry, "containerID"),
			   *ifname = member_string(req->arena, entry, "ifname");

		require(cni_is_valid(req, id, ifname) && cni_is_valid(req, id, ""));
	}
}

/* The search by halves finds what a look at each entry finds. */
static void check_search(const struct cni_request *req, const char *id, const char *ifname)
{
	bool found = false;

	for (size_t i = 0; i < req->valid_count; i++)
		found |= strcmp(req->valid[i].container_id, id) == 0 &&
			 (!*ifname || strcmp(req->valid[i].ifname, ifname) == 0);
	require(cni_is_valid(req, id, ifname) == found);
}

static void check_searches(const struct cni_request *req)
{
	for (size_t i = 0; i < req->valid_count; i++) {
		const struct cni_attachment *at = &req->valid[i];

		check_search(req, at->container_id, at->ifname);
		check_search(req, at->container_id, arena_printf(req->arena, "%s0", at->ifname));
		check_search(req, at->ifname, at->container_id);
	}
	check_search(req, "no such container", "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cni_env env = {
		.command = "GC",
		.container_id = "",
		.netns = "",
		.ifname = "",
		.args = "",
		.path = "/nowhere",
	};
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct cni_request req;
	struct json_raw config = input_rest(&in, true);
	struct err e = { 0 };
	int r = cni_request_read(&req, &a, &env, config.text, config.len, &e);

	check_err(r, &e);
	if (r == 0) {
		check_all_found(&req);
		check_searches(&req);
	}
	input_end(&in);
	return 0;
}
