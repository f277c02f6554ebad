/* runtimeConfig: see runtime_config.h. */
#include "cni/runtime_config.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/request.h"
#include "json/writer.h"

/* "dns" is not among them: every plugin's result carries it. */
static const char *const requests[] = {
	"portMappings", "bandwidth", "ipRanges", "ips", "mac", "infinibandGUID", "deviceID",
};

/* Is there any value in it but null, "", 0 and false? A document is JSON_DEPTH_MAX deep at most. */
static bool asks(struct json_raw raw)
{
	static const char *const nothing[] = { "null", "\"\"", "0", "false" };
	struct json_iter it = json_members(raw);
	struct json_raw key, value;

	while (json_next(&it, &key, &value)) {
		if (asks(value))
			return true;
	}
	if (raw.text[0] == '{' || raw.text[0] == '[')
		return false;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		if (raw.len == strlen(nothing[i]) && memcmp(raw.text, nothing[i], raw.len) == 0)
			return false;
	}
	return true;
}

static bool is_read(const char *request, const char *const *capabilities)
{
	for (; *capabilities; capabilities++) {
		if (strcmp(*capabilities, request) == 0)
			return true;
	}
	return false;
}

static const char *find_request(struct json_raw key)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (json_key_is(key, requests[i]))
			return requests[i];
	}
	return NULL;
}

static int refuse(const char *request, struct err *e)
{
	return err_code(e,
			err_set(e, EOPNOTSUPP,
				"runtimeConfig.%s: this plugin does not do it; the "
				"\"capabilities\" of one that does must name it",
				request),
			CNI_ERR_FIELD);
}

int cni_runtime_config_check(const struct cni_request *req, const char *const *capabilities,
			     bool chained, struct err *e)
{
	struct json_iter it = json_members(req->runtime_config);
	struct json_raw key, value;

	while (req->runtime_config.text && json_next(&it, &key, &value)) {
		const char *request = find_request(key);

		if (!request || is_read(request, capabilities) || !asks(value))
			continue;
		if (!chained)
			return refuse(request, e);
		log_line(LOG_WARN, "runtimeConfig.%s: left to the other plugins of the list",
			 request);
	}
	return 0;
}

struct dns {
	struct json_list servers, searches, options; /* of const char * */
};

struct runtime {
	struct dns dns;
};

static const struct json_field word = { .kind = JSON_STR };

#define WORDS(key)                                                                                 \
	{                                                                                          \
#key, JSON_LIST, offsetof(struct dns, key), .elem = &word,                         \
							    .elem_size = sizeof(const char *)      \
	}

static const struct json_field dns_fields[] = { WORDS(servers), WORDS(searches), WORDS(options) };
static const struct json_table dns_table = { .fields = dns_fields, .count = 3 };
static const struct json_field runtime_fields[] = {
	{ "dns", JSON_OBJECT, offsetof(struct runtime, dns), .table = &dns_table },
};
static const struct json_table runtime_table = { .fields = runtime_fields, .count = 1 };

static void put_words(struct json_writer *w, const char *key, const struct json_list *words)
{
	const char *const *items = words->items;

	if (words->count == 0)
		return;
	json_key(w, key);
	json_open(w, '[');
	for (size_t i = 0; i < words->count; i++)
		json_put_str(w, items[i]);
	json_close(w, ']');
}

static void put_dns(struct text *t, const struct dns *dns)
{
	struct json_writer w;

	json_begin(&w, t, 0);
	json_open(&w, '{');
	put_words(&w, "nameservers", &dns->servers);
	put_words(&w, "search", &dns->searches);
	put_words(&w, "options", &dns->options);
	json_close(&w, '}');
}

int cni_runtime_config_dns(struct cni_request *req, struct err *e)
{
	struct runtime c = { 0 };
	struct text t;
	/* Bytes that are escaped or no UTF-8 grow sixfold at most. */
	size_t size = 6 * req->runtime_config.len + 64;
	char *buf;
	int r;

	if (!req->runtime_config.text)
		return 0;
	r = json_decode_raw(req->arena, req->runtime_config, "runtimeConfig", &runtime_table, &c,
			    e);
	if (r < 0 || !(c.dns.servers.count + c.dns.searches.count + c.dns.options.count))
		return err_code(e, r, CNI_ERR_CONFIG);
	buf = arena_alloc(req->arena, size);
	if (!buf)
		return err_set(e, ENOMEM, "runtimeConfig.dns: no memory left");
	text_init(&t, buf, size);
	put_dns(&t, &c.dns);
	req->dns = (struct json_raw){ .text = t.at, .len = t.len };
	return 0;
}
