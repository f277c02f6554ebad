/*
 * flannel: another plugin, bridge by default, with the subnet that flannel's daemon has written
 * down. The keys are the reference plugin's.
 *
 * What the other plugin was called with is kept in a file for each container, the reference's, so
 * that DEL and CHECK need no subnet file. Without that, DEL of a plugin of ours goes on from names.
 */
#include "plugins/plugins.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cluster/subnet_env.h"
#include "cni/attachment.h"
#include "cni/delegate.h"
#include "cni/delegate_file.h"
#include "json/writer.h"

#define DATA_DIR "/var/lib/cni/flannel"
#define CONFIG_MAX DELEGATE_FILE_MAX

struct conf {
	const char *subnet_file, *data_dir;
	struct json_raw delegate, ipam;
	struct json_raw config; /* the delegate's */
	struct cni_delegate to;
	bool ready; /* there is one to call */
};

static const struct json_field fields[] = {
	{ "subnetFile", JSON_STR, offsetof(struct conf, subnet_file), .names = true,
	  .help = "written by flannel's daemon; default " SUBNET_ENV_FILE },
	{ "dataDir", JSON_STR, offsetof(struct conf, data_dir), .names = true,
	  .help = "what each container was attached with; default " DATA_DIR },
	{ "delegate", JSON_RAW, offsetof(struct conf, delegate), .names = true,
	  .help = "keys of the other plugin, its type too; default: bridge" },
	{ "ipam", JSON_RAW, offsetof(struct conf, ipam), .names = true,
	  .help = "keys for the other's ipam, routes before flannel's; default: host-local" },
};
static const struct json_table keys = { .fields = fields,
					.count = sizeof(fields) / sizeof(fields[0]) };

static void put_range(struct json_writer *w, const struct prefix *p)
{
	if (!addr_is_set(&p->addr))
		return;
	json_open(w, '[');
	json_open(w, '{');
	json_member_str(w, "subnet", prefix_text(p));
	json_close(w, '}');
	json_close(w, ']');
}

/* env NULL: from names alone. */
static void put_ipam(struct json_writer *w, struct json_raw ipam, const struct subnet_env *env)
{
	static const char *const own[] = { "ranges", "routes", NULL };
	struct json_iter it = json_members(json_find(ipam, "routes"));
	struct json_raw key, route;

	json_key(w, "ipam");
	json_open(w, '{');
	json_members_but(w, ipam, own);
	if (!json_find(ipam, "type").text)
		json_member_str(w, "type", "host-local");
	if (env) {
		json_key(w, "ranges");
		json_open(w, '[');
		put_range(w, &env->subnet);
		put_range(w, &env->subnet6);
		json_close(w, ']');
		json_key(w, "routes");
		json_open(w, '[');
		while (json_find(ipam, "routes").text && json_next(&it, &key, &route))
			json_put_raw(w, route);
		for (size_t n = 0; n < env->network_count; n++) {
			json_open(w, '{');
			json_member_str(w, "dst", prefix_text(&env->networks[n]));
			json_close(w, '}');
		}
		json_close(w, ']');
	}
	json_close(w, '}');
}

static const char *type_of(const struct cni_request *req, struct json_raw config)
{
	struct json_raw type = json_find(config, "type");

	return type.text ? json_string(req->arena, type) : "bridge";
}

/* If flannel does not masquerade, the other plugin has to. */
static void put_defaults(struct json_writer *w, struct json_raw delegate, const char *type,
			 const struct subnet_env *env)
{
	if (!json_find(delegate, "type").text)
		json_member_str(w, "type", type);
	if (env && !json_find(delegate, "ipMasq").text)
		json_member_bool(w, "ipMasq", !env->masq);
	if (env && !json_find(delegate, "mtu").text)
		json_member_int(w, "mtu", (int64_t)env->mtu);
	if (strcmp(type, "bridge") == 0 && !json_find(delegate, "isGateway").text)
		json_member_bool(w, "isGateway", true);
}

static int finish(struct text *t, struct json_raw *out, struct err *e)
{
	if (t->bad)
		return err_code(e,
				err_set(e, E2BIG, "delegate: the configuration is larger than %u",
					CONFIG_MAX),
				CNI_ERR_CONFIG);
	*out = (struct json_raw){ .text = t->at, .len = t->len };
	return 0;
}

static int begin(const struct cni_request *req, struct text *t, struct err *e)
{
	char *buf = arena_alloc_raw(req->arena, CONFIG_MAX);

	if (!buf)
		return err_set(e, ENOMEM, "no memory left");
	text_init(t, buf, CONFIG_MAX);
	return 0;
}

static int render(const struct cni_request *req, struct conf *c, const struct subnet_env *env,
		  struct err *e)
{
	static const char *const own[] = { "name", "ipam", "cniVersion", "runtimeConfig", NULL };
	const char *type = type_of(req, c->delegate);
	struct json_writer w;
	struct text t;
	int r = begin(req, &t, e);

	if (r < 0)
		return r;
	cni_object_begin(&w, &t, req->version);
	json_member_str(&w, "name", req->at.network);
	json_members_but(&w, c->delegate, own);
	put_defaults(&w, c->delegate, type ? type : "", env);
	put_ipam(&w, c->ipam, env);
	if (req->runtime_config.text)
		json_member_raw(&w, "runtimeConfig", req->runtime_config);
	json_close(&w, '}');
	return finish(&t, &c->config, e);
}

/* What belongs to this call alone. */
static int put_call(const struct cni_request *req, struct json_raw kept, struct json_raw *out,
		    struct err *e)
{
	static const char *const own[] = { "prevResult", "cni.dev/valid-attachments",
					   "cni.dev/attachments", NULL };
	struct json_writer w;
	struct text t;
	int r = begin(req, &t, e);

	if (r < 0)
		return r;
	json_begin(&w, &t, 0);
	json_open(&w, '{');
	json_members_but(&w, kept, own);
	for (size_t n = 0; own[n]; n++) {
		struct json_raw value = json_find(req->config, own[n]);

		if (value.text)
			json_member_raw(&w, own[n], value);
	}
	json_close(&w, '}');
	return finish(&t, out, e);
}

static int check_delegate(const struct cni_request *req, const struct conf *c, struct err *e)
{
	static const char *const own[] = { "name", "ipam" };

	if (c->delegate.text && c->delegate.text[0] != '{')
		return err_set(e, EINVAL, "delegate: expected an object");
	if (c->ipam.text && c->ipam.text[0] != '{')
		return err_set(e, EINVAL, "ipam: expected an object");
	for (size_t n = 0; n < 2; n++) {
		if (json_find(c->delegate, own[n]).text)
			return err_set(e, EINVAL, "delegate.%s: flannel itself says it", own[n]);
	}
	if (!type_of(req, c->delegate))
		return err_set(e, EINVAL, "delegate.type: expected a string");
	if (strcmp(type_of(req, c->delegate), "flannel") == 0)
		return err_set(e, EINVAL, "delegate.type: flannel cannot call itself");
	return 0;
}

static const struct cni_plugin *own_plugin(const char *type)
{
	for (unsigned int i = 0; i < plugin_count; i++) {
		if (strcmp(plugins[i]->name, type) == 0)
			return plugins[i];
	}
	return NULL;
}

/* DEL and GC of a foreign plugin want the whole configuration, and there is none. */
static int prepare_delegate(const struct cni_request *req, struct conf *c, bool whole,
			    struct err *e)
{
	const char *type = type_of(req, c->config);
	const struct cni_plugin *own = type ? own_plugin(type) : NULL;
	struct json_raw config = { 0 };
	int r;

	if (!type || strcmp(type, "flannel") == 0)
		return err_code(e, err_set(e, EINVAL, "%s: no plugin to call", c->data_dir),
				CNI_ERR_STATE);
	if (!whole && !own)
		return 0;
	r = put_call(req, c->config, &config, e);
	if (r == 0)
		r = cni_delegate_prepare(&c->to, own, type, req, config, e);
	c->ready = r == 0 && (whole || c->to.plugin);
	return r;
}

/* DEL and GC go on whatever has become of the configuration. */
static int make_config(const struct cni_request *req, struct conf *c, bool *whole, struct err *e)
{
	static struct subnet_env env;
	int r = 0;

	if (!cni_takes_away(req)) {
		r = err_code(e, check_delegate(req, c, e), CNI_ERR_CONFIG);
		if (r == 0)
			r = subnet_env_read(c->subnet_file, &env, e);
		return r < 0 ? r : render(req, c, &env, e);
	}
	if (check_delegate(req, c, err_ignored()) < 0)
		c->delegate = c->ipam = (struct json_raw){ 0 };
	*whole = subnet_env_read(c->subnet_file, &env, err_ignored()) == 0;
	return render(req, c, *whole ? &env : NULL, e);
}

static int prepare(const struct cni_request *req, void *conf, struct err *e)
{
	struct conf *c = conf;
	bool whole = true;
	int r = 0;

	if (!c->subnet_file || !*c->subnet_file)
		c->subnet_file = SUBNET_ENV_FILE;
	if (!c->data_dir || !*c->data_dir)
		c->data_dir = DATA_DIR;
	if (req->command == CNI_DEL || req->command == CNI_CHECK)
		r = delegate_file_read(c->data_dir, req, &c->config, e);
	if (r == 0)
		r = make_config(req, c, &whole, e);
	if (r >= 0)
		r = prepare_delegate(req, c, whole, e);
	if (r < 0 && req->command == CNI_STATUS)
		e->code = CNI_ERR_NOT_AVAILABLE;
	return r;
}

struct kept {
	const struct cni_request *req;
	const struct conf *conf;
};

static void undo_save(void *ctx)
{
	const struct kept *k = ctx;

	delegate_file_remove(k->conf->data_dir, k->req, err_ignored());
}

/* The call inside changes what is its own. */
static struct conf *own_conf(const void *conf)
{
	return (struct conf *)(uintptr_t)conf;
}

/* prevResult says nothing: such a plugin begins a chain. */
static int add(const struct cni_request *req, const void *conf, struct cni_result *out,
	       struct undo *u, struct err *e)
{
	static struct kept kept;
	struct conf *c = own_conf(conf);
	struct json_raw former;
	int r = delegate_file_read(c->data_dir, req, &former, e);

	if (r < 0)
		return r;
	kept = (struct kept){ req, conf };
	if (r == 0)
		undo_push(u, undo_save, &kept); /* what was there is another ADD's */
	r = err_ctx(e, delegate_file_write(c->data_dir, req, c->config, e), "dataDir");
	*out = (struct cni_result){ 0 };
	return r < 0 ? r : cni_delegate_add(&c->to, out, u, e);
}

static int del(const struct cni_request *req, const void *conf, struct err *e)
{
	struct conf *c = own_conf(conf);
	int r = c->ready ? cni_delegate_run(&c->to, e) : 0;

	return r < 0 ? r : delegate_file_remove(c->data_dir, req, e);
}

static int check(const struct cni_request *req, const void *conf, const struct cni_result *prev,
		 struct err *e)
{
	struct conf *c = own_conf(conf);

	(void)req;
	return cni_delegate_check(&c->to, prev, e);
}

static int gc(const struct cni_request *req, const void *conf, struct err *e)
{
	struct conf *c = own_conf(conf);
	int r = c->ready ? cni_delegate_run(&c->to, e) : 0;

	return r < 0 ? r : delegate_file_gc(c->data_dir, req, e);
}

static int status(const struct cni_request *req, const void *conf, struct err *e)
{
	struct conf *c = own_conf(conf);

	(void)req;
	return cni_delegate_run(&c->to, e);
}

static void answered(const struct cni_request *req, const void *conf, const char *answer, int code)
{
	const struct conf *c = conf;

	(void)req;
	if (c->ready)
		cni_delegate_answered(&c->to, answer, code);
}

const struct cni_plugin flannel_plugin = {
	.name = "flannel",
	.summary = "another plugin, with the subnet that flannel has for this node",
	.keys = &keys,
	.capabilities = { "ipRanges", "ips", "mac" },
	.conf_size = sizeof(struct conf),
	.prepare = prepare,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
	.answered = answered,
};
