/* CNI_ARGS, runtimeConfig and args.cni: see args.h. */
#include "cni/args.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cni/request.h"
#include "net/link.h"

struct pair {
	const char *key, *value;
	size_t key_len, value_len;
};

/*
 * The next "K=V" of a list separated by ';'. key is NULL for a pair without '='; empty pairs are
 * passed over.
 */
static bool next_pair(const char **at, struct pair *out)
{
	size_t len;
	const char *eq;

	*at += strspn(*at, ";");
	len = strcspn(*at, ";");
	if (len == 0)
		return false;
	eq = memchr(*at, '=', len);
	*out = (struct pair){ .value = *at, .value_len = len };
	if (eq) {
		out->key = *at;
		out->key_len = (size_t)(eq - *at);
		out->value = eq + 1;
		out->value_len = len - out->key_len - 1;
	}
	*at += len;
	return true;
}

static bool key_is(const struct pair *p, const char *name)
{
	return p->key && strlen(name) == p->key_len && strncmp(p->key, name, p->key_len) == 0;
}

static bool value_is(const struct pair *p, const char *text)
{
	return strlen(text) == p->value_len && strncasecmp(p->value, text, p->value_len) == 0;
}

/*
 * "10.0.0.7" or, as podman's and Multus' users write it, "10.0.0.7/24": the length says nothing
 * here.
 */
static bool ip_parse(const char *s, size_t len, struct addr *out)
{
	char text[PREFIX_TEXT];
	struct prefix p;

	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	if (addr_parse_host(text, out))
		return true;
	if (!prefix_parse(text, &p))
		return false;
	*out = p.addr;
	return true;
}

/* The next of a list separated by ','; blanks around it are passed over. */
static bool next_word(const char **at, size_t *left, const char **word, size_t *len)
{
	const char *comma = *left ? memchr(*at, ',', *left) : NULL;
	size_t whole = comma ? (size_t)(comma - *at) : *left;

	if (*left == 0)
		return false;
	*word = *at;
	*len = whole;
	while (*len && **word == ' ') {
		(*word)++;
		(*len)--;
	}
	while (*len && (*word)[*len - 1] == ' ')
		(*len)--;
	*at += whole + (comma != NULL);
	*left -= whole + (comma != NULL);
	return true;
}

static bool pair_is_ips(const struct pair *p)
{
	const char *at = p->value, *word;
	size_t left = p->value_len, len;
	struct addr ip;

	if (left == 0)
		return false;
	while (next_word(&at, &left, &word, &len)) {
		if (!ip_parse(word, len, &ip))
			return false;
	}
	return true;
}

static bool pair_is_mac(const struct pair *p, char text[static MAC_TEXT])
{
	uint8_t mac[6];

	if (p->value_len >= MAC_TEXT)
		return false;
	memcpy(text, p->value, p->value_len);
	text[p->value_len] = '\0';
	return mac_parse(text, mac);
}

static bool ignores_unknown(const char *args)
{
	struct pair p;

	while (next_pair(&args, &p)) {
		if (key_is(&p, "IgnoreUnknown"))
			return value_is(&p, "1") || value_is(&p, "true");
	}
	return false;
}

static bool key_is_known(const struct pair *p)
{
	return key_is(p, "IgnoreUnknown") || key_is(p, "GATEWAY") || key_is(p, "SUBNET") ||
	       (p->key_len > 8 && strncmp(p->key, "K8S_POD_", 8) == 0);
}

static const char *pair_problem(const struct pair *p, bool lenient)
{
	char mac[MAC_TEXT];

	if (!p->key)
		return "has no '='";
	if (key_is(p, "IP"))
		return !p->value_len || pair_is_ips(p) ? NULL : "is no IP address";
	if (key_is(p, "MAC"))
		return !p->value_len || pair_is_mac(p, mac) ? NULL : "is no MAC address";
	if (lenient || key_is_known(p))
		return NULL;
	return "is an unknown key, and IgnoreUnknown is not 1";
}

static void find_problems(struct text *t, const char *args)
{
	bool lenient = ignores_unknown(args);
	struct pair p;

	while (next_pair(&args, &p)) {
		const char *problem = pair_problem(&p, lenient);
		size_t whole = p.value_len + (p.key ? p.key_len + 1 : 0);

		if (problem)
			text_printf(t, "%sCNI_ARGS: \"%.*s\" %s", t->len ? "; " : "",
				    (int)(whole < 48 ? whole : 48), p.key ? p.key : p.value,
				    problem);
	}
}

static int want_ip(struct cni_request *req, const struct addr *ip, struct err *e)
{
	if (req->wanted_ip_count == CNI_WANTED_MAX)
		return err_code(
			e,
			err_set(e, E2BIG, "more than %d addresses are asked for", CNI_WANTED_MAX),
			CNI_ERR_CONFIG);
	req->wanted_ip[req->wanted_ip_count++] = *ip;
	return 0;
}

static int want_ips(struct cni_request *req, const struct pair *p, struct err *e)
{
	const char *at = p->value, *word;
	size_t left = p->value_len, len;
	struct addr ip;
	int r = 0;

	while (r == 0 && next_word(&at, &left, &word, &len)) {
		if (ip_parse(word, len, &ip))
			r = want_ip(req, &ip, e);
	}
	return r;
}

const char *cni_args_value(const struct cni_request *req, const char *key)
{
	const char *at = req->args, *value = "";
	struct pair p;

	while (value && next_pair(&at, &p)) {
		if (key_is(&p, key))
			value = arena_strndup(req->arena, p.value, p.value_len);
	}
	return value;
}

static int read_pairs(struct cni_request *req, struct err *e)
{
	const char *at = req->args;
	char mac[MAC_TEXT];
	struct pair p;
	int r = 0;

	while (r == 0 && next_pair(&at, &p)) {
		if (key_is(&p, "IP"))
			r = want_ips(req, &p, e);
		else if (key_is(&p, "MAC") && pair_is_mac(&p, mac))
			req->wanted_mac = arena_strndup(req->arena, p.value, p.value_len);
	}
	return r;
}

struct asked {
	struct json_list ips; /* of const char * */
	const char *mac;
};

static const struct json_field str_elem = { .kind = JSON_STR };
static const struct json_field asked_fields[] = {
	{ "ips", JSON_LIST, offsetof(struct asked, ips), .elem = &str_elem,
	  .elem_size = sizeof(const char *) },
	{ "mac", JSON_STR, offsetof(struct asked, mac) },
};
static const struct json_table asked_table = { .fields = asked_fields, .count = 2 };

static int read_asked(struct cni_request *req, struct json_raw raw, const char *path, struct err *e)
{
	struct asked asked = { 0 };
	const char *const *ips;
	uint8_t mac[6];
	struct addr ip;
	int r = raw.text ? json_decode_raw(req->arena, raw, path, &asked_table, &asked, e) : 0;

	ips = asked.ips.items;
	for (size_t i = 0; r == 0 && i < asked.ips.count; i++) {
		if (!ip_parse(ips[i], strlen(ips[i]), &ip))
			r = err_set(e, EINVAL, "%s.ips[%zu]: \"%.48s\" is no IP address", path, i,
				    ips[i]);
		else
			r = want_ip(req, &ip, e);
	}
	if (r == 0 && asked.mac && *asked.mac) {
		if (!mac_parse(asked.mac, mac))
			r = err_set(e, EINVAL, "%s.mac: \"%.48s\" is no MAC address", path,
				    asked.mac);
		req->wanted_mac = asked.mac;
	}
	return err_code(e, r, CNI_ERR_CONFIG);
}

static int check_pairs(const char *args, struct err *e)
{
	char problems[400];
	struct text t;

	text_init(&t, problems, sizeof(problems));
	find_problems(&t, args);
	if (t.len == 0)
		return 0;
	return err_code(e, err_set(e, EINVAL, "%s", problems), CNI_ERR_ENVIRONMENT);
}

int cni_args_read(struct cni_request *req, struct err *e)
{
	int r = check_pairs(req->args, e);

	if (r == 0)
		r = read_pairs(req, e);
	if (r == 0)
		r = read_asked(req, req->cni_args, "args.cni", e);
	if (r == 0)
		r = read_asked(req, req->runtime_config, "runtimeConfig", e);
	return r;
}
