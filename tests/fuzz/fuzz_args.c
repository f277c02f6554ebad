/*
 * What a caller asks for: CNI_ARGS and a NUL, then an object with "runtimeConfig" and "args". What
 * is judged good is read, and says the same when it is written as CNI_ARGS.
 */
#include "cni/args.h"

#include "cni/request.h"
#include "fuzz.h"
#include "net/link.h"

static void check_wanted(const struct cni_request *req)
{
	struct cni_request again = { .arena = req->arena };
	char buf[1024], text[ADDR_TEXT];
	struct err e = { 0 };
	uint8_t mac[6];
	struct text t;

	require(req->wanted_ip_count <= CNI_WANTED_MAX);
	require(!req->wanted_mac || mac_parse(req->wanted_mac, mac));
	text_init(&t, buf, sizeof(buf));
	for (size_t i = 0; i < req->wanted_ip_count; i++)
		text_printf(&t, "IP=%s;", addr_format(&req->wanted_ip[i], text));
	if (req->wanted_mac)
		text_printf(&t, "MAC=%s", req->wanted_mac);
	again.args = buf;
	require(cni_args_read(&again, &e) == 0);
	require(again.wanted_ip_count == req->wanted_ip_count &&
		str_equal(again.wanted_mac, req->wanted_mac));
	for (size_t i = 0; i < req->wanted_ip_count; i++)
		require(addr_equal(&again.wanted_ip[i], &req->wanted_ip[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct cni_request req = { .arena = &a, .args = input_string(&in) };
	struct json_raw doc = input_rest(&in, false);
	struct err e = { 0 };
	int r;

	if (json_check(doc.text, doc.len, &e) < 0)
		doc = (struct json_raw){ .text = "{}", .len = 2 };
	err_clear(&e);
	req.runtime_config = fuzz_member(doc, "runtimeConfig");
	req.cni_args = fuzz_member(fuzz_member(doc, "args"), "cni");
	r = cni_args_read(&req, &e);
	check_err(r, &e);
	require((r == 0) == (e.code == 0));
	if (r == 0)
		check_wanted(&req);
	input_end(&in);
	return 0;
}
