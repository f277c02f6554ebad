/* Environment and configuration of a call: see request.h. */
#include "cni/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "cni/valid.h"

struct common {
	const char *version, *name, *type;
	struct json_raw ipam, dns, prev_result, valid, valid_old, runtime, args;
};

#define RAW_FIELD(key, m)                                                                          \
	{                                                                                          \
		.name = key, .kind = JSON_RAW, .offset = offsetof(struct common, m)                \
	}

static const struct json_field common_fields[] = {
	{ "cniVersion", JSON_STR, offsetof(struct common, version) },
	{ "name", JSON_STR, offsetof(struct common, name) },
	{ "type", JSON_STR, offsetof(struct common, type) },
	RAW_FIELD("ipam", ipam),
	RAW_FIELD("dns", dns),
	RAW_FIELD("prevResult", prev_result),
	RAW_FIELD("cni.dev/attachments",
		  valid_old), /* the key's name in the specification's drafts; libcni sends both */
	RAW_FIELD("cni.dev/valid-attachments", valid),
	RAW_FIELD("runtimeConfig", runtime),
	RAW_FIELD("args", args),
};
static const struct json_table common_table = {
	.fields = common_fields,
	.count = sizeof(common_fields) / sizeof(common_fields[0]),
};

static const char *env_or_empty(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

void cni_env_read(struct cni_env *env)
{
	*env = (struct cni_env){
		.command = env_or_empty("CNI_COMMAND"),
		.container_id = env_or_empty("CNI_CONTAINERID"),
		.netns = env_or_empty("CNI_NETNS"),
		.ifname = env_or_empty("CNI_IFNAME"),
		.args = env_or_empty("CNI_ARGS"),
		.path = env_or_empty("CNI_PATH"),
		.netns_override = env_or_empty("CNI_NETNS_OVERRIDE"),
	};
}

/* Problems of the environment gather in one text, so that all are reported at once. */
static void env_require(struct text *t, bool needed, const char *name, const char *value)
{
	if (needed && !*value)
		text_printf(t, "%s%s is not set", t->len ? "; " : "", name);
}

static void env_check(struct text *t, bool ok, const char *name, const char *value, const char *why)
{
	if (*value && !ok)
		text_printf(t, "%s%s \"%.48s%s\" %s", t->len ? "; " : "", name, value,
			    strlen(value) > 48 ? "..." : "", why);
}

static int check_env(const struct cni_env *env, enum cni_command c, struct err *e)
{
	bool attached = c == CNI_ADD || c == CNI_DEL || c == CNI_CHECK;
	char problems[400];
	struct text t;

	if (c == CNI_VERSION)
		return 0;
	text_init(&t, problems, sizeof(problems));
	env_require(&t, attached, "CNI_CONTAINERID", env->container_id);
	env_require(&t, c == CNI_ADD || c == CNI_CHECK, "CNI_NETNS", env->netns);
	env_require(&t, attached, "CNI_IFNAME", env->ifname);
	env_require(&t, true, "CNI_PATH", env->path);
	if (attached) {
		env_check(&t, cni_id_valid(env->container_id), "CNI_CONTAINERID", env->container_id,
			  "must be a letter or digit, then letters, digits, '_', '.', '-', at most "
			  "4096");
		env_check(
			&t, cni_ifname_valid(env->ifname), "CNI_IFNAME", env->ifname,
			"must be an interface name: 1 to 15 bytes, no '/', ':' or blanks, not . or "
			"..");
	}
	if (t.len == 0)
		return 0;
	return err_code(e, err_set(e, EINVAL, "%s", problems), CNI_ERR_ENVIRONMENT);
}

static int check_command(struct cni_request *out, const struct cni_env *env, struct err *e)
{
	int r;

	if (cni_command_parse(env->command, &out->command))
		return 0;
	if (!*env->command)
		r = err_set(e, EINVAL, "CNI_COMMAND is not set");
	else
		r = err_set(e, EINVAL,
			    "CNI_COMMAND \"%.48s\" is unknown: expected ADD, DEL, CHECK, GC, "
			    "STATUS or VERSION",
			    env->command);
	return err_code(e, r, CNI_ERR_ENVIRONMENT);
}

static int check_version(struct cni_request *out, const struct common *c, struct err *e)
{
	static const enum cni_version since[] = {
		[CNI_CHECK] = CNI_0_4_0,
		[CNI_GC] = CNI_1_1_0,
		[CNI_STATUS] = CNI_1_1_0,
		[CNI_VERSION] = CNI_0_1_0,
	};
	int r;

	out->version = CNI_0_1_0;
	if (c->version && *c->version && !cni_version_parse(c->version, &out->version)) {
		out->version = CNI_LATEST;
		r = err_set(e, EINVAL,
			    "cniVersion \"%.32s\" is not supported: expected 0.1.0 to 1.1.0",
			    c->version);
		return err_code(e, r, CNI_ERR_VERSION);
	}
	if (out->version >= since[out->command])
		return 0;
	r = err_set(e, EINVAL, "cniVersion %s has no %s: it came with %s",
		    cni_version_text(out->version), cni_command_text(out->command),
		    cni_version_text(since[out->command]));
	return err_code(e, r, CNI_ERR_VERSION);
}

static int check_name(const struct common *c, struct err *e)
{
	int r;

	if (!c->name || !*c->name)
		r = err_set(e, EINVAL, "name: missing; the configuration must name its network");
	else if (!cni_network_valid(c->name))
		r = err_set(e, EINVAL,
			    "name \"%.48s%s\": a network name is a letter or digit, then letters, "
			    "digits, '_', '.', "
			    "'-', at most %d",
			    c->name, strlen(c->name) > 48 ? "..." : "", CNI_NAME_MAX);
	else
		return 0;
	return err_code(e, r, CNI_ERR_CONFIG);
}

/* prevResult: {} and null come from runtimes that had nothing to say. */
static struct json_raw meaningful(struct json_raw raw)
{
	struct json_iter it = json_members(raw);
	struct json_raw key, value;

	return json_next(&it, &key, &value) ? raw : (struct json_raw){ 0 };
}

/* As the reference reads it. */
static bool is_true(const char *s)
{
	return s && (strcmp(s, "1") == 0 || strcasecmp(s, "true") == 0);
}

static void fill(struct cni_request *out, const struct cni_env *env, const struct common *c)
{
	out->at = (struct cni_attachment){
		.network = c->name ? c->name : "",
		.container_id = env->container_id,
		.ifname = env->ifname,
	};
	out->netns = env->netns;
	out->netns_override = is_true(env->netns_override);
	out->args = env->args;
	out->path = env->path;
	out->type = c->type ? c->type : "";
	out->ipam = c->ipam;
	out->dns = meaningful(c->dns);
	out->prev_result = meaningful(c->prev_result);
	out->runtime_config = meaningful(c->runtime);
	out->cni_args = meaningful(json_find(c->args, "cni"));
}

static int read_config(struct cni_request *out, const struct cni_env *env, struct common *c,
		       struct err *e)
{
	const struct json_raw in = out->config;
	bool empty = strspn(in.text, " \t\r\n") == in.len;
	int r;

	if (empty && strcmp(env->command, "VERSION") == 0)
		return 0;
	if (empty)
		r = err_set(e, EINVAL,
			    "standard input is empty: expected the network configuration as a JSON "
			    "object");
	else
		r = json_decode(out->arena, in.text, in.len, &common_table, c, e);
	return err_code(e, r, CNI_ERR_DECODE);
}

int cni_request_read(struct cni_request *out, struct arena *a, const struct cni_env *env,
		     const char *text, size_t len, struct err *e)
{
	struct err config_error = { 0 };
	struct common c = { 0 };
	int r, bad_config;

	*out = (struct cni_request){
		.arena = a,
		.command = CNI_VERSION,
		.version = CNI_LATEST,
		.config = { .text = text, .len = len },
	};
	bad_config = read_config(out, env, &c, &config_error);
	if (c.version)
		cni_version_parse(c.version, &out->version);
	r = check_command(out, env, e);
	if (r == 0)
		r = check_env(env, out->command, e);
	if (r == 0 && bad_config < 0) {
		*e = config_error;
		r = bad_config;
	}
	if (r == 0)
		r = check_version(out, &c, e);
	if (r == 0 && out->command != CNI_VERSION)
		r = check_name(&c, e);
	if (r < 0)
		return r;
	fill(out, env, &c);
	if (out->command == CNI_GC && (c.valid.text || c.valid_old.text))
		r = cni_valid_read(out, c.valid.text ? CNI_VALID : CNI_VALID_OLD, e);
	return r;
}

bool cni_takes_away(const struct cni_request *req)
{
	return req->command == CNI_DEL || req->command == CNI_GC;
}

int cni_config_decode(const struct cni_request *req, const struct json_table *table, void *conf,
		      struct err *e)
{
	int r = json_decode_raw(req->arena, req->config, "", table, conf, e);

	return err_code(e, r, CNI_ERR_CONFIG);
}
